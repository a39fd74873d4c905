//! What the remote's references are at: listed by a server, or read from a local repository.

use std::collections::BTreeMap;
use std::sync::Arc;

use git2::{ObjectType, Oid};

use super::{Place, Session};
use crate::git::advertisement::{Advertisement, Refs, Wanted};
use crate::git::branch::FullName;
use crate::git::error::Error;
use crate::git::link::Service;
use crate::git::refspec::RefName;

impl Session {
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

    pub(super) fn listing(&self) -> Result<Arc<Advertisement>, Error> {
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

    /// The listing goes on showing what the remote has: the next push of this session builds on this one.
    pub(super) fn note_pushed(&self, target: &RefName, new: Oid) {
        if let (Some(listing), Some(branch)) = (self.listing.borrow_mut().as_mut(), target.as_branch()) {
            Arc::make_mut(listing).moved(branch, new);
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

    pub(super) fn find_locally(&self, name: &FullName) -> Option<Wanted> {
        let reference = self.store.repository().find_reference(name.as_str()).ok()?;
        let object = reference.peel(ObjectType::Any).ok()?.id();
        let commit = reference.peel_to_commit().map_or(object, |commit| commit.id());
        Some(Wanted { name: name.as_str().to_owned(), object, commit })
    }
}
