//! What an update did for one automation, or why its commit did not get to the remote.

use std::sync::Arc;

use jiff::Timestamp;

use super::proposal::Effect;
use super::route::Route;
use crate::engine::message::MessageError;
use crate::engine::rewrite::Findings;
use crate::git::{self, Oid, PushError, RefName};
use crate::policy::InvalidPolicy;
use crate::tree::TreeError;

/// The outcome of one request.
pub(super) type Outcome = Result<Update, FailedUpdate>;

/// What one automation did.
#[derive(Clone, Debug)]
pub struct Update {
    /// The branch that the commit is on, or would be; the whole name of a reference that is no branch.
    pub branch: String,
    /// The second reference that the commit goes to.
    pub also: Option<String>,
    /// What the update was made from, as Flux writes a revision: `main@sha1:0a1b2c`, or `sha1:0a1b2c` without a branch.
    pub source: String,
    /// The commit that the remote now has; `None` when nothing was to be done and on a dry run.
    pub commit: Option<String>,
    /// The message of that commit.
    pub message: Option<String>,
    /// What the push did to the branch, or would do on a dry run.
    pub effect: Option<Effect>,
    /// True when the push branch held the changes already: they wait there, and nothing was pushed.
    pub proposed: bool,
    /// When the push budget lets the changes out; nothing was pushed.
    pub deferred_until: Option<Timestamp>,
    pub findings: Findings,
    /// The unified diff, on a dry run.
    pub diff: Option<String>,
}

impl Update {
    /// An update that was made from `base` and changes nothing.
    pub(super) fn of(route: &Route, base: Oid, findings: Findings) -> Self {
        let branch = route.checkout.branch().map(|branch| format!("{branch}@")).unwrap_or_default();
        Self {
            branch: short(&route.push),
            also: route.also.as_ref().map(|refspec| short(&refspec.target)),
            source: format!("{branch}sha1:{base}"),
            commit: None,
            message: None,
            effect: None,
            proposed: false,
            deferred_until: None,
            findings,
            diff: None,
        }
    }
}

fn short(name: &RefName) -> String {
    name.as_branch().unwrap_or(name.as_str()).to_owned()
}

/// Why an automation did not get its commit to the remote.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UpdateError {
    #[error(transparent)]
    Git(Arc<git::Error>),
    #[error("reading the files of {of}")]
    Tree { of: String, source: Arc<TreeError> },
    #[error("commit {id:?} is not a whole commit id: expected 40 hexadecimal digits")]
    CommitId { id: String },
    #[error("reading the range of the checkout")]
    Range(#[source] Arc<InvalidPolicy>),
    #[error("{remote} has no tag with a version in {range:?}")]
    NoVersion { remote: String, range: String },
    #[error("spec.git.push.branch is required, since the checkout is not a branch")]
    NoPushBranch,
    #[error("the refspec's source is branch {found}, and the commits go to {pushed}")]
    RefspecSource { found: Box<str>, pushed: Box<str> },
    #[error("{push} has no history in common with {checkout}: it is left alone")]
    Unrelated { push: Box<RefName>, checkout: Box<str> },
    #[error("rendering the commit message")]
    Message(#[source] Arc<MessageError>),
    #[error("pushing to {remote}")]
    Push { remote: String, source: Arc<PushError> },
    #[error("pushing to {push}: it moved {attempts} times while the update was made")]
    Contended { push: RefName, attempts: u32 },
}

impl UpdateError {
    /// True when the store is rebuilt as soon as it is opened again.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Git(error) => error.is_damage(),
            Self::Tree { source, .. } => matches!(**source, TreeError::Damaged { .. }),
            Self::Push { source, .. } => matches!(&**source, PushError::Failed(error) if error.is_damage()),
            _ => false,
        }
    }

    /// Advice for the user. Causes that several outcomes share are not found by walking the chain.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Git(error) => error.hint(),
            Self::Push { source, .. } => source.hint(),
            Self::Message(error) => error.hint(),
            Self::RefspecSource { .. } => Some("HEAD names the commit whatever its branch".to_owned()),
            Self::Unrelated { .. } => Some("push to another branch, or delete this one".to_owned()),
            _ => None,
        }
    }
}

/// An automation whose commit did not get to the remote, with what was found in its files until then.
#[derive(Clone, Debug)]
pub struct FailedUpdate {
    pub error: UpdateError,
    pub findings: Findings,
}

impl From<UpdateError> for FailedUpdate {
    fn from(error: UpdateError) -> Self {
        Self { error, findings: Findings::default() }
    }
}

impl From<git::Error> for UpdateError {
    fn from(error: git::Error) -> Self {
        Self::Git(Arc::new(error))
    }
}

/// The same error for `count` requests.
pub(super) fn all_failed(count: usize, error: &UpdateError) -> Vec<Outcome> {
    vec![Err(error.clone().into()); count]
}
