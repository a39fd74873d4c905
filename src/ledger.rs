//! The ledger: durable memory between runs of what was seen when.
//!
//! Takes what scans and policies found and the time; gives back first-seen times, digest histories, scan results, build
//! times and the last latest image of a policy. One file, `STATE/ledger.redb`, which one process at a time has open.
//! What it holds are observations of ours, which no registry can tell again; losing them costs age, never a wrong image.
//!
//! Facts are kept by [`View`], so that what one tenant is shown through an odd proxy or with a strange CA never becomes
//! what others rely on. A secret is never part of a fact.

mod batch;
mod clock;
mod door;
mod error;
mod export;
mod fact;
mod file;
mod forget;
mod import;
mod reading;
mod redate;
mod room;
mod schema;
mod socket;
mod tables;
mod writes;

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use jiff::Timestamp;

pub use door::Door;
pub use error::{LedgerError, Warning};
pub use fact::{Fact, FactError, Filter};
pub use socket::serve;
pub use writes::Recording;

use crate::image::{Digest, ImageRef, Repository, Tag};
use crate::object::NamespacedName;
use file::Slot;
use writes::Writes;

/// The open ledger of a state directory. Clones share it.
#[derive(Clone, Debug)]
pub struct Ledger {
    path: Arc<PathBuf>,
    slot: Arc<RwLock<Slot>>,
    writes: Arc<Writes>,
}

/// An image repository as seen with one credential, in one way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct View {
    /// The canonical name: `docker.io/library/nginx`.
    pub repository: String,
    /// Names the credential and the way to the registry, never a value; empty for anonymous.
    pub access: String,
}

/// What a scan found.
#[derive(Clone, Copy, Debug)]
pub struct Scanned<'a> {
    /// In any order.
    pub tags: &'a [Tag],
    pub etag: Option<&'a str>,
}

/// What a scan found that was not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanNews {
    /// True when the view was never scanned before: all its tags are in `added`.
    pub is_first: bool,
    pub added: Vec<Tag>,
    pub vanished: Vec<Tag>,
    /// Tags that had vanished and are there again; their first-seen time stays.
    pub returned: Vec<Tag>,
}

/// The last scan of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredScan {
    pub at: Timestamp,
    /// Sorted by bytes.
    pub tags: Vec<Tag>,
    pub etag: Option<String>,
}

/// The last scan of a view, without its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastScan {
    pub at: Timestamp,
    pub etag: Option<String>,
    fingerprint: u128,
}

/// What is known of a digest once it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestNews {
    /// Since when the tag names this digest, as far as we saw.
    pub first_seen: Timestamp,
    /// What the tag named before this call and since when, if that was another digest.
    pub moved_from: Option<(Digest, Timestamp)>,
}

/// What is known of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFacts {
    pub first_seen: Timestamp,
    pub vanished: Option<Timestamp>,
    /// Each digest that the tag named and since when, oldest first; the last one is the present one.
    pub digests: Vec<(Digest, Timestamp)>,
}

/// The last latest image of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastLatest {
    pub image: ImageRef,
    pub previous: Option<ImageRef>,
    /// The hash of the specs of the policy and its image repository.
    pub specs: String,
    pub since: Timestamp,
}

impl View {
    pub fn new(repository: &Repository, access: impl Into<String>) -> Self {
        Self { repository: repository.to_string(), access: access.into() }
    }
}

impl LastScan {
    /// True when it found `tags`, which are sorted by bytes.
    pub fn found(&self, tags: &[Tag]) -> bool {
        tables::fingerprint(tags.iter().map(Tag::as_str)) == self.fingerprint
    }
}

impl Ledger {
    /// Opens the ledger below the state directory, making both where they are missing. A damaged file is set aside and
    /// told as a warning. Another process may have it open: [`LedgerError::is_busy`].
    pub fn open(state: &Path) -> Result<(Self, Option<Warning>), LedgerError> {
        let path = state.join(file::NAME);
        let (database, warning) = file::open(state)?;
        let slot = Arc::new(RwLock::new(Slot::Open(database)));
        Ok((Self { path: Arc::new(path), slot, writes: Arc::default() }, warning))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state directory.
    fn state(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Records the tags of a view; costs little when they are the ones of the last scan.
    pub fn record_scan(&self, view: &View, scanned: &Scanned<'_>, now: Timestamp) -> Recording<ScanNews> {
        let (view, tags, etag) = (view.clone(), scanned.tags.to_vec(), scanned.etag.map(str::to_owned));
        self.write(now, move |batch| batch.record_scan(&view, &Scanned { tags: &tags, etag: etag.as_deref() }))
    }

    /// Records that the tags of a view are still those of its last scan.
    pub fn touch_scan(&self, view: &View, now: Timestamp) -> Recording<()> {
        let view = view.clone();
        self.write(now, move |batch| batch.touch_scan(&view))
    }

    /// The last scan of a view. `None` when there is none that may be relied on, so that a scan is due. It takes as long
    /// as there are tags: no task may wait for it on the runtime's threads.
    pub fn scan(&self, view: &View, now: Timestamp) -> Result<Option<StoredScan>, LedgerError> {
        self.read("reading a scan", now, |reading| reading.scan(view))
    }

    /// The same without its tags, of each view. They are read all the same where others came since, to be compared.
    pub fn last_scans(&self, views: &[View], now: Timestamp) -> Result<Vec<Option<LastScan>>, LedgerError> {
        self.read("reading scans", now, |reading| views.iter().map(|view| reading.last_scan(view)).collect())
    }

    /// Records what a tag names now; costs little when that is no news.
    pub fn record_digest(&self, view: &View, tag: &Tag, digest: &Digest, now: Timestamp) -> Recording<DigestNews> {
        let known = || self.read("reading a digest", now, |reading| reading.unmoved(view, tag, digest));
        if let Some(known) = self.settled(known) {
            return self.answered(known.map(|first_seen| DigestNews { first_seen, moved_from: None }));
        }
        let (view, tag, digest) = (view.clone(), tag.clone(), digest.clone());
        self.write(now, move |batch| batch.record_digest(&view, &tag, &digest))
    }

    /// What is known of a tag; no time in it is later than `now`.
    pub fn tag(&self, view: &View, tag: &Tag, now: Timestamp) -> Result<Option<TagFacts>, LedgerError> {
        self.read("reading a tag", now, |reading| reading.tag(view, tag))
    }

    /// The same of each tag, all of one moment.
    pub fn tags(&self, view: &View, tags: &[Tag], now: Timestamp) -> Result<Vec<Option<TagFacts>>, LedgerError> {
        self.read("reading tags", now, |reading| tags.iter().map(|tag| reading.tag(view, tag)).collect())
    }

    /// When the image was built, as its config says.
    pub fn created(&self, digest: &Digest) -> Result<Option<Timestamp>, LedgerError> {
        self.read("reading a build time", Timestamp::MAX, |reading| reading.created(digest))
    }

    pub fn record_created(&self, digest: &Digest, created: Timestamp, now: Timestamp) -> Recording<()> {
        let known = || Ok(self.created(digest)?.filter(|known| *known == tables::rounded(created)));
        if let Some(known) = self.settled(known) {
            return self.answered(known.map(drop));
        }
        let digest = digest.clone();
        self.write(now, move |batch| batch.record_created(&digest, created))
    }

    /// The last latest image of a policy.
    pub fn latest(&self, policy: &NamespacedName, now: Timestamp) -> Result<Option<LastLatest>, LedgerError> {
        self.read("reading a latest image", now, |reading| reading.latest(policy))
    }

    /// Records the latest image of a policy with the hash of its specs; `since` and `previous` follow from what was
    /// known. May be called each round: it costs little when nothing is new.
    pub fn record_latest(
        &self,
        policy: &NamespacedName,
        image: &ImageRef,
        specs: &str,
        now: Timestamp,
    ) -> Recording<()> {
        let is_same = |known: &LastLatest| known.image.written() == image.written() && known.specs == specs;
        let known = || Ok(self.latest(policy, now)?.filter(is_same));
        if let Some(known) = self.settled(known) {
            return self.answered(known.map(drop));
        }
        let (policy, image, specs) = (policy.clone(), image.clone(), specs.to_owned());
        self.write(now, move |batch| batch.record_latest(&policy, &image, &specs))
    }
}
