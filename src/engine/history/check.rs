//! Check: for each commit with trailers of ours whether they [`agree`](super::agree) with its files, and who signed it.

use jiff::Timestamp;
use rayon::prelude::*;

use super::agree::judge;
pub use super::agree::{Agreement, Differences};
use super::window::{End, Window};
use super::{Query, author, compare, is_of, subject};
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
