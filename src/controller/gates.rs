//! Gates: how much is begun at one host at a time, so that what does not answer holds up its own gate and no other.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Gates that nobody is in are forgotten when there are this many.
const GATES_MAX: usize = 10_000;

#[derive(Debug)]
pub(super) struct Gates<K>(Mutex<HashMap<K, Arc<Semaphore>>>);

impl<K> Default for Gates<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Gates<K> {
    /// Waits for one of `width` places; it is given back when the pass is dropped.
    pub(super) async fn enter(&self, key: K, width: usize) -> OwnedSemaphorePermit {
        let gate = {
            let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if gates.len() >= GATES_MAX {
                gates.retain(|_, gate| Arc::strong_count(gate) > 1);
            }
            gates.entry(key).or_insert_with(|| Arc::new(Semaphore::new(width.max(1)))).clone()
        };
        gate.acquire_owned().await.expect("no gate is closed")
    }
}
