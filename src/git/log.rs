//! The past of a branch: its commits, newest first, and the files that each of them changed.
//!
//! Commits are read as they are walked, each once and raw, so that the newest of a long history come at once.
//! What a shallow clone lacks ends the history there, and is no error.

mod changed;
mod raw;
mod walk;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Odb, Oid, Repository, Revwalk, Sort};
use jiff::Timestamp;

pub use self::changed::{Changed, FileChange};
pub use self::walk::Commits;

use super::commit::Author;
use super::error::Error;
use super::session::Session;
use super::url::Place;
use super::{Git, Remote, store};

/// A commit is read up to this size.
const COMMIT_BYTES_MAX: usize = 64 << 20;
/// The list of a shallow clone's last commits is read up to this size.
const SHALLOW_BYTES_MAX: u64 = 64 << 20;

/// One commit as `history` needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    pub id: Oid,
    pub parents: Vec<Oid>,
    pub author: Author,
    pub committer: Author,
    /// When its author made it, which is when a commit of ours was decided.
    pub decided: Timestamp,
    /// When it was committed; commits that claim an impossible time are put at 1970.
    pub time: Timestamp,
    /// What is not UTF-8 is replaced.
    pub message: String,
    pub is_signed: bool,
    /// True where a shallow clone ends: the parents are not here.
    pub is_cut: bool,
}

/// A branch whose past is read.
pub struct Log {
    repository: Repository,
    tip: Oid,
    shallow: HashSet<Oid>,
    /// Keeps the lock of a remote's store.
    session: Option<Session>,
}

/// Where the objects of a log lie; each thread opens them for itself.
#[derive(Clone, Debug)]
pub struct Objects(PathBuf);

/// The objects of a log, open.
pub struct Reader {
    repository: Repository,
}

impl Git {
    /// The past of `branch` (of the default branch without one), fetched where it is not here. A local repository may
    /// be any clone, bare or not.
    pub fn log(&self, remote: &Remote, branch: Option<&str>) -> Result<Log, Error> {
        if let Place::Local(path) = remote.url.place() {
            let Some(log) = Log::local(path, branch)? else {
                let present = branch.map(|_| branches(path)).transpose()?.unwrap_or_default();
                return Err(Error::missing_branch(&remote.url, branch.unwrap_or_default(), present));
            };
            return Ok(log);
        }
        let session = self.open(remote)?;
        let branch = branch.map_or_else(|| session.default_branch(), |branch| Ok(branch.to_owned()))?;
        let tip = session.fetch(&branch)?;
        // Before anything is read, and what is read is opened anew.
        session.tidy(self.limits.state_bytes);
        let repository = reopen(session.store().repository().path())?;
        Ok(Log { shallow: shallow(&repository)?, repository, tip, session: Some(session) })
    }
}

impl Log {
    /// The past of a branch (or of `HEAD`) of any repository of this machine; `None` where the branch does not exist.
    pub fn local(path: &Path, branch: Option<&str>) -> Result<Option<Self>, Error> {
        let repository = store::open_any(path)?;
        let Some(tip) = tip(&repository, branch)? else { return Ok(None) };
        Ok(Some(Self { shallow: shallow(&repository)?, repository, tip, session: None }))
    }

    /// The commits, newest first; none comes before the child through which it was found.
    pub fn commits(&self) -> Result<Commits<'_>, Error> {
        Commits::new(self)
    }

    pub fn objects(&self) -> Objects {
        Objects(self.repository.path().to_path_buf())
    }

    fn read_error(&self, source: git2::Error) -> Error {
        match &self.session {
            Some(session) => session.store().read_error("reading commits", source),
            None => Error::git("reading commits")(source),
        }
    }
}

impl Objects {
    pub fn open(&self) -> Result<Reader, Error> {
        Ok(Reader { repository: reopen(&self.0)? })
    }
}

/// The commits behind `tip` that are not behind `base` too, `limit` at most: never a parent before its child.
pub(super) fn walk_since(
    repository: &Repository,
    tip: Oid,
    base: Oid,
    limit: usize,
) -> Result<Vec<LogEntry>, git2::Error> {
    let mut walk = repository.revwalk()?;
    // By time alone libgit2 puts commits of the same second in any order.
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
    walk.push(tip)?;
    walk.hide(base)?;
    entries(repository, walk, limit)
}

/// The `limit` newest commits behind `tip`, by time alone: the rest of a long history is not looked at.
pub(super) fn latest(repository: &Repository, tip: Oid, limit: usize) -> Result<Vec<LogEntry>, git2::Error> {
    let mut walk = repository.revwalk()?;
    walk.set_sorting(Sort::TIME)?;
    walk.push(tip)?;
    entries(repository, walk, limit)
}

/// The first commits of a walk, read.
fn entries(repository: &Repository, walk: Revwalk<'_>, limit: usize) -> Result<Vec<LogEntry>, git2::Error> {
    let odb = repository.odb()?;
    walk.take(limit).map(|id| read(&odb, id?)).collect()
}

/// Reads one commit.
fn read(odb: &Odb<'_>, id: Oid) -> Result<LogEntry, git2::Error> {
    let wrong = |what: String| git2::Error::new(git2::ErrorCode::Invalid, git2::ErrorClass::Object, what);
    let (bytes, _) = odb.read_header(id)?;
    if bytes > COMMIT_BYTES_MAX {
        return Err(wrong(format!("commit {id} is larger than {COMMIT_BYTES_MAX} bytes")));
    }
    let object = odb.read(id)?;
    if object.kind() != ObjectType::Commit {
        return Err(wrong(format!("object {id} is no commit")));
    }
    Ok(raw::entry(id, object.data()))
}

/// Opens a repository that was opened already: whose files these are was checked then.
fn reopen(path: &Path) -> Result<Repository, Error> {
    Repository::open_bare(path).map_err(|source| Error::Open { path: path.to_path_buf(), source: source.into() })
}

/// The tip of `branch`; without one, what `HEAD` is at.
fn tip(repository: &Repository, branch: Option<&str>) -> Result<Option<Oid>, Error> {
    let reference = match branch {
        Some(branch) => super::branch::Branch::new(branch)?.reference(),
        None => "HEAD".to_owned(),
    };
    Ok(repository.find_reference(&reference).and_then(|found| found.resolve()).ok().and_then(|found| found.target()))
}

/// The branches of any repository of this machine.
fn branches(path: &Path) -> Result<Vec<String>, Error> {
    let repository = store::open_any(path)?;
    let references = repository.references_glob("refs/heads/*").map_err(Error::git("listing the branches"))?;
    let name = |reference: git2::Reference<'_>| Some(reference.name().ok()?.strip_prefix("refs/heads/")?.to_owned());
    let mut names: Vec<String> = references.flatten().filter_map(name).collect();
    names.sort();
    Ok(names)
}

/// The commits at which a shallow clone ends.
fn shallow(repository: &Repository) -> Result<HashSet<Oid>, Error> {
    let path = repository.commondir().join("shallow");
    match fs::metadata(&path) {
        Ok(found) if found.len() <= SHALLOW_BYTES_MAX => {}
        Ok(_) => return Err(Error::io("reading", path)(std::io::ErrorKind::FileTooLarge.into())),
        Err(_) => return Ok(HashSet::new()),
    }
    let text = fs::read_to_string(&path).map_err(Error::io("reading", &path))?;
    Ok(text.lines().filter_map(|line| line.trim().parse().ok()).collect())
}
