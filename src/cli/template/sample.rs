//! The changes that templates are tried with: several files, objects and policies; whole images and tags alone.

use crate::engine::rewrite::InFile;
use crate::image::ImageRef;
use crate::object::{NamespacedName, ObjectId};
use crate::setter::{Change, Latest};

/// Of the policies.
const NAMESPACE: &str = "flux-system";

/// Of the objects.
const APPS: &str = "apps";

/// File and line, object, setter, old value, new value.
const CHANGES: &[[&str; 5]] = &[
    [
        "apps/podinfo/backup.yaml 17",
        "batch/v1 CronJob podinfo-backup",
        "podinfo",
        "ghcr.io/stefanprodan/podinfo:6.5.0",
        "ghcr.io/stefanprodan/podinfo:6.5.1",
    ],
    [
        "apps/podinfo/deployment.yaml 24",
        "apps/v1 Deployment podinfo",
        "podinfo",
        "ghcr.io/stefanprodan/podinfo:6.5.0",
        "ghcr.io/stefanprodan/podinfo:6.5.1",
    ],
    [
        "apps/podinfo/deployment.yaml 39",
        "apps/v1 Deployment podinfo",
        "envoy",
        "docker.io/envoyproxy/envoy:v1.30.1",
        "docker.io/envoyproxy/envoy:v1.30.2",
    ],
    ["apps/redis/release.yaml 21", "helm.toolkit.fluxcd.io/v2 HelmRelease redis", "redis:tag", "7.2.3", "7.2.5"],
    ["apps/redis/release.yaml 33", "helm.toolkit.fluxcd.io/v2 HelmRelease redis", "exporter:tag", "v1.58.0", "v1.59.0"],
];

/// The latest image of each policy.
const LATEST: &[(&str, &str)] = &[
    ("envoy", "docker.io/envoyproxy/envoy:v1.30.2"),
    ("exporter", "ghcr.io/oliver006/redis_exporter:v1.59.0"),
    ("podinfo", "ghcr.io/stefanprodan/podinfo:6.5.1"),
    ("redis", "docker.io/library/redis:7.2.5"),
];

pub(super) fn automation() -> NamespacedName {
    NamespacedName::new(NAMESPACE, "apps")
}

pub(super) fn changes() -> Vec<InFile<Change>> {
    CHANGES.iter().map(change).collect()
}

fn change([place, object, setter, old, new]: &[&str; 5]) -> InFile<Change> {
    let (file, line) = place.split_once(' ').unwrap_or((place, ""));
    let what = Change {
        line: line.parse().unwrap_or(1),
        column: 16,
        object: Some(object_id(object)),
        setter: format!("{NAMESPACE}:{setter}"),
        policy: NamespacedName::new(NAMESPACE, setter.split(':').next().unwrap_or_default()),
        old: (*old).to_owned(),
        new: (*new).to_owned(),
    };
    InFile { file: file.to_owned(), what }
}

fn object_id(text: &str) -> ObjectId {
    let mut words = text.split(' ').map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    ObjectId { api_version: word(), kind: word(), namespace: APPS.to_owned(), name: word() }
}

pub(super) fn latest() -> Latest {
    let image = |image: &str| image.parse::<ImageRef>().map_err(|error| error.to_string());
    let images = LATEST.iter().map(|(policy, latest)| (NamespacedName::new(NAMESPACE, *policy), image(latest)));
    Latest { namespace: None, images: images.collect() }
}
