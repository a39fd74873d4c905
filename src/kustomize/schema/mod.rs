//! What the OpenAPI document of Kubernetes says about kinds: which have no namespace, and how their lists are merged.

use super::id::Gvk;

/// The kinds that a build knows.
#[derive(Debug, Default)]
pub struct Schema {
    cluster_scoped: std::collections::HashSet<Gvk>,
}

impl Schema {
    /// Whether objects of the kind have no namespace; a kind that is not known has one.
    pub fn is_cluster_scoped(&self, gvk: &Gvk) -> bool {
        self.cluster_scoped.contains(gvk)
    }
}
