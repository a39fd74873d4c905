//! The status of an ImageUpdateAutomation.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::conditions::{Standing, Subject};
use crate::api::{ImageUpdateAutomationStatus, ObservedImage};

/// What an update did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// The images that it might write, by the name of their policy.
    pub policies: BTreeMap<String, ObservedImage>,
    /// The commit that is at the branch now, or that it began with where it pushes to another branch:
    /// `main@sha1:0a1b2c`.
    pub revision: Option<String>,
    /// The hash of the commit that was pushed, if one was.
    pub pushed: Option<String>,
}

/// The status after a reconcile. What is the same as before is written with the time that it had: an automation that finds
/// nothing to do leaves its status alone.
pub fn image_update_automation(
    before: &ImageUpdateAutomationStatus,
    subject: Subject<'_>,
    standing: &Standing,
    updated: Option<Updated>,
    now: Timestamp,
) -> ImageUpdateAutomationStatus {
    let mut status = before.clone();
    if let Some(Updated { policies, revision, pushed }) = updated {
        status.observed_policies = policies;
        status.observed_source_revision = revision.or(status.observed_source_revision);
        if pushed.is_some() {
            status.last_push_commit = pushed;
            status.last_push_time = Some(now.into());
        }
    }
    status.conditions = standing.conditions(&before.conditions, subject.generation, now);
    status.observed_generation = standing.observed(before.observed_generation, subject.generation);
    status.last_handled_reconcile_at = subject.requested.map(str::to_owned).or(status.last_handled_reconcile_at);
    if status != *before {
        status.last_automation_run_time = Some(now.into());
    }
    status
}
