//! Group commit: what is recorded while one transaction is on its way to the disk shares the next one.
//!
//! Takes what any number of threads and tasks record; answers each of them when it is on the disk. A thread of its own
//! writes for as long as something waits, so that nobody waits for a lock, and for the disk only who wants the answer.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::warn;

use super::batch::Batch;
use super::error::Fault;
use super::{Ledger, LedgerError};

/// So many share a transaction.
const TOGETHER_MAX: usize = 1000;

/// What a ledger has to write.
#[derive(Default)]
pub(super) struct Writes {
    queue: Mutex<Queue>,
    transactions: AtomicU64,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Box<dyn Write>>,
    /// A thread works on it, which ends only when nothing waits.
    is_served: bool,
    /// When the ledger was last brought to the disk.
    synced: Option<Instant>,
}

/// Something to be recorded. It is recorded whether anybody waits for the answer or not.
#[derive(Debug)]
#[must_use = "what could not be recorded is told to who waits"]
pub struct Recording<T> {
    answer: oneshot::Receiver<Result<T, LedgerError>>,
    path: Arc<PathBuf>,
}

/// One thing to be recorded in a transaction with others.
trait Write: Send {
    /// An error spoils the whole transaction.
    fn record(&mut self, batch: &mut Batch<'_>) -> Result<(), Fault>;

    /// Tells what came of it, or what became of the transaction.
    fn answer(self: Box<Self>, transaction: &Result<(), LedgerError>);
}

struct Waiting<T, F> {
    now: Timestamp,
    work: Option<F>,
    done: Option<Result<T, LedgerError>>,
    sender: oneshot::Sender<Result<T, LedgerError>>,
}

impl<T: Send, F: FnOnce(&Batch<'_>) -> Result<T, Fault> + Send> Write for Waiting<T, F> {
    fn record(&mut self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        let Some(work) = self.work.take() else { return Ok(()) };
        batch.turn_to(self.now)?;
        self.done = Some(match work(batch) {
            Err(Fault::Refused(error)) => Err(error),
            done => Ok(done?),
        });
        Ok(())
    }

    fn answer(self: Box<Self>, transaction: &Result<(), LedgerError>) {
        let Some(done) = self.done.filter(|_| transaction.is_ok()).or_else(|| transaction.clone().err().map(Err))
        else {
            return;
        };
        // Nobody may wait for it any more.
        let _ = self.sender.send(done);
    }
}

impl<T> Recording<T> {
    /// Waits on a thread of one's own; tasks await instead.
    pub fn wait(self) -> Result<T, LedgerError> {
        let Self { answer, path } = self;
        answer.blocking_recv().unwrap_or_else(|_| Err(off(&path)))
    }
}

impl<T> Future for Recording<T> {
    type Output = Result<T, LedgerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.answer).poll(context);
        answer.map(|answer| answer.unwrap_or_else(|_| Err(off(&self.path))))
    }
}

fn off(path: &Arc<PathBuf>) -> LedgerError {
    LedgerError::Off { path: path.to_path_buf(), source: None }
}

impl Ledger {
    /// How many transactions were brought to the file.
    pub fn transactions(&self) -> u64 {
        self.writes.transactions.load(Ordering::Relaxed)
    }

    /// Has `work` done in the next transaction.
    pub(super) fn write<T: Send + 'static>(
        &self,
        now: Timestamp,
        work: impl FnOnce(&Batch<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Recording<T> {
        let (sender, answer) = oneshot::channel();
        let mut queue = self.queue();
        queue.waiting.push(Box::new(Waiting { now, work: Some(work), done: None, sender }));
        if !queue.is_served {
            let ledger = self.clone();
            match thread::Builder::new().name("ledger".to_owned()).spawn(move || ledger.serve_writes()) {
                Ok(_) => queue.is_served = true,
                Err(error) => {
                    warn!(%error, "starting a thread for the memory");
                    // Whoever waits for an answer learns that there is none.
                    queue.waiting.clear();
                }
            }
        }
        drop(queue);
        Recording { answer, path: self.path.clone() }
    }

    /// What needs no transaction.
    pub(super) fn answered<T>(&self, done: Result<T, LedgerError>) -> Recording<T> {
        let (sender, answer) = oneshot::channel();
        let _ = sender.send(done);
        Recording { answer, path: self.path.clone() }
    }

    /// What is known, where nothing waits that may change it. A file that was closed is for the thread that records to
    /// open.
    pub(super) fn settled<T>(
        &self,
        known: impl FnOnce() -> Result<Option<T>, LedgerError>,
    ) -> Option<Result<T, LedgerError>> {
        let is_quiet = !self.queue().is_served;
        let known = if is_quiet { known().transpose() } else { None };
        known.filter(|known| !matches!(known, Err(LedgerError::Off { .. })))
    }

    /// Ends when nothing waits.
    fn serve_writes(self) {
        loop {
            let mut group = self.next_group();
            let transaction = self.record(&mut group);
            let answer = || group.into_iter().for_each(|write| write.answer(&transaction));
            if self.has_ended() {
                // Who has the last answer and closes the ledger has closed the file.
                drop(self);
                return answer();
            }
            answer();
        }
    }

    fn next_group(&self) -> Vec<Box<dyn Write>> {
        let mut queue = self.queue();
        let end = queue.waiting.len().min(TOGETHER_MAX);
        queue.waiting.drain(..end).collect()
    }

    fn has_ended(&self) -> bool {
        let mut queue = self.queue();
        queue.is_served = !queue.waiting.is_empty();
        !queue.is_served
    }

    fn record(&self, group: &mut [Box<dyn Write>]) -> Result<(), LedgerError> {
        let mut synced = self.queue().synced;
        let work = |batch: &mut Batch<'_>| group.iter_mut().try_for_each(|write| write.record(batch));
        self.transact(&mut synced, work)?;
        self.queue().synced = synced;
        self.writes.transactions.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.writes.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Writes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writes").field("transactions", &self.transactions).finish_non_exhaustive()
    }
}
