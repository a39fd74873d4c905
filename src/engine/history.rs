//! History: the audit trail of a repository, read back from the trailers of its commits.

use jiff::Timestamp;

use crate::git::{self, Git, LogEntry, Remote};
use crate::object::NamespacedName;
use crate::trailer::{self, ImageChange};

/// One commit that carries our trailers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub commit: String,
    pub time: Timestamp,
    /// `Name <email>`
    pub author: String,
    pub subject: String,
    pub automation: Option<NamespacedName>,
    pub changes: Vec<ImageChange>,
    /// Changes that the commit does not list.
    pub omitted: usize,
}

/// What was read of the audit trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Newest first.
    pub entries: Vec<Entry>,
    /// True when there are older commits that were not read.
    pub is_cut: bool,
}

/// The trail of `branch` (the default branch without one) in its latest `commits_max` commits.
pub fn history(git: &Git, remote: &Remote, branch: Option<&str>, commits_max: usize) -> Result<History, git::Error> {
    let mut commits = git.history(remote, branch, commits_max.saturating_add(1))?;
    let is_cut = commits.len() > commits_max;
    commits.truncate(commits_max);
    Ok(History { entries: commits.into_iter().filter_map(entry).collect(), is_cut })
}

fn entry(commit: LogEntry) -> Option<Entry> {
    let trail = trailer::read(&commit.message)?;
    Some(Entry {
        commit: commit.id.to_string(),
        time: commit.time,
        author: format!("{} <{}>", commit.author.name, commit.author.email),
        subject: commit.message.trim_start().lines().next().unwrap_or_default().to_owned(),
        automation: trail.automation,
        changes: trail.changes,
        omitted: trail.omitted,
    })
}
