//! Decides the policies on one repository: lists its tags where that is due, and selects from them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use super::inputs::World;
use super::latest::{self, MayGoBack, Settled, settle};
use super::plan::{Watched, repository_of};
use crate::api::{DigestReflectionPolicy, ImagePolicy, ImageRepository};
use crate::engine::cause::Cause;
use crate::engine::memory::{Latest, Memory};
use crate::engine::select::{Reflection, SelectRequest, select};
use crate::goregex::{self, Regex};
use crate::image::{Repository, Tag};
use crate::ledger::{StoredScan, View};
use crate::metrics::{Cache, Metrics, ScanOutcome};
use crate::object::NamespacedName;
use crate::policy::{Guard, Selector};
use crate::registry::{self, Client};

/// At most this many patterns are kept ready.
const PATTERNS_MAX: usize = 1000;

/// Each policy's latest image, or why there is none.
pub(super) type Decisions = BTreeMap<NamespacedName, Decision>;

pub(super) type Decision = Result<Settled, Undecided>;

/// Why a policy has no latest image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// It or its image repository is suspended, as somebody wants it; says which.
    Suspended(String),
    /// Its image repository is being scanned for the first time.
    Waiting,
    Failed(Cause),
}

impl Undecided {
    pub fn message(&self) -> &str {
        match self {
            Self::Suspended(message) => message,
            Self::Waiting => "its image repository is being scanned",
            Self::Failed(cause) => &cause.message,
        }
    }
}

impl<C: Into<Cause>> From<C> for Undecided {
    fn from(cause: C) -> Self {
        Self::Failed(cause.into())
    }
}

/// What it takes to decide.
#[derive(Clone)]
pub struct Selecting {
    pub registry: Client,
    pub memory: Memory,
    pub metrics: Metrics,
    /// Policies may go back to older images.
    pub allow_older: bool,
    pub patterns: Patterns,
}

/// The patterns of exclusion lists, which most image repositories have in common: each is compiled once. Clones share
/// them.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Arc<Mutex<HashMap<String, Arc<Regex>>>>);

impl Patterns {
    fn get(&self, pattern: &str) -> Result<Arc<Regex>, goregex::Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(regex) = known.get(pattern) {
            return Ok(regex.clone());
        }
        let regex = Arc::new(Regex::new(pattern)?);
        if known.len() < PATTERNS_MAX {
            known.insert(pattern.to_owned(), regex.clone());
        }
        Ok(regex)
    }
}

/// One repository to look at.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) world: Arc<World>,
    pub(super) view: View,
    pub(super) watched: Watched,
    /// The registry is asked; without it only when the tags are not known.
    pub(super) scan: bool,
    /// What is decided even when the tags are those that are known.
    pub(super) policies: BTreeSet<NamespacedName>,
}

/// What came of a job.
pub(super) struct Done {
    pub(super) world: Arc<World>,
    pub(super) view: View,
    /// When it began: what is known is what was known then.
    pub(super) at: Timestamp,
    /// When the registry was asked: whether there was news.
    pub(super) scanned: Option<Result<bool, Cause>>,
    pub(super) decisions: Vec<(NamespacedName, Decision)>,
}

pub(super) async fn work(selecting: &Selecting, job: Job) -> Done {
    let now = Timestamp::now();
    let (scanned, decisions) = match tags(selecting, &job, now).await {
        Ok(Tags { tags, at, news }) => {
            let policies = if news == Some(true) { &job.watched.policies } else { &job.policies };
            (news.map(Ok), decide(selecting, &job, policies, (&tags, at), now).await)
        }
        Err(cause) => {
            let failed = |policy: &NamespacedName| (policy.clone(), Err(Undecided::Failed(cause.clone())));
            let decisions = job.watched.policies.iter().map(failed).collect();
            (Some(Err(cause)), decisions)
        }
    };
    Done { world: job.world, view: job.view, at: now, scanned, decisions }
}

struct Tags {
    tags: Vec<Tag>,
    /// When they were listed.
    at: Timestamp,
    /// Whether there was news; `None` when the registry was not asked.
    news: Option<bool>,
}

async fn tags(selecting: &Selecting, job: &Job, now: Timestamp) -> Result<Tags, Cause> {
    let known = selecting.memory.scan(&job.view, now);
    if !job.scan {
        selecting.metrics.count_lookup(Cache::Scan, known.is_some());
    }
    match known {
        Some(known) if !job.scan => Ok(Tags { tags: known.tags, at: known.at, news: None }),
        known => {
            let start = Instant::now();
            let scanned = scan(selecting, job, known, now).await;
            let outcome = scanned.as_ref().map_or(ScanOutcome::Failed, |(outcome, _)| *outcome);
            selecting.metrics.count_scan(outcome, start.elapsed());
            let (outcome, tags) = scanned?;
            selecting.metrics.set_tags(&job.view.repository, tags.len());
            Ok(Tags { tags, at: now, news: Some(outcome == ScanOutcome::Changed) })
        }
    }
}

async fn scan(
    selecting: &Selecting,
    job: &Job,
    known: Option<StoredScan>,
    now: Timestamp,
) -> Result<(ScanOutcome, Vec<Tag>), Cause> {
    let (repository, access) = (&job.watched.repository, &job.watched.access);
    let (list, before) = match known {
        Some(StoredScan { tags, etag: Some(etag), .. }) => {
            match selecting.registry.tags_if_changed(repository, access, &etag).await? {
                registry::Listing::Unchanged => {
                    selecting.memory.touch_scan(&job.view, now);
                    return Ok((ScanOutcome::NotModified, tags));
                }
                registry::Listing::Tags(list) => (list, Some(tags)),
            }
        }
        known => (selecting.registry.tags(repository, access).await?, known.map(|known| known.tags)),
    };
    selecting.memory.record_scan(&job.view, &list.tags, list.etag.as_deref(), now);
    let is_same = before.is_some_and(|before| before == list.tags);
    Ok((if is_same { ScanOutcome::Unchanged } else { ScanOutcome::Changed }, list.tags))
}

/// A policy that can be decided.
struct Ready<'a> {
    id: &'a NamespacedName,
    selector: Selector,
    guard: Guard,
    repository: Repository,
    tags: Arc<Vec<Tag>>,
    reflection: Reflection,
    before: Option<Latest>,
    specs: String,
    may_go_back: MayGoBack,
}

async fn decide(
    selecting: &Selecting,
    job: &Job,
    policies: &BTreeSet<NamespacedName>,
    (tags, at): (&[Tag], Timestamp),
    now: Timestamp,
) -> Vec<(NamespacedName, Decision)> {
    let (mut decisions, mut ready) = (Vec::new(), Vec::new());
    let mut kept = BTreeMap::new();
    for id in policies {
        match prepare(selecting, &job.world, id, tags, &mut kept, now) {
            Ok(policy) => ready.push(policy),
            Err(undecided) => decisions.push((id.clone(), Err(undecided))),
        }
    }
    let requests: Vec<SelectRequest<'_>> = ready.iter().map(|policy| policy.request(job)).collect();
    let selected = select(&selecting.registry, &selecting.memory, &requests, now).await;
    for (policy, selected) in ready.iter().zip(selected) {
        let mut settled = settle(selected, &policy.terms(tags)).map_err(Undecided::from);
        if let Ok(settled) = &mut settled {
            selecting.memory.record_latest(policy.id, &settled.image, &policy.specs, now);
            let tag = settled.image.tag.as_ref();
            settled.decided = Some(at);
            settled.first_seen = tag.and_then(|tag| selecting.memory.first_seen(&job.view, tag, now));
        }
        decisions.push((policy.id.clone(), settled));
    }
    decisions
}

/// `kept` holds what the exclusion lists leave of the tags, by image repository.
fn prepare<'a>(
    selecting: &Selecting,
    world: &World,
    id: &'a NamespacedName,
    tags: &[Tag],
    kept: &mut BTreeMap<NamespacedName, Arc<Vec<Tag>>>,
    now: Timestamp,
) -> Result<Ready<'a>, Undecided> {
    let gone = || Cause::new("the object is gone");
    let policy = world.objects.image_policies.get(id).ok_or_else(gone)?;
    let repository_id = repository_of(policy);
    let repository = world.objects.image_repositories.get(&repository_id).ok_or_else(gone)?;
    let kept = match kept.get(&repository_id) {
        Some(kept) => kept.clone(),
        None => {
            let left = Arc::new(without_excluded(&selecting.patterns, repository, tags)?);
            kept.insert(repository_id, left.clone());
            left
        }
    };
    Ok(Ready {
        id,
        selector: policy.spec.selector()?,
        guard: policy.spec.guard(),
        repository: repository.spec.repository()?,
        tags: kept,
        reflection: reflection(policy),
        before: selecting.memory.latest(id, now),
        specs: latest::specs(policy, repository),
        may_go_back: MayGoBack::of(policy, selecting.allow_older),
    })
}

fn without_excluded(patterns: &Patterns, repository: &ImageRepository, tags: &[Tag]) -> Result<Vec<Tag>, Undecided> {
    let exclusions: Vec<Arc<Regex>> =
        repository.spec.exclusion_list.iter().map(|pattern| patterns.get(pattern)).collect::<Result<_, _>>()?;
    let is_kept = |tag: &&Tag| !exclusions.iter().any(|pattern| pattern.is_match(tag.as_str()));
    Ok(tags.iter().filter(is_kept).cloned().collect())
}

impl Ready<'_> {
    fn request<'a>(&'a self, job: &'a Job) -> SelectRequest<'a> {
        SelectRequest {
            selector: &self.selector,
            guard: self.guard,
            repository: &self.repository,
            access: &job.watched.access,
            view: &job.view,
            tags: &self.tags,
            reflection: self.reflection,
            previous: self.before.as_ref().map(|before| &before.image),
        }
    }

    fn terms<'a>(&'a self, listed: &'a [Tag]) -> latest::Terms<'a> {
        latest::Terms {
            selector: &self.selector,
            repository: &self.repository,
            reflection: self.reflection,
            tags: listed,
            before: self.before.as_ref(),
            specs: &self.specs,
            may_go_back: &self.may_go_back,
        }
    }
}

fn reflection(policy: &ImagePolicy) -> Reflection {
    match policy.spec.digest_reflection_policy {
        DigestReflectionPolicy::Never => Reflection::Never,
        DigestReflectionPolicy::IfNotPresent => Reflection::IfNotPresent,
        DigestReflectionPolicy::Always => Reflection::Always,
    }
}
