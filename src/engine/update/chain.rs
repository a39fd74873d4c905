//! A chain of commits in memory: one for each automation that changes something.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::index::StoreIndex;
use super::{FailedUpdate, Mode, Outcome, Route, Terms, Update, UpdateError, UpdateRequest};
use crate::engine::diff::unified;
use crate::engine::message;
use crate::engine::rewrite::{ChangedFile, Findings, InFile, rewrite};
use crate::git::{CommitMeta, Edit, Oid, PassedOver, Session};
use crate::setter::{self, Change, Ignored};
use crate::trailer::{self, ImageChange};
use crate::tree::{ContentId, FileTree as _};

/// The commits of one attempt.
pub(super) struct Made {
    pub(super) tip: Oid,
    pub(super) outcomes: Vec<Outcome>,
    /// The files that the chain changes.
    files: BTreeSet<String>,
}

/// Makes the commits of `batch`, each on top of the one before, the first on top of `base`.
pub(super) fn commit_all(session: &Session, route: &Route, batch: &[&UpdateRequest], base: Oid, terms: Terms) -> Made {
    let mut made = Made { tip: base, outcomes: Vec::new(), files: BTreeSet::new() };
    for request in batch {
        let outcome = commit(session, route, request, &mut made, terms);
        made.outcomes.push(outcome);
    }
    made
}

impl Made {
    pub(super) fn commits(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.as_ref().is_ok_and(|update| update.commit.is_some())).count()
    }

    /// True when the files that the chain changes are the same in `commit`.
    pub(super) fn is_held_by(&self, session: &Session, commit: Oid) -> Result<bool, UpdateError> {
        Ok(self.content_ids(session, commit)? == self.content_ids(session, self.tip)?)
    }

    /// True when `to` differs from `from` in the manifests that the chain changes, and is there what the chain makes.
    pub(super) fn is_all_between(&self, session: &Session, from: Oid, to: Oid) -> Result<bool, UpdateError> {
        let (before, after) = (manifests(session, from)?, manifests(session, to)?);
        let changed = after.into_iter().filter(|(path, id)| before.get(path) != Some(id));
        Ok(changed.collect::<BTreeMap<_, _>>() == self.content_ids(session, self.tip)?)
    }

    /// The blob ids, in `commit`, of the files that the chain changes.
    fn content_ids(&self, session: &Session, commit: Oid) -> Result<BTreeMap<String, Option<ContentId>>, UpdateError> {
        let tree = session.tree(commit)?;
        Ok(self.files.iter().map(|path| (path.clone(), content_id(&tree, path))).collect())
    }

    /// The outcomes of a chain that is not pushed, since nothing of it is new.
    pub(super) fn without_commits(self) -> Vec<Outcome> {
        let silent = |update: Update| Update { proposed: update.commit.is_some(), commit: None, ..update };
        self.outcomes.into_iter().map(|outcome| outcome.map(silent)).collect()
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

fn content_id(tree: &crate::git::GitTree<'_>, path: &str) -> Option<ContentId> {
    tree.files(path, &|_| true).ok()?.pop()?.content_id
}

/// The blob ids of all manifests of a commit.
fn manifests(session: &Session, commit: Oid) -> Result<BTreeMap<String, Option<ContentId>>, UpdateError> {
    let entries = session.tree(commit)?.files("", &setter::is_manifest);
    let entries =
        entries.map_err(|error| UpdateError::Tree { of: format!("commit {commit}"), source: Arc::new(error) })?;
    Ok(entries.into_iter().map(|entry| (entry.path, entry.content_id)).collect())
}

/// Makes the commit of one request, when it changes something.
fn commit(session: &Session, route: &Route, request: &UpdateRequest, made: &mut Made, terms: Terms) -> Outcome {
    let (findings, files) = rewrite_tree(session, route, request, made.tip)?;
    let mut update = Update { branch: route.push.clone(), commit: None, proposed: false, findings, diff: None };
    if files.is_empty() {
        return Ok(update);
    }
    if terms.mode == Mode::DryRun {
        update.diff = Some(unified(&files));
    }
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    match commit_files(session, request, &update.findings.changes, files, made.tip, terms) {
        Ok(tip) => made.tip = tip,
        Err(error) => return Err(FailedUpdate { error, findings: update.findings }),
    }
    made.files.extend(paths);
    if terms.mode == Mode::Push {
        update.commit = Some(made.tip.to_string());
    }
    Ok(update)
}

fn commit_files(
    session: &Session,
    request: &UpdateRequest,
    changes: &[InFile<Change>],
    files: Vec<ChangedFile>,
    parent: Oid,
    terms: Terms,
) -> Result<Oid, UpdateError> {
    let text = message::render(&request.message, &request.automation, changes, &request.latest)
        .map_err(|error| UpdateError::Message(Arc::new(error)))?;
    let message = trailer::append(&text, &request.automation, &image_changes(changes));
    let edit = |file: ChangedFile| Edit { path: file.path, content: file.after.into_bytes() };
    let edits: Vec<Edit> = files.into_iter().map(edit).collect();
    let (author, signer) = (request.author.clone(), request.signer.clone());
    let meta = CommitMeta { author, time: terms.now, message, signer };
    Ok(session.commit(parent, &edits, &meta)?)
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
