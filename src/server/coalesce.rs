//! How often hooks may cause a scan: one scan per repository, however many hooks arrive.
//!
//! Takes what hooks ask for, what was scanned and the time; gives what to scan now. No clock of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The scans that hooks ask for, by what identifies a repository to the caller.
///
/// The first hook is answered at once. What is asked for while the scan is in hand is done once more after it, since
/// that scan may have listed the tags before the push; and no two scans begin within the distance.
#[derive(Clone, Debug)]
pub struct Coalescer<K> {
    distance: SignedDuration,
    asked: BTreeSet<K>,
    in_hand: BTreeSet<K>,
    begun: BTreeMap<K, Timestamp>,
}

impl<K: Ord + Clone> Coalescer<K> {
    pub fn new(distance: Duration) -> Self {
        let distance = SignedDuration::try_from(distance).unwrap_or(SignedDuration::MAX);
        Self { distance, asked: BTreeSet::new(), in_hand: BTreeSet::new(), begun: BTreeMap::new() }
    }

    /// A hook has come in.
    pub fn ask(&mut self, key: K) {
        self.asked.insert(key);
    }

    /// Takes what is to be scanned now. Each of them is in hand until [`Coalescer::done`].
    pub fn begin(&mut self, now: Timestamp) -> Vec<K> {
        let distance = self.distance;
        self.begun.retain(|_, at| is_within(*at, now, distance));
        let ready: Vec<K> = self.asked.iter().filter(|key| self.is_free(key)).cloned().collect();
        for key in &ready {
            self.asked.remove(key);
            self.in_hand.insert(key.clone());
            self.begun.insert(key.clone(), now);
        }
        ready
    }

    /// The scan has ended, well or badly.
    pub fn done(&mut self, key: &K) {
        self.in_hand.remove(key);
    }

    /// When [`Coalescer::begin`] will have something; `None` while nothing waits for the time alone.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let waiting = self.asked.iter().filter(|key| !self.in_hand.contains(key));
        let free = |key| match self.begun.get(key) {
            Some(at) if is_within(*at, now, self.distance) => at.saturating_add(self.distance).unwrap_or(now),
            _ => now,
        };
        waiting.map(free).min()
    }

    fn is_free(&self, key: &K) -> bool {
        !self.in_hand.contains(key) && !self.begun.contains_key(key)
    }
}

/// A clock that was set back must not hold a repository for longer than the distance.
fn is_within(at: Timestamp, now: Timestamp, distance: SignedDuration) -> bool {
    at <= now && now.duration_since(at) < distance
}
