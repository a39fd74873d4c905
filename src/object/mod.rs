//! Who a Kubernetes object is, and its value.
//!
//! Every room that speaks of objects (setter, api, kustomize, templates, later the cluster) uses these types, so that
//! an object is named in the same way in a change, a status and a message. [`Node`] is an object as YAML writes it;
//! [`Value`] is what JSON leaves of one.

mod node;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use node::{Mapping, Node, Place, Scalar, Style, Tag};

/// The value of a Kubernetes object or of a part of one: JSON's kinds, keys in the order of the source.
pub use serde_json::Value;

/// Namespace and name of an object; printed as `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NamespacedName {
    pub namespace: String,
    pub name: String,
}

impl NamespacedName {
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The identity of an object as its manifest gives it; a field that the manifest lacks is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectId {
    pub api_version: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl ObjectId {
    /// Reads the identity of an object; `None` when it has neither `apiVersion` nor `kind`.
    pub fn of(object: &Value) -> Option<Self> {
        Self::read(|path| object.pointer(&format!("/{}", path.join("/"))).and_then(Value::as_str))
    }

    /// The same of a node.
    pub fn of_node(object: &Node) -> Option<Self> {
        Self::read(|path| object.at(path).and_then(Node::text))
    }

    fn read<'o>(text: impl Fn(&[&str]) -> Option<&'o str>) -> Option<Self> {
        let text = |path: &[&str]| text(path).unwrap_or_default().to_owned();
        let id = Self {
            api_version: text(&["apiVersion"]),
            kind: text(&["kind"]),
            namespace: text(&["metadata", "namespace"]),
            name: text(&["metadata", "name"]),
        };
        (!id.api_version.is_empty() || !id.kind.is_empty()).then_some(id)
    }

    /// `Kind/namespace/name`, without the namespace where there is none.
    pub fn short(&self) -> String {
        let parts = [self.kind.as_str(), &self.namespace, &self.name];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }
}
