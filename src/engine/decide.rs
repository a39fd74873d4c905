//! Decides the policies on one repository: what each selects from its tags, and whether that may be latest.
//!
//! Takes objects, the tags of a repository and what is remembered of it; gives for each policy what is latest, or why
//! there is none.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::cause::Cause;
use super::memory::{Latest, Memory, Recording};
use super::select::{Reflection, SelectRequest, select};
use super::settle::{self, MayGoBack, Settled, settle};
use super::tags::{Tags, Watched};
use crate::api::{DigestReflectionPolicy, ImagePolicy, ImageRepository, Objects};
use crate::goregex::{self, Regex};
use crate::image::{Repository, Tag};
use crate::ledger::View;
use crate::metrics::Metrics;
use crate::object::NamespacedName;
use crate::policy::{Guard, Selector};
use crate::registry::Client;

/// At most this many patterns are kept ready.
const PATTERNS_MAX: usize = 1000;

/// Each policy's latest image, or why there is none.
pub type Decisions = BTreeMap<NamespacedName, Decision>;

pub type Decision = Result<Settled, Undecided>;

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

/// Decides `policies`, which are all policies on the repository that is `watched`, as `view` sees it. What is to be remembered
/// of it goes to `recordings`.
pub async fn decide(
    selecting: &Selecting,
    (objects, watched, view): (&Objects, &Watched, &View),
    policies: &[NamespacedName],
    tags: &Tags,
    recordings: &mut Vec<Recording>,
    now: Timestamp,
) -> Vec<(NamespacedName, Decision)> {
    let (mut decisions, mut ready) = (Vec::new(), Vec::new());
    let mut kept = BTreeMap::new();
    for id in policies {
        match prepare(selecting, objects, id, &tags.tags, &mut kept, now) {
            Ok(policy) => ready.push(policy),
            Err(undecided) => decisions.push((id.clone(), Err(undecided))),
        }
    }
    let requests: Vec<SelectRequest<'_>> = ready.iter().map(|policy| policy.request(watched, view)).collect();
    let selected = select(&selecting.registry, &selecting.memory, &requests, now).await;
    for (policy, selected) in ready.iter().zip(selected) {
        let mut settled = settle(selected, &policy.terms(&tags.tags)).map_err(Undecided::from);
        if let Ok(settled) = &mut settled {
            settled.decided = Some(tags.at);
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
    objects: &Objects,
    id: &'a NamespacedName,
    tags: &[Tag],
    kept: &mut BTreeMap<NamespacedName, Arc<Vec<Tag>>>,
    now: Timestamp,
) -> Result<Ready<'a>, Undecided> {
    let gone = || Cause::new("the object is gone");
    let policy = objects.image_policies.get(id).ok_or_else(gone)?;
    let repository_id = repository_of(policy);
    let repository = objects.image_repositories.get(&repository_id).ok_or_else(gone)?;
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
        specs: settle::specs(policy, repository),
        may_go_back: MayGoBack::of(policy, selecting.allow_older),
    })
}

/// What the exclusion list of `repository` leaves of its tags.
pub fn without_excluded(
    patterns: &Patterns,
    repository: &ImageRepository,
    tags: &[Tag],
) -> Result<Vec<Tag>, goregex::Error> {
    let exclusions: Vec<Arc<Regex>> =
        repository.spec.exclusion_list.iter().map(|pattern| patterns.get(pattern)).collect::<Result<_, _>>()?;
    let is_kept = |tag: &&Tag| !exclusions.iter().any(|pattern| pattern.is_match(tag.as_str()));
    Ok(tags.iter().filter(is_kept).cloned().collect())
}

impl Ready<'_> {
    fn request<'a>(&'a self, watched: &'a Watched, view: &'a View) -> SelectRequest<'a> {
        SelectRequest {
            selector: &self.selector,
            guard: self.guard,
            repository: &self.repository,
            access: &watched.access,
            view,
            tags: &self.tags,
            reflection: self.reflection,
            previous: self.before.as_ref().map(|before| &before.image),
        }
    }

    fn terms<'a>(&'a self, listed: &'a [Tag]) -> settle::Terms<'a> {
        settle::Terms {
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

/// The repository that a policy selects from.
pub fn repository_of(policy: &ImagePolicy) -> NamespacedName {
    policy.spec.image_repository_ref.within(&policy.metadata.namespace)
}

fn reflection(policy: &ImagePolicy) -> Reflection {
    match policy.spec.digest_reflection_policy {
        DigestReflectionPolicy::Never => Reflection::Never,
        DigestReflectionPolicy::IfNotPresent => Reflection::IfNotPresent,
        DigestReflectionPolicy::Always => Reflection::Always,
    }
}
