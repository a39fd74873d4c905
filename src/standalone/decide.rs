//! Decides the policies on one repository: lists its tags where that is due, and selects from them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::future::join_all;
use jiff::Timestamp;

use super::inputs::World;
use super::latest::{self, MayGoBack, Settled, settle};
use super::plan::{Watched, repository_of};
use crate::api::{DigestReflectionPolicy, ImagePolicy, ImageRepository};
use crate::engine::cause::Cause;
use crate::engine::memory::{Latest, Memory, Recording};
use crate::engine::select::{Reflection, SelectRequest, select};
use crate::goregex::{self, Regex};
use crate::image::{Repository, Tag};
use crate::ledger::View;
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
    pub(super) watched: Arc<Watched>,
    /// The registry is asked; without it only when the tags are not known.
    pub(super) scan: bool,
    /// What is decided even when the tags are those that are known; sorted.
    pub(super) policies: Vec<NamespacedName>,
}

impl Job {
    /// This one and a newer one of the same view as one, by the newer objects.
    pub(super) fn with(self, newer: Self) -> Self {
        let is_meant = |policy: &&NamespacedName| {
            [&self.policies, &newer.policies].iter().any(|policies| policies.binary_search(policy).is_ok())
        };
        let policies = newer.watched.policies.iter().filter(is_meant).cloned().collect();
        Self { scan: self.scan || newer.scan, policies, ..newer }
    }

    fn all_failed(&self, cause: &Cause) -> Vec<(NamespacedName, Decision)> {
        let failed = |policy: &NamespacedName| (policy.clone(), Err(Undecided::Failed(cause.clone())));
        self.watched.policies.iter().map(failed).collect()
    }
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

/// A job whose registry need not be asked any more: what it found is on its way to the disk.
pub(super) struct Decided {
    done: Done,
    recordings: Vec<Recording>,
}

pub(super) async fn work(selecting: &Selecting, job: Job) -> Decided {
    let now = Timestamp::now();
    let mut recordings = Vec::new();
    let (scanned, decisions) = match tags(selecting, &job, &mut recordings, now).await {
        Ok(Tags { tags, at, news }) => {
            let policies = if news == Some(true) { &job.watched.policies } else { &job.policies };
            (news.map(Ok), decide(selecting, &job, policies, (&tags, at), &mut recordings, now).await)
        }
        Err(cause) => {
            let decisions = job.all_failed(&cause);
            (Some(Err(cause)), decisions)
        }
    };
    Decided { done: Done { world: job.world, view: job.view, at: now, scanned, decisions }, recordings }
}

impl Decided {
    /// What a fault of ours comes to: one repository fails, and not the others with it.
    pub(super) fn aborted(job: Job) -> Self {
        let cause = Cause::new(format!("the work on {} was aborted", job.view.repository));
        let (decisions, scanned) = (job.all_failed(&cause), Some(Err(cause)));
        let done = Done { world: job.world, view: job.view, at: Timestamp::now(), scanned, decisions };
        Self { done, recordings: Vec::new() }
    }

    /// Waits until all of it is remembered: nothing is done about an image that a crash would forget.
    pub(super) async fn remembered(self, memory: &Memory) -> Done {
        let Self { mut done, recordings } = self;
        join_all(recordings).await;
        for settled in done.decisions.iter_mut().filter_map(|(_, decision)| decision.as_mut().ok()) {
            let tag = settled.image.tag.as_ref();
            settled.first_seen = tag.and_then(|tag| memory.first_seen(&done.view, tag, done.at));
        }
        done
    }
}

struct Tags {
    tags: Vec<Tag>,
    /// When they were listed.
    at: Timestamp,
    /// Whether there was news; `None` when the registry was not asked.
    news: Option<bool>,
}

async fn tags(
    selecting: &Selecting,
    job: &Job,
    recordings: &mut Vec<Recording>,
    now: Timestamp,
) -> Result<Tags, Cause> {
    if !job.scan {
        let known = selecting.memory.scan(&job.view, now).await;
        selecting.metrics.count_lookup(Cache::Scan, known.is_some());
        if let Some(known) = known {
            return Ok(Tags { tags: known.tags, at: known.at, news: None });
        }
    }
    let start = Instant::now();
    let scanned = scan(selecting, job, recordings, now).await;
    let outcome = scanned.as_ref().map_or(ScanOutcome::Failed, |(outcome, _)| *outcome);
    selecting.metrics.count_scan(outcome, start.elapsed());
    let (outcome, tags) = scanned?;
    selecting.metrics.set_tags(&job.view.repository, tags.len());
    Ok(Tags { tags, at: now, news: Some(outcome == ScanOutcome::Changed) })
}

async fn scan(
    selecting: &Selecting,
    job: &Job,
    recordings: &mut Vec<Recording>,
    now: Timestamp,
) -> Result<(ScanOutcome, Vec<Tag>), Cause> {
    let (memory, registry, Watched { repository, access, .. }) =
        (&selecting.memory, &selecting.registry, &*job.watched);
    let last = memory.last_scan(&job.view, now).await;
    let list = match last.as_ref().and_then(|last| last.etag.as_deref()) {
        None => registry.tags(repository, access).await?,
        Some(etag) => match registry.tags_if_changed(repository, access, etag).await? {
            registry::Listing::Tags(list) => list,
            registry::Listing::Unchanged => match memory.scan(&job.view, now).await {
                Some(known) => {
                    recordings.push(memory.touch_scan(&job.view, now));
                    return Ok((ScanOutcome::NotModified, known.tags));
                }
                // What the registry compared with is not known any more.
                None => registry.tags(repository, access).await?,
            },
        },
    };
    recordings.push(memory.record_scan(&job.view, &list.tags, list.etag.as_deref(), now));
    let is_same = last.is_some_and(|last| last.found(&list.tags));
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
    policies: &[NamespacedName],
    (tags, at): (&[Tag], Timestamp),
    recordings: &mut Vec<Recording>,
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
            settled.decided = Some(at);
            settled.before = policy.before.as_ref().map(|before| before.image.clone());
            recordings.push(selecting.memory.record_latest(policy.id, &settled.image, &policy.specs, now));
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
