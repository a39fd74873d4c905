//! A chain of commits in memory: one for each automation that changes something.

use std::sync::Arc;

use jiff::Timestamp;

use super::index::StoreIndex;
use super::outcome::{FailedUpdate, Outcome, Update, UpdateError};
use super::proposal::Effect;
use super::request::{Mode, UpdateRequest};
use super::route::Route;
use super::{Terms, Work};
use crate::engine::diff::unified;
use crate::engine::message;
use crate::engine::rewrite::{ChangedFile, Findings, InFile, rewrite};
use crate::git::{CommitMeta, Edit, Oid, PassedOver, Session};
use crate::setter::{self, Change, Ignored};
use crate::trailer::{self, ImageChange};
use crate::tree;

/// The commits of one attempt.
pub(super) struct Made {
    pub(super) tip: Oid,
    /// Each names its commit, although nothing has been pushed yet.
    pub(super) outcomes: Vec<Outcome>,
    pub(super) drafts: Drafts,
}

/// What the rewrites of an attempt gave, for the next one.
#[derive(Default)]
pub(super) struct Drafts(Vec<Option<Draft>>);

/// What one rewrite gave, with the commit that it read.
struct Draft {
    read: Oid,
    findings: Findings,
    files: Vec<ChangedFile>,
}

/// Makes the commits of `batch`, each on top of the one before, the first on top of `base`. Rewrites of an earlier
/// attempt are used again where nothing that they read has changed since.
pub(super) fn commit_all(session: &Session, work: Work<'_>, base: Oid, mut earlier: Drafts) -> Made {
    let mut made = Made { tip: base, outcomes: Vec::new(), drafts: Drafts::default() };
    for (place, request) in work.batch.iter().enumerate() {
        let draft = earlier.0.get_mut(place).and_then(Option::take);
        let outcome = match draft_on(session, work.route, request, made.tip, draft) {
            Ok(draft) => {
                let outcome = commit(session, work, request, &mut made.tip, &draft);
                made.drafts.0.push(Some(draft));
                outcome
            }
            Err(error) => {
                made.drafts.0.push(None);
                Err(error.into())
            }
        };
        made.outcomes.push(outcome);
    }
    made
}

impl Made {
    pub(super) fn commits(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.as_ref().is_ok_and(|update| update.commit.is_some())).count()
    }

    /// The outcomes of a chain that is, or would be, on its branch.
    pub(super) fn done(self, effect: Effect, mode: Mode) -> Vec<Outcome> {
        let tell = |update: Update| match (&update.commit, mode) {
            (None, _) => update,
            (Some(_), Mode::Push) => Update { effect: Some(effect), diff: None, ..update },
            (Some(_), Mode::DryRun) => Update { effect: Some(effect), commit: None, ..update },
        };
        self.outcomes.into_iter().map(|outcome| outcome.map(tell)).collect()
    }

    /// The outcomes of a chain that is not pushed, since nothing of it is new.
    pub(super) fn without_commits(self) -> Vec<Outcome> {
        let silent = |update: Update| Update { proposed: update.commit.is_some(), commit: None, diff: None, ..update };
        self.outcomes.into_iter().map(|outcome| outcome.map(silent)).collect()
    }

    /// The outcomes of a chain that is to be pushed later.
    pub(super) fn deferred(self, until: Timestamp) -> Vec<Outcome> {
        let later = |update: Update| {
            let deferred_until = update.commit.as_ref().map(|_| until);
            Update { deferred_until, commit: None, diff: None, ..update }
        };
        self.outcomes.into_iter().map(|outcome| outcome.map(later)).collect()
    }

    /// The outcomes of a chain that did not reach the remote.
    pub(super) fn failed(self, error: &UpdateError) -> Vec<Outcome> {
        let lost = |update: Update| match update.commit {
            Some(_) => Err(FailedUpdate { error: error.clone(), findings: update.findings }),
            None => Ok(update),
        };
        self.outcomes.into_iter().map(|outcome| outcome.and_then(lost)).collect()
    }
}

/// The rewrite of `request` on the files of `commit`.
fn draft_on(
    session: &Session,
    route: &Route,
    request: &UpdateRequest,
    commit: Oid,
    earlier: Option<Draft>,
) -> Result<Draft, UpdateError> {
    if let Some(draft) = earlier
        && is_untouched(session, &draft, request, commit)
    {
        return Ok(draft);
    }
    let (findings, files) = rewrite_tree(session, route, request, commit)?;
    Ok(Draft { read: commit, findings, files })
}

/// True when no manifest that the rewrite read is another one in `commit`.
fn is_untouched(session: &Session, draft: &Draft, request: &UpdateRequest, commit: Oid) -> bool {
    let under = tree::clean(&request.path);
    let is_read = |path: &String| setter::is_manifest(path) && is_below(path, &under);
    session.difference(draft.read, commit).is_ok_and(|difference| !difference.keys().any(is_read))
}

/// True for the file or folder `folder`, and all below it.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Makes the commit of one request on `tip`, when it changes something.
fn commit(session: &Session, work: Work<'_>, request: &UpdateRequest, tip: &mut Oid, draft: &Draft) -> Outcome {
    let Draft { findings, files, .. } = draft;
    let mut update = Update::of(work.route, *tip, findings.clone());
    if files.is_empty() {
        return Ok(update);
    }
    if work.terms.mode == Mode::DryRun {
        update.diff = Some(unified(files));
    }
    match commit_files(session, request, &update.findings.changes, files, *tip, work.terms) {
        Ok((commit, message)) => (*tip, update.message) = (commit, Some(message)),
        Err(error) => return Err(FailedUpdate { error, findings: update.findings }),
    }
    update.commit = Some(tip.to_string());
    Ok(update)
}

fn commit_files(
    session: &Session,
    request: &UpdateRequest,
    changes: &[InFile<Change>],
    files: &[ChangedFile],
    parent: Oid,
    terms: Terms<'_>,
) -> Result<(Oid, String), UpdateError> {
    let text = message::render(&request.message, &request.automation, changes, &request.latest)
        .map_err(|error| UpdateError::Message(Arc::new(error)))?;
    let message = trailer::append(&text, &request.automation, &image_changes(changes));
    let edit = |file: &ChangedFile| Edit { path: file.path.clone(), content: file.after.clone().into_bytes() };
    let edits: Vec<Edit> = files.iter().map(edit).collect();
    let (author, signer) = (request.author.clone(), request.signer.clone());
    let decided = changes.iter().map(|found| request.decided(&found.what.policy, terms.now)).min();
    let decided = decided.map_or(terms.now, |oldest| oldest.min(terms.now));
    let meta = CommitMeta { author, decided, time: terms.now, message, signer };
    let commit = session.commit(parent, &edits, &meta)?;
    Ok((commit, meta.message))
}

fn rewrite_tree(
    session: &Session,
    route: &Route,
    request: &UpdateRequest,
    commit: Oid,
) -> Result<(Findings, Vec<ChangedFile>), UpdateError> {
    let tree = session.survey(commit, setter::is_manifest)?;
    let mut index = StoreIndex::new(session, &request.latest);
    let mut files = Vec::new();
    let findings = rewrite(&tree, &request.path, &request.latest, &mut index, |file| files.push(file));
    let mut findings =
        findings.map_err(|error| UpdateError::Tree { of: route.checkout.to_string(), source: Arc::new(error) })?;
    findings.ignored.extend(tree.passed_over().into_iter().map(passed_over));
    session.remember(&tree, &index.into_fresh());
    Ok((findings, files))
}

/// An entry of the tree that was not read, and may have held a marker.
fn passed_over(entry: PassedOver) -> InFile<Ignored> {
    let reason = format!("passed over: {}", entry.reason);
    InFile { file: entry.path, what: Ignored { line: 0, marker: String::new(), reason } }
}

fn image_changes(changes: &[InFile<Change>]) -> Vec<ImageChange> {
    let change = |found: &InFile<Change>| ImageChange {
        policy: found.what.policy.clone(),
        old: found.what.old.clone(),
        new: found.what.new.clone(),
    };
    changes.iter().map(change).collect()
}
