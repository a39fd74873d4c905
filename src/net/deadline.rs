//! The moment until which one operation, all its retries included, must be done.

use std::time::Duration;

use tokio::time::Instant;

/// Made once per operation and handed down; every step waits at most until then.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    pub fn after(limit: Duration) -> Self {
        Self { at: Instant::now() + limit, limit }
    }

    pub fn at(self) -> Instant {
        self.at
    }

    /// What the whole operation was given; time-out errors name it.
    pub fn limit(self) -> Duration {
        self.limit
    }

    pub fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }
}
