//! The line of one kind: its queue, who wakes it, and the reconciles under way.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::error;

use super::queue::{Next, Queue};
use crate::object::NamespacedName;
use crate::schedule::Backoff;

/// So many reconciles of a kind are under way at most. They wait for others most of the time: how much is asked of a host
/// at once is bounded there.
const RUNNING_MAX: usize = 256;

pub(super) struct Line {
    /// Times are since then; wall clocks jump.
    started: Instant,
    queue: Mutex<Queue>,
    /// Something may be due earlier than it was.
    news: Notify,
}

impl Line {
    pub(super) fn new(started: Instant, backoff: Backoff) -> Self {
        Self { started, queue: Mutex::new(Queue::new(backoff)), news: Notify::new() }
    }

    /// See [`Queue::wake`].
    pub(super) fn wake(&self, name: &NamespacedName) {
        self.queue().wake(name, self.now());
        self.news.notify_one();
    }

    /// See [`Queue::renew`].
    pub(super) fn renew(&self, name: &NamespacedName) {
        self.queue().renew(name, self.now());
        self.news.notify_one();
    }

    /// Reconciles what is due for as long as `may_work` says so; then waits for what is under way. A reconcile that panics is
    /// tried again like one that fails.
    pub(super) async fn work<F>(&self, mut may_work: watch::Receiver<bool>, reconcile: impl Fn(NamespacedName) -> F)
    where
        F: Future<Output = Next> + Send + 'static,
    {
        let mut running = JoinSet::new();
        while *may_work.borrow_and_update() {
            while running.len() < RUNNING_MAX
                && let Some(name) = self.begin()
            {
                let reconciling = AssertUnwindSafe(reconcile(name.clone())).catch_unwind();
                running.spawn(async move { (name, reconciling.await) });
            }
            let due = self.queue().next().filter(|_| running.len() < RUNNING_MAX);
            let wake = due.map_or_else(|| Instant::now() + Duration::from_secs(3600), |due| self.started + due);
            tokio::select! {
                Some(done) = running.join_next() => self.done(done),
                () = self.news.notified() => {}
                () = sleep_until(wake) => {}
                changed = may_work.changed() => if changed.is_err() { break },
            }
        }
        while let Some(done) = running.join_next().await {
            self.done(done);
        }
    }

    fn begin(&self) -> Option<NamespacedName> {
        self.queue().begin(self.now())
    }

    fn done(&self, done: Result<(NamespacedName, std::thread::Result<Next>), tokio::task::JoinError>) {
        let (name, outcome) = done.expect("a reconcile is not cancelled, and its panics are caught");
        let next = outcome.unwrap_or_else(|_| {
            error!(%name, "the reconcile was aborted by a fault in the program, and is tried again");
            Next::Retry
        });
        self.queue().done(&name, next, self.now(), fastrand::f64());
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // A queue is changed by its own methods alone, none of which leaves it half changed.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
