//! History: the audit trail of a repository, read back from its commits.
//!
//! Takes a repository and what is asked of it; gives the commits that changed images, newest first. What a commit
//! changed is read from its trailers, else from the message of another tool ([`message`]), else from its files
//! ([`compare`]). A change that came by a merge is told at the commit that made it. [`check`] holds the trailers
//! against the files.

mod agree;
pub mod check;
mod compare;
mod message;
mod window;

use std::collections::HashSet;

use jiff::Timestamp;
use rayon::prelude::*;
use serde::Serialize;

use crate::git::{self, Git, LogEntry, Objects, Remote};
use crate::image::ImageRef;
use crate::object::NamespacedName;
use message::Reading;
pub use window::End;
use window::Window;

/// What is asked of a history.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The branch; the default branch without one.
    pub branch: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub policy: Option<NamespacedName>,
    pub image: Option<ImageRef>,
    /// The newest commits that answer.
    pub commits_max: Option<usize>,
    /// Compares the files of every commit that says nothing itself, not only of those that look like a tool's.
    pub all_commits: bool,
}

/// Where a change was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Trailer,
    Message,
    Diff,
}

/// One field that changed, or several in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    pub policy: Option<NamespacedName>,
    pub automation: Option<NamespacedName>,
    /// The Application of Argo CD.
    pub application: Option<String>,
    pub old: String,
    pub new: String,
    pub from: Source,
}

/// One commit that changed images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub commit: String,
    pub time: Timestamp,
    /// `Name <email>`
    pub author: String,
    pub subject: String,
    pub changes: Vec<Change>,
    /// Changes that the commit does not list.
    pub omitted: usize,
    /// The commit that this one takes back.
    pub reverts: Option<String>,
}

/// What was read of the audit trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Newest first.
    pub entries: Vec<Entry>,
    /// Commits whose files could not be compared, or not all of them, and why.
    pub unread: Vec<(String, String)>,
    pub end: End,
}

/// The trail of a repository.
pub fn history(git: &Git, remote: &Remote, query: &Query) -> Result<History, git::Error> {
    let log = git.log(remote, query.branch.as_deref())?;
    let mut window = Window::new(&log, query)?;
    let mut history = History::default();
    let commits_max = query.commits_max.unwrap_or(usize::MAX);
    while history.entries.len() < commits_max {
        let batch = window.batch()?;
        if batch.is_empty() {
            history.end = window.end;
            break;
        }
        for (entry, unread) in read(&log.objects(), &batch, query.all_commits) {
            history.unread.extend(unread);
            history.entries.extend(entry.and_then(|entry| wanted(entry, query)));
        }
    }
    history.entries.truncate(commits_max);
    Ok(history)
}

/// What was made of one commit, and why not all of it.
type Read = (Option<Entry>, Option<(String, String)>);

/// Reads commits in parallel.
fn read(objects: &Objects, batch: &[LogEntry], all_commits: bool) -> Vec<Read> {
    let readings: Vec<Reading> = batch.par_iter().map(|entry| message::read(entry, all_commits)).collect();
    let unclear = batch.iter().zip(&readings).filter(|(_, reading)| reading.compare).map(|(commit, _)| commit);
    let mut compared = compare::all(objects, &unclear.collect::<Vec<_>>()).into_iter();
    let joined = batch.iter().zip(readings).map(|(commit, reading)| {
        let compared = if reading.compare { compared.next() } else { None };
        join(commit, reading, compared)
    });
    joined.collect()
}

/// Puts together what the message tells and what the files show: the files are right where they could be read.
fn join(commit: &LogEntry, reading: Reading, compared: Option<compare::Outcome>) -> Read {
    let (changes, omitted, reason) = match compared {
        None => (reading.changes, reading.omitted, None),
        Some(Err(reason)) => (reading.changes, reading.omitted, Some(reason)),
        Some(Ok(found)) if found.changes.is_empty() => (reading.changes, reading.omitted, found.gap),
        Some(Ok(found)) => (found.changes, 0, found.gap),
    };
    let id = commit.id.to_string();
    let unread = reason.map(|reason| (id.clone(), reason));
    let is_silent = changes.is_empty() && omitted == 0;
    let entry = (!is_silent).then(|| Entry {
        commit: id,
        time: commit.time,
        author: author(commit),
        subject: subject(commit),
        changes: distinct(changes),
        omitted,
        reverts: reading.reverts,
    });
    (entry, unread)
}

fn author(commit: &LogEntry) -> String {
    format!("{} <{}>", commit.author.name, commit.author.email)
}

fn subject(commit: &LogEntry) -> String {
    commit.message.trim_start().lines().next().unwrap_or_default().to_owned()
}

fn distinct(changes: Vec<Change>) -> Vec<Change> {
    let mut seen = HashSet::new();
    changes.into_iter().filter(|change| seen.insert(change.clone())).collect()
}

/// The entry with the changes that were asked for; `None` where it has none of them.
fn wanted(mut entry: Entry, query: &Query) -> Option<Entry> {
    if query.policy.is_none() && query.image.is_none() {
        return Some(entry);
    }
    entry.changes.retain(|change| {
        let of_policy = query.policy.as_ref().is_none_or(|policy| change.policy.as_ref() == Some(policy));
        of_policy && query.image.as_ref().is_none_or(|image| is_of(image, &change.old) || is_of(image, &change.new))
    });
    (!entry.changes.is_empty()).then_some(entry)
}

/// Whether `value` is an image of the repository `image`, in that version where it names one.
fn is_of(image: &ImageRef, value: &str) -> bool {
    let Ok(value) = value.parse::<ImageRef>() else { return false };
    image.repository == value.repository
        && (image.tag.is_none() || image.tag == value.tag)
        && (image.digest.is_none() || image.digest == value.digest)
}
