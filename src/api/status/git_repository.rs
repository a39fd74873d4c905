//! The status of a `GitRepository`, which Flux's source-controller writes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::git_repository::Include;
use super::condition::Condition;
use super::time::Time;

/// What was fetched last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GitRepositoryStatus {
    /// The generation of the object that the status speaks of.
    pub observed_generation: Option<i64>,
    /// Whether the object is ready, being worked at, or stalled.
    pub conditions: Vec<Condition>,
    /// The files of the last revision.
    pub artifact: Option<Artifact>,
    /// The artifacts that were included.
    pub included_artifacts: Vec<Artifact>,
    /// The patterns that files were left out by.
    pub observed_ignore: Option<String>,
    /// Whether submodules were fetched.
    pub observed_recurse_submodules: Option<bool>,
    /// What was included.
    pub observed_include: Vec<Include>,
    /// The directories that were checked out.
    pub observed_sparse_checkout: Vec<String>,
    /// Which objects were verified.
    pub source_verification_mode: Option<String>,
    /// The last value of the annotation reconcile.fluxcd.io/requestedAt that was followed.
    pub last_handled_reconcile_at: Option<String>,
    /// Where the latest artifact is served, in v1beta1 and v1beta2.
    pub url: Option<String>,
    /// A checksum of what shapes the artifact, in v1beta2.
    pub content_config_checksum: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Where the file is served.
    pub url: String,
    /// The path of the file in the storage.
    pub path: String,
    /// The revision, such as main@sha1:0a1b2c.
    pub revision: Option<String>,
    /// The digest of the file.
    #[schemars(extend("pattern" = "^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$"))]
    pub digest: Option<String>,
    /// The SHA-256 of the file, in v1beta1.
    pub checksum: Option<String>,
    /// When the artifact was last changed.
    pub last_update_time: Option<Time>,
    /// The size of the file in bytes.
    pub size: Option<i64>,
    /// What the source says about the revision.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}
