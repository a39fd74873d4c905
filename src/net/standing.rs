//! How we stand with one server: whether it asked to be left alone, and what is left of its quotas.
//!
//! Takes what was sent and what was answered, with the time; gives when the next request may go. No clock, no dice.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::quota::Quota;

/// Who asks for what, as far as servers count it apart. Zero is nobody in particular, and anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Asker {
    /// Stands for a credential: another user's quota is another, and nobody can close a server for all.
    pub account: u64,
    /// Docker Hub counts manifests and does not count listings.
    pub kind: u8,
}

/// The part of an answer that is about limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub quota: Option<Quota>,
}

/// When a server takes requests again, and why not before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    pub until: Instant,
    pub why: &'static str,
    /// It did not ask for this: nobody knows whether it is there by then, so nobody waits.
    pub is_silent: bool,
}

impl Closed {
    fn new(until: Instant, why: &'static str) -> Self {
        Self { until, why, is_silent: false }
    }
}

/// What is known of one server.
#[derive(Debug, Default)]
pub struct Standing {
    /// For everybody.
    closed: Option<Closed>,
    accounts: HashMap<u64, Account>,
}

#[derive(Debug, Default)]
struct Account {
    closed: Option<Closed>,
    /// How often in a row the server had enough of us, and when it said so last.
    refusals: u32,
    refused_at: Option<Instant>,
    /// How many requests in a row came to nothing.
    failures: u32,
    unanswered: HashMap<u8, u64>,
    quotas: HashMap<u8, Left>,
}

#[derive(Clone, Copy, Debug)]
struct Left {
    requests: u64,
    resets_at: Instant,
}

/// No server is left alone for longer without being asked once more: one wrong header must not close it for ever.
const CLOSED_MAX: Duration = Duration::from_secs(3600);
/// The first wait after 429 without `Retry-After`; it doubles with each one that follows.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(300);
/// After so many requests in a row that came to nothing, a server gets none for a while: a thousand repositories at a dead
/// registry must not each wait for it.
const FAILURES_MAX: u32 = 16;
const SILENT: Duration = Duration::from_secs(30);
/// Two resets that are as close are the same.
const SAME_RESET: Duration = Duration::from_secs(2);
/// More accounts than these are not remembered.
const ACCOUNTS_MAX: usize = 1_000;

impl Standing {
    /// Whether `asker` has to wait, and until when.
    pub fn closed(&self, asker: Asker, now: Instant) -> Option<Closed> {
        let account = self.accounts.get(&asker.account);
        let spent = account.and_then(|account| account.quotas.get(&asker.kind)).filter(|left| left.requests == 0);
        let spent = spent.map(|left| Closed::new(left.resets_at, "its quota is used up"));
        let closed = [self.closed, account.and_then(|account| account.closed), spent].into_iter().flatten();
        closed.filter(|closed| closed.until > now).max_by_key(|closed| closed.until)
    }

    /// A request is on its way.
    pub fn sent(&mut self, asker: Asker) {
        let Some(account) = self.account(asker.account) else { return };
        *account.unanswered.entry(asker.kind).or_default() += 1;
        if let Some(left) = account.quotas.get_mut(&asker.kind) {
            left.requests = left.requests.saturating_sub(1);
        }
    }

    /// A request that was sent ended without an answer.
    pub fn lost(&mut self, asker: Asker) {
        if let Some(account) = self.accounts.get_mut(&asker.account) {
            account.answered(asker.kind);
        }
    }

    /// A request came to nothing: no connection, no answer in time, or no whole one.
    pub fn failed(&mut self, asker: Asker, now: Instant) {
        let Some(account) = self.account(asker.account) else { return };
        account.failures = account.failures.saturating_add(1);
        if account.failures >= FAILURES_MAX {
            let why = "it did not answer to many requests before this one";
            let closed = Closed { is_silent: true, ..Closed::new(now + SILENT, why) };
            account.closed = later(account.closed, closed);
        }
    }

    /// A request got its answer, whole.
    pub fn succeeded(&mut self, asker: Asker) {
        if let Some(account) = self.accounts.get_mut(&asker.account) {
            account.failures = 0;
        }
    }

    /// The answer to the request that was sent at `sent_at`; `dice` is in `0..1`.
    pub fn heard(&mut self, asker: Asker, told: Told, sent_at: Instant, now: Instant, dice: f64) {
        if let (503, Some(wait)) = (told.status, told.retry_after) {
            let why = "it answered 503 and asks to wait";
            self.closed = later(self.closed, Closed::new(now + wait.min(CLOSED_MAX), why));
        }
        let Some(account) = self.account(asker.account) else { return };
        account.answered(asker.kind);
        match told.status {
            429 => account.refused(told.retry_after, sent_at, now, dice),
            200..=499 if account.refused_at.is_none_or(|at| at <= sent_at) => account.refusals = 0,
            _ => {}
        }
        if let Some(quota) = told.quota {
            account.note(asker.kind, quota, now);
        }
    }

    fn account(&mut self, account: u64) -> Option<&mut Account> {
        if self.accounts.len() >= ACCOUNTS_MAX && !self.accounts.contains_key(&account) {
            self.accounts.retain(|_, account| account.is_open_question());
        }
        match self.accounts.len() < ACCOUNTS_MAX || self.accounts.contains_key(&account) {
            true => Some(self.accounts.entry(account).or_default()),
            false => None,
        }
    }
}

impl Account {
    fn answered(&mut self, kind: u8) {
        let unanswered = self.unanswered.entry(kind).or_default();
        *unanswered = unanswered.saturating_sub(1);
    }

    fn is_open_question(&self) -> bool {
        self.closed.is_some() || self.unanswered.values().any(|unanswered| *unanswered > 0)
    }

    /// Requests that were on their way when the server said so first are part of the same refusal.
    fn refused(&mut self, retry_after: Option<Duration>, sent_at: Instant, now: Instant, dice: f64) {
        let is_known = self.refused_at.is_some_and(|at| sent_at <= at);
        if !is_known {
            self.refusals = self.refusals.saturating_add(1);
            self.refused_at = Some(now);
        }
        let own = if is_known { Duration::ZERO } else { backoff(self.refusals, dice) };
        let wait = retry_after.unwrap_or_default().min(CLOSED_MAX).max(own);
        self.closed = later(self.closed, Closed::new(now + wait, "it answered 429"));
    }

    fn note(&mut self, kind: u8, quota: Quota, now: Instant) {
        // What is still on its way may not be counted yet.
        let unanswered = self.unanswered.get(&kind).copied().unwrap_or_default();
        let mut requests = quota.remaining.saturating_sub(unanswered);
        let resets_at = now + quota.resets.min(CLOSED_MAX);
        if let Some(known) = self.quotas.get(&kind).filter(|known| now < known.resets_at) {
            let apart = resets_at.max(known.resets_at) - resets_at.min(known.resets_at);
            // Answers overtake each other: within one window a quota only falls.
            requests = if apart <= SAME_RESET { requests.min(known.requests) } else { requests };
        }
        self.quotas.insert(kind, Left { requests, resets_at });
    }
}

fn later(known: Option<Closed>, new: Closed) -> Option<Closed> {
    Some(known.filter(|known| known.until >= new.until).unwrap_or(new))
}

fn backoff(refusals: u32, dice: f64) -> Duration {
    let doubled = BACKOFF_MIN.saturating_mul(2u32.saturating_pow(refusals.saturating_sub(1)));
    doubled.min(BACKOFF_MAX).mul_f64(1.0 + dice.clamp(0.0, 1.0) / 2.0)
}
