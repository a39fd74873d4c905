//! All resources as references see them: by the names that they had, and by who may refer to whom.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::Form;
use crate::kustomize::error::Error;
use crate::kustomize::parallel;
use crate::kustomize::resource::{CLUSTER_SCOPED, Gvk, Id, Resource, effective};
use crate::kustomize::schema::Schema;
use crate::object::{Node, Tag};

/// A resource, and who it is and was.
pub(super) struct Standing<'r> {
    pub resource: &'r Resource,
    pub id: Id,
    /// What it was read as; group and version are today's.
    pub original: Gvk,
    /// The effective namespaces: today's and the first.
    namespace: &'r str,
    original_namespace: &'r str,
}

/// Which resources one may refer to: those of its namespace, those that have none, and where it is a RoleBinding the
/// service accounts of the namespaces that it lists. What has no namespace may refer to all.
pub(super) struct Scope<'r> {
    /// `None` for all.
    namespace: Option<&'r str>,
    /// As they are written.
    account_namespaces: BTreeSet<&'r str>,
}

pub(super) struct Directory<'r> {
    pub standings: Vec<Standing<'r>>,
    by_previous_name: HashMap<&'r str, Vec<usize>>,
    /// By a previous name and the namespace of today.
    by_previous_name_here: HashMap<(&'r str, &'r str), Vec<usize>>,
    moves: HashMap<&'r str, Moves<'r>>,
}

/// Where the resources of one original namespace are today.
#[derive(Default)]
struct Moves<'r> {
    effective: HashSet<&'r str>,
    written: HashSet<&'r str>,
}

impl<'r> Directory<'r> {
    pub(super) fn new(resources: &'r [Resource], schema: &Schema) -> Self {
        let standings = parallel::map(resources, |resource| Standing::new(resource, schema));
        let (by_previous_name, by_previous_name_here) = (HashMap::new(), HashMap::new());
        let mut directory = Self { standings, by_previous_name, by_previous_name_here, moves: HashMap::new() };
        for (number, resource) in resources.iter().enumerate() {
            directory.enter(number, resource);
        }
        directory
    }

    fn enter(&mut self, number: usize, resource: &'r Resource) {
        let Standing { namespace, original_namespace, .. } = self.standings[number];
        let moves = self.moves.entry(original_namespace).or_default();
        moves.effective.insert(namespace);
        moves.written.insert(resource.namespace());
        for previous in &resource.previous {
            let everywhere = self.by_previous_name.entry(&previous.name).or_default();
            if everywhere.last() != Some(&number) {
                everywhere.push(number);
                self.by_previous_name_here.entry((&previous.name, namespace)).or_default().push(number);
            }
        }
    }

    /// The resources within the scope that were called `name`, in their order.
    pub(super) fn named(&self, name: &str, scope: &Scope, form: Form) -> Vec<&Standing<'r>> {
        let mut numbers: Vec<usize> = self.numbers(name, scope).collect();
        numbers.sort_unstable();
        let mut named: Vec<_> = numbers.into_iter().map(|number| &self.standings[number]).collect();
        match form {
            Form::Mapping(Some(namespace)) if self.was_namespace(namespace, scope) => {
                named.retain(|standing| standing.original_namespace == namespace);
            }
            Form::Mapping(Some(namespace)) => named.retain(|standing| standing.namespace == namespace),
            Form::Name | Form::Mapping(None) => {}
        }
        named
    }

    fn numbers<'d>(&'d self, name: &'d str, scope: &'d Scope) -> impl Iterator<Item = usize> + 'd {
        let here = |namespace| self.by_previous_name_here.get(&(name, namespace)).into_iter().flatten().copied();
        let all = self.by_previous_name.get(name).filter(|_| scope.namespace.is_none()).into_iter().flatten().copied();
        let own = scope.namespace.into_iter().chain(scope.namespace.map(|_| CLUSTER_SCOPED)).flat_map(here);
        let accounts = scope.elsewhere().into_iter().flat_map(here).filter(|number| {
            let account = self.standings[*number].resource;
            account.kind() == "ServiceAccount" && scope.account_namespaces.contains(account.namespace())
        });
        all.chain(own).chain(accounts)
    }

    /// Whether any resource of the scope was in `namespace` at first.
    fn was_namespace(&self, namespace: &str, scope: &Scope) -> bool {
        let (Some(moves), Some(own)) = (self.moves.get(namespace), scope.namespace) else {
            return self.moves.contains_key(namespace);
        };
        let is_near = moves.effective.contains(own) || moves.effective.contains(CLUSTER_SCOPED);
        is_near || scope.account_namespaces.iter().any(|account| moves.written.contains(account))
    }
}

impl<'r> Standing<'r> {
    fn new(resource: &'r Resource, schema: &Schema) -> Self {
        let id = resource.id(schema);
        let namespace = if id.is_cluster_scoped { CLUSTER_SCOPED } else { effective(resource.namespace()) };
        let first = resource.previous.first();
        let original_namespace = first.map_or(namespace, |first| &first.namespace);
        let kind = first.map_or_else(|| id.gvk.kind.clone(), |first| first.kind.clone());
        Self { resource, original: Gvk { kind, ..id.gvk.clone() }, id, namespace, original_namespace }
    }

    /// Whether `selector` selects anything that the resource was before.
    pub(super) fn was(&self, selector: &Gvk) -> bool {
        let before = |kind: &Arc<str>| Gvk { kind: kind.clone(), ..self.id.gvk.clone() };
        self.resource.previous.iter().any(|previous| before(&previous.kind).is_selected_by(selector))
    }

    /// Whether both names were given prefixes and suffixes by the same layers, as far as both were given any.
    pub(super) fn shares_affixes(&self, other: &Self) -> bool {
        let shares = |a: &[_], b: &[_]| a.is_empty() || b.is_empty() || ends_alike(a, b);
        shares(&self.resource.prefixes, &other.resource.prefixes)
            && shares(&self.resource.suffixes, &other.resource.suffixes)
    }

    /// The same, where none is not the same as some.
    pub(super) fn has_same_affixes(&self, other: &Self) -> bool {
        ends_alike(&self.resource.prefixes, &other.resource.prefixes)
            && ends_alike(&self.resource.suffixes, &other.resource.suffixes)
    }
}

/// Whether the shorter list is the end of the longer one; an empty one ends only another empty one.
fn ends_alike(a: &[Arc<str>], b: &[Arc<str>]) -> bool {
    let shorter = a.len().min(b.len());
    a[a.len() - shorter..] == b[b.len() - shorter..] && (shorter > 0 || a.len() == b.len())
}

impl<'r> Scope<'r> {
    pub(super) fn of(referrer: &Standing<'r>) -> Result<Self, Error> {
        let namespace = (!referrer.id.is_cluster_scoped).then_some(referrer.namespace);
        let accounts = if namespace.is_some() && referrer.id.gvk.kind.as_ref() == "RoleBinding" {
            account_namespaces(&referrer.resource.node)
                .map_err(|cause| Error::new(format!("reading the subjects of {}", referrer.id)).caused_by(cause))?
        } else {
            BTreeSet::new()
        };
        Ok(Self { namespace, account_namespaces: accounts })
    }

    /// The namespaces of listed service accounts, effective, without the own one.
    fn elsewhere(&self) -> BTreeSet<&'r str> {
        let own = |namespace: &&str| self.namespace != Some(*namespace);
        self.account_namespaces.iter().map(|written| effective(written)).filter(own).collect()
    }
}

fn account_namespaces(binding: &Node) -> Result<BTreeSet<&str>, Error> {
    let mut namespaces = BTreeSet::new();
    for subject in binding.get("subjects").and_then(Node::as_sequence).unwrap_or_default() {
        let Node::Mapping(subject) = subject else { return Err(Error::new("a subject is not a mapping")) };
        let (Some(kind), Some(namespace)) = (subject.get("kind"), subject.get("namespace")) else { continue };
        if string(kind).ok_or_else(|| Error::new("the kind of a subject is not a string"))? == "ServiceAccount" {
            let namespace = string(namespace);
            namespaces.insert(namespace.ok_or_else(|| Error::new("the namespace of a subject is not a string"))?);
        }
    }
    Ok(namespaces)
}

fn string(node: &Node) -> Option<&str> {
    node.as_scalar().filter(|scalar| matches!(scalar.tag, Tag::Str | Tag::Binary)).map(|scalar| &*scalar.text)
}
