//! The push budgets of one process: how many pushes a minute each repository gets.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::git::RemoteUrl;
use crate::schedule::PushWindow;

/// GitHub asks for no more than that.
const GITHUB_PER_MINUTE: NonZeroU32 = NonZeroU32::new(6).expect("six is not zero");

/// How many pushes a minute a repository gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PushLimit {
    /// Six for github.com, any number for others.
    #[default]
    ByHost,
    Unlimited,
    PerMinute(NonZeroU32),
}

/// Counts the pushes that moved something, by repository. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct PushBudget {
    limit: PushLimit,
    /// How long a push may wait for its turn; one that would wait longer is put off.
    patience: Duration,
    windows: Arc<Mutex<BTreeMap<String, PushWindow>>>,
}

impl PushBudget {
    pub fn new(limit: PushLimit, patience: Duration) -> Self {
        Self { limit, patience, windows: Arc::default() }
    }

    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Takes one push to `url`, or gives the time at which the next one is free.
    pub fn take(&self, url: &RemoteUrl, now: Timestamp) -> Result<(), Timestamp> {
        match self.limit_of(url) {
            Some(limit) => self.windows().entry(url.to_string()).or_default().take(limit, now),
            None => Ok(()),
        }
    }

    /// Gives back a push that moved nothing.
    pub fn give_back(&self, url: &RemoteUrl) {
        if let Some(window) = self.windows().get_mut(&url.to_string()) {
            window.give_back();
        }
    }

    fn limit_of(&self, url: &RemoteUrl) -> Option<NonZeroU32> {
        let host = url.host()?;
        match self.limit {
            PushLimit::PerMinute(limit) => Some(limit),
            PushLimit::ByHost if host == "github.com" => Some(GITHUB_PER_MINUTE),
            PushLimit::ByHost | PushLimit::Unlimited => None,
        }
    }

    fn windows(&self) -> MutexGuard<'_, BTreeMap<String, PushWindow>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
