//! The files of one commit, owned: read from any thread, for as long as they are needed.
//!
//! All snapshots of a remote that are taken together share its open store, one reader at a time.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::Oid;

use super::error::Error;
use super::session::Session;
use super::tree::unreadable;
use super::{Git, Remote};
use crate::tree::{Entry, FileTree, Look, TreeError};

/// What one commit holds.
pub struct Snapshot {
    session: Arc<Mutex<Session>>,
    commit: Oid,
}

impl Git {
    /// The files of what each of `revisions` names (see [`Session::fetch_revision`]), in their order, fetched where
    /// they are not here.
    pub fn snapshots(&self, remote: &Remote, revisions: &[&str]) -> Result<Vec<Snapshot>, Error> {
        let session = self.open_to_read(remote)?;
        let commits = fetched(&session, revisions)?;
        // Before anything is read: packs may be put together anew here.
        session.tidy(self.limits.state_bytes);
        let session = Arc::new(Mutex::new(session));
        Ok(commits.into_iter().map(|commit| Snapshot { session: Arc::clone(&session), commit }).collect())
    }
}

fn fetched(session: &Session, revisions: &[&str]) -> Result<Vec<Oid>, Error> {
    revisions.iter().map(|revision| session.fetch_revision(revision)).collect()
}

impl Snapshot {
    /// The files of further revisions of the same remote: its store is open here, and nobody else can open it.
    pub fn others(&self, revisions: &[&str]) -> Result<Vec<Snapshot>, Error> {
        let commits = fetched(&self.session(), revisions)?;
        Ok(commits.into_iter().map(|commit| Snapshot { session: Arc::clone(&self.session), commit }).collect())
    }

    pub fn commit(&self) -> Oid {
        self.commit
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        // Nothing is changed through a snapshot, so a reader that panicked left nothing half done.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileTree for Snapshot {
    fn files(&self, under: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>, TreeError> {
        let session = self.session();
        let tree = session.tree(self.commit).map_err(|error| unreadable(under, error))?;
        tree.files(under, wanted)
    }

    fn look(&self, path: &str) -> Result<Look, TreeError> {
        let session = self.session();
        let tree = session.tree(self.commit).map_err(|error| unreadable(path, error))?;
        tree.look(path)
    }

    fn read(&self, entry: &Entry) -> Result<Cow<'_, [u8]>, TreeError> {
        let session = self.session();
        let tree = session.tree(self.commit).map_err(|error| unreadable(&entry.path, error))?;
        tree.read(entry).map(|content| Cow::Owned(content.into_owned()))
    }
}
