//! Works on several repositories at once: as many of each registry as it may be asked, so that one that stalls delays no
//! other.

use std::collections::{BTreeMap, VecDeque};

use tokio::task::JoinSet;

use super::decide::{Done, Job, Selecting, work};

/// The jobs under way and those that wait.
pub(super) struct Workers {
    selecting: Selecting,
    running: JoinSet<(String, Done)>,
    waiting: VecDeque<Job>,
    per_host: BTreeMap<String, usize>,
}

impl Workers {
    pub(super) fn new(selecting: Selecting) -> Self {
        Self { selecting, running: JoinSet::new(), waiting: VecDeque::new(), per_host: BTreeMap::new() }
    }

    pub(super) fn push(&mut self, job: Job) {
        match self.has_room(&job) {
            true => self.start(job),
            false => self.waiting.push_back(job),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// The next job that ends; `None` when none is under way. May be dropped while it waits: nothing is lost.
    pub(super) async fn next(&mut self) -> Option<Done> {
        let (host, done) = match self.running.join_next().await? {
            Ok(ended) => ended,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        if let Some(busy) = self.per_host.get_mut(&host) {
            *busy -= 1;
        }
        self.start_waiting();
        Some(done)
    }

    fn start_waiting(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().for_each(|job| self.push(job));
        self.per_host.retain(|_, busy| *busy > 0);
    }

    fn has_room(&self, job: &Job) -> bool {
        let most = self.selecting.registry.concurrency(&job.watched.repository);
        self.per_host.get(job.watched.repository.registry()).is_none_or(|busy| *busy < most)
    }

    fn start(&mut self, job: Job) {
        let host = job.watched.repository.registry().to_owned();
        *self.per_host.entry(host.clone()).or_default() += 1;
        let selecting = self.selecting.clone();
        self.running.spawn(async move { (host, work(&selecting, job).await) });
    }
}
