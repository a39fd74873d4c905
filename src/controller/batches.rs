//! Batches: automations that are due at the same time and push to the same store go together: one ref listing, one fetch,
//! and one push for each branch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::gates::Gates;
use crate::engine::budget::PushBudget;
use crate::engine::cause::Cause;
use crate::engine::remote::Store;
use crate::engine::update::{FailedUpdate, Mode, Terms, Update, UpdateRequest, update};
use crate::git::{Git, Remote};
use crate::metrics::{Metrics, UpdateOutcome};
use crate::net::LaneKey;

/// What comes this close to each other goes together.
const TOGETHER: Duration = Duration::from_millis(50);
/// So many runs are under way at one server.
const RUNS_MAX: usize = 4;

/// What an update did, or why not.
pub(super) type Outcome = Result<Update, Cause>;

/// The updates of one process. Clones share them.
#[derive(Clone)]
pub(super) struct Batches(Arc<Shared>);

struct Shared {
    git: Git,
    budget: PushBudget,
    metrics: Metrics,
    servers: Gates<LaneKey>,
    /// The stores that are worked on, each with what comes next.
    stores: Mutex<HashMap<Store, Vec<Waiting>>>,
}

/// A request, and who waits for its outcome.
struct Waiting {
    remote: Remote,
    request: UpdateRequest,
    answer: oneshot::Sender<Outcome>,
}

impl Batches {
    pub(super) fn new(git: Git, budget: PushBudget, metrics: Metrics) -> Self {
        Self(Arc::new(Shared { git, budget, metrics, servers: Gates::default(), stores: Mutex::default() }))
    }

    /// Updates together with what else goes to this store now.
    pub(super) async fn update(&self, remote: Remote, request: UpdateRequest) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        let store = Store::of(&remote);
        let is_first = {
            let mut stores = self.0.stores();
            let is_first = !stores.contains_key(&store);
            stores.entry(store.clone()).or_default().push(Waiting { remote, request, answer });
            is_first
        };
        if is_first {
            tokio::spawn(work(self.0.clone(), store));
        }
        outcome.await.unwrap_or_else(|_| Err(Cause::new("the update was aborted")))
    }
}

impl Shared {
    fn stores(&self) -> MutexGuard<'_, HashMap<Store, Vec<Waiting>>> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What waits for `store`; its place is given up when nothing does.
    fn take(&self, store: &Store) -> Vec<Waiting> {
        let mut stores = self.stores();
        let waiting = stores.get_mut(store).map(std::mem::take).unwrap_or_default();
        if waiting.is_empty() {
            stores.remove(store);
        }
        waiting
    }
}

/// Runs what waits for `store` until nothing does.
async fn work(shared: Arc<Shared>, store: Store) {
    tokio::time::sleep(TOGETHER).await;
    loop {
        let mut waiting = shared.take(&store);
        if waiting.is_empty() {
            return;
        }
        // Objects that reach a store in different ways are not worked on together: what one allows (plain http, a proxy)
        // the other may forbid.
        while let Some(first) = waiting.first() {
            let remote = first.remote.clone();
            let (batch, others) = waiting.into_iter().partition(|waiting| waiting.remote == remote);
            waiting = others;
            run(&shared, remote, batch).await;
        }
    }
}

async fn run(shared: &Arc<Shared>, remote: Remote, batch: Vec<Waiting>) {
    let way = remote.connection.lane(&remote.url.server().unwrap_or_default());
    let _pass = shared.servers.enter(way, RUNS_MAX).await;
    let (requests, answers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|waiting| (waiting.request, waiting.answer)).unzip();
    let (own, start) = (shared.clone(), Instant::now());
    let running = tokio::task::spawn_blocking(move || {
        update(&own.git, &remote, &requests, Terms { mode: Mode::Push, now: Timestamp::now(), budget: &own.budget })
    });
    // What panicked drops the answers, and that is told.
    let Ok(outcomes) = running.await else { return };
    for (outcome, answer) in outcomes.into_iter().zip(answers) {
        shared.metrics.count_update(kind(&outcome), start.elapsed());
        // Whoever does not wait any more has been told that the process ends.
        drop(answer.send(outcome.map_err(|failed| Cause::from(failed.error))));
    }
}

fn kind(outcome: &Result<Update, FailedUpdate>) -> UpdateOutcome {
    match outcome {
        Err(_) => UpdateOutcome::Failed,
        Ok(update) if update.commit.is_some() => UpdateOutcome::Pushed,
        Ok(_) => UpdateOutcome::Unchanged,
    }
}
