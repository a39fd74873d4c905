//! Answers that are kept for a moment, so that a thousand objects that name the same Secret ask for it once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

/// How old an answer may be. Who has changed a Secret expects to see it used soon.
const AGE_MAX: Duration = Duration::from_secs(10);
/// More are not kept; those that are too many are asked for each time.
const ANSWERS_MAX: usize = 1000;

/// Answers by what was asked. What is not there is an answer too; errors are none.
pub(super) struct Brief<K, V>(Mutex<HashMap<K, Answer<V>>>);

struct Answer<V> {
    asked: Instant,
    /// Those who ask while the first one waits, wait with it.
    value: Arc<OnceCell<V>>,
}

impl<K, V> Default for Brief<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Brief<K, V> {
    /// The answer to `key`: one that is fresh, else what `ask` brings.
    pub(super) async fn get<E>(&self, key: &K, ask: impl AsyncFnOnce() -> Result<V, E>) -> Result<V, E> {
        self.cell(key).get_or_try_init(|| ask()).await.cloned()
    }

    fn cell(&self, key: &K) -> Arc<OnceCell<V>> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // What is old is not only useless: some of it is secret.
        answers.retain(|_, answer| now.duration_since(answer.asked) < AGE_MAX);
        if let Some(answer) = answers.get(key) {
            return answer.value.clone();
        }
        let value = Arc::new(OnceCell::new());
        if answers.len() < ANSWERS_MAX {
            answers.insert(key.clone(), Answer { asked: now, value: value.clone() });
        }
        value
    }
}
