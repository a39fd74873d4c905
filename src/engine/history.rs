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

/// The entries of `branch` (the default branch without one), newest first, from its latest `commits_max` commits.
pub fn history(git: &Git, remote: &Remote, branch: Option<&str>, commits_max: usize) -> Result<Vec<Entry>, git::Error> {
    let commits = git.history(remote, branch, commits_max)?;
    Ok(commits.into_iter().filter_map(entry).collect())
}

fn entry(commit: LogEntry) -> Option<Entry> {
    let trail = trailer::read(&commit.message)?;
    Some(Entry {
        commit: commit.id.to_string(),
        time: commit.time,
        author: format!("{} <{}>", commit.author.name, commit.author.email),
        subject: commit.message.lines().next().unwrap_or_default().to_owned(),
        automation: trail.automation,
        changes: trail.changes,
        omitted: trail.omitted,
    })
}
