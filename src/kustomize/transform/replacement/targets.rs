//! Which resources a replacement reads from and writes to.
//!
//! Takes the selectors of a source or target; gives positions of resources. Names and kinds are looked up before any
//! regular expression is tried, so that many replacements over many resources stay cheap.

use std::collections::HashMap;

use crate::kustomize::error::Error;
use crate::kustomize::kustomization::{Selector, SourceSelector};
use crate::kustomize::resource::Resource;
use crate::kustomize::resource::effective;
use crate::kustomize::schema::Schema;
use crate::kustomize::transform::select::{Pattern, Select};
use crate::object::Node;

/// Group, version, kind, name and namespace that a resource has or had.
type Identity<'r> = [&'r str; 5];

const KIND: usize = 2;
const NAME: usize = 3;
const NAMESPACE: usize = 4;

/// Who a resource is and was. A namespace is as it is written now, and the effective one of what was before.
fn identities(resource: &Resource) -> impl Iterator<Item = Identity<'_>> {
    let text = |path: &[&str]| resource.node.at(path).and_then(Node::text).unwrap_or_default();
    let api_version = text(&["apiVersion"]);
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let now = [group, version, resource.kind(), resource.name(), resource.namespace()];
    let before = resource.previous.iter().map(move |id| [group, version, &*id.kind, &*id.name, &*id.namespace]);
    std::iter::once(now).chain(before)
}

/// The resources by the names and kinds that they have and had.
#[derive(Default)]
pub(super) struct Index {
    by_name: HashMap<String, Vec<usize>>,
    by_kind: HashMap<String, Vec<usize>>,
}

impl Index {
    pub(super) fn new(resources: &[Resource]) -> Self {
        let mut index = Self::default();
        (0..).zip(resources).for_each(|(at, resource)| index.add(at, resource));
        index
    }

    /// Notes the names and kinds of the resource at `at`; those that it no longer has stay, and are looked at in vain.
    pub(super) fn add(&mut self, at: usize, resource: &Resource) {
        for identity in identities(resource) {
            note(&mut self.by_name, identity[NAME], at);
            note(&mut self.by_kind, identity[KIND], at);
        }
    }

    /// Positions of the resources that may have this name and kind, in order.
    fn candidates(&self, name: Option<&str>, kind: Option<&str>, count: usize) -> Vec<usize> {
        let found = name.map(|name| self.by_name.get(name)).or_else(|| kind.map(|kind| self.by_kind.get(kind)));
        let mut found = match found {
            None => return (0..count).collect(),
            Some(found) => found.cloned().unwrap_or_default(),
        };
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The one resource that a source names.
    pub(super) fn source(&self, resources: &[Resource], source: &SourceSelector) -> Result<usize, Error> {
        let SourceSelector { group, version, kind, name, namespace, .. } = source;
        let or_none = |text: &'_ str| if text.is_empty() { None } else { Some(text.to_owned()) };
        let candidates = self.candidates(or_none(name).as_deref(), or_none(kind).as_deref(), resources.len());
        let is_named = |identity: Identity| {
            let fits = |own: &str, wanted: &str| wanted.is_empty() || own == wanted;
            let fields = identity.into_iter().zip([group, version, kind, name]).all(|(own, wanted)| fits(own, wanted));
            fields && (namespace.is_empty() || effective(identity[NAMESPACE]) == effective(namespace))
        };
        let mut matching = candidates.into_iter().filter(|at| identities(&resources[*at]).any(is_named));
        let shown = [kind.as_str(), namespace, name].into_iter().filter(|part| !part.is_empty());
        let shown = shown.collect::<Vec<_>>().join("/");
        match (matching.next(), matching.next()) {
            (Some(at), None) => Ok(at),
            (None, _) => Err(Error::new(format!("there is no resource {shown}"))),
            (Some(_), Some(_)) => Err(Error::new(format!("there are several resources {shown}"))
                .with_hint("say more of it: group, version, kind, name, namespace")),
        }
    }
}

fn note(index: &mut HashMap<String, Vec<usize>>, key: &str, at: usize) {
    match index.get_mut(key) {
        Some(known) if known.last() == Some(&at) => {}
        Some(known) => known.push(at),
        None => _ = index.insert(key.to_owned(), vec![at]),
    }
}

/// The resources that a target takes: those that one selector takes and no other rejects.
pub(super) struct Targets {
    select: Identities,
    reject: Vec<Identities>,
    select_marks: Option<Select>,
    reject_marks: Vec<Select>,
}

impl Targets {
    pub(super) fn new(select: &Selector, reject: &[Selector]) -> Result<Self, Error> {
        let (select, select_marks) = read(select).map_err(|error| error.in_field("select"))?;
        let rejected = reject
            .iter()
            .enumerate()
            .map(|(at, selector)| read(selector).map_err(|error| error.in_field(&format!("reject[{at}]"))));
        let (reject, reject_marks): (Vec<_>, Vec<_>) = rejected.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        Ok(Self { select, reject, select_marks, reject_marks: reject_marks.into_iter().flatten().collect() })
    }

    /// Positions of the resources that the target may take, in order.
    pub(super) fn candidates(&self, index: &Index, count: usize) -> Vec<usize> {
        let literal = |at: usize| self.select.0[at].as_ref().and_then(Pattern::literal);
        index.candidates(literal(NAME), literal(KIND), count)
    }

    pub(super) fn take(&self, resource: &Resource, schema: &Schema) -> bool {
        let has =
            |identities_wanted: &Identities| identities(resource).any(|identity| identities_wanted.take(identity));
        has(&self.select)
            && self.select_marks.as_ref().is_none_or(|marks| marks.matches(resource, schema))
            && !self.reject_marks.iter().any(|marks| marks.matches(resource, schema))
            && !self.reject.iter().any(|rejected| !rejected.is_empty() && has(rejected))
    }
}

fn read(selector: &Selector) -> Result<(Identities, Option<Select>), Error> {
    Ok((Identities::new(selector)?, marks(selector)?))
}

/// A selector's labels and annotations alone: kustomize looks at those apart from the identity.
fn marks(selector: &Selector) -> Result<Option<Select>, Error> {
    let Selector { label_selector, annotation_selector, .. } = selector.clone();
    if label_selector.is_empty() && annotation_selector.is_empty() {
        return Ok(None);
    }
    Select::new(&Selector { label_selector, annotation_selector, ..Selector::default() }).map(Some)
}

/// Patterns for the five parts of an identity; what is missing stands for any.
struct Identities([Option<Pattern>; 5]);

impl Identities {
    fn new(selector: &Selector) -> Result<Self, Error> {
        let Selector { group, version, kind, name, namespace, .. } = selector;
        let read = |field: &str, text: &str| Pattern::new(text).map_err(|error| error.in_field(field));
        Ok(Self([
            read("group", group)?,
            read("version", version)?,
            read("kind", kind)?,
            read("name", name)?,
            read("namespace", namespace)?,
        ]))
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    fn take(&self, identity: Identity) -> bool {
        let mut parts = self.0.iter().zip(identity);
        parts.all(|(pattern, part)| pattern.as_ref().is_none_or(|pattern| pattern.matches(part)))
    }
}
