//! One remote, open: its references, their files, new commits, pushes.
//!
//! What is listed, fetched and made here is kept until the session ends; a push shows it to the remote.

mod fetch;
mod listing;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use git2::Oid;
use tracing::{info, warn};

use super::advertisement::Advertisement;
use super::commit::{self, CommitMeta, Pending};
use super::difference;
use super::edit::Edit;
use super::error::{Error, Fault, PushError};
use super::link::Link;
use super::log::{self, LogEntry};
use super::memory::{Draft, Memory, Subject};
use super::push::{self, Expected, Move};
use super::refspec::{PushOptions, RefName};
use super::store::{self, Store};
use super::survey::Survey;
use super::tree::GitTree;
use super::url::RemoteUrl;
use super::{repack, shelf};
use crate::metrics::Metrics;
use crate::tree::{ContentId, TreeError};

/// Holds the lock of the remote's store until it is dropped; one thread uses it at a time.
pub struct Session {
    url: RemoteUrl,
    place: Place,
    listing: RefCell<Option<Arc<Advertisement>>>,
    /// What the server listed for the next push already.
    offer: RefCell<Option<Advertisement>>,
    pending: Pending,
    memory: OnceCell<RefCell<Memory>>,
    /// The references, as the store names them, that were brought here.
    used: RefCell<HashSet<String>>,
    has_grown: Cell<bool>,
    store: Store,
    metrics: Metrics,
}

/// Where the references are.
pub(super) enum Place {
    Remote(Arc<Link>),
    /// In the store itself.
    Local,
}

impl Session {
    pub(super) fn new(url: RemoteUrl, place: Place, store: Store, metrics: Metrics) -> Self {
        Self {
            url,
            place,
            listing: RefCell::default(),
            offer: RefCell::default(),
            pending: Pending::default(),
            memory: OnceCell::new(),
            used: RefCell::default(),
            has_grown: Cell::new(false),
            store,
            metrics,
        }
    }

    pub fn url(&self) -> &RemoteUrl {
        &self.url
    }

    /// When a commit that is here was committed, in seconds since 1970.
    pub fn committed_at(&self, commit: Oid) -> Result<i64, Error> {
        let found = self.store.repository().find_commit(commit);
        found.map(|commit| commit.time().seconds()).map_err(|error| self.store.read_error("reading a commit", error))
    }

    /// The files of a commit that was fetched, or made here.
    pub fn tree(&self, commit: Oid) -> Result<GitTree<'_>, Error> {
        GitTree::of_commit(&self.store, commit)
    }

    /// The paths whose entry is another in the commit `to` than in `from`, with the content id of the file in `to`;
    /// `None` where no file is there.
    pub fn difference(&self, from: Oid, to: Oid) -> Result<BTreeMap<String, Option<ContentId>>, TreeError> {
        difference::difference(&self.store, from, to)
    }

    /// Where the history of two commits last was the same; `None` where it never was.
    pub fn merge_base(&self, one: Oid, two: Oid) -> Result<Option<Oid>, Error> {
        match self.store.repository().merge_base(one, two) {
            Ok(base) => Ok(Some(base)),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(error) => Err(self.store.read_error("reading commits", error)),
        }
    }

    /// Makes one commit on top of `base`, in memory; `base` may be such a commit. A set of edits that changes
    /// nothing is an error.
    pub fn commit(&self, base: Oid, edits: &[Edit], meta: &CommitMeta) -> Result<Oid, Error> {
        commit::commit(&self.store, &self.pending, base, edits, meta)
    }

    /// Moves `branch` from `expected` (`None`: it must not exist) to `new`, or says who was faster.
    pub fn push(&self, branch: &str, expected: Option<Oid>, new: Oid) -> Result<(), PushError> {
        let one = Move { target: RefName::branch(branch)?, expected: Expected::At(expected) };
        self.push_all(&[one], new, &PushOptions::default())
    }

    /// Moves several references to `new`: all or none where the server can do that, else in their order.
    pub fn push_all(&self, moves: &[Move], new: Oid, options: &PushOptions) -> Result<(), PushError> {
        let result = push::push(self, moves, new, options);
        match &result {
            Ok(()) => {
                moves.iter().for_each(|one| self.note_pushed(&one.target, new));
                self.has_grown.set(true);
                self.metrics.git_pushes.inc()
            }
            Err(PushError::Moved { .. }) => self.metrics.git_pushes_lost.inc(),
            Err(_) => 0,
        };
        result
    }

    /// The `limit` newest commits behind `tip`, by time.
    pub fn latest(&self, tip: Oid, limit: usize) -> Result<Vec<LogEntry>, Error> {
        let entries = log::latest(self.store.repository(), tip, limit);
        entries.map_err(|error| self.store.read_error("reading commits", error))
    }

    /// Counts that what came too late to be pushed is made anew.
    pub fn count_push_retry(&self) {
        self.metrics.git_push_retries.inc();
    }

    /// The commits behind `tip` that are not behind `base` too, newest first, at most `limit`.
    pub fn log_since(&self, tip: Oid, base: Oid, limit: usize) -> Result<Vec<LogEntry>, Error> {
        let entries = log::walk_since(self.store.repository(), tip, base, limit);
        entries.map_err(|error| self.store.read_error("reading commits", error))
    }

    /// The files of a commit that are `wanted` and that [`Session::remember`] did not find to be of no interest. One
    /// `wanted` for all surveys of a remote, which looks at the name of a file alone.
    pub fn survey(&self, commit: Oid, wanted: fn(&str) -> bool) -> Result<Survey<'_>, Error> {
        Ok(Survey::new(self.tree(commit)?, self.memory(), wanted))
    }

    /// What was noted on a file's content, in this run or an earlier one.
    pub fn recall(&self, content: ContentId) -> Option<Vec<u8>> {
        let memory = self.memory().borrow();
        memory.note(Subject::Blob, Oid::from_bytes(&content.0).ok()?).map(<[u8]>::to_vec)
    }

    /// Keeps notes on the content of files beyond this run. An empty note: no interest in this file, nor in a folder
    /// of `survey` that holds only such files.
    pub fn remember(&self, survey: &Survey<'_>, notes: &[(ContentId, Vec<u8>)]) {
        let mut draft = Draft::default();
        for (content, note) in notes {
            if let Ok(id) = Oid::from_bytes(&content.0) {
                draft.add(Subject::Blob, id, note);
            }
        }
        self.memory().borrow_mut().keep(draft);
        let folders = survey.conclude(&self.memory().borrow());
        self.memory().borrow_mut().keep(folders);
    }

    /// To be called when the objects here are needed no more through this session: makes one pack of many, and removes
    /// stores that nobody used for long when all take more than `state_bytes`. What goes wrong costs room alone, and is
    /// told in the log.
    pub(super) fn tidy(&self, state_bytes: u64) {
        let home = self.store.home().to_path_buf();
        if !self.has_grown.get() {
            return;
        }
        if matches!(self.place, Place::Remote(_)) && repack::is_due(&home) {
            match self.live_tips().and_then(|tips| repack::repack(&self.store, &tips)) {
                Ok(()) => info!(store = %home.display(), "repacked"),
                Err(error) => warn!(store = %home.display(), error = &error as &dyn std::error::Error, "not repacked"),
            }
        }
        shelf::trim(&home, state_bytes);
    }

    /// What the store remembers of references that the remote still has, or that were used just now.
    fn live_tips(&self) -> Result<Vec<(String, Oid)>, Error> {
        let mut live = self.used.borrow().clone();
        self.listing()?.each_name(|name| live.extend([store::remembered_as(name)]));
        let tips = self.store.tips()?;
        Ok(tips.into_iter().filter(|(name, _)| live.contains(name)).collect())
    }

    fn memory(&self) -> &RefCell<Memory> {
        self.memory.get_or_init(|| RefCell::new(Memory::load(self.store.home())))
    }

    /// What the server listed for this push, if it did.
    pub(super) fn take_offer(&self) -> Option<Advertisement> {
        self.offer.take()
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn pending(&self) -> &Pending {
        &self.pending
    }

    pub(super) fn remote_error(&self, doing: &'static str, source: Fault) -> Error {
        Error::Remote { doing, url: Box::new(self.url.clone()), source }
    }

    fn boxed_url(&self) -> Box<RemoteUrl> {
        Box::new(self.url.clone())
    }
}
