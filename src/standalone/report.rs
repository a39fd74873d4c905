//! What a round did, as values: the command line prints them, scripts read them as JSON.

use jiff::Timestamp;
use serde::Serialize;

use crate::engine::cause::Cause;
use crate::engine::rewrite::Findings;
use crate::engine::select::PassedOver;
use crate::engine::update::Effect;
use crate::image::ImageRef;
use crate::object::NamespacedName;

/// At most this many tags that were passed over are told of a policy.
const PASSED_OVER_MAX: usize = 20;

/// The outcome of one round.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// False when it tells only of what a scan or a hook touched.
    pub is_whole: bool,
    pub policies: Vec<PolicyReport>,
    pub automations: Vec<AutomationReport>,
}

/// What a policy decided.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyReport {
    #[serde(flatten)]
    pub policy: NamespacedName,
    /// The image repository as the user wrote it.
    pub image: Option<String>,
    /// True when the policy or its image repository is suspended: there is no latest image then.
    pub suspended: bool,
    /// The distinct values that marked fields held before; where none was looked at, what was latest before.
    pub was: Vec<String>,
    pub latest: Option<LatestReport>,
    /// True when a marked field held a tag that the policy orders above the latest.
    pub downgrade: bool,
    /// Why this one, or why none is looked for.
    pub reason: Option<String>,
    /// True when what was latest before stays, though the policy would select an older image or none now.
    pub kept: bool,
    /// The better tags that `minAge` or `onMovedTag` refuse, best first.
    #[serde(rename = "passedOver")]
    pub passed_over: Vec<PassedOverReport>,
    /// What a user should know: that a tag moved.
    pub warnings: Vec<String>,
    pub error: Option<Cause>,
}

/// A tag that was passed over, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOverReport {
    pub tag: String,
    pub reason: String,
}

/// The latest image of a policy, name as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LatestReport {
    pub name: String,
    pub tag: Option<String>,
    pub digest: Option<String>,
}

/// What an automation did.
#[derive(Clone, Debug)]
pub struct AutomationReport {
    pub automation: NamespacedName,
    pub suspended: bool,
    /// True when it is still under way, or waits for what is: what comes of it is told by a later report.
    pub running: bool,
    /// The remote's URL, without credentials.
    pub remote: Option<String>,
    /// The branch that the commit is on; the whole name of a reference that is no branch.
    pub branch: Option<String>,
    /// The second reference that the commit goes to.
    pub also: Option<String>,
    /// The commit that was pushed; `None` when there was nothing to do, or on a dry run.
    pub commit: Option<String>,
    /// What the push did to the branch, or would do on a dry run.
    pub effect: Option<Effect>,
    /// When the push budget lets the changes out; nothing was pushed.
    pub deferred_until: Option<Timestamp>,
    /// True when the push branch held the changes already, so that nothing was pushed.
    pub proposed: bool,
    /// What a user should know about the way to the remote.
    pub warnings: Vec<String>,
    /// Also those of an update that failed later: its changes are then not on the remote.
    pub findings: Findings,
    /// The unified diff, on a dry run.
    pub diff: Option<String>,
    pub error: Option<Cause>,
}

impl Report {
    /// True when what comes of an automation is not known yet.
    pub fn is_running(&self) -> bool {
        self.automations.iter().any(|automation| automation.running)
    }

    /// True when an object failed.
    pub fn has_failures(&self) -> bool {
        self.policies.iter().any(|policy| policy.error.is_some())
            || self.automations.iter().any(|automation| automation.error.is_some())
    }

    /// True when a marked value was changed, or would be; a change that waits on its push branch is none of this round.
    pub fn has_changes(&self) -> bool {
        self.automations.iter().any(|automation| !automation.proposed && !automation.findings.changes.is_empty())
    }
}

impl PolicyReport {
    pub(super) fn of(policy: &NamespacedName, image: Option<String>) -> Self {
        Self {
            policy: policy.clone(),
            image,
            suspended: false,
            was: Vec::new(),
            latest: None,
            downgrade: false,
            reason: None,
            kept: false,
            passed_over: Vec::new(),
            warnings: Vec::new(),
            error: None,
        }
    }
}

impl PassedOverReport {
    pub(super) fn of(passed_over: &[PassedOver]) -> Vec<Self> {
        let told = |over: &PassedOver| Self { tag: over.tag.clone(), reason: over.why.to_string() };
        passed_over.iter().take(PASSED_OVER_MAX).map(told).collect()
    }
}

impl AutomationReport {
    pub(super) fn of(automation: &NamespacedName) -> Self {
        Self {
            automation: automation.clone(),
            suspended: false,
            running: false,
            remote: None,
            branch: None,
            also: None,
            commit: None,
            effect: None,
            deferred_until: None,
            proposed: false,
            warnings: Vec::new(),
            findings: Findings::default(),
            diff: None,
            error: None,
        }
    }

    pub(super) fn running(automation: &NamespacedName) -> Self {
        Self { running: true, ..Self::of(automation) }
    }
}

impl From<&ImageRef> for LatestReport {
    fn from(image: &ImageRef) -> Self {
        Self {
            name: image.repository.written().to_owned(),
            tag: image.tag.as_ref().map(ToString::to_string),
            digest: image.digest.as_ref().map(ToString::to_string),
        }
    }
}
