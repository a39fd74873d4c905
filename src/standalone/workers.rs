//! Works on several repositories at once: as many of each registry as it may be asked, so that one that stalls delays no
//! other. Who brings a proxy has places of his own: what stalls there delays nobody else.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use tokio::task::{JoinError, JoinSet};

use super::jobs::{Decided, Done, Job, work};
use super::lanes::Lanes;
use crate::engine::decide::Selecting;
use crate::ledger::View;
use crate::net::LaneKey;

/// So many jobs may wait for the disk before no other begins: what they found is held in memory.
const REMEMBERING_MAX: usize = 256;

/// The jobs under way and those that wait.
pub(super) struct Workers {
    selecting: Selecting,
    /// They ask a registry.
    running: JoinSet<(LaneKey, Decided)>,
    /// They wait for the disk alone, and for many of them it is one wait.
    remembering: JoinSet<Done>,
    lanes: Lanes<LaneKey, Job>,
    /// The repositories that are worked on, with what comes after: two jobs at once would decide one policy by what each of
    /// them found, and the one that ends last is not always the one that knows more.
    views: BTreeMap<View, Option<Job>>,
}

fn lane(job: &Job) -> LaneKey {
    job.watched.access.connection.lane(job.watched.repository.registry())
}

impl Workers {
    pub(super) fn new(selecting: Selecting) -> Self {
        let (running, remembering) = Default::default();
        Self { selecting, running, remembering, lanes: Lanes::default(), views: BTreeMap::new() }
    }

    /// Works on a repository once the job before it has ended; what waits for that is one job.
    pub(super) fn push(&mut self, job: Job) {
        match self.views.entry(job.view.clone()) {
            Entry::Vacant(free) => {
                free.insert(None);
                let way = lane(&job);
                self.lanes.push(way.clone(), job);
                self.start_waiting(&way);
            }
            Entry::Occupied(mut busy) => {
                let next = busy.get_mut();
                *next = Some(match next.take() {
                    Some(waiting) => waiting.with(job),
                    None => job,
                });
            }
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.remembering.is_empty()
    }

    /// The next job that ends; `None` when none is under way. May be dropped while it waits: nothing is lost.
    pub(super) async fn next(&mut self) -> Option<Done> {
        loop {
            tokio::select! {
                Some(decided) = self.running.join_next() => {
                    let (way, decided) = unharmed(decided);
                    let memory = self.selecting.memory.clone();
                    self.remembering.spawn(async move { decided.remembered(&memory).await });
                    self.lanes.end(&way);
                    self.start_waiting(&way);
                }
                Some(done) = self.remembering.join_next() => {
                    if self.remembering.len() + 1 == REMEMBERING_MAX {
                        self.lanes.waiting().iter().for_each(|way| self.start_waiting(way));
                    }
                    let done = unharmed(done);
                    self.views.remove(&done.view).flatten().into_iter().for_each(|next| self.push(next));
                    return Some(done);
                }
                else => return None,
            }
        }
    }

    fn start_waiting(&mut self, way: &LaneKey) {
        while let Some(job) = self.next_of(way) {
            let (way, selecting, lost) = (way.clone(), self.selecting.clone(), job.clone());
            self.running.spawn(async move {
                let decided = AssertUnwindSafe(work(&selecting, job)).catch_unwind().await;
                (way, decided.unwrap_or_else(|_| Decided::aborted(lost)))
            });
        }
    }

    fn next_of(&mut self, way: &LaneKey) -> Option<Job> {
        if self.remembering.len() >= REMEMBERING_MAX {
            return None;
        }
        let registry = &self.selecting.registry;
        self.lanes.begin(way, |job| registry.concurrency(&job.watched.repository))
    }
}

/// A panic in a job is one here.
fn unharmed<T>(ended: Result<T, JoinError>) -> T {
    ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
