//! Jobs: one repository to look at, from what is asked to what is decided and remembered.

use std::sync::Arc;

use futures::future::join_all;
use jiff::Timestamp;

use super::inputs::World;
use crate::engine::cause::Cause;
use crate::engine::decide::{Decision, Selecting, Undecided, decide};
use crate::engine::memory::{Memory, Recording};
use crate::engine::tags::{Watched, tags};
use crate::ledger::View;
use crate::object::NamespacedName;

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
    let (scanned, decisions) = match tags(selecting, &job.watched, (&job.view, job.scan), &mut recordings, now).await {
        Ok(tags) => {
            let policies = if tags.news == Some(true) { &job.watched.policies } else { &job.policies };
            let basis = (&job.world.objects, &*job.watched, &job.view);
            (tags.news.map(Ok), decide(selecting, basis, policies, &tags, &mut recordings, now).await)
        }
        Err(error) => {
            let cause = Cause::from(error);
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
