//! A resource while it is built: its object, and what the build has to remember of it until references are fixed.

mod id;
mod item;
mod list;
pub(super) mod metadata;
pub(super) mod objects;
pub(super) mod origin;
pub(super) mod rank;
pub(super) mod traces;
mod twins;
pub(super) mod written;

use std::sync::Arc;

pub(in crate::kustomize) use self::twins::Twins;
use super::schema::Schema;
use crate::object::Node;

pub(super) use self::id::{CLUSTER_SCOPED, effective};
pub use self::id::{Gvk, Id};
pub(super) use self::list::{Resources, check_unique};

/// An object on its way through the layers.
#[derive(Clone, Debug)]
pub struct Resource {
    pub node: Node,
    /// Who the resource was before each change of its name, namespace or kind; the oldest first.
    pub previous: Vec<Previous>,
    /// The prefixes and suffixes that its name was given, the innermost first.
    pub prefixes: Vec<Arc<str>>,
    pub suffixes: Vec<Arc<str>>,
    pub behavior: Behavior,
    /// The name gets a hash of the content behind it.
    pub needs_hash: bool,
    /// The names of the `vars` that read a field of this resource.
    pub variables: Vec<Arc<str>>,
    /// Where it came from and what changed it, for `buildMetadata`.
    pub origin: Option<Origin>,
    pub transformations: Vec<Origin>,
    /// kustomize remembers such things in annotations of the object, and takes them out at the end. An empty or odd
    /// `annotations` field does not survive that, which shows in the output.
    pub is_annotated: bool,
    pub(super) twins: Twins,
}

/// What a resource was called before; the namespace is the effective one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    pub kind: Arc<str>,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

/// What a generated resource does to one that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behavior {
    #[default]
    Unspecified,
    Create,
    Replace,
    Merge,
}

impl Behavior {
    /// Any other name says nothing.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "create" => Self::Create,
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            _ => Self::Unspecified,
        }
    }
}

/// Where a resource came from, or what configured a change of it (`buildMetadata`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    pub path: String,
    pub repo: String,
    pub r#ref: String,
    pub configured_in: String,
    pub configured_by: Option<ConfiguredBy>,
}

/// The object that configures a generator or transformer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredBy {
    pub api_version: String,
    pub kind: String,
    pub name: String,
    pub namespace: String,
}

impl Resource {
    pub fn new(node: Node) -> Self {
        Self {
            node,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            behavior: Behavior::default(),
            needs_hash: false,
            variables: Vec::new(),
            origin: None,
            transformations: Vec::new(),
            is_annotated: false,
            twins: Twins::default(),
        }
    }

    pub fn kind(&self) -> &str {
        self.text(&["kind"])
    }

    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    pub fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"])
    }

    pub fn gvk(&self) -> Gvk {
        let version = self.shared(&["apiVersion"]);
        let (group, version) = match version.split_once('/') {
            Some((group, version)) => (group.into(), version.into()),
            None => (Arc::default(), version),
        };
        Gvk { group, version, kind: self.shared(&["kind"]) }
    }

    /// Who the resource is now.
    pub fn id(&self, schema: &Schema) -> Id {
        let gvk = self.gvk();
        let is_cluster_scoped = schema.is_cluster_scoped(&gvk);
        let [name, namespace] = ["name", "namespace"].map(|field| self.shared(&["metadata", field]));
        Id { gvk, name, namespace, is_cluster_scoped }
    }

    /// Who it has been, the oldest first; group and version are today's.
    pub fn previous_ids(&self, schema: &Schema) -> Vec<Id> {
        let today = self.gvk();
        let id = |before: &Previous| {
            let gvk = Gvk { kind: before.kind.clone(), ..today.clone() };
            let is_cluster_scoped = schema.is_cluster_scoped(&gvk);
            Id { gvk, name: before.name.clone(), namespace: before.namespace.clone(), is_cluster_scoped }
        };
        self.previous.iter().map(id).collect()
    }

    /// Who it has been and is, the oldest first.
    pub(super) fn ids(&self, schema: &Schema) -> impl Iterator<Item = Id> + use<> {
        self.previous_ids(schema).into_iter().chain([self.id(schema)])
    }

    /// Who it was when it was read.
    pub fn original_id(&self, schema: &Schema) -> Id {
        self.previous_ids(schema).into_iter().next().unwrap_or_else(|| self.id(schema))
    }

    /// Remembers who the resource is, before that changes.
    pub fn remember_id(&mut self, schema: &Schema) {
        let id = self.id(schema);
        let namespace = id.effective_namespace().into();
        self.previous.push(Previous { kind: id.gvk.kind, namespace, name: id.name });
        self.is_annotated = true;
    }

    fn text(&self, path: &[&str]) -> &str {
        self.node.at(path).filter(|node| !node.is_null()).and_then(Node::text).unwrap_or_default()
    }

    /// The same, without a copy: who a resource is gets asked often.
    fn shared(&self, path: &[&str]) -> Arc<str> {
        let scalar = self.node.at(path).filter(|node| !node.is_null()).and_then(Node::as_scalar);
        scalar.map(|scalar| scalar.text.clone()).unwrap_or_default()
    }
}
