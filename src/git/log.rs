//! The commits of a branch, newest first.

use git2::{Commit, Oid, Repository, Sort};
use jiff::Timestamp;

use super::commit::Author;
use super::error::Error;

/// One commit as `history` needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    pub id: Oid,
    pub parents: Vec<Oid>,
    pub author: Author,
    /// When the author made it; commits that claim an impossible time are put at 1970.
    pub time: Timestamp,
    /// What is not UTF-8 is replaced.
    pub message: String,
}

/// Walks back from `tip`, by the time of the commits and never a parent before its child, `limit` commits at most.
pub(super) fn walk(repository: &Repository, tip: Oid, limit: usize) -> Result<Vec<LogEntry>, git2::Error> {
    walk_since(repository, tip, None, limit)
}

/// Like [`walk`], without what is behind `base`.
pub(super) fn walk_since(
    repository: &Repository,
    tip: Oid,
    base: Option<Oid>,
    limit: usize,
) -> Result<Vec<LogEntry>, git2::Error> {
    let mut walk = repository.revwalk()?;
    // By time alone libgit2 puts commits of the same second in any order.
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
    walk.push(tip)?;
    if let Some(base) = base {
        walk.hide(base)?;
    }
    walk.take(limit).map(|id| repository.find_commit(id?).map(|commit| entry(&commit))).collect()
}

/// The tip of `branch` in any repository of this machine; without one, what `HEAD` is at.
pub(super) fn tip(repository: &Repository, branch: Option<&str>) -> Result<Option<Oid>, Error> {
    let reference = match branch {
        Some(branch) => super::branch::Branch::new(branch)?.reference(),
        None => "HEAD".to_owned(),
    };
    Ok(repository.find_reference(&reference).and_then(|found| found.peel_to_commit()).ok().map(|commit| commit.id()))
}

fn entry(commit: &Commit<'_>) -> LogEntry {
    let author = commit.author();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    LogEntry {
        id: commit.id(),
        parents: commit.parent_ids().collect(),
        author: Author { name: text(author.name_bytes()), email: text(author.email_bytes()) },
        time: Timestamp::from_second(author.when().seconds()).unwrap_or(Timestamp::UNIX_EPOCH),
        message: text(commit.message_bytes()),
    }
}
