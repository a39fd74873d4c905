//! The order in which kustomize puts kinds: what others need comes first.

use std::cmp::Ordering;

pub(in crate::kustomize) const FIRST: [&str; 22] = [
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

pub(in crate::kustomize) const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Below zero for what comes before all other kinds, above for what comes behind them.
pub(in crate::kustomize) fn rank(kind: &str) -> isize {
    let position = |kinds: &[&str]| kinds.iter().position(|known| *known == kind).map(|at| at as isize);
    let first = || position(&FIRST).map(|at| at - FIRST.len() as isize);
    first().or_else(|| position(&LAST).map(|at| at + 1)).unwrap_or(0)
}

/// Compares group, version and kind: by rank, and within one by their [`sort_text`].
pub(in crate::kustomize) fn compare(a: [&str; 3], b: [&str; 3]) -> Ordering {
    rank(a[2]).cmp(&rank(b[2])).then_with(|| sort_text(a).cmp(&sort_text(b)))
}

/// `group_version_kind`, with `~G`, `~V` and `~K` for what is empty.
pub(in crate::kustomize) fn sort_text([group, version, kind]: [&str; 3]) -> String {
    let or = |text: &str, absent: &str| if text.is_empty() { absent.to_owned() } else { text.to_owned() };
    format!("{}_{}_{}", or(group, "~G"), or(version, "~V"), or(kind, "~K"))
}
