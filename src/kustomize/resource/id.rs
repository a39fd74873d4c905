//! Who a resource is while it is built: group, version, kind, name and namespace.

use std::fmt;
use std::sync::Arc;

/// Group, version and kind; an empty field of a selector stands for any.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gvk {
    pub group: Arc<str>,
    pub version: Arc<str>,
    pub kind: Arc<str>,
}

/// The identity of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    pub gvk: Gvk,
    pub name: Arc<str>,
    /// As it is written; see [`Id::effective_namespace`].
    pub namespace: Arc<str>,
    /// The schema says that the kind has no namespace.
    pub is_cluster_scoped: bool,
}

/// The namespace of what has none, as kustomize writes it.
pub(in crate::kustomize) const CLUSTER_SCOPED: &str = "_non_namespaceable_";

/// The namespace of what has one, by what is written.
pub(in crate::kustomize) fn effective(written: &str) -> &str {
    if written.is_empty() { "default" } else { written }
}

impl Gvk {
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether every field that `selector` gives is this one's.
    pub fn is_selected_by(&self, selector: &Gvk) -> bool {
        let fits = |own: &str, wanted: &str| wanted.is_empty() || own == wanted;
        fits(&self.group, &selector.group) && fits(&self.version, &selector.version) && fits(&self.kind, &selector.kind)
    }
}

impl Id {
    /// The namespace that the resource ends up in: `default` where none is written.
    pub fn effective_namespace(&self) -> &str {
        match &*self.namespace {
            _ if self.is_cluster_scoped => CLUSTER_SCOPED,
            written => effective(written),
        }
    }

    pub fn is_same_namespace(&self, other: &Id) -> bool {
        self.effective_namespace() == other.effective_namespace()
    }

    /// Whether both name the same resource.
    pub fn is_same(&self, other: &Id) -> bool {
        self.name == other.name && self.gvk == other.gvk && self.is_same_namespace(other)
    }
}

/// `Deployment.v1.apps/web.prod`, with words where a part is missing, as kustomize prints it.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |text: &Arc<str>, absent: &str| if text.is_empty() { absent.to_owned() } else { text.to_string() };
        let Gvk { group, version, kind } = &self.gvk;
        write!(f, "{}.{}.{}", or(kind, "[noKind]"), or(version, "[noVer]"), or(group, "[noGrp]"))?;
        write!(f, "/{}.{}", or(&self.name, "[noName]"), or(&self.namespace, "[noNs]"))
    }
}
