//! Check: holds the trailers of each commit against what its files say.
//!
//! Every change that a trailer lists must be in the diff, and every marked field that the diff changes in the
//! trailers. A squash merge answers for its commits together: what they list one after the other counts as one change.

use std::collections::HashSet;

use jiff::Timestamp;
use rayon::prelude::*;

use super::{End, Query, Window, author, compare, is_of, subject};
use crate::engine::cause::Cause;
use crate::git::{self, Git, Keyring, LogEntry, Objects, Reader, Remote, Signature};
use crate::trailer::{self, ImageChange, Trail};

/// One commit that carries trailers of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub commit: String,
    pub time: Timestamp,
    /// `Name <email>`
    pub author: String,
    pub subject: String,
    pub agreement: Agreement,
    pub is_signed: bool,
    /// The verdict on its signature, where keys are known.
    pub signature: Option<Signature>,
}

/// Whether trailers and files say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    Agrees,
    Disagrees(Differences),
    /// Why nobody knows.
    Unknown(String),
}

/// What trailers and files do not both say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Changes that the trailers list and the files do not show.
    pub not_made: Vec<ImageChange>,
    /// Changes that the files show and the trailers do not list.
    pub not_listed: Vec<ImageChange>,
    /// How many further changes the trailers speak of.
    pub omitted: usize,
}

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// Newest first.
    pub commits: Vec<Checked>,
    pub end: End,
}

/// Checks the commits that [`history`](super::history) tells by their trailers; with keys, their signatures too.
pub fn check(git: &Git, remote: &Remote, query: &Query, keys: Option<&Keyring>) -> Result<Checks, git::Error> {
    let log = git.log(remote, query.branch.as_deref())?;
    let mut window = Window::new(&log, query)?;
    let mut checks = Checks::default();
    let commits_max = query.commits_max.unwrap_or(usize::MAX);
    while checks.commits.len() < commits_max {
        let batch = window.batch()?;
        if batch.is_empty() {
            checks.end = window.end;
            break;
        }
        checks.commits.extend(check_some(&log.objects(), &batch, query, keys));
    }
    checks.commits.truncate(commits_max);
    Ok(checks)
}

fn check_some(objects: &Objects, batch: &[LogEntry], query: &Query, keys: Option<&Keyring>) -> Vec<Checked> {
    let carries = |commit: &LogEntry| commit.parents.len() < 2 && commit.message.contains("Image-");
    let trails = batch.iter().filter(|commit| carries(commit)).map(|commit| trailer::read_all(&commit.message));
    let commits = batch.iter().filter(|commit| carries(commit)).zip(trails);
    let (commits, trails): (Vec<&LogEntry>, Vec<Vec<Trail>>) =
        commits.filter(|(_, trails)| asked(trails, query)).unzip();
    let outcomes = compare::all(objects, &commits);
    let signatures = signatures(objects, &commits, keys);
    let judged = trails.iter().zip(outcomes).map(|(trails, outcome)| judge(trails, outcome)).zip(signatures);
    let checked = commits.iter().zip(judged).map(|(commit, (agreement, signature))| Checked {
        commit: commit.id.to_string(),
        time: commit.time,
        author: author(commit),
        subject: subject(commit),
        agreement,
        is_signed: commit.is_signed,
        signature,
    });
    checked.collect()
}

/// The verdicts on the signatures of `commits`.
fn signatures(objects: &Objects, commits: &[&LogEntry], keys: Option<&Keyring>) -> Vec<Option<Signature>> {
    let Some(keys) = keys else { return vec![None; commits.len()] };
    let told = |error: git::Error| Signature::Unsupported { what: Cause::from(error).message };
    let verify = |reader: &Reader, commit: &LogEntry| match reader.raw_commit(commit.id) {
        Ok(raw) => keys.verify(&raw),
        Err(error) => told(error),
    };
    let share = |share: &[&LogEntry]| match objects.open() {
        Ok(reader) => share.iter().map(|commit| Some(verify(&reader, commit))).collect(),
        Err(error) => vec![Some(told(error)); share.len()],
    };
    commits.par_chunks(compare::SHARE_MIN).flat_map_iter(share).collect()
}

/// Whether the query is about a change of these trailers.
fn asked(trails: &[Trail], query: &Query) -> bool {
    let mut changes = trails.iter().flat_map(|trail| &trail.changes);
    let is_any = query.policy.is_none() && query.image.is_none();
    let is_asked = |change: &ImageChange| {
        query.policy.as_ref().is_none_or(|policy| *policy == change.policy)
            && query.image.as_ref().is_none_or(|image| is_of(image, &change.old) || is_of(image, &change.new))
    };
    !trails.is_empty() && (is_any || changes.any(is_asked))
}

fn judge(trails: &[Trail], outcome: compare::Outcome) -> Agreement {
    let found = match outcome {
        Err(reason) => return Agreement::Unknown(reason),
        Ok(compare::Found { gap: Some(reason), .. }) => return Agreement::Unknown(reason),
        Ok(found) => found,
    };
    let made = found.changes.into_iter().filter_map(|change| {
        let (policy, old, new) = (change.policy?, change.old, change.new);
        Some(ImageChange { policy, old, new }.told())
    });
    let made: Vec<ImageChange> = distinct(made);
    let omitted = trails.iter().map(|trail| trail.omitted).fold(0, usize::saturating_add);
    let listed = distinct(trails.iter().flat_map(|trail| trail.changes.clone()));
    let one_by_one = differences(&listed, &made, omitted);
    let together = if trails.len() > 1 { differences(&net(trails), &made, omitted) } else { one_by_one.clone() };
    [one_by_one, together]
        .into_iter()
        .min_by_key(weight)
        .filter(|it| weight(it) > 0)
        .map_or(Agreement::Agrees, Agreement::Disagrees)
}

fn weight(differences: &Differences) -> usize {
    differences.not_made.len() + differences.not_listed.len() + differences.omitted
}

fn distinct(changes: impl Iterator<Item = ImageChange>) -> Vec<ImageChange> {
    let mut seen = HashSet::new();
    changes.filter(|change| seen.insert(change.clone())).collect()
}

/// What is on one side alone. As many changes as the trailers speak of without naming them may be unlisted.
fn differences(listed: &[ImageChange], made: &[ImageChange], omitted: usize) -> Differences {
    let (of_trailers, of_files): (HashSet<_>, HashSet<_>) = (listed.iter().collect(), made.iter().collect());
    let not_made = listed.iter().filter(|change| !of_files.contains(change)).cloned().collect();
    let not_listed: Vec<ImageChange> = made.iter().filter(|change| !of_trailers.contains(change)).cloned().collect();
    if not_listed.len() == omitted {
        return Differences { not_made, ..Differences::default() };
    }
    Differences { not_made, not_listed, omitted }
}

/// The changes of several trails as one: `1 -> 2` and `2 -> 3` are `1 -> 3`, whichever comes first in the message.
fn net(trails: &[Trail]) -> Vec<ImageChange> {
    let mut net: Vec<ImageChange> = Vec::new();
    for trail in trails {
        let earlier = net.len();
        for change in &trail.changes {
            let (known, of_this) = net.split_at_mut(earlier);
            let mut same = known.iter_mut().filter(|known| known.policy == change.policy);
            if let Some(known) = same.find(|known| known.new == change.old || known.old == change.new) {
                match known.new == change.old {
                    true => known.new.clone_from(&change.new),
                    false => known.old.clone_from(&change.old),
                }
            } else if !of_this.contains(change) {
                net.push(change.clone());
            }
        }
    }
    net.retain(|change| change.old != change.new);
    net
}
