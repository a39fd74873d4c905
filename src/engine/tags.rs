//! The tags of a repository: listed where that is due, else those that are remembered.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::decide::Selecting;
use super::memory::Recording;
use crate::image::{Repository, Tag};
use crate::ledger::View;
use crate::metrics::{Cache, ScanOutcome};
use crate::object::NamespacedName;
use crate::registry::{self, Access};

/// The tags of one repository as one credential sees them: listed once for all objects that ask for it.
#[derive(Debug)]
pub struct Watched {
    pub repository: Repository,
    /// The same by the name that it has where it is asked, by the operator's rules.
    pub asked: Repository,
    pub access: Access,
    pub interval: Duration,
    /// Sorted, as are the policies. Mostly one of each, for which a tree is ten times too large.
    pub repositories: Vec<NamespacedName>,
    pub policies: Vec<NamespacedName>,
}

impl Watched {
    /// Objects differ in how patient they are: the shortest interval and the longest time count.
    pub fn join(&mut self, other: Self) {
        self.interval = self.interval.min(other.interval);
        self.access.timeout = self.access.timeout.max(other.access.timeout);
        other.repositories.into_iter().for_each(|repository| insert(&mut self.repositories, repository));
        other.policies.into_iter().for_each(|policy| insert(&mut self.policies, policy));
    }
}

fn insert(sorted: &mut Vec<NamespacedName>, name: NamespacedName) {
    if let Err(place) = sorted.binary_search(&name) {
        sorted.insert(place, name);
    }
}
/// What a repository holds.
#[derive(Clone, Debug)]
pub struct Tags {
    pub tags: Vec<Tag>,
    /// When they were listed.
    pub at: Timestamp,
    /// Whether there was news; `None` when the registry was not asked.
    pub news: Option<bool>,
}

/// The tags of the repository that is `watched`, as `view` sees it. The registry is asked with `scan`; without it only when
/// nothing is remembered.
pub async fn tags(
    selecting: &Selecting,
    watched: &Watched,
    (view, scan): (&View, bool),
    recordings: &mut Vec<Recording>,
    now: Timestamp,
) -> Result<Tags, registry::Error> {
    if !scan {
        let known = selecting.memory.scan(view, now).await;
        selecting.metrics.count_lookup(Cache::Scan, known.is_some());
        if let Some(known) = known {
            return Ok(Tags { tags: known.tags, at: known.at, news: None });
        }
    }
    let start = Instant::now();
    let scanned = list(selecting, watched, view, recordings, now).await;
    let outcome = scanned.as_ref().map_or(ScanOutcome::Failed, |(outcome, _)| *outcome);
    selecting.metrics.count_scan(outcome, start.elapsed());
    let (outcome, tags) = scanned?;
    selecting.metrics.set_tags(&view.repository, tags.len());
    Ok(Tags { tags, at: now, news: Some(outcome == ScanOutcome::Changed) })
}

async fn list(
    selecting: &Selecting,
    watched: &Watched,
    view: &View,
    recordings: &mut Vec<Recording>,
    now: Timestamp,
) -> Result<(ScanOutcome, Vec<Tag>), registry::Error> {
    let (memory, registry, Watched { repository, access, .. }) = (&selecting.memory, &selecting.registry, watched);
    let last = memory.last_scan(view, now).await;
    let list = match last.as_ref().and_then(|last| last.etag.as_deref()) {
        None => registry.tags(repository, access).await?,
        Some(etag) => match registry.tags_if_changed(repository, access, etag).await? {
            registry::Listing::Tags(list) => list,
            registry::Listing::Unchanged => match memory.scan(view, now).await {
                Some(known) => {
                    recordings.push(memory.touch_scan(view, now));
                    return Ok((ScanOutcome::NotModified, known.tags));
                }
                // What the registry compared with is not known any more.
                None => registry.tags(repository, access).await?,
            },
        },
    };
    recordings.push(memory.record_scan(view, &list.tags, list.etag.as_deref(), now));
    let is_same = last.is_some_and(|last| last.found(&list.tags));
    Ok((if is_same { ScanOutcome::Unchanged } else { ScanOutcome::Changed }, list.tags))
}
