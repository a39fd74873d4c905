//! How many requests a host is sent: so many in any second, so many of them at once, so many unanswered.
//!
//! Takes a [`Rate`] and the time of each request; gives when the next one may go. No clock and no sleep.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

/// What one host is sent at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests in any second; `None` is as many as there are.
    pub per_second: Option<NonZeroU32>,
    /// How many of them may go at once; the others are spread evenly.
    pub burst: NonZeroU32,
    /// Requests that are not answered yet.
    pub connections: NonZeroU32,
}

const CONNECTIONS: u32 = 16;
/// Enough for one operation (a question, a token, the answer, two pages) to go without a pause.
const BURST_MIN: u32 = 5;

/// Longer than a second by what requests may be delayed on their way, one more than another: what left in two seconds
/// must not arrive in one.
const WINDOW: Duration = Duration::from_millis(1050);
/// How much too long a sleep may be. Who slept too long may make up for that, or no limit would ever be reached.
const SLEEP: Duration = Duration::from_millis(2);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per_second {
            Some(per_second) => write!(f, "at most {per_second} requests a second, {} at a time", self.connections),
            None => write!(f, "at most {} requests at a time", self.connections),
        }
    }
}

impl Rate {
    /// No limit per second, for servers of this machine.
    pub const FREE: Self = Self::of(None, CONNECTIONS);

    /// `per_second` requests with the usual burst (a tenth of them, five at least) and connections.
    pub fn per_second(per_second: NonZeroU32) -> Self {
        Self::of(Some(per_second), (per_second.get() / 10).max(BURST_MIN).min(per_second.get()))
    }

    const fn of(per_second: Option<NonZeroU32>, burst: u32) -> Self {
        Self { per_second, burst: at_least_one(burst), connections: at_least_one(CONNECTIONS) }
    }
}

const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// The requests of the last second to one host: a token bucket, and behind it a count that no burst can pass.
#[derive(Debug, Default)]
pub struct Bucket {
    /// When the bucket is full again (the theoretical arrival time of the generic cell rate algorithm).
    full_at: Option<Instant>,
    /// When the last requests went, as many as may go in a second.
    sent: VecDeque<Instant>,
}

impl Bucket {
    /// Takes one request out of the bucket, or gives the time at which there is one.
    pub fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Instant> {
        let Some(per_second) = rate.per_second else { return Ok(()) };
        let free_at = self.free_at(per_second, rate.burst);
        if let Some(at) = free_at.filter(|at| *at > now) {
            return Err(at);
        }
        self.full_at = Some(self.full_at.map_or(now, |at| at.max(now)) + spacing(per_second));
        self.sent.push_back(now);
        while self.sent.len() > per_second.get() as usize {
            self.sent.pop_front();
        }
        Ok(())
    }

    fn free_at(&self, per_second: NonZeroU32, burst: NonZeroU32) -> Option<Instant> {
        let slack = spacing(per_second) * (burst.get() - 1) + SLEEP;
        let spread = self.full_at.and_then(|at| at.checked_sub(slack));
        let counted = self.sent.len().checked_sub(per_second.get() as usize).and_then(|at| self.sent.get(at));
        spread.max(counted.map(|at| *at + WINDOW))
    }
}

fn spacing(per_second: NonZeroU32) -> Duration {
    Duration::from_secs(1) / per_second.get()
}
