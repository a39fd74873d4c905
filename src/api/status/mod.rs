//! What the controller writes into the objects of the image kinds, and what it and others read back.
//!
//! A type holds the fields of all versions of its kind. A field that is absent is left out when it is written; unknown
//! fields are passed over when it is read, for the status of an object may come from another program or version.

mod condition;
mod git_repository;
mod time;

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use condition::{Condition, ConditionStatus, MESSAGE_CHARS_MAX};
pub use git_repository::{Artifact, GitRepositoryStatus};
pub use time::Time;

use super::value;
use crate::image::{Digest, Tag};
use crate::object::Value;

/// The status of an object; none when it has none or one that cannot be read, which is then written anew.
pub fn status<T: DeserializeOwned>(object: &Value) -> Option<T> {
    value::read(object.get("status")?).0.ok()
}

/// What was found at the last scan of an image repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageRepositoryStatus {
    /// The generation of the object that the status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Whether the object is ready, being worked at, or stalled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The image repository with its registry, such as index.docker.io/library/alpine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_image_name: Option<String>,
    /// The result of the last scan that succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_scan_result: Option<ScanResult>,
    /// The exclusion list of the last scan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observed_exclusion_list: Vec<String>,
    /// The last value of the annotation reconcile.fluxcd.io/requestedAt that was followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanResult {
    /// How many tags there are, without the excluded ones.
    pub tag_count: u64,
    /// When the tags were listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_time: Option<Time>,
    /// A checksum of the sorted tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The first ten tags in descending order of bytes: a sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latest_tags: Vec<String>,
}

/// Which image a policy selected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ImagePolicyStatus {
    /// The generation of the object that the status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Whether the object is ready, being worked at, or stalled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The latest image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_ref: Option<ObservedImage>,
    /// The image that was the latest before this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_previous_ref: Option<ObservedImage>,
    /// The latest image as name:tag, for readers of v1beta1 and v1beta2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_image: Option<String>,
    /// The image before it as name:tag, for readers of v1beta2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_previous_image: Option<String>,
    /// The last value of the annotation reconcile.fluxcd.io/requestedAt that was followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

/// An image as a status names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ObservedImage {
    /// The image repository as the object names it.
    pub name: String,
    /// The tag.
    pub tag: String,
    /// The digest, where the policy looks it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// What an automation did last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageUpdateAutomationStatus {
    /// The generation of the object that the status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Whether the object is ready, being worked at, or stalled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// When an update was last tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_automation_run_time: Option<Time>,
    /// The hash of the last commit that was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_push_commit: Option<String>,
    /// When it was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_push_time: Option<Time>,
    /// The images of the last update, by the name of their policy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub observed_policies: BTreeMap<String, ObservedImage>,
    /// The commit that the last update began with, such as main@sha1:0a1b2c.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_source_revision: Option<String>,
    /// The last value of the annotation reconcile.fluxcd.io/requestedAt that was followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

impl ObservedImage {
    pub fn new(name: impl Into<String>, tag: &Tag, digest: Option<&Digest>) -> Self {
        Self { name: name.into(), tag: tag.to_string(), digest: digest.map(ToString::to_string) }
    }

    /// `name:tag`, as `latestImage` has it.
    pub fn name_and_tag(&self) -> String {
        format!("{}:{}", self.name, self.tag)
    }
}

/// A whole reference, with the name as the object has it.
impl fmt::Display for ObservedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}
