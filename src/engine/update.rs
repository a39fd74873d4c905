//! Update: brings the latest images to branches of a remote, one commit per automation.
//!
//! Takes a batch of automations of one remote. They share its store and its ref listing; those with the same
//! [`route`] become commits on one [`chain`] and one push, in a [`race`] with other writers. What is asked is in
//! [`request`], what comes of it in [`outcome`].

mod chain;
mod checkout;
mod index;
mod merged;
mod ours;
mod outcome;
mod overtaken;
mod proposal;
mod race;
mod request;
mod route;

use std::collections::BTreeMap;

use jiff::Timestamp;
use tracing::warn;

use super::budget::PushBudget;
use crate::git::{Git, Remote, Session};
pub use checkout::Checkout;
pub use outcome::{FailedUpdate, Update, UpdateError};
use outcome::{Outcome, all_failed};
pub use proposal::Effect;
pub use request::{Mode, PushTo, UpdateRequest};
use route::{Route, route};

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

/// Runs all requests against one remote; the outcome at place `i` belongs to request `i`.
pub fn update(git: &Git, remote: &Remote, requests: &[UpdateRequest], terms: Terms<'_>) -> Vec<Outcome> {
    let mut outcomes = update_once(git, remote, requests, terms);
    let is_hit = |outcome: &Outcome| matches!(outcome, Err(failed) if failed.error.is_damage());
    let hit: Vec<usize> = (0..outcomes.len()).filter(|place| is_hit(&outcomes[*place])).collect();
    if !hit.is_empty() {
        warn!(remote = %remote.url, "the store turned out to be damaged, and what it stopped is done again");
        let requests: Vec<UpdateRequest> = hit.iter().map(|place| requests[*place].clone()).collect();
        for (place, outcome) in hit.into_iter().zip(update_once(git, remote, &requests, terms)) {
            outcomes[place] = outcome;
        }
    }
    outcomes
}

fn update_once(git: &Git, remote: &Remote, requests: &[UpdateRequest], terms: Terms<'_>) -> Vec<Outcome> {
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
        outcomes.extend(places.into_iter().zip(race::run(&mut session, work)));
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
