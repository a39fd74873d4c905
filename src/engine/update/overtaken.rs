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
    let commits = match first {
        Some(first) if first != base => session.log_since(base, first, COMMITS_MAX)?,
        _ if is_later(session.committed_at(base)?, work.terms.now) => {
            let mut commits = session.latest(base, COMMITS_MAX)?;
            commits.retain(|commit| is_later(commit.time.as_second(), work.terms.now));
            commits
        }
        _ => Vec::new(),
    };
    let held = |request: &&UpdateRequest| {
        let set = set_by(session, &commits, request);
        (!set.is_empty()).then(|| {
            let reason = "another run of this automation has set it meanwhile; the next round decides anew";
            request.without(set.into_iter().map(|policy| (policy, reason.to_owned())))
        })
    };
    Ok(work.batch.iter().map(held).collect())
}

/// True when another run of one of the automations set in `commits`, since this one began, what was `made` here.
pub(super) fn is_overtaken(session: &Session, commits: &[LogEntry], work: Work<'_>, made: &Made) -> bool {
    let later: Vec<LogEntry> =
        commits.iter().filter(|commit| is_later(commit.time.as_second(), work.terms.now)).cloned().collect();
    work.batch.iter().zip(&made.outcomes).any(|(request, outcome)| {
        let set = set_by(session, &later, request);
        outcome
            .as_ref()
            .is_ok_and(|update| update.findings.changes.iter().any(|found| set.contains(&found.what.policy)))
    })
}

/// Commits carry whole seconds and the time at which their run began. A clock that is ahead of ours says nothing.
fn is_later(second: i64, now: Timestamp) -> bool {
    second > now.as_second() && second <= Timestamp::now().as_second()
}

/// The policies that other runs of the automation of `request` set in `commits`.
fn set_by(session: &Session, commits: &[LogEntry], request: &UpdateRequest) -> BTreeSet<NamespacedName> {
    let own = commits.iter().filter_map(|commit| {
        let trail = trailer::read(&commit.message)?;
        let is_own = trail.automation.as_ref() == Some(&request.automation) && is_on_path(session, commit, request);
        is_own.then_some(trail.changes)
    });
    own.flatten().map(|change| change.policy).collect()
}
