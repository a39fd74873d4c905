//! What is due when: the scans of repositories, each at its own interval.
//!
//! Takes what is wanted, what happened and the time since the process began, which does not jump as wall clocks do; gives
//! what to do now.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::schedule::{Rhythm, due, retry_scan};

/// When the process began, as far as the rhythm is concerned.
const ZERO: Timestamp = Timestamp::UNIX_EPOCH;

/// Hooks make a scan due at once, but scans of one repository begin at least this far apart; further apart, up to
/// the other bound, while hooks bring nothing new.
const APART_MIN: Duration = Duration::from_millis(100);
const APART_MAX: Duration = Duration::from_secs(2);

/// Work that recurs, by key.
#[derive(Clone, Debug)]
pub struct Agenda<K> {
    entries: BTreeMap<K, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// Each name has a rhythm of its own, so that what began together does not stay so.
    name: String,
    interval: Duration,
    due: Duration,
    /// When it began last; it may be under way.
    began: Option<Duration>,
    is_running: bool,
    /// Asked for by a hook while it was under way, which may have been too late for it.
    is_wanted_again: bool,
    failures: u32,
    apart: Duration,
}

/// How a piece of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    WithNews,
    WithoutNews,
    Failed,
}

impl<K> Default for Agenda<K> {
    fn default() -> Self {
        Self { entries: BTreeMap::new() }
    }
}

impl<K: Clone + Ord> Agenda<K> {
    /// Puts `key` on the agenda. `age` says how long ago it was done; without one it is due now.
    pub fn add(&mut self, key: K, name: String, interval: Duration, age: Option<Duration>, now: Duration) {
        let due = age.map_or(now, |age| next_after(&name, interval, age, now));
        let entry = Entry {
            name,
            interval,
            due,
            began: None,
            is_running: false,
            is_wanted_again: false,
            failures: 0,
            apart: APART_MIN,
        };
        self.entries.insert(key, entry);
    }

    pub fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    /// Drops what is not wanted any more.
    pub fn retain(&mut self, wanted: &BTreeSet<K>) {
        self.entries.retain(|key, _| wanted.contains(key));
    }

    /// What was done was another thing, or done in another way: it is due now, at its new interval, whatever failed.
    pub fn renew(&mut self, key: &K, interval: Duration, now: Duration) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        (entry.interval, entry.due, entry.failures) = (interval, now, 0);
        entry.is_wanted_again = entry.is_running;
    }

    /// Somebody says that there is news.
    pub fn hook(&mut self, key: &K, now: Duration) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.is_wanted_again |= entry.is_running;
        let since = entry.began.map_or(Duration::MAX, |began| now.saturating_sub(began));
        if since > APART_MAX {
            entry.apart = APART_MIN;
        }
        let earliest = entry.began.map_or(now, |began| now.max(began + entry.apart));
        entry.due = entry.due.min(earliest);
    }

    /// Takes what is due. What is due almost now comes along, so that the process wakes less often.
    pub fn begin(&mut self, now: Duration) -> Vec<K> {
        let is_due = |entry: &Entry| !entry.is_running && entry.due <= now + entry.interval / 100;
        let due = self.entries.iter_mut().filter(|(_, entry)| is_due(entry));
        due.map(|(key, entry)| {
            (entry.is_running, entry.began) = (true, Some(now));
            key.clone()
        })
        .collect()
    }

    /// Records how it ended, and when it is due again.
    pub fn done(&mut self, key: &K, ended: Ended, now: Duration, dice: f64) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.is_running = false;
        entry.failures = if ended == Ended::Failed { entry.failures.saturating_add(1) } else { 0 };
        entry.due = match entry.failures {
            0 => next_after(&entry.name, entry.interval, Duration::ZERO, now),
            failures => now + retry_scan(failures, dice),
        };
        entry.apart = if ended == Ended::WithNews { APART_MIN } else { (entry.apart * 2).min(APART_MAX) };
        if std::mem::take(&mut entry.is_wanted_again) {
            entry.due = entry.due.min(now.max(entry.began.unwrap_or_default() + entry.apart));
        }
    }

    /// When something is due next, as far as it is not under way.
    pub fn next(&self) -> Option<Duration> {
        self.entries.values().filter(|entry| !entry.is_running).map(|entry| entry.due).min()
    }
}

/// When it is due next, done `age` before `now`.
fn next_after(name: &str, interval: Duration, age: Duration, now: Duration) -> Duration {
    let at = |time: Duration| ZERO.saturating_add(time).unwrap_or(Timestamp::MAX);
    let last = at(now).saturating_sub(age).unwrap_or(Timestamp::MIN);
    let next = due(name, Rhythm { interval, last: Some(last), started: at(now) }, at(now));
    Duration::try_from(next.duration_since(ZERO)).unwrap_or(now)
}
