//! What a definition says beside its schemas, one entry a kind: names, columns, and what only some versions require.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::super::git_repository::GitRepositorySpec;
use super::super::image_policy::ImagePolicySpec;
use super::super::image_repository::ImageRepositorySpec;
use super::super::image_update_automation::ImageUpdateAutomationSpec;
use super::super::meta::{Kind, Version};
use super::super::status::{
    GitRepositoryStatus, ImagePolicyStatus, ImageRepositoryStatus, ImageUpdateAutomationStatus,
};
use super::structural::schema;

pub(super) struct Definition {
    pub(super) kind: Kind,
    pub(super) about: &'static str,
    pub(super) plural: &'static str,
    pub(super) short_names: &'static [&'static str],
    /// Beside `all` and `fluxcd`.
    pub(super) category: &'static str,
    pub(super) columns: &'static [Column],
    pub(super) columns_of_v1beta1: &'static [Column],
    pub(super) spec: fn() -> Value,
    pub(super) status: fn() -> Value,
    pub(super) needed: &'static [Needed],
}

/// A column of `kubectl get`.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) path: &'static str,
    /// Shown with `-o wide` alone.
    pub(super) is_wide: bool,
}

/// A field that its type lets be absent, and that some versions require.
pub(super) struct Needed {
    pub(super) path: &'static str,
    pub(super) field: &'static str,
    pub(super) versions: RangeInclusive<Version>,
}

const fn text(name: &'static str, path: &'static str) -> Column {
    Column { name, kind: "string", path, is_wide: false }
}

const fn wide(name: &'static str, path: &'static str) -> Column {
    Column { name, kind: "string", path, is_wide: true }
}

const fn needed(path: &'static str, field: &'static str, first: Version, last: Version) -> Needed {
    Needed { path, field, versions: first..=last }
}

const READY: Column = text("Ready", r#".status.conditions[?(@.type=="Ready")].status"#);
const STATUS: Column = text("Status", r#".status.conditions[?(@.type=="Ready")].message"#);
const AGE: Column = Column { name: "Age", kind: "date", path: ".metadata.creationTimestamp", is_wide: false };

pub(super) const DEFINITIONS: [Definition; 4] = [
    Definition {
        kind: Kind::ImageRepository,
        about: "An image repository whose tags are scanned.",
        plural: "imagerepositories",
        short_names: &["imgrepo", "imagerepo"],
        category: "fluxcd-images",
        columns: &[
            text("Image", ".spec.image"),
            text("Tags", ".status.lastScanResult.tagCount"),
            READY,
            STATUS,
            wide("Last scan", ".status.lastScanResult.scanTime"),
            AGE,
        ],
        columns_of_v1beta1: &[
            text("Last scan", ".status.lastScanResult.scanTime"),
            text("Tags", ".status.lastScanResult.tagCount"),
        ],
        spec: schema::<ImageRepositorySpec>,
        status: schema::<ImageRepositoryStatus>,
        needed: &[],
    },
    Definition {
        kind: Kind::ImagePolicy,
        about: "A policy that selects the latest image of an image repository.",
        plural: "imagepolicies",
        short_names: &["imgpol", "imagepol"],
        category: "fluxcd-images",
        columns: &[text("Image", ".status.latestRef.name"), text("Tag", ".status.latestRef.tag"), READY, STATUS, AGE],
        columns_of_v1beta1: &[text("LatestImage", ".status.latestImage")],
        spec: schema::<ImagePolicySpec>,
        status: schema::<ImagePolicyStatus>,
        needed: &[],
    },
    Definition {
        kind: Kind::ImageUpdateAutomation,
        about: "An automation that writes the latest images into a Git repository.",
        plural: "imageupdateautomations",
        short_names: &["iua", "imgupd", "imgauto"],
        category: "fluxcd-images",
        columns: &[READY, STATUS, wide("Last run", ".status.lastAutomationRunTime"), AGE],
        columns_of_v1beta1: &[text("Last run", ".status.lastAutomationRunTime")],
        spec: schema::<ImageUpdateAutomationSpec>,
        status: schema::<ImageUpdateAutomationStatus>,
        needed: &[needed("spec.update", "strategy", Version::V1Beta1, Version::V1Beta1)],
    },
    Definition {
        kind: Kind::GitRepository,
        about: "A Git repository that objects are read from and updates are written to.",
        plural: "gitrepositories",
        short_names: &["gitrepo"],
        category: "fluxcd-sources",
        columns: &[text("URL", ".spec.url"), AGE, READY, STATUS],
        columns_of_v1beta1: &[text("URL", ".spec.url"), READY, STATUS, AGE],
        spec: schema::<GitRepositorySpec>,
        status: schema::<GitRepositoryStatus>,
        needed: &[
            needed("spec.verify", "mode", Version::V1Beta1, Version::V1Beta2),
            needed("spec.verify", "secretRef", Version::V1Beta2, Version::V1),
            needed("status.artifact", "revision", Version::V1Beta2, Version::V1),
            needed("status.artifact", "lastUpdateTime", Version::V1Beta2, Version::V1),
            needed("status.artifact", "digest", Version::V1, Version::V1),
            needed("status.includedArtifacts[]", "revision", Version::V1Beta2, Version::V1),
            needed("status.includedArtifacts[]", "lastUpdateTime", Version::V1Beta2, Version::V1),
            needed("status.includedArtifacts[]", "digest", Version::V1, Version::V1),
        ],
    },
];
