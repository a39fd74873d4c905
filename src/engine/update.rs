//! Update: brings the latest images to branches of a remote, one commit per automation.
//!
//! Takes a batch of automations of one remote. They share its store and its ref listing; those with the same
//! checkout and push branch become commits on one chain and one push. A push names the commit it was made
//! from: when the branch has moved, what the move touched is redone on the new tree.

mod chain;
mod checkout;
mod index;
mod overtaken;
mod proposal;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tracing::info;

use super::budget::PushBudget;
use super::message::{MessageError, MessageTemplate};
use super::rewrite::Findings;
use crate::git::{
    self, Author, Expected, Git, Move, Oid, PushError, PushOptions, RefName, Refspec, Remote, Session, Signer, Source,
};
use crate::object::NamespacedName;
use crate::policy::InvalidPolicy;
use crate::schedule::{LostRace, wait_after};
use crate::setter::Latest;
use crate::tree::TreeError;
use chain::{Drafts, Made};
use checkout::Base;
pub use checkout::Checkout;
use overtaken::overtaken;
pub use proposal::Effect;
use proposal::Target;

/// A run ends its fight for a branch after so many lost races, or so long.
const ATTEMPTS_MAX: u32 = 50;
const FIGHT_MAX: Duration = Duration::from_secs(120);

/// Other writers are counted up to here.
const RIVALS_MAX: usize = 64;

/// One automation.
#[derive(Clone, Debug)]
pub struct UpdateRequest {
    pub automation: NamespacedName,
    pub checkout: Checkout,
    pub push: PushTo,
    /// Where markers are looked for, below the root of the repository.
    pub path: String,
    pub latest: Latest,
    pub author: Author,
    pub message: MessageTemplate,
    pub signer: Option<Signer>,
}

impl UpdateRequest {
    /// The same request, with policies that it may not write, and why.
    fn without(&self, policies: impl IntoIterator<Item = (NamespacedName, String)>) -> Self {
        let mut request = self.clone();
        request.latest.images.extend(policies.into_iter().map(|(policy, reason)| (policy, Err(reason))));
        request
    }
}

/// Where the commits of an automation go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushTo {
    /// The branch; without one the checkout branch, or the refspec alone. Required where the checkout is no branch.
    pub branch: Option<String>,
    pub refspec: Option<Refspec>,
    pub options: PushOptions,
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
    /// The branch that the commit is on, or would be; the whole name of a reference that is no branch.
    pub branch: String,
    /// The second reference that the commit goes to.
    pub also: Option<String>,
    /// The commit that the remote now has; `None` when nothing was to be done and on a dry run.
    pub commit: Option<String>,
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
    fn of(route: &Route, findings: Findings) -> Self {
        Self {
            branch: short(&route.push),
            also: route.also.as_ref().map(|refspec| short(&refspec.target)),
            commit: None,
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
    #[error("spec.git.push.branch is required: the checkout is a commit, not a branch")]
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
    /// Advice for the user. Causes that several outcomes share are not found by walking the chain.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Git(error) => error.hint(),
            Self::Push { source, .. } => source.hint(),
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

/// Where a chain of commits starts, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    checkout: Base,
    push: RefName,
    /// Whether commits of ours on `push` may be replaced.
    may_rebuild: bool,
    /// A second reference for the same commit.
    also: Option<Refspec>,
    options: PushOptions,
}

/// What holds for all requests of a run.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'t> {
    pub mode: Mode,
    pub now: Timestamp,
    pub budget: &'t PushBudget,
}

/// The requests of one route.
#[derive(Clone, Copy)]
struct Work<'w> {
    route: &'w Route,
    batch: &'w [&'w UpdateRequest],
    terms: Terms<'w>,
}

type Outcome = Result<Update, FailedUpdate>;

/// Runs all requests against one remote; the outcome at place `i` belongs to request `i`.
pub fn update(git: &Git, remote: &Remote, requests: &[UpdateRequest], terms: Terms<'_>) -> Vec<Outcome> {
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
        let work = Work { route: &route, batch: &batch, terms };
        outcomes.extend(places.into_iter().zip(run(&mut session, work)));
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
    let PushTo { branch, refspec, options } = &request.push;
    // Before anything is fetched: this is about the objects alone.
    if branch.is_none() && refspec.is_none() && !request.checkout.is_branch() {
        return Err(UpdateError::NoPushBranch);
    }
    let checkout = checkout::resolve(session, &request.checkout)?;
    let local = branch.as_deref().or(checkout.branch());
    if let Some(refspec) = refspec {
        check_source(refspec, local)?;
    }
    let (push, may_rebuild, also) = match (branch, refspec) {
        // A refspec alone is all that is pushed, as Flux's documentation has it.
        (None, Some(refspec)) => (refspec.target.clone(), refspec.force || refspec.target.is_magic(), None),
        (_, also) => {
            let push = RefName::branch(local.ok_or(UpdateError::NoPushBranch)?)?;
            let also = also.clone().filter(|refspec| refspec.target != push);
            (push, true, also)
        }
    };
    Ok(Route { checkout, push, may_rebuild, also, options: options.clone() })
}

/// The commit that a refspec sends is the one that was made: on `local`, the push or checkout branch.
fn check_source(refspec: &Refspec, local: Option<&str>) -> Result<(), UpdateError> {
    match &refspec.source {
        Source::Branch(found) if local != Some(found) => Err(UpdateError::RefspecSource {
            found: found.as_str().into(),
            pushed: local.map_or_else(|| "no branch".to_owned(), |local| format!("branch {local}")).into(),
        }),
        _ => Ok(()),
    }
}

fn all_failed(count: usize, error: &UpdateError) -> Vec<Outcome> {
    vec![Err(error.clone().into()); count]
}

/// Runs the requests of one route until no race is lost.
fn run(session: &mut Session, work: Work<'_>) -> Vec<Outcome> {
    let start = Instant::now();
    let (mut attempts, mut shortest, mut drafts) = (0, FIGHT_MAX, Drafts::default());
    let (mut first, mut last) = (None, None);
    loop {
        let began = Instant::now();
        let lost = match once(session, work, first, drafts) {
            Ok(Attempt::Done(outcomes)) => return outcomes,
            Ok(Attempt::Lost(lost)) => lost,
            Err(error) => return all_failed(work.batch.len(), &error),
        };
        attempts += 1;
        if attempts == ATTEMPTS_MAX || start.elapsed() > FIGHT_MAX {
            return lost.made.failed(&UpdateError::Contended { push: work.route.push.clone(), attempts });
        }
        shortest = shortest.min(began.elapsed());
        let race = LostRace {
            attempt: shortest,
            losses: attempts,
            rivals: last.map_or(1, |last| rivals(session, last, lost.base)),
            waited: start.elapsed(),
        };
        thread::sleep(wait_after(race, fastrand::f64()));
        if let Err(error) = session.refresh() {
            return lost.made.failed(&error.into());
        }
        first = first.or(Some(lost.base));
        last = Some(lost.base);
        drafts = lost.made.drafts;
    }
}

/// How many commits others have made between the bases of two attempts.
fn rivals(session: &Session, before: Oid, after: Oid) -> usize {
    session.log_since(after, before, RIVALS_MAX).map_or(1, |commits| commits.len())
}

enum Attempt {
    Done(Vec<Outcome>),
    Lost(Lost),
}

/// An attempt whose branch moved meanwhile: what was made is not on the remote.
struct Lost {
    base: Oid,
    made: Made,
}

/// One attempt; `first` is the base of the first one.
fn once(session: &mut Session, work: Work<'_>, first: Option<Oid>, drafts: Drafts) -> Result<Attempt, UpdateError> {
    let base = work.route.checkout.fetch(session)?;
    let held = overtaken(session, work, first, base)?;
    let batch: Vec<&UpdateRequest> = or_else(&held, work.batch);
    let work = Work { batch: &batch, ..work };
    let mut made = chain::commit_all(session, work, base, drafts);
    if made.tip == base {
        return Ok(Attempt::Done(made.without_commits()));
    }
    let (expected, effect) = match proposal::target(session, work, base, &mut made) {
        Ok(Target::At(expected, effect)) => (expected, effect),
        Ok(Target::Proposed) => return Ok(Attempt::Done(made.without_commits())),
        Err(error) => return Ok(Attempt::Done(made.failed(&error))),
    };
    if work.terms.mode == Mode::DryRun {
        return Ok(Attempt::Done(made.done(effect, Mode::DryRun)));
    }
    if let Err(until) = wait_for_budget(session, work.terms.budget) {
        return Ok(Attempt::Done(made.deferred(until)));
    }
    let result = session.push_all(&moves(work.route, expected), made.tip, &work.route.options);
    if matches!(result, Err(PushError::Moved { .. } | PushError::NoOptions | PushError::NotForward { .. })) {
        work.terms.budget.give_back(session.url());
    }
    Ok(after_push(session, work, Lost { base, made }, effect, result))
}

/// The requests that take the place of others, where there are some.
fn or_else<'r>(instead: &'r [Option<UpdateRequest>], batch: &[&'r UpdateRequest]) -> Vec<&'r UpdateRequest> {
    instead.iter().zip(batch).map(|(instead, request)| instead.as_ref().unwrap_or(request)).collect()
}

fn after_push(
    session: &mut Session,
    work: Work<'_>,
    Lost { base, made }: Lost,
    effect: Effect,
    result: Result<(), PushError>,
) -> Attempt {
    let (url, branch) = (session.url().clone(), work.route.push.as_str());
    match result {
        Ok(()) => {
            info!(remote = %url, branch, commit = %made.tip, commits = made.commits(), ?effect, "pushed");
            Attempt::Done(made.done(effect, Mode::Push))
        }
        Err(error @ PushError::Moved { .. }) => {
            info!(remote = %url, %error, "lost a race, and do it again");
            Attempt::Lost(Lost { base, made })
        }
        // A server that refuses one commit of a chain must not stop the others.
        Err(PushError::Refused { .. }) if made.commits() > 1 => {
            let alone = |request: &&UpdateRequest| run(session, Work { batch: &[*request], ..work });
            Attempt::Done(work.batch.iter().flat_map(alone).collect())
        }
        Err(error) => {
            let error = UpdateError::Push { remote: url.to_string(), source: Arc::new(error) };
            Attempt::Done(made.failed(&error))
        }
    }
}

/// The references that a push of `route` moves.
fn moves(route: &Route, expected: Option<Oid>) -> Vec<Move> {
    let first = Move { target: route.push.clone(), expected: Expected::At(expected) };
    let also = route
        .also
        .iter()
        .map(|refspec| Move { target: refspec.target.clone(), expected: Expected::Listed { force: refspec.force } });
    std::iter::once(first).chain(also).collect()
}

/// Takes a push of the budget, waiting for it as long as the budget's patience; else says when one is free.
fn wait_for_budget(session: &Session, budget: &PushBudget) -> Result<(), Timestamp> {
    let start = Instant::now();
    loop {
        let now = Timestamp::now();
        let Err(until) = budget.take(session.url(), now) else { return Ok(()) };
        let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
        if start.elapsed() + wait > budget.patience() {
            return Err(until);
        }
        info!(remote = %session.url(), %until, "the push budget is used up, and the push waits");
        thread::sleep(wait.max(Duration::from_millis(10)));
    }
}
