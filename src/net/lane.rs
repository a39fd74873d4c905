//! Lanes: the requests to one host, one behind the other, as many a second and at a time as its [`Rate`] admits.
//!
//! Whoever wants to send asks for a [`Pass`] and holds it until the answer is read. Who came first goes first; who
//! cannot go before its deadline is told so. Hosts know nothing of each other.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::deadline::Deadline;
use super::error::Error;
use super::proxy::Proxy;
use super::quota::quota;
use super::rate::{Bucket, Rate};
use super::retry::retry_after;
use super::standing::{Asker, Closed, Standing, Told};

/// Is told of every wait for a turn: `host:port`, and how long it was.
pub type WaitObserver = Arc<dyn Fn(&str, Duration) + Send + Sync>;

/// Shorter waits are none: that is how exactly we sleep.
const WAIT_MIN: Duration = Duration::from_millis(2);
/// Lanes that nobody is in are forgotten when there are this many.
const LANES_MAX: usize = 10_000;

/// What a lane is found by: the host and the proxy that an object names for it. Who brings a proxy could answer for the
/// host, or not at all, and would close it for others or hold their places. Whoever does many things at once keeps them
/// apart by this too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LaneKey {
    host: String,
    proxy: Option<Proxy>,
}

impl LaneKey {
    pub fn new(host: &str, proxy: Option<&Proxy>) -> Self {
        Self { host: host.to_owned(), proxy: proxy.cloned() }
    }
}

/// The lanes of one process.
pub(super) struct Lanes {
    rates: Box<dyn Fn(&str) -> Rate + Send + Sync>,
    waits: Option<WaitObserver>,
    lanes: Mutex<HashMap<LaneKey, Arc<Lane>>>,
}

struct Lane {
    host: String,
    rate: Rate,
    /// One for each request that may be unanswered.
    permits: Arc<Semaphore>,
    /// Held by the one who goes next.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bucket: Bucket,
    standing: Standing,
}

/// What came of the attempt to go now.
enum Turn {
    Taken(Instant),
    NotBefore(Instant),
    Closed,
}

/// The right to send one request and read its answer.
pub(super) struct Pass {
    lane: Arc<Lane>,
    asker: Asker,
    sent_at: Instant,
    is_answered: bool,
    _permit: OwnedSemaphorePermit,
}

impl Lanes {
    pub(super) fn new(rates: impl Fn(&str) -> Rate + Send + Sync + 'static, waits: Option<WaitObserver>) -> Self {
        Self { rates: Box::new(rates), waits, lanes: Mutex::default() }
    }

    /// Waits until it is the asker's turn at `host` (with its port) through `proxy`, at most until the deadline.
    pub(super) async fn admit(
        &self,
        host: &str,
        proxy: Option<&Proxy>,
        asker: Asker,
        deadline: Deadline,
    ) -> Result<Pass, Error> {
        let began = Instant::now();
        let pass = self.lane(host, proxy).admit(asker, deadline).await;
        let waited = began.elapsed();
        if let Some(observer) = self.waits.as_ref().filter(|_| waited > WAIT_MIN) {
            observer(host, waited);
        }
        pass
    }

    fn lane(&self, host: &str, proxy: Option<&Proxy>) -> Arc<Lane> {
        let key = LaneKey::new(host, proxy);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(&key) {
            return lane.clone();
        }
        if lanes.len() >= LANES_MAX {
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        }
        let lane = Arc::new(Lane::new(host, (self.rates)(host)));
        lanes.insert(key, lane.clone());
        lane
    }
}

impl Lane {
    fn new(host: &str, rate: Rate) -> Self {
        let permits = Arc::new(Semaphore::new(rate.connections.get() as usize));
        Self { host: host.to_owned(), rate, permits, turn: tokio::sync::Mutex::default(), state: Mutex::default() }
    }

    async fn admit(self: Arc<Self>, asker: Asker, deadline: Deadline) -> Result<Pass, Error> {
        loop {
            // Before anything is held that others wait for: the server may be closed to this asker alone.
            self.until_open(asker, deadline).await?;
            let permit = timeout_at(deadline.at(), self.permits.clone().acquire_owned()).await;
            let permit = permit.ok().and_then(Result::ok).ok_or_else(|| self.crowded(deadline))?;
            if let Some(sent_at) = self.go(asker, deadline).await? {
                return Ok(Pass { lane: self, asker, sent_at, is_answered: false, _permit: permit });
            }
        }
    }

    async fn until_open(&self, asker: Asker, deadline: Deadline) -> Result<(), Error> {
        loop {
            let now = Instant::now();
            let closed = self.state().standing.closed(asker, now);
            match closed {
                None => return Ok(()),
                Some(closed) if closed.is_silent || closed.until >= deadline.at() => {
                    return Err(self.closed(closed, now));
                }
                Some(closed) => sleep_until(closed.until).await,
            }
        }
    }

    /// Takes a turn and gives its time; `None` when the server was closed meanwhile.
    async fn go(&self, asker: Asker, deadline: Deadline) -> Result<Option<Instant>, Error> {
        let turn = timeout_at(deadline.at(), self.turn.lock()).await;
        let _turn = turn.map_err(|_| self.crowded(deadline))?;
        loop {
            let turn = self.state().turn(self.rate, asker, Instant::now());
            match turn {
                Turn::Taken(at) => return Ok(Some(at)),
                Turn::Closed => return Ok(None),
                Turn::NotBefore(at) if at >= deadline.at() => return Err(self.crowded(deadline)),
                Turn::NotBefore(at) => sleep_until(at).await,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn crowded(&self, deadline: Deadline) -> Error {
        Error::Crowded { host: self.host.clone(), rate: self.rate, after: deadline.limit() }
    }

    fn closed(&self, closed: Closed, now: Instant) -> Error {
        let until = Timestamp::now().saturating_add(closed.until - now).unwrap_or(Timestamp::MAX);
        Error::Closed { host: self.host.clone(), until, why: closed.why }
    }
}

impl State {
    fn turn(&mut self, rate: Rate, asker: Asker, now: Instant) -> Turn {
        if self.standing.closed(asker, now).is_some() {
            return Turn::Closed;
        }
        match self.bucket.take(rate, now) {
            Err(at) => Turn::NotBefore(at),
            Ok(()) => {
                self.standing.sent(asker);
                Turn::Taken(now)
            }
        }
    }
}

impl Pass {
    /// The head of the answer came.
    pub(super) fn answered(&mut self, status: u16, headers: &HeaderMap) {
        let now = Timestamp::now();
        let told = Told { status, retry_after: retry_after(headers, now), quota: quota(headers, now) };
        self.is_answered = true;
        let mut state = self.lane.state();
        state.standing.heard(self.asker, told, self.sent_at, Instant::now(), fastrand::f64());
    }

    /// What came of the request in the end.
    pub(super) fn ended<T>(&self, outcome: &Result<T, Error>) {
        let mut state = self.lane.state();
        match outcome {
            Ok(_) => state.standing.succeeded(self.asker),
            Err(error) if error.is_passing() || matches!(error, Error::Timeout { .. }) => {
                state.standing.failed(self.asker, Instant::now());
            }
            Err(_) => {}
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.is_answered {
            self.lane.state().standing.lost(self.asker);
        }
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lanes")
    }
}
