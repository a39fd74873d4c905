//! Brings commits here, by the name of a reference or by their id, with all that they need.
//!
//! What is here already costs no request. What arrives is remembered in the store, so that it stays and the next fetch
//! can build on it.

use std::sync::Arc;

use git2::{FetchOptions, ObjectType, Oid, RemoteCallbacks};

use super::{Place, Session};
use crate::git::advertisement::Wanted;
use crate::git::branch::{Branch, FullName};
use crate::git::error::{Error, Fault, printable};
use crate::git::link::Link;
use crate::git::refspec::RefName;
use crate::git::transport::Route;
use crate::git::{allocation, store};

/// What a server says that hands out commits which none of its references is at.
const CAN_WANT_ANY: &[&str] = &["allow-reachable-sha1-in-want", "allow-any-sha1-in-want"];

impl Session {
    /// The tip of `branch`, brought here with all that it needs. No request where it is here already.
    pub fn fetch(&self, branch: &str) -> Result<Oid, Error> {
        let branch = Branch::new(branch)?;
        let tip = self.tip(&branch)?;
        self.bring(&Wanted { name: branch.reference(), object: tip, commit: tip })
    }

    /// The commit that any reference, by its full name, is at; brought here like a branch.
    pub fn fetch_reference(&self, name: &str) -> Result<Oid, Error> {
        let name = FullName::new(name)?;
        let missing = || Error::MissingReference { url: self.boxed_url(), name: name.as_str().to_owned() };
        self.bring(&self.find(&name)?.ok_or_else(missing)?)
    }

    /// Brings what `revision` names: a commit by its full id, a reference by its full name, a tag or else a branch by
    /// its short one, and `HEAD` the default branch. `git fetch` looks in this order.
    pub fn fetch_revision(&self, revision: &str) -> Result<Oid, Error> {
        if let Some(commit) = full_id(revision) {
            return self.fetch_commit(commit);
        }
        if revision == "HEAD" {
            return self.fetch(&self.default_branch()?);
        }
        if revision.starts_with("refs/") {
            return self.fetch_reference(revision);
        }
        if self.refs()?.tags.contains_key(revision) {
            return self.fetch_reference(&format!("refs/tags/{revision}"));
        }
        self.fetch(revision)
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

    /// The commit that `target` is at, brought here. A reference that servers take and never show, such as Gerrit's
    /// `refs/for/main`, is where this store pushed it last.
    pub fn tip_of(&self, target: &RefName) -> Result<Option<Oid>, Error> {
        if let Some(branch) = target.as_branch() {
            return if self.refs()?.heads.contains_key(branch) { self.fetch(branch).map(Some) } else { Ok(None) };
        }
        match self.find(target.full())? {
            Some(found) => self.bring(&found).map(Some),
            None if target.is_magic() => Ok(self.store.remembered(target.as_str())),
            None => Ok(None),
        }
    }

    /// Any reference, as the newest listing shows it: after a lost race that is the one for the next push.
    fn find(&self, name: &FullName) -> Result<Option<Wanted>, Error> {
        if let Some(offer) = self.offer.borrow().as_ref() {
            return Ok(offer.find(name));
        }
        Ok(match &self.place {
            Place::Remote(_) => self.listing()?.find(name),
            Place::Local => self.find_locally(name),
        })
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
        Err(Error::missing_branch(&self.url, branch.as_str(), heads.keys().cloned().collect()))
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
        let done = allocation::bounded(|| self.download_over(&route, wanted));
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
        let mut callbacks = RemoteCallbacks::new();
        // Deltas are put together when all has arrived: many of them can take long.
        callbacks.transfer_progress(|_| route.is_in_time());
        let mut options = FetchOptions::new();
        options.remote_callbacks(callbacks);
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
            (git2::ErrorClass::NoMemory, _) => Fault::Oversized,
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

fn full_id(text: &str) -> Option<Oid> {
    if text.len() == 40 { text.parse().ok() } else { None }
}
