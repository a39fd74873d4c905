//! What becomes of the branch that commits go to, where it is not the one that was checked out.
//!
//! Such a branch is the checkout branch plus the changes. It is rebuilt only when the changes, or the files that they
//! touch, have become others, so that a review in progress keeps its commits. Above the work of others the changes are
//! added; what somebody took back is not made again.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::Work;
use super::chain::{self, Drafts, Made};
use super::merged::is_merged;
use super::ours::{self, is_ours};
use super::outcome::{FailedUpdate, Outcome, Update, UpdateError};
use super::overtaken::is_overtaken;
use super::request::{UpdateRequest, or_else};
use crate::engine::rewrite::{Findings, InFile};
use crate::git::{GitTree, LogEntry, Oid, Session};
use crate::object::NamespacedName;
use crate::setter::{self, Change, Ignored};
use crate::trailer;
use crate::tree::{ContentId, Entry, FileTree as _, TreeError};

/// At most this many commits of a push branch are read to learn whether all are ours.
const PROPOSED_MAX: usize = 100;

/// What a push does to its branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// The commits follow what is there: the checkout branch, or a push branch that it has caught up with.
    Advances,
    Creates,
    /// The branch starts again at the checkout branch; commits of ours are replaced.
    Rebuilds,
    /// The commits follow the work of others.
    Extends,
}

/// Where the commits of an attempt go.
pub(super) enum Target {
    /// The branch is at this commit, or absent.
    At(Option<Oid>, Effect),
    /// The branch holds these changes already.
    Proposed,
}

/// What a push branch has that the checkout branch has not.
struct Proposal {
    /// Where it left the checkout branch.
    fork: Oid,
    tip: Oid,
    /// Newest first.
    commits: Vec<LogEntry>,
    /// What it changes, by path: the new content, `None` where a file is deleted.
    changed: BTreeMap<String, Option<ContentId>>,
    /// Those that the checkout branch has not.
    files: BTreeMap<String, Option<ContentId>>,
}

/// Decides where the commits go that were made on `base`; those that follow the work of others are made anew.
pub(super) fn target(session: &Session, work: Work<'_>, base: Oid, made: &mut Made) -> Result<Target, UpdateError> {
    let route = work.route;
    if route.checkout.branch().is_some_and(|branch| route.push.as_branch() == Some(branch)) {
        return Ok(Target::At(Some(base), Effect::Advances));
    }
    let Some(tip) = session.tip_of(&route.push)? else { return Ok(Target::At(None, Effect::Creates)) };
    // Where a server shows no reference there is none to replace.
    let replaced = (!route.push.is_magic()).then_some(tip);
    let Some(proposal) = read(session, work, base, tip)? else { return Ok(Target::At(replaced, Effect::Advances)) };
    if is_overtaken(session, &proposal.commits, work, made) {
        return Ok(Target::Proposed);
    }
    let wanted = difference(session, base, made.tip)?;
    if proposal.is_ours(session, work, made) {
        if proposal.files == wanted {
            return Ok(Target::Proposed);
        }
        if route.may_rebuild {
            return Ok(Target::At(replaced, Effect::Rebuilds));
        }
    } else if route.may_rebuild && proposal.has_reached(session, base, &wanted)? {
        return Ok(Target::At(replaced, Effect::Rebuilds));
    } else if proposal.holds(&wanted) {
        return Ok(Target::Proposed);
    }
    extend(session, work, &proposal, made)
}

/// What the push branch has beyond `base`; `None` where it has nothing.
fn read(session: &Session, work: Work<'_>, base: Oid, tip: Oid) -> Result<Option<Proposal>, UpdateError> {
    let commits = session.log_since(tip, base, PROPOSED_MAX + 1)?;
    if commits.is_empty() {
        return Ok(None);
    }
    let unrelated = || UpdateError::Unrelated {
        push: Box::new(work.route.push.clone()),
        checkout: work.route.checkout.to_string().into(),
    };
    let fork = session.merge_base(base, tip)?.ok_or_else(unrelated)?;
    let changed = difference(session, fork, tip)?;
    let tree = session.tree(base)?;
    let mut files = changed.clone();
    files.retain(|path, content| content_id(&tree, path) != *content);
    Ok(Some(Proposal { fork, tip, commits, changed, files }))
}

impl Proposal {
    /// True when every commit may be replaced.
    fn is_ours(&self, session: &Session, work: Work<'_>, made: &Made) -> bool {
        self.commits.len() <= PROPOSED_MAX && self.commits.iter().all(|commit| is_ours(session, commit, work, made))
    }

    /// True when all that was changed here is on the checkout branch too, as other commits and perhaps among other
    /// changes, and with it changes of the files that are `wanted` now. Where those were taken back nothing has reached it.
    fn has_reached(
        &self,
        session: &Session,
        base: Oid,
        wanted: &BTreeMap<String, Option<ContentId>>,
    ) -> Result<bool, UpdateError> {
        if !wanted.keys().any(|path| self.changed.contains_key(path)) {
            return Ok(false);
        }
        let trees = [session.tree(self.fork)?, session.tree(base)?, session.tree(self.tip)?];
        Ok(self.files.keys().all(|path| match trees.each_ref().map(|tree| content(tree, path)) {
            [Some(ancestor), Some(ours), Some(theirs)] => is_merged(&ancestor, &ours, &theirs),
            _ => false,
        }))
    }

    /// True when all of `wanted` is there, and no other manifest that could hold a marker.
    fn holds(&self, wanted: &BTreeMap<String, Option<ContentId>>) -> bool {
        let mut manifests = self.files.iter().filter(|(path, _)| setter::is_manifest(path));
        wanted.keys().all(|path| self.files.contains_key(path))
            && manifests.all(|(path, content)| wanted.get(path) == Some(content))
    }

    /// The request without the changes of `outcome` that were made here before and are gone: somebody took them back,
    /// and the policy is to give the value that it gave last.
    fn hold(
        &self,
        session: &Session,
        request: &UpdateRequest,
        outcome: &Outcome,
        work: Work<'_>,
    ) -> Option<UpdateRequest> {
        let changes = outcome.as_ref().map(|update| update.findings.changes.as_slice()).unwrap_or_default();
        if changes.is_empty() {
            return None;
        }
        let given = self.last_given(session, request);
        let is_taken_back = |found: &&InFile<Change>| {
            given.get(&(found.file.clone(), found.what.policy.clone())) == Some(&found.what.new)
        };
        let reasons: Vec<(NamespacedName, String)> = changes
            .iter()
            .filter(is_taken_back)
            .map(|InFile { what: Change { policy, new, .. }, .. }| {
                let push = &work.route.push;
                let reason =
                    format!("somebody took {new} back on {push}; it is not set there again, a newer image will be");
                (policy.clone(), reason)
            })
            .collect();
        (!reasons.is_empty()).then(|| request.without(reasons))
    }

    /// The value that each policy was last given here by the automation, in each file.
    fn last_given(&self, session: &Session, request: &UpdateRequest) -> BTreeMap<(String, NamespacedName), String> {
        let mut given = BTreeMap::new();
        for commit in &self.commits {
            let trail = trailer::read(&commit.message).unwrap_or_default();
            let files = ours::files(session, commit).unwrap_or_default();
            for change in trail.changes.iter().filter(|_| trail.automation.as_ref() == Some(&request.automation)) {
                for file in &files {
                    let key = (file.clone(), change.policy.clone());
                    given.entry(key).or_insert_with(|| change.new.clone());
                }
            }
        }
        given
    }
}

/// Puts the changes on top of somebody's work, without those that somebody took back there.
fn extend(session: &Session, work: Work<'_>, proposal: &Proposal, made: &mut Made) -> Result<Target, UpdateError> {
    let tip = proposal.tip;
    let mut above = chain::commit_all(session, work, tip, Drafts::default());
    above.outcomes.iter_mut().for_each(|outcome| tell_of_branch(outcome, tip, work));
    let held: Vec<Option<UpdateRequest>> = work
        .batch
        .iter()
        .zip(&above.outcomes)
        .map(|(request, outcome)| proposal.hold(session, request, outcome, work))
        .collect();
    if above.tip == tip {
        made.outcomes.iter_mut().zip(above.outcomes).for_each(|(made, above)| leave_out(made, above, work));
        return Ok(Target::Proposed);
    }
    if held.iter().any(Option::is_some) {
        let batch = or_else(&held, work.batch);
        above = chain::commit_all(session, Work { batch: &batch, ..work }, tip, Drafts::default());
    }
    for (made, above) in made.outcomes.iter().zip(&mut above.outcomes) {
        if let (Ok(made), Ok(above)) = (made, above) {
            let gone = gone(&made.findings, &above.findings, work);
            above.findings.ignored.extend(gone);
        }
    }
    *made = above;
    Ok(if made.tip == tip { Target::Proposed } else { Target::At(Some(tip), Effect::Extends) })
}

/// Files of the push branch that could not be read: a folder that is not there has no fields, any other error names the
/// branch.
fn tell_of_branch(outcome: &mut Outcome, tip: Oid, work: Work<'_>) {
    let Err(FailedUpdate { error: UpdateError::Tree { of, source }, .. }) = outcome else { return };
    *of = work.route.push.to_string();
    if matches!(**source, TreeError::NotFound { .. }) {
        *outcome = Ok(Update::of(work.route, tip, Findings::default()));
    }
}

/// Takes out of an outcome what is not on the push branch and cannot be made there.
fn leave_out(made: &mut Outcome, above: Outcome, work: Work<'_>) {
    let Ok(update) = made else { return };
    match above {
        Err(failed) if update.commit.is_some() => *made = Err(failed),
        Err(_) => {}
        Ok(above) => {
            let gone = gone(&update.findings, &above.findings, work);
            update.findings.changes.retain(|found| is_there(found, &above.findings));
            update.findings.ignored.extend(gone);
            update.commit.take_if(|_| update.findings.changes.is_empty());
        }
    }
}

/// The changes that were made on the checkout branch in fields that the push branch has not.
fn gone(made: &Findings, above: &Findings, work: Work<'_>) -> Vec<InFile<Ignored>> {
    let reason = format!("{} has no such field in this file", work.route.push);
    let tell = |found: &InFile<Change>| InFile {
        file: found.file.clone(),
        what: Ignored { line: found.what.line, marker: found.what.setter.clone(), reason: reason.clone() },
    };
    made.changes.iter().filter(|found| !is_there(found, above)).map(tell).collect()
}

fn is_there(change: &InFile<Change>, above: &Findings) -> bool {
    above.current.iter().any(|found| found.file == change.file && found.what.policy == change.what.policy)
}

fn difference(session: &Session, from: Oid, to: Oid) -> Result<BTreeMap<String, Option<ContentId>>, UpdateError> {
    let differing = session.difference(from, to);
    differing.map_err(|error| UpdateError::Tree { of: format!("commit {to}"), source: Arc::new(error) })
}

fn content_id(tree: &GitTree<'_>, path: &str) -> Option<ContentId> {
    entry(tree, path)?.content_id
}

fn content(tree: &GitTree<'_>, path: &str) -> Option<Vec<u8>> {
    tree.read(&entry(tree, path)?).ok().map(Cow::into_owned)
}

fn entry(tree: &GitTree<'_>, path: &str) -> Option<Entry> {
    let found: Result<_, TreeError> = tree.files(path, &|_| true);
    found.ok()?.into_iter().find(|entry| entry.path == path)
}
