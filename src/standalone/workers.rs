//! Works on several repositories at once: as many of each registry as it may be asked, so that one that stalls delays no
//! other. Who brings a proxy has places of his own: what stalls there delays nobody else.

use std::collections::{HashMap, VecDeque};

use tokio::task::JoinSet;

use super::decide::{Done, Job, Selecting, work};
use crate::net::Proxy;

/// The jobs under way and those that wait.
pub(super) struct Workers {
    selecting: Selecting,
    running: JoinSet<(Way, Done)>,
    waiting: VecDeque<Job>,
    busy: HashMap<Way, usize>,
}

/// A registry, and the proxy that an object names for it.
type Way = (String, Option<Proxy>);

fn way(job: &Job) -> Way {
    (job.watched.repository.registry().to_owned(), job.watched.access.connection.proxy.clone())
}

impl Workers {
    pub(super) fn new(selecting: Selecting) -> Self {
        Self { selecting, running: JoinSet::new(), waiting: VecDeque::new(), busy: HashMap::new() }
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
        let (way, done) = match self.running.join_next().await? {
            Ok(ended) => ended,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        if let Some(busy) = self.busy.get_mut(&way) {
            *busy -= 1;
        }
        self.start_waiting();
        Some(done)
    }

    fn start_waiting(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().for_each(|job| self.push(job));
        self.busy.retain(|_, busy| *busy > 0);
    }

    fn has_room(&self, job: &Job) -> bool {
        let most = self.selecting.registry.concurrency(&job.watched.repository);
        self.busy.get(&way(job)).is_none_or(|busy| *busy < most)
    }

    fn start(&mut self, job: Job) {
        let way = way(&job);
        *self.busy.entry(way.clone()).or_default() += 1;
        let selecting = self.selecting.clone();
        self.running.spawn(async move { (way, work(&selecting, job).await) });
    }
}
