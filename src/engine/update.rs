//! Update: brings the latest images to branches of a remote, one commit per automation.
//!
//! Takes a batch of automations of one remote. They share its store and its ref listing; those with the same
//! checkout and push branch become commits on one chain and one push. A push names the commit it was made
//! from: when the branch has moved, everything is redone on the new tree.

mod chain;
mod checkout;
mod index;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use tracing::info;

use super::message::{MessageError, MessageTemplate};
use super::rewrite::Findings;
use crate::git::{self, Author, Git, Oid, PushError, Remote, Session, Signer};
use crate::object::NamespacedName;
use crate::policy::InvalidPolicy;
use crate::setter::Latest;
use crate::trailer;
use crate::tree::TreeError;
use chain::Made;
use checkout::Base;
pub use checkout::Checkout;

/// How often a lost race is run again, and the longest wait before that.
const ATTEMPTS_MAX: u32 = 12;
const WAIT_MAX: Duration = Duration::from_secs(4);

/// At most this many commits of a push branch are read to learn whether all are ours.
const PROPOSED_MAX: usize = 100;

/// One automation.
#[derive(Clone, Debug)]
pub struct UpdateRequest {
    pub automation: NamespacedName,
    pub checkout: Checkout,
    /// The branch that the commit goes to; `None` is the checkout branch. Required where the checkout is no branch.
    pub push_branch: Option<String>,
    /// Where markers are looked for, below the root of the repository.
    pub path: String,
    pub latest: Latest,
    pub author: Author,
    pub message: MessageTemplate,
    pub signer: Option<Signer>,
}

/// Whether commits leave this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Push,
    DryRun,
}

/// What one automation did.
#[derive(Clone, Debug)]
pub struct Update {
    /// The branch that the commit is on, or would be.
    pub branch: String,
    /// The commit that the remote now has; `None` when nothing was to be done and on a dry run.
    pub commit: Option<String>,
    /// True when the push branch held the changes already: they wait there, and nothing was pushed.
    pub proposed: bool,
    pub findings: Findings,
    /// The unified diff, on a dry run.
    pub diff: Option<String>,
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
    #[error("spec.git.push.branch is required: the checkout is a commit, not a branch")]
    NoPushBranch,
    #[error("rendering the commit message")]
    Message(#[source] Arc<MessageError>),
    #[error("pushing to {remote}")]
    Push { remote: String, source: Arc<PushError> },
    #[error("pushing to branch {branch}: it moved {attempts} times while the update was made")]
    Contended { branch: String, attempts: u32 },
}

impl UpdateError {
    /// Advice for the user. Causes that several outcomes share are not found by walking the chain.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Git(error) => error.hint(),
            Self::Push { source, .. } => match &**source {
                PushError::Failed(error) => error.hint(),
                _ => None,
            },
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

/// Where a chain of commits starts, and the branch that it goes to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    checkout: Base,
    push: String,
}

/// What holds for all requests of a run.
#[derive(Clone, Copy, Debug)]
struct Terms {
    mode: Mode,
    now: Timestamp,
}

type Outcome = Result<Update, FailedUpdate>;

/// Runs all requests against one remote; the outcome at place `i` belongs to request `i`.
pub fn update(git: &Git, remote: &Remote, requests: &[UpdateRequest], mode: Mode, now: Timestamp) -> Vec<Outcome> {
    let mut session = match open(git, remote) {
        Ok(session) => session,
        Err(error) => return all_failed(requests.len(), &error),
    };
    let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
    let mut routes: BTreeMap<Route, Vec<usize>> = BTreeMap::new();
    for (place, request) in requests.iter().enumerate() {
        match route(&session, request) {
            Ok(route) => routes.entry(route).or_default().push(place),
            Err(error) => drop(outcomes.insert(place, Err(error.into()))),
        }
    }
    for (route, places) in routes {
        let batch: Vec<&UpdateRequest> = places.iter().map(|place| &requests[*place]).collect();
        outcomes.extend(places.into_iter().zip(run(&mut session, &route, &batch, Terms { mode, now })));
    }
    git.close(session);
    outcomes.into_values().collect()
}

/// Lists the branches at once, so that a remote that does not answer is asked once and not by each request.
fn open(git: &Git, remote: &Remote) -> Result<Session, UpdateError> {
    let session = git.open(remote)?;
    session.refs()?;
    Ok(session)
}

/// Where a request starts and what it goes to.
fn route(session: &Session, request: &UpdateRequest) -> Result<Route, UpdateError> {
    // Before anything is fetched: this is about the objects alone.
    if request.push_branch.is_none() && !request.checkout.is_branch() {
        return Err(UpdateError::NoPushBranch);
    }
    let checkout = checkout::resolve(session, &request.checkout)?;
    let inferred = || checkout.branch().map(str::to_owned).ok_or(UpdateError::NoPushBranch);
    let push = request.push_branch.clone().map_or_else(inferred, Ok)?;
    Ok(Route { checkout, push })
}

fn all_failed(count: usize, error: &UpdateError) -> Vec<Outcome> {
    vec![Err(error.clone().into()); count]
}

/// Runs the requests of one route until no race is lost.
fn run(session: &mut Session, route: &Route, batch: &[&UpdateRequest], terms: Terms) -> Vec<Outcome> {
    let mut attempts = 0;
    loop {
        let made = match once(session, route, batch, terms) {
            Ok(Attempt::Done(outcomes)) => return outcomes,
            Ok(Attempt::Lost(made)) => made,
            Err(error) => return all_failed(batch.len(), &error),
        };
        attempts += 1;
        if attempts == ATTEMPTS_MAX {
            return made.failed(&UpdateError::Contended { branch: route.push.clone(), attempts });
        }
        thread::sleep(wait(attempts));
        if let Err(error) = session.refresh() {
            return made.failed(&error.into());
        }
    }
}

/// Longer with each lost race, and never the same for two writers.
fn wait(attempt: u32) -> Duration {
    let longest = Duration::from_millis(20).saturating_mul(1 << attempt.min(10)).min(WAIT_MAX);
    longest.mul_f64(fastrand::f64())
}

enum Attempt {
    Done(Vec<Outcome>),
    /// The branch moved meanwhile: what was made is not on the remote.
    Lost(Made),
}

fn once(session: &mut Session, route: &Route, batch: &[&UpdateRequest], terms: Terms) -> Result<Attempt, UpdateError> {
    let base = route.checkout.fetch(session)?;
    let mut made = chain::commit_all(session, route, batch, base, terms);
    if terms.mode == Mode::DryRun || made.tip == base {
        return Ok(Attempt::Done(made.outcomes));
    }
    let expected = match target(session, route, batch, base, &mut made, terms) {
        Ok(Target::Expect(expected)) => expected,
        Ok(Target::Proposed) => return Ok(Attempt::Done(made.without_commits())),
        Err(error) => return Ok(Attempt::Done(made.failed(&error))),
    };
    match session.push(&route.push, expected, made.tip) {
        Ok(()) => {
            info!(remote = %session.url(), branch = route.push, commit = %made.tip, commits = made.commits(), "pushed");
            Ok(Attempt::Done(made.outcomes))
        }
        Err(error @ PushError::Moved { .. }) => {
            info!(remote = %session.url(), %error, "lost a race, and do it again");
            Ok(Attempt::Lost(made))
        }
        // A server that refuses one commit of a chain must not stop the others.
        Err(PushError::Refused { .. }) if made.commits() > 1 => {
            Ok(Attempt::Done(batch.iter().flat_map(|request| run(session, route, &[request], terms)).collect()))
        }
        Err(error) => {
            let error = UpdateError::Push { remote: session.url().to_string(), source: Arc::new(error) };
            Ok(Attempt::Done(made.failed(&error)))
        }
    }
}

/// What a push may replace.
enum Target {
    /// The push branch must be at this commit, or absent.
    Expect(Option<Oid>),
    /// The push branch holds these changes already.
    Proposed,
}

/// Decides what becomes of the push branch. One that differs from the checkout branch is rebuilt on top of it, unless
/// it holds these changes and no others already; where somebody else committed to it, the changes go on top of their
/// work.
fn target(
    session: &Session,
    route: &Route,
    batch: &[&UpdateRequest],
    base: Oid,
    made: &mut Made,
    terms: Terms,
) -> Result<Target, UpdateError> {
    if route.checkout.branch() == Some(&route.push) {
        return Ok(Target::Expect(Some(base)));
    }
    if !session.refs()?.heads.contains_key(&route.push) {
        return Ok(Target::Expect(None));
    }
    let proposed = session.fetch(&route.push)?;
    let Some(fork) = own_fork(session, proposed, base, batch)? else {
        return on_top_of(session, route, batch, proposed, made, terms);
    };
    if made.is_all_between(session, fork, proposed)? {
        return Ok(Target::Proposed);
    }
    Ok(Target::Expect(Some(proposed)))
}

/// Puts the changes on top of somebody's work, unless it holds them.
fn on_top_of(
    session: &Session,
    route: &Route,
    batch: &[&UpdateRequest],
    proposed: Oid,
    made: &mut Made,
    terms: Terms,
) -> Result<Target, UpdateError> {
    if made.is_held_by(session, proposed)? {
        return Ok(Target::Proposed);
    }
    *made = chain::commit_all(session, route, batch, proposed, terms);
    Ok(if made.tip == proposed { Target::Proposed } else { Target::Expect(Some(proposed)) })
}

/// Where a push branch left the checkout branch; `None` when somebody else than these automations committed to it.
fn own_fork(session: &Session, tip: Oid, base: Oid, batch: &[&UpdateRequest]) -> Result<Option<Oid>, UpdateError> {
    let commits = session.log_since(tip, base, PROPOSED_MAX + 1)?;
    let ours = |message: &str| {
        let author = trailer::read(message).and_then(|trail| trail.automation);
        author.is_some_and(|author| batch.iter().any(|request| request.automation == author))
    };
    if commits.len() > PROPOSED_MAX || !commits.iter().all(|commit| ours(&commit.message)) {
        return Ok(None);
    }
    let fork = commits.last().and_then(|oldest| oldest.parents.first().copied());
    Ok(Some(fork.unwrap_or(tip)))
}
