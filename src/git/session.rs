//! One remote, open: its branches, their files, new commits, a push.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use git2::{FetchOptions, ObjectType, Oid};

use super::advertisement::{Advertisement, Refs};
use super::branch::Branch;
use super::commit::{self, CommitMeta, Pending};
use super::edit::Edit;
use super::error::{Error, Fault, PushError, printable};
use super::link::{Link, Service};
use super::log::{self, LogEntry};
use super::push;
use super::store::Store;
use super::transport::Route;
use super::tree::GitTree;
use super::unmarked::Unmarked;
use super::url::RemoteUrl;
use crate::metrics::Metrics;

/// An error names at most that many branches.
const BRANCHES_NAMED_MAX: usize = 10;

/// Holds the lock of the remote's store until it is dropped; one thread uses it at a time.
pub struct Session {
    url: RemoteUrl,
    place: Place,
    listing: OnceCell<Advertisement>,
    pending: Pending,
    unmarked: RefCell<Unmarked>,
    store: Store,
    metrics: Metrics,
}

/// Where the branches are.
pub(super) enum Place {
    Remote(Arc<Link>),
    /// In the store itself.
    Local,
}

impl Session {
    pub(super) fn new(url: RemoteUrl, place: Place, store: Store, metrics: Metrics) -> Self {
        let unmarked = RefCell::new(Unmarked::load(store.home()));
        Self { url, place, listing: OnceCell::new(), pending: Pending::default(), unmarked, store, metrics }
    }

    pub fn url(&self) -> &RemoteUrl {
        &self.url
    }

    /// The branches, listed once: one request.
    pub fn refs(&self) -> Result<&Refs, Error> {
        self.listing().map(|listing| &listing.refs)
    }

    /// The branch that the remote's `HEAD` names.
    pub fn default_branch(&self) -> Result<&str, Error> {
        let refs = self.refs()?;
        let url = || Box::new(self.url.clone());
        match &refs.default_branch {
            Some(branch) => Ok(branch),
            None if refs.heads.is_empty() => Err(Error::Empty { url: url() }),
            None => Err(Error::NoDefaultBranch { url: url() }),
        }
    }

    /// Lists the branches again, after a lost race.
    pub fn refresh(&mut self) -> Result<&Refs, Error> {
        self.listing = OnceCell::new();
        self.refs()
    }

    /// The tip of `branch`, brought here with all that it needs. No request where it is here already.
    pub fn fetch(&self, branch: &str) -> Result<Oid, Error> {
        let branch = Branch::new(branch)?;
        let tip = self.tip(&branch)?;
        if let Place::Remote(link) = &self.place {
            if !self.store.holds(tip) {
                self.download(link, &branch, tip)?;
                self.metrics.git_fetches.inc();
            }
            self.store.remember(&branch, tip)?;
        }
        Ok(tip)
    }

    /// The files of a commit that was fetched, or made here.
    pub fn tree(&self, commit: Oid) -> Result<GitTree<'_>, Error> {
        GitTree::of_commit(&self.store, commit)
    }

    /// Makes one commit on top of `base`, in memory; `base` may be such a commit. A set of edits that changes
    /// nothing is an error.
    pub fn commit(&self, base: Oid, edits: &[Edit], meta: &CommitMeta) -> Result<Oid, Error> {
        commit::commit(&self.store, &self.pending, base, edits, meta)
    }

    /// Moves `branch` from `expected` (`None`: it must not exist) to `new`, or says who was faster.
    pub fn push(&self, branch: &str, expected: Option<Oid>, new: Oid) -> Result<(), PushError> {
        let result = push::push(self, branch, expected, new);
        match &result {
            Ok(()) => self.metrics.git_pushes.inc(),
            Err(PushError::Moved { .. }) => self.metrics.git_pushes_lost.inc(),
            Err(_) => 0,
        };
        result
    }

    /// The commits behind `tip`, newest first, at most `limit`.
    pub fn log(&self, tip: Oid, limit: usize) -> Result<Vec<LogEntry>, Error> {
        log::walk(self.store.repository(), tip, limit).map_err(|error| self.store.read_error("reading commits", error))
    }

    /// The commits behind `tip` that are not behind `base` too, newest first, at most `limit`.
    pub fn log_since(&self, tip: Oid, base: Oid, limit: usize) -> Result<Vec<LogEntry>, Error> {
        let entries = log::walk_since(self.store.repository(), tip, Some(base), limit);
        entries.map_err(|error| self.store.read_error("reading commits", error))
    }

    /// True for a file's `content_id` that was remembered to hold no marker.
    pub fn is_unmarked(&self, content_id: &str) -> bool {
        content_id.parse().is_ok_and(|id| self.unmarked.borrow().contains(id))
    }

    /// Remembers, beyond this run, files that hold no marker.
    pub fn remember_unmarked<'a>(&self, content_ids: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        let ids: Vec<Oid> = content_ids.into_iter().filter_map(|id| id.parse().ok()).collect();
        self.unmarked
            .borrow_mut()
            .insert(&ids)
            .map_err(Error::io("remembering files without markers below", self.store.home()))
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

    fn listing(&self) -> Result<&Advertisement, Error> {
        if let Some(listing) = self.listing.get() {
            return Ok(listing);
        }
        self.metrics.git_ref_listings.inc();
        let listing = match &self.place {
            Place::Remote(link) => {
                link.begin();
                let parsed = link.list(Service::UploadPack).and_then(|body| Advertisement::parse(&body));
                parsed.map_err(|fault| self.remote_error("listing the branches of", fault))?
            }
            Place::Local => self.list_locally().map_err(Error::git("listing the branches"))?,
        };
        Ok(self.listing.get_or_init(|| listing))
    }

    fn list_locally(&self) -> Result<Advertisement, git2::Error> {
        let repository = self.store.repository();
        let mut listing = Advertisement::default();
        for reference in repository.references_glob("refs/heads/*")? {
            let reference = reference?;
            // Names that are not UTF-8 cannot be asked for.
            let Some(name) = reference.name().ok().and_then(|name| name.strip_prefix("refs/heads/")) else { continue };
            if let Ok(commit) = reference.peel_to_commit() {
                listing.refs.heads.insert(name.to_owned(), commit.id());
            }
        }
        let head = repository.find_reference("HEAD")?;
        let target = head.symbolic_target().ok().flatten().and_then(|name| name.strip_prefix("refs/heads/"));
        listing.refs.default_branch = target.filter(|name| listing.refs.heads.contains_key(*name)).map(str::to_owned);
        Ok(listing)
    }

    fn tip(&self, branch: &Branch) -> Result<Oid, Error> {
        let heads = &self.refs()?.heads;
        if let Some(tip) = heads.get(branch.as_str()) {
            return Ok(*tip);
        }
        let url = Box::new(self.url.clone());
        if heads.is_empty() {
            return Err(Error::Empty { url });
        }
        let present: Vec<String> = heads.keys().take(BRANCHES_NAMED_MAX).cloned().collect();
        let more = heads.len() - present.len();
        Err(Error::MissingBranch { url, branch: branch.as_str().to_owned(), present, more })
    }

    fn download(&self, link: &Arc<Link>, branch: &Branch, tip: Oid) -> Result<(), Error> {
        link.begin();
        let route = Route::new(Arc::clone(link), self.listing()?.only(branch, tip));
        let done = self.download_over(&route, branch);
        done.map_err(|error| match link.take_fault() {
            Some(fault) => self.remote_error("fetching from", fault),
            None => self.fetch_error(error),
        })?;
        let kind = self.store.odb()?.read_header(tip).map(|(_, kind)| kind);
        match kind {
            Ok(ObjectType::Commit) => Ok(()),
            _ => Err(self.remote_error(
                "fetching from",
                Fault::Protocol { what: "the commit was not in what it sent".to_owned() },
            )),
        }
    }

    fn download_over(&self, route: &Route, branch: &Branch) -> Result<(), git2::Error> {
        let mut remote = self.store.repository().remote_anonymous(&route.url())?;
        let mut options = FetchOptions::new();
        options.download_tags(git2::AutotagOption::None).update_fetchhead(false);
        remote.download(&[branch.reference()], Some(&mut options))
    }

    /// Sorts what libgit2 says: about our store, or about what the server sent.
    fn fetch_error(&self, error: git2::Error) -> Error {
        let text = printable(error.message().as_bytes(), 500);
        let fault = match (error.class(), error.code()) {
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
