//! The order in which kustomize puts kinds: what others need comes first.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::LazyLock;

const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// How kinds stand to all that an order does not name.
pub(in crate::kustomize) struct Ranks<'k>(HashMap<&'k str, isize>);

impl<'k> Ranks<'k> {
    /// Those of `first` come before all other kinds, those of `last` behind them.
    pub(in crate::kustomize) fn new<K: AsRef<str>>(first: &'k [K], last: &'k [K]) -> Self {
        let first = first.iter().zip(-(first.len() as isize)..);
        // Of a kind that stands in the lists twice, the later place counts.
        Self(first.chain(last.iter().zip(1..)).map(|(kind, rank)| (kind.as_ref(), rank)).collect())
    }

    /// Below zero for what comes before all other kinds, above for what comes behind them.
    pub(in crate::kustomize) fn of(&self, kind: &str) -> isize {
        self.0.get(kind).copied().unwrap_or(0)
    }
}

/// kustomize's own order.
pub(in crate::kustomize) fn builtin() -> &'static Ranks<'static> {
    static BUILTIN: LazyLock<Ranks<'static>> = LazyLock::new(|| Ranks::new(&FIRST, &LAST));
    &BUILTIN
}

/// Compares group, version and kind: by rank, and within one by their [`sort_text`].
pub(in crate::kustomize) fn compare(a: [&str; 3], b: [&str; 3]) -> Ordering {
    builtin().of(a[2]).cmp(&builtin().of(b[2])).then_with(|| sort_text(a).cmp(&sort_text(b)))
}

/// `group_version_kind`, with `~G`, `~V` and `~K` for what is empty.
pub(in crate::kustomize) fn sort_text([group, version, kind]: [&str; 3]) -> String {
    let or = |text, absent| if str::is_empty(text) { absent } else { text };
    [or(group, "~G"), or(version, "~V"), or(kind, "~K")].join("_")
}
