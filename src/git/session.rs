//! One remote, open: its references, their files, new commits, a push.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use git2::{FetchOptions, ObjectType, Oid};
use tracing::{info, warn};

use super::advertisement::{Advertisement, Refs, Wanted};
use super::branch::{Branch, FullName};
use super::commit::{self, CommitMeta, Pending};
use super::difference;
use super::edit::Edit;
use super::error::{Error, Fault, PushError, printable};
use super::link::{Link, Service};
use super::log::{self, LogEntry};
use super::memory::{Draft, Memory, Subject};
use super::push::{self, Expected, Move};
use super::refspec::{PushOptions, RefName};
use super::store::{self, Store};
use super::survey::Survey;
use super::transport::Route;
use super::tree::GitTree;
use super::url::RemoteUrl;
use super::{repack, shelf};
use crate::metrics::Metrics;
use crate::tree::{ContentId, TreeError};

/// What a server says that hands out commits which none of its references is at.
const CAN_WANT_ANY: &[&str] = &["allow-reachable-sha1-in-want", "allow-any-sha1-in-want"];

/// An error names at most that many branches.
const BRANCHES_NAMED_MAX: usize = 10;

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

    /// The branches and tags, listed once: one request.
    pub fn refs(&self) -> Result<Arc<Refs>, Error> {
        self.listing().map(|listing| Arc::clone(&listing.refs))
    }

    /// The branch that the remote's `HEAD` names.
    pub fn default_branch(&self) -> Result<String, Error> {
        let refs = self.refs()?;
        match &refs.default_branch {
            Some(branch) => Ok(branch.clone()),
            None if refs.heads.is_empty() => Err(Error::Empty { url: self.boxed_url() }),
            None => Err(Error::NoDefaultBranch { url: self.boxed_url() }),
        }
    }

    /// Lists the references again, after a lost race. A server that is spoken to lists them for the next push: who is in
    /// a race has no time for a second listing.
    pub fn refresh(&mut self) -> Result<Arc<Refs>, Error> {
        let (Place::Remote(link), Some(listing)) = (&self.place, self.listing.get_mut()) else {
            self.listing.take();
            return self.refs();
        };
        self.metrics.git_ref_listings.inc();
        link.begin();
        let offer = link.list(Service::ReceivePack).and_then(Advertisement::parse);
        match offer {
            Ok(offer) => {
                Arc::make_mut(listing).heads_are(&offer.refs.heads);
                self.offer.replace(Some(offer));
            }
            Err(fault) => return Err(self.remote_error("listing the branches of", fault)),
        }
        self.refs()
    }

    /// The tip of `branch`, brought here with all that it needs. No request where it is here already.
    pub fn fetch(&self, branch: &str) -> Result<Oid, Error> {
        let branch = Branch::new(branch)?;
        let tip = self.tip(&branch)?;
        self.bring(&Wanted { name: branch.reference(), object: tip, commit: tip })
    }

    /// The commit that any reference, by its full name, is at; brought here like a branch.
    pub fn fetch_reference(&self, name: &str) -> Result<Oid, Error> {
        let name = FullName::new(name)?;
        let found = match &self.place {
            Place::Remote(_) => self.listing()?.find(&name),
            Place::Local => self.find_locally(&name),
        };
        let missing = || Error::MissingReference { url: self.boxed_url(), name: name.as_str().to_owned() };
        self.bring(&found.ok_or_else(missing)?)
    }

    /// Brings a commit here, by its id. Servers that hand out no commit by its id are asked for their branches.
    pub fn fetch_commit(&self, commit: Oid) -> Result<Oid, Error> {
        if !self.store.holds(commit) {
            self.seek(commit)?;
        }
        // The name is not one of the server's: it keeps the commit in the store.
        self.bring(&Wanted { name: format!("refs/commits/{commit}"), object: commit, commit })
    }

    /// Brings `branch` here, and with it a commit that must be on it.
    pub fn fetch_commit_on(&self, branch: &str, commit: Oid) -> Result<Oid, Error> {
        let tip = self.fetch(branch)?;
        let repository = self.store.repository();
        if tip == commit || (self.store.holds(commit) && repository.graph_descendant_of(tip, commit).unwrap_or(false)) {
            return Ok(commit);
        }
        Err(Error::NotOnBranch { url: self.boxed_url(), commit, branch: branch.to_owned() })
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

    /// The commit that `target` is at, brought here. A reference that servers take and never show, such as Gerrit's
    /// `refs/for/main`, is where this store pushed it last.
    pub fn tip_of(&self, target: &RefName) -> Result<Option<Oid>, Error> {
        if let Some(branch) = target.as_branch() {
            return if self.refs()?.heads.contains_key(branch) { self.fetch(branch).map(Some) } else { Ok(None) };
        }
        match self.fetch_reference(target.as_str()) {
            Ok(tip) => Ok(Some(tip)),
            Err(Error::MissingReference { .. }) if target.is_magic() => Ok(self.store.remembered(target.as_str())),
            Err(Error::MissingReference { .. }) => Ok(None),
            Err(error) => Err(error),
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

    /// To be called when all is done: makes one pack of many, and removes stores that nobody used for long when all
    /// take more than `state_bytes`. What goes wrong costs room alone, and is told in the log.
    pub(super) fn tidy(self, state_bytes: u64) {
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

    /// The listing goes on showing what the remote has: the next push of this session builds on this one.
    fn note_pushed(&self, target: &RefName, new: Oid) {
        if let (Some(listing), Some(branch)) = (self.listing.borrow_mut().as_mut(), target.as_branch()) {
            Arc::make_mut(listing).moved(branch, new);
        }
    }

    fn listing(&self) -> Result<Arc<Advertisement>, Error> {
        if let Some(listing) = self.listing.borrow().as_ref() {
            return Ok(Arc::clone(listing));
        }
        let listing = Arc::new(self.list()?);
        Ok(Arc::clone(self.listing.borrow_mut().insert(listing)))
    }

    fn list(&self) -> Result<Advertisement, Error> {
        self.metrics.git_ref_listings.inc();
        match &self.place {
            Place::Remote(link) => {
                link.begin();
                let parsed = link.list(Service::UploadPack).and_then(Advertisement::parse);
                parsed.map_err(|fault| self.remote_error("listing the branches of", fault))
            }
            Place::Local => self.list_locally().map_err(Error::git("listing the branches")),
        }
    }

    fn list_locally(&self) -> Result<Advertisement, git2::Error> {
        let repository = self.store.repository();
        let mut refs =
            Refs { heads: self.at_commits("refs/heads/")?, tags: self.at_commits("refs/tags/")?, default_branch: None };
        let head = repository.find_reference("HEAD")?;
        let target = head.symbolic_target().ok().flatten().and_then(|name| name.strip_prefix("refs/heads/"));
        refs.default_branch = target.filter(|name| refs.heads.contains_key(*name)).map(str::to_owned);
        Ok(Advertisement::of(refs))
    }

    /// The references of the store below `prefix` that are at commits.
    fn at_commits(&self, prefix: &str) -> Result<BTreeMap<String, Oid>, git2::Error> {
        let mut found = BTreeMap::new();
        for reference in self.store.repository().references_glob(&format!("{prefix}*"))? {
            let reference = reference?;
            // Names that are not UTF-8 cannot be asked for.
            let Some(name) = reference.name().ok().and_then(|name| name.strip_prefix(prefix)) else { continue };
            // A branch is at a commit, or broken, which shows when it is read; a tag may be of anything.
            let commit = reference.peel_to_commit().map(|commit| commit.id());
            let broken = || reference.target().filter(|_| reference.is_branch());
            if let Some(commit) = commit.ok().or_else(broken) {
                found.insert(name.to_owned(), commit);
            }
        }
        Ok(found)
    }

    fn find_locally(&self, name: &FullName) -> Option<Wanted> {
        let reference = self.store.repository().find_reference(name.as_str()).ok()?;
        let object = reference.peel(ObjectType::Any).ok()?.id();
        let commit = reference.peel_to_commit().map_or(object, |commit| commit.id());
        Some(Wanted { name: name.as_str().to_owned(), object, commit })
    }

    /// Looks for a commit at the remote.
    fn seek(&self, commit: Oid) -> Result<(), Error> {
        let missing = || Error::MissingCommit { url: self.boxed_url(), commit };
        let Place::Remote(link) = &self.place else { return Err(missing()) };
        let listing = self.listing()?;
        if listing.has_at_tip(commit) || CAN_WANT_ANY.iter().any(|capability| listing.can(capability)) {
            let wanted = Wanted { name: format!("refs/commits/{commit}"), object: commit, commit };
            return self.download(link, &wanted).map_err(|error| match error {
                // The server's way to say that it has none.
                Error::Remote { source: Fault::Says { .. }, .. } => missing(),
                error => error,
            });
        }
        let refs = &listing.refs;
        let others = refs.heads.keys().filter(|branch| Some(*branch) != refs.default_branch.as_ref());
        for branch in refs.default_branch.iter().chain(others) {
            self.fetch(branch)?;
            if self.store.holds(commit) {
                return Ok(());
            }
        }
        Err(missing())
    }

    fn tip(&self, branch: &Branch) -> Result<Oid, Error> {
        let refs = self.refs()?;
        let heads = &refs.heads;
        if let Some(tip) = heads.get(branch.as_str()) {
            return Ok(*tip);
        }
        let url = self.boxed_url();
        if heads.is_empty() {
            return Err(Error::Empty { url });
        }
        let present: Vec<String> = heads.keys().take(BRANCHES_NAMED_MAX).cloned().collect();
        let more = heads.len() - present.len();
        Err(Error::MissingBranch { url, branch: branch.as_str().to_owned(), present, more })
    }

    /// Fetches what is not here yet, and remembers it.
    fn bring(&self, wanted: &Wanted) -> Result<Oid, Error> {
        if let Place::Remote(link) = &self.place {
            if !self.store.holds(wanted.commit) {
                self.download(link, wanted)?;
            }
            self.store.remember(&wanted.name, wanted.commit)?;
            self.used.borrow_mut().insert(store::remembered_as(&wanted.name));
        } else if !self.store.holds(wanted.commit) {
            return Err(Error::NotCommit { url: self.boxed_url(), name: wanted.name.clone() });
        }
        Ok(wanted.commit)
    }

    fn download(&self, link: &Arc<Link>, wanted: &Wanted) -> Result<(), Error> {
        link.begin();
        let listing = self.listing()?.only(wanted, !link.is_stateful());
        let route = Route::new(Arc::clone(link), listing);
        let done = self.download_over(&route, wanted);
        done.map_err(|error| match link.take_fault() {
            Some(fault) => self.remote_error("fetching from", fault),
            None => self.fetch_error(error),
        })?;
        self.metrics.git_fetches.inc();
        self.has_grown.set(true);
        let kind = self.store.odb()?.read_header(wanted.commit).map(|(_, kind)| kind);
        match kind {
            Ok(ObjectType::Commit) => Ok(()),
            Ok(_) => Err(Error::NotCommit { url: self.boxed_url(), name: wanted.name.clone() }),
            _ => Err(self.remote_error(
                "fetching from",
                Fault::Protocol { what: "the commit was not in what it sent".to_owned() },
            )),
        }
    }

    fn download_over(&self, route: &Route, wanted: &Wanted) -> Result<(), git2::Error> {
        let mut remote = self.store.repository().remote_anonymous(&route.url())?;
        let mut options = FetchOptions::new();
        options.download_tags(git2::AutotagOption::None).update_fetchhead(false);
        remote.download(&[&wanted.name], Some(&mut options))
    }

    /// Sorts what libgit2 says: about our store, or about what the server sent.
    fn fetch_error(&self, error: git2::Error) -> Error {
        let text = printable(error.message().as_bytes(), 500);
        let fault = match (error.class(), error.code()) {
            // What cannot be written is not the server's fault.
            (git2::ErrorClass::Os | git2::ErrorClass::Filesystem, _) => {
                return Error::Git { doing: "writing what was fetched to the store", source: error.into() };
            }
            (git2::ErrorClass::Odb, _) => return self.store.read_error("fetching", error),
            (_, git2::ErrorCode::Eof) => Fault::Truncated,
            _ => match text.strip_prefix("remote error: ") {
                Some(said) => Fault::Says { text: said.to_owned() },
                None => Fault::Protocol { what: text },
            },
        };
        self.remote_error("fetching from", fault)
    }
}
