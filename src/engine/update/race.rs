//! The race for a branch: makes the commits of one route and pushes them, until no other writer was faster.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tracing::info;

use super::chain::{self, Drafts, Made};
use super::outcome::{Outcome, UpdateError, all_failed};
use super::overtaken::overtaken;
use super::proposal::{self, Effect, Target};
use super::request::{UpdateRequest, or_else};
use super::route::moves;
use super::{Mode, Work};
use crate::engine::budget::PushBudget;
use crate::git::{Oid, PushError, Session};
use crate::schedule::{LostRace, wait_after};

/// A run ends its fight for a branch after so many lost races, or so long.
const ATTEMPTS_MAX: u32 = 50;
const FIGHT_MAX: Duration = Duration::from_secs(120);

/// Other writers are counted up to here.
const RIVALS_MAX: usize = 64;

/// Runs the requests of one route until no race is lost.
pub(super) fn run(session: &mut Session, work: Work<'_>) -> Vec<Outcome> {
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
        session.count_push_retry();
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
    // A push that fails each time must not use up what others need.
    if !matches!(result, Ok(()) | Err(PushError::Partly { .. })) {
        work.terms.budget.give_back(session.url());
    }
    Ok(after_push(session, work, Lost { base, made }, effect, result))
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
