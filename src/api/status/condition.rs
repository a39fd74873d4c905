//! Conditions: what an object is at, one word each, with a reason and a message.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::Time;

/// One condition of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is spoken of: Ready, Reconciling or Stalled.
    #[serde(rename = "type")]
    #[schemars(extend("maxLength" = 316, "pattern" = TYPE_PATTERN))]
    pub kind: String,
    /// Whether it is so.
    pub status: ConditionStatus,
    /// Why, in one word.
    #[schemars(extend("minLength" = 1, "maxLength" = 1024, "pattern" = REASON_PATTERN))]
    pub reason: String,
    /// Why, for people.
    #[schemars(extend("maxLength" = MESSAGE_CHARS_MAX))]
    pub message: String,
    /// Since when the condition has had its status.
    pub last_transition_time: Time,
    /// The generation of the object that the condition speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 0))]
    pub observed_generation: Option<i64>,
}

/// The API server refuses a status with a longer message.
pub const MESSAGE_CHARS_MAX: usize = 32768;

const TYPE_PATTERN: &str = concat!(
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?",
    r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
);
const REASON_PATTERN: &str = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}
