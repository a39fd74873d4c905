//! References by name: a field that holds what another resource was called gets what it is called now.
//!
//! Takes all resources once their names stand, and the configured references (kustomize's `nameReference`: the kind
//! that is meant, and the fields of other kinds that name it); changes the fields. Names do not change any more here,
//! so each resource is fixed on its own, in parallel, against one immutable view of all.

mod directory;
mod role;

use std::collections::{HashMap, HashSet};

use self::directory::{Directory, Scope, Standing};
use crate::kustomize::error::Error;
use crate::kustomize::field::{Missing, Spec, rewrite_items, with_text};
use crate::kustomize::kustomization::{FieldSpec, NameReference};
use crate::kustomize::parallel;
use crate::kustomize::resource::{Gvk, Resource};
use crate::kustomize::schema::Schema;
use crate::object::{Mapping, Node};

/// How many candidates an ambiguous reference lists.
const IDS_SHOWN: usize = 8;

/// A field that may name a resource of the kind `target`.
struct Field {
    spec: Spec,
    target: Gvk,
    /// The field of a role binding, whose neighbours say which kind is meant.
    is_role: bool,
}

/// How a reference is written: as a name, or as a mapping with `name` and perhaps `namespace`.
#[derive(Clone, Copy, PartialEq)]
enum Form<'v> {
    Name,
    Mapping(Option<&'v str>),
}

/// A resource whose references are being fixed, and the field that is at work.
struct Referrer<'r> {
    directory: &'r Directory<'r>,
    standing: &'r Standing<'r>,
    scope: &'r Scope<'r>,
    field: &'r Field,
    /// What a role binding wants, where the field is its role.
    role: Option<Gvk>,
}

/// Gives every field that names a resource by a previous name its present one.
pub(super) fn fix(resources: &mut [Resource], references: &[NameReference], schema: &Schema) -> Result<(), Error> {
    let directory = Directory::new(resources, schema);
    let kinds: HashSet<&str> = directory.standings.iter().map(|standing| &*standing.original.kind).collect();
    let fields: Vec<Field> = references.iter().flat_map(|reference| fields(reference, &kinds)).collect();
    let by_kind = fields_by_kind(&fields, &directory);
    let fix = |standing| fix_resource(&directory, standing, &by_kind[&standing.original]);
    let fixed = parallel::map(&directory.standings, fix);
    for (resource, fixed) in resources.iter_mut().zip(fixed) {
        resource.node = fixed?;
    }
    Ok(())
}

/// The fields of resources of these kinds.
fn fields(reference: &NameReference, kinds: &HashSet<&str>) -> impl Iterator<Item = Field> {
    let NameReference { group, version, kind, field_specs } = reference;
    let [group, version, kind] = [group, version, kind].map(|text| text.as_str().into());
    let target = Gvk { group, version, kind };
    let is_here = move |spec: &&FieldSpec| spec.kind.is_empty() || kinds.contains(&*spec.kind);
    field_specs.iter().filter(is_here).map(move |spec| Field {
        spec: Spec::new(spec),
        target: target.clone(),
        is_role: spec.path.ends_with("roleRef/name"),
    })
}

/// The fields to look at, in the configured order, for each kind that a resource was read as.
fn fields_by_kind<'f>(fields: &'f [Field], directory: &Directory) -> HashMap<Gvk, Vec<&'f Field>> {
    let mut by_kind = HashMap::new();
    for standing in &directory.standings {
        if !by_kind.contains_key(&standing.original) {
            let own = fields.iter().filter(|field| standing.original.is_selected_by(field.spec.selector()));
            by_kind.insert(standing.original.clone(), own.collect());
        }
    }
    by_kind
}

/// One field after the other, each on what the one before left: two may lead to the same value.
fn fix_resource(directory: &Directory, standing: &Standing, fields: &[&Field]) -> Result<Node, Error> {
    if fields.is_empty() {
        return Ok(standing.resource.node.clone());
    }
    let scope = Scope::of(standing)?;
    let mut resource = standing.resource.clone();
    for field in fields {
        let role = if field.is_role { role::wanted(&resource.node) } else { None };
        let referrer = Referrer { directory, standing, scope: &scope, field, role };
        let fixed = field.spec.rewrite(&mut resource, Missing::Stays, &|value| referrer.fix(value));
        fixed.map_err(|cause| blame(field, standing, cause))?;
    }
    Ok(resource.node)
}

fn blame(field: &Field, standing: &Standing, cause: Error) -> Error {
    let (path, kind) = (field.spec.path(), &field.target.kind);
    Error::new(format!("fixing the name of a {kind} in {path} of {}", standing.id)).caused_by(cause)
}

impl Referrer<'_> {
    fn fix(&self, value: &Node) -> Result<Option<Node>, Error> {
        match value {
            Node::Sequence(items) => rewrite_items(items, |item| match item {
                Node::Sequence(_) => Err(Error::new("a list inside the list of names")),
                item => self.fix(item),
            }),
            Node::Mapping(mapping) => self.fix_mapping(mapping),
            Node::Scalar(_) if value.is_null() => Ok(None),
            Node::Scalar(name) => match self.referral(&name.text, Form::Name)? {
                Some(referral) if referral.resource.name() != &*name.text => with_text(value, referral.resource.name()),
                _ => Ok(None),
            },
        }
    }

    /// A subject of a role binding or the service of a webhook: its `namespace` helps to find what it names, and
    /// follows it.
    fn fix_mapping(&self, mapping: &Mapping) -> Result<Option<Node>, Error> {
        let Some(name) = mapping.get("name") else { return Err(Error::new("a mapping without a name")) };
        let namespace = mapping.get("namespace").map(|namespace| namespace.text().unwrap_or_default());
        let Some(referral) = self.referral(name.text().unwrap_or_default(), Form::Mapping(namespace))? else {
            return Ok(None);
        };
        let mut changed = mapping.clone();
        set(&mut changed, "name", referral.resource.name())?;
        if !referral.resource.namespace().is_empty() {
            set(&mut changed, "namespace", referral.resource.namespace())?;
        }
        Ok((changed != *mapping).then(|| changed.into()))
    }

    /// The one resource that `name` means; `None` when it means none, or none of several for certain.
    fn referral(&self, name: &str, form: Form) -> Result<Option<&Standing<'_>>, Error> {
        let mut candidates = self.directory.named(name, self.scope, form);
        candidates.retain(|candidate| candidate.was(&self.field.target));
        candidates.retain(|candidate| self.role.as_ref().is_none_or(|role| candidate.was(role)));
        if candidates.len() != 1 {
            candidates.retain(|candidate| candidate.shares_affixes(self.standing));
        }
        if candidates.len() > 1 {
            candidates.retain(|candidate| candidate.has_same_affixes(self.standing));
        }
        let Some((first, others)) = candidates.split_first() else { return Ok(None) };
        let is_alike = |other: &&Standing| {
            let same_namespace = other.resource.namespace() == first.resource.namespace();
            other.resource.name() == first.resource.name() && (same_namespace || form == Form::Name)
        };
        if others.iter().all(is_alike) { Ok(Some(*first)) } else { Err(ambiguous(name, &candidates)) }
    }
}

fn ambiguous(name: &str, candidates: &[&Standing]) -> Error {
    let ids: Vec<_> = candidates.iter().take(IDS_SHOWN).map(|candidate| candidate.id.to_string()).collect();
    let more = if candidates.len() > IDS_SHOWN { ", …" } else { "" };
    Error::new(format!("{name} may mean any of {}: {}{more}", candidates.len(), ids.join(", ")))
}

/// Gives a field another text, as an edit of the file would; a new field is a string.
fn set(mapping: &mut Mapping, field: &str, text: &str) -> Result<(), Error> {
    let value = match mapping.get(field) {
        Some(old) => with_text(old, text)?,
        None => Some(Node::string(text)),
    };
    if let Some(value) = value {
        mapping.insert(field, value);
    }
    Ok(())
}
