//! A run that was slow, or stopped for a while, and another run of the same automation that was not.
//!
//! The other has newer decisions. What it has set is not set back: the next round decides anew.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Work;
use super::chain::Made;
use super::ours::is_on_path;
use super::request::UpdateRequest;
use crate::git::{Error, LogEntry, Oid, Session};
use crate::object::NamespacedName;
use crate::trailer;

/// At most this many commits are read to learn what came in since a run began.
const COMMITS_MAX: usize = 64;

/// The requests of `work` that another run has overtaken on the way from `first`, the base of the first attempt, to
/// `base`, without the policies that it has set; `None` for the others.
pub(super) fn overtaken(
    session: &Session,
    work: Work<'_>,
    first: Option<Oid>,
    base: Oid,
) -> Result<Vec<Option<UpdateRequest>>, Error> {
    let now = work.terms.now;
    let (commits, is_race) = match first {
        Some(first) if first != base => (session.log_since(base, first, COMMITS_MAX)?, true),
        _ if session.committed_at(base)? > oldest(work).as_second() => (session.latest(base, COMMITS_MAX)?, false),
        _ => (Vec::new(), false),
    };
    let held = |request: &&UpdateRequest| {
        // Within one second it is the one that wins the race.
        let set = set_by(session, &commits, request, |commit, policy| {
            let decided = request.decided(policy, now);
            if is_race { commit.decided.as_second() >= decided.as_second() } else { is_later(commit, decided) }
        });
        (!set.is_empty()).then(|| {
            let reason = "another run of this automation has set it meanwhile; the next round decides anew";
            request.without(set.into_iter().map(|policy| (policy, reason.to_owned())))
        })
    };
    Ok(work.batch.iter().map(held).collect())
}

/// True when another run of one of the automations set in `commits`, by a newer decision, what was `made` here.
pub(super) fn is_overtaken(session: &Session, commits: &[LogEntry], work: Work<'_>, made: &Made) -> bool {
    let now = work.terms.now;
    work.batch.iter().zip(&made.outcomes).any(|(request, outcome)| {
        let set = set_by(session, commits, request, |commit, policy| is_later(commit, request.decided(policy, now)));
        outcome
            .as_ref()
            .is_ok_and(|update| update.findings.changes.iter().any(|found| set.contains(&found.what.policy)))
    })
}

/// The oldest decision.
fn oldest(work: Work<'_>) -> Timestamp {
    let decided = work.batch.iter().flat_map(|request| request.decided.values());
    decided.copied().min().map_or(work.terms.now, |oldest| oldest.min(work.terms.now))
}

/// Commits of ours carry the time of their oldest decision, in whole seconds: none is taken for newer than it is. A
/// clock that is ahead of ours says nothing.
fn is_later(commit: &LogEntry, decided: Timestamp) -> bool {
    let second = commit.decided.as_second();
    second > decided.as_second() && second <= Timestamp::now().as_second()
}

/// The policies that the automation of `request` set in `commits`, as far as they count.
fn set_by(
    session: &Session,
    commits: &[LogEntry],
    request: &UpdateRequest,
    counts: impl Fn(&LogEntry, &NamespacedName) -> bool,
) -> BTreeSet<NamespacedName> {
    let own = commits.iter().filter_map(|commit| {
        let trail = trailer::read(&commit.message)?;
        let is_own = trail.automation.as_ref() == Some(&request.automation);
        let set = trail.changes.into_iter().map(|change| change.policy);
        let set: Vec<NamespacedName> = set.filter(|policy| is_own && counts(commit, policy)).collect();
        (!set.is_empty() && is_on_path(session, commit, request)).then_some(set)
    });
    own.flatten().collect()
}
