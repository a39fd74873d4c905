//! Whose a commit is: ours may be replaced, that of anybody else never.

use super::Work;
use super::chain::{Made, is_below};
use super::request::UpdateRequest;
use crate::git::{Author, LogEntry, Session};
use crate::trailer;
use crate::tree;

/// True for a commit with the trailer of an automation of this batch, or without one and by its author. One that is
/// there for another automation is not ours, nor one whose change cannot be made anew at the moment.
pub(super) fn is_ours(session: &Session, commit: &LogEntry, work: Work<'_>, made: &Made) -> bool {
    let by_us = |person: &Author| work.batch.iter().any(|request| request.author == *person);
    // Who amends or rebases a commit of ours becomes its committer, and may have put work of their own into it.
    if commit.committer != commit.author && !by_us(&commit.committer) {
        return false;
    }
    let trail = trailer::read(&commit.message).unwrap_or_default();
    let Some(automation) = trail.automation else { return by_us(&commit.author) };
    let mine = work.batch.iter().zip(&made.outcomes).find(|(request, _)| request.automation == automation);
    mine.is_some_and(|(request, outcome)| {
        let undecided = |policy| request.latest.images.get(policy).is_some_and(Result::is_err);
        outcome.is_ok()
            && !trail.changes.iter().any(|change| undecided(&change.policy))
            && is_on_path(session, commit, request)
    })
}

/// True when a commit changes nothing but files below the path of `request`. Clusters that share a repository often give
/// their automations the same name: the path is what tells them apart.
pub(super) fn is_on_path(session: &Session, commit: &LogEntry, request: &UpdateRequest) -> bool {
    let path = tree::clean(&request.path);
    files(session, commit).is_some_and(|changed| changed.iter().all(|file| is_below(file, &path)))
}

/// The files that a commit changes; `None` where that is not clear, as of a merge.
pub(super) fn files(session: &Session, commit: &LogEntry) -> Option<Vec<String>> {
    let [parent] = commit.parents[..] else { return None };
    Some(session.difference(parent, commit.id).ok()?.into_keys().collect())
}
