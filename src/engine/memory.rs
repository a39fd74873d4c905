//! Memory: what is remembered of registries and policies, in the ledger and, where there is none, in this process.
//!
//! Takes observations and gives them back. That a ledger cannot be written is told once until it can, and what it does not
//! take is kept here: the work goes on. Nothing here waits until something is on the disk but the [`Recording`]s.
//!
//! One row is read where it is wanted: that takes 5 to 15 µs, no more than handing it to another thread would, and its
//! pages are in memory since the file was checked when it was opened. What may be many rows is read on a thread that may
//! wait, so that it holds up nothing else: the tags of a scan (most of a millisecond for 1,000, 0.2 s for 100,000), and
//! what is known of all tags of a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use jiff::Timestamp;
use tracing::{info, warn};

use super::cause::Cause;
use crate::image::{Digest, ImageRef, Tag};
use crate::ledger;
use crate::ledger::{Fact, LastScan, Ledger, LedgerError, Scanned, StoredScan, View};
use crate::object::NamespacedName;
use crate::policy::Seen;

/// So many tags keep the history of their digests here when there is no ledger.
const TAGS_MAX: usize = 100_000;
/// Of one tag: the first and the newest ones.
const DIGESTS_MAX: usize = 50;

/// Something on its way to the disk, which it reaches whether anybody waits or not; then it is remembered.
pub type Recording = BoxFuture<'static, ()>;

/// What one process remembers. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    ledger: Option<Ledger>,
    /// Latest images are read from the ledger and not written to it: nothing comes of a dry run.
    is_dry: bool,
    own: Arc<Mutex<Own>>,
}

/// What the ledger did not take.
#[derive(Debug, Default)]
struct Own {
    digests: BTreeMap<(View, Tag), Vec<(Digest, Timestamp)>>,
    latest: BTreeMap<NamespacedName, Latest>,
    /// Views whose last scan is not in the ledger.
    unrecorded: BTreeSet<View>,
    has_told: bool,
}

/// The last latest image of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    pub image: ImageRef,
    /// Names the specs that it was selected by.
    pub specs: String,
    pub since: Timestamp,
}

impl Memory {
    pub fn new(ledger: Option<Ledger>) -> Self {
        Self { ledger, ..Self::default() }
    }

    /// The same, but what becomes latest is remembered by this process alone.
    pub fn dry(self) -> Self {
        Self { is_dry: true, ..self }
    }

    /// Where it lasts, if it does.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// The last scan of a view. `None` when there is none that may be relied on.
    pub async fn scan(&self, view: &View, now: Timestamp) -> Option<StoredScan> {
        let view = view.clone();
        self.aside(move |memory| {
            let is_recorded = !memory.own().unrecorded.contains(&view);
            if is_recorded { memory.ask(|ledger| ledger.scan(&view, now)).flatten() } else { None }
        })
        .await
    }

    /// The same without its tags.
    pub async fn last_scan(&self, view: &View, now: Timestamp) -> Option<LastScan> {
        self.last_scans(vec![view.clone()], now).await.into_values().next()
    }

    /// The last scans of many views.
    pub async fn last_scans(&self, mut views: Vec<View>, now: Timestamp) -> BTreeMap<View, LastScan> {
        self.aside(move |memory| {
            let own = memory.own();
            views.retain(|view| !own.unrecorded.contains(view));
            drop(own);
            let scans = memory.ask(|ledger| ledger.last_scans(&views, now)).unwrap_or_default();
            views.into_iter().zip(scans).filter_map(|(view, scan)| Some((view, scan?))).collect()
        })
        .await
    }

    /// Works on a thread that may wait.
    async fn aside<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> T + Send + 'static) -> T {
        let memory = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&memory)).await;
        done.unwrap_or_else(|error| resume_unwind(error.into_panic()))
    }

    pub fn record_scan(&self, view: &View, tags: &[Tag], etag: Option<&str>, now: Timestamp) -> Recording {
        self.recording(view, |ledger| ledger.record_scan(view, &Scanned { tags, etag }, now))
    }

    /// The tags of a view are still those of its last scan.
    pub fn touch_scan(&self, view: &View, now: Timestamp) -> Recording {
        self.recording(view, |ledger| ledger.touch_scan(view, now))
    }

    fn recording<T: Send + 'static>(
        &self,
        view: &View,
        record: impl FnOnce(&Ledger) -> ledger::Recording<T>,
    ) -> Recording {
        let recording = self.ledger.as_ref().map(record);
        let (memory, view) = (self.clone(), view.clone());
        Box::pin(async move {
            let recorded = memory.recorded(recording).await;
            memory.note_recorded(&view, recorded);
        })
    }

    /// False without a ledger, and when it fails.
    async fn recorded<T>(&self, recording: Option<ledger::Recording<T>>) -> bool {
        let Some(recording) = recording else { return false };
        let is_recorded = self.told(recording.await).is_some();
        if is_recorded && std::mem::take(&mut self.own().has_told) {
            info!("the memory lasts again");
        }
        is_recorded
    }

    fn note_recorded(&self, view: &View, recorded: bool) {
        let mut own = self.own();
        match recorded {
            true => drop(own.unrecorded.remove(view)),
            false => drop(own.unrecorded.insert(view.clone())),
        }
    }

    /// When a tag was listed first.
    pub fn first_seen(&self, view: &View, tag: &Tag, now: Timestamp) -> Option<Timestamp> {
        Some(self.ask(|ledger| ledger.tag(view, tag, now)).flatten()?.first_seen)
    }

    /// The digests that each tag was seen with.
    pub async fn all_seen(&self, view: &View, tags: Vec<Tag>, now: Timestamp) -> Vec<Seen> {
        let view = view.clone();
        self.aside(move |memory| {
            let known = memory.ask(|ledger| ledger.tags(&view, &tags, now)).unwrap_or_default();
            let known = known.into_iter().chain(std::iter::repeat_with(|| None));
            let own = memory.own();
            let seen = tags.into_iter().zip(known).map(|(tag, known)| {
                let own = own.digests.get(&(view.clone(), tag)).cloned();
                let digests = own.or_else(|| Some(known?.digests)).unwrap_or_default();
                Seen { digests, is_present: false }
            });
            seen.collect()
        })
        .await
    }

    fn seen(&self, view: &View, tag: &Tag, now: Timestamp) -> Seen {
        let own = self.own().digests.get(&(view.clone(), tag.clone())).cloned();
        let digests = own.or_else(|| Some(self.ask(|ledger| ledger.tag(view, tag, now)).flatten()?.digests));
        Seen { digests: digests.unwrap_or_default(), is_present: false }
    }

    /// Records what a tag names now. Gives all that it was seen with, and whether it moved since it was seen last.
    pub async fn record_digest(&self, view: &View, tag: &Tag, digest: &Digest, now: Timestamp) -> (Seen, bool) {
        let before = self.seen(view, tag, now);
        let has_moved = before.digests.last().is_some_and(|(known, _)| known != digest);
        let key = (view.clone(), tag.clone());
        let is_own = self.own().digests.contains_key(&key);
        let ledger = self.ledger.as_ref().filter(|_| !is_own);
        if !self.recorded(ledger.map(|ledger| ledger.record_digest(view, tag, digest, now))).await {
            self.own().record_digest(key.clone(), before.digests, digest, now);
        }
        if is_own {
            self.hand_over(&key, now).await;
        }
        (Seen { is_present: true, ..self.seen(view, tag, now) }, has_moved)
    }

    /// What the ledger did not take it may take now, with the times that are known here.
    async fn hand_over(&self, key: &(View, Tag), now: Timestamp) {
        let Some(digests) = self.own().digests.get(key).cloned() else { return };
        let fact = |(digest, since): &(Digest, Timestamp)| {
            let (view, tag) = key.clone();
            Fact::Digest { view, tag, digest: digest.clone(), since: *since }
        };
        let facts: Vec<Fact> = digests.iter().map(fact).collect();
        if self.recorded(self.ledger.as_ref().map(|ledger| ledger.import(facts, now))).await {
            let mut own = self.own();
            // Unless another digest was seen meanwhile.
            if own.digests.get(key) == Some(&digests) {
                own.digests.remove(key);
            }
        }
    }

    /// The last latest image of a policy.
    pub fn latest(&self, policy: &NamespacedName, now: Timestamp) -> Option<Latest> {
        let own = self.own().latest.get(policy).cloned();
        own.or_else(|| {
            let stored = self.ask(|ledger| ledger.latest(policy, now)).flatten()?;
            Some(Latest { image: stored.image, specs: stored.specs, since: stored.since })
        })
    }

    pub fn record_latest(&self, policy: &NamespacedName, image: &ImageRef, specs: &str, now: Timestamp) -> Recording {
        let ledger = self.ledger.as_ref().filter(|_| !self.is_dry);
        let recording = ledger.map(|ledger| ledger.record_latest(policy, image, specs, now));
        let (memory, policy) = (self.clone(), policy.clone());
        let latest = Latest { image: image.clone(), specs: specs.to_owned(), since: now };
        Box::pin(async move {
            match memory.recorded(recording).await {
                true => drop(memory.own().latest.remove(&policy)),
                false => drop(memory.own().latest.insert(policy, latest)),
            }
        })
    }

    /// When the image with this digest was built.
    pub fn created(&self, digest: &Digest) -> Option<Timestamp> {
        self.ask(|ledger| ledger.created(digest)).flatten()
    }

    pub async fn record_created(&self, digest: &Digest, created: Timestamp, now: Timestamp) {
        let ledger = self.ledger.as_ref();
        self.recorded(ledger.map(|ledger| ledger.record_created(digest, created, now))).await;
    }

    /// `None` without a ledger, and when it fails.
    fn ask<T>(&self, question: impl FnOnce(&Ledger) -> Result<T, LedgerError>) -> Option<T> {
        self.told(question(self.ledger.as_ref()?))
    }

    fn told<T>(&self, answer: Result<T, LedgerError>) -> Option<T> {
        let mut own = self.own();
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                // Once: what cannot be written stays so for a while, and each scan tries again.
                if !std::mem::replace(&mut own.has_told, true) {
                    let cause = Cause::from(error);
                    warn!(
                        hint = cause.hint,
                        "{}; the work goes on, and is remembered by this process alone", cause.message
                    );
                }
                None
            }
        }
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Own {
    fn record_digest(
        &mut self,
        key: (View, Tag),
        mut digests: Vec<(Digest, Timestamp)>,
        digest: &Digest,
        now: Timestamp,
    ) {
        if digests.last().is_none_or(|(known, _)| known != digest) {
            digests.push((digest.clone(), now));
        }
        if digests.len() > DIGESTS_MAX {
            digests.remove(1);
        }
        if self.digests.len() < TAGS_MAX || self.digests.contains_key(&key) {
            self.digests.insert(key, digests);
        }
    }
}
