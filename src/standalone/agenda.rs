//! What is due when: the scans of repositories, each at its own interval.
//!
//! Takes what is wanted, what happened and the time since the process began, which does not jump as wall clocks do; gives
//! what to do now.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::schedule::{Backoff, Rhythm, due};

/// When the process began, as far as the rhythm is concerned.
const ZERO: Timestamp = Timestamp::UNIX_EPOCH;

/// How long after a hook scans begin, until one brings news: a registry may send the hook before it lists the tag.
const AFTER_HOOK: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(4),
];

/// Scans that hooks ask for begin at least this far apart.
const APART: Duration = Duration::from_millis(50);

/// Those that bring no news may be as many as one in this time, on the average; and so far ahead of that.
const PRICE: Duration = Duration::from_secs(1);
const CREDIT: Duration = Duration::from_secs(4);

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
    /// How much before that it may begin.
    slack: Duration,
    /// When it began last; it may be under way.
    began: Option<Duration>,
    is_running: bool,
    /// What is under way is not what is wanted any more.
    is_renewed: bool,
    failures: u32,
    asked: Option<Asked>,
    /// Up to when what hooks asked for in vain is paid.
    paid: Duration,
}

/// The hooks that wait for news.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Of these, each scan with news answers one.
    hooks: u32,
    last: Duration,
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
        let mut entry = Entry {
            name,
            interval,
            due: now,
            slack: Duration::ZERO,
            began: None,
            is_running: false,
            is_renewed: false,
            failures: 0,
            asked: None,
            paid: Duration::ZERO,
        };
        if let Some(age) = age {
            entry.keep_rhythm(age, now);
        }
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
        (entry.interval, entry.due, entry.slack, entry.failures) = (interval, now, Duration::ZERO, 0);
        entry.is_renewed = entry.is_running;
    }

    /// Somebody says that there is news.
    pub fn hook(&mut self, key: &K, now: Duration) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let hooks = entry.asked.map_or(0, |asked| asked.hooks);
        entry.asked = Some(Asked { hooks: hooks.saturating_add(1), last: now });
        if !entry.is_running {
            entry.answer_hooks(now);
        }
    }

    /// Takes what is due. What is due almost now comes along, so that the process wakes less often.
    pub fn begin(&mut self, now: Duration) -> Vec<K> {
        let is_due = |entry: &Entry| !entry.is_running && entry.due <= now + entry.slack;
        let due = self.entries.iter_mut().filter(|(_, entry)| is_due(entry));
        due.map(|(key, entry)| {
            (entry.is_running, entry.began) = (true, Some(now));
            if entry.asked.is_some() {
                entry.paid = entry.paid.max(now) + PRICE;
            }
            key.clone()
        })
        .collect()
    }

    /// Records how it ended, and when it is due again.
    pub fn done(&mut self, key: &K, ended: Ended, now: Duration, dice: f64) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.is_running = false;
        entry.failures = if ended == Ended::Failed { entry.failures.saturating_add(1) } else { 0 };
        match entry.failures {
            0 => entry.keep_rhythm(Duration::ZERO, now),
            failures => (entry.due, entry.slack) = (now + Backoff::default().after(failures, dice), Duration::ZERO),
        }
        if ended == Ended::WithNews {
            entry.paid = now;
            entry.asked = entry.asked.filter(|asked| asked.hooks > 1);
            entry.asked.iter_mut().for_each(|asked| asked.hooks -= 1);
        }
        if ended != Ended::Failed {
            entry.answer_hooks(now);
        }
        if std::mem::take(&mut entry.is_renewed) {
            entry.bring_forward(now);
        }
    }

    /// When something is due next, as far as it is not under way.
    pub fn next(&self) -> Option<Duration> {
        self.entries.values().filter(|entry| !entry.is_running).map(|entry| entry.due).min()
    }
}

impl Entry {
    /// Due next in its rhythm, done `age` before `now`.
    fn keep_rhythm(&mut self, age: Duration, now: Duration) {
        let at = |time: Duration| ZERO.saturating_add(time).unwrap_or(Timestamp::MAX);
        let last = at(now).saturating_sub(age).unwrap_or(Timestamp::MIN);
        let next = due(&self.name, Rhythm { interval: self.interval, last: Some(last), started: at(now) }, at(now));
        self.due = Duration::try_from(next.duration_since(ZERO)).unwrap_or(now);
        self.slack = self.interval / 100;
    }

    /// Due as soon as the hooks that wait for news want; they are given up when they have waited long enough.
    fn answer_hooks(&mut self, now: Duration) {
        let Some(asked) = self.asked else { return };
        let is_ahead = |at: &Duration| self.began.is_none_or(|began| *at > began);
        match AFTER_HOOK.iter().map(|after| asked.last + *after).find(is_ahead) {
            Some(at) => {
                let earliest = self.began.map_or(now, |began| now.max(began + APART));
                self.bring_forward(at.max(earliest).max(self.paid.saturating_sub(CREDIT)));
            }
            None => self.asked = None,
        }
    }

    fn bring_forward(&mut self, at: Duration) {
        if at < self.due {
            (self.due, self.slack) = (at, Duration::ZERO);
        }
    }
}
