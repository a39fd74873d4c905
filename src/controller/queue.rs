//! The queue of one kind: which objects are to be reconciled by now, each by one worker at a time.
//!
//! Takes wakes and what came of reconciles, and the time since the process began, which does not jump as wall clocks do;
//! gives the names that are due. Reconciles nothing.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::object::NamespacedName;
use crate::schedule::Backoff;

/// Names and when they are due.
#[derive(Debug, Default)]
pub struct Queue {
    backoff: Backoff,
    entries: HashMap<NamespacedName, Entry>,
    due: BTreeSet<(Duration, NamespacedName)>,
    running: usize,
}

#[derive(Debug, Default)]
struct Entry {
    due: Option<Duration>,
    is_running: bool,
    failures: u32,
}

/// What a reconcile asks for when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing, until something that it depends on changes.
    Rest,
    After(Duration),
    /// It failed, and may succeed if it is tried again: later after each failure in a row.
    Retry,
    /// The object is gone.
    Forget,
}

impl Queue {
    pub fn new(backoff: Backoff) -> Self {
        Self { backoff, ..Self::default() }
    }

    /// Something that the object depends on has changed: it is due now, or when the reconcile under way ends, which may
    /// have seen the old state. Failures are not forgotten for that.
    pub fn wake(&mut self, name: &NamespacedName, now: Duration) {
        self.wake_at(name, now);
    }

    /// The object itself has changed, or somebody asks for a reconcile: what failed before says nothing now.
    pub fn renew(&mut self, name: &NamespacedName, now: Duration) {
        self.wake_at(name, now);
        self.entries.entry(name.clone()).or_default().failures = 0;
    }

    /// The object is due then, if it is not due before.
    pub fn wake_at(&mut self, name: &NamespacedName, at: Duration) {
        let entry = self.entries.entry(name.clone()).or_default();
        if entry.due.is_some_and(|due| due <= at) {
            return;
        }
        let before = entry.due.replace(at);
        if !entry.is_running {
            if let Some(before) = before {
                self.due.remove(&(before, name.clone()));
            }
            self.due.insert((at, name.clone()));
        }
    }

    /// Takes a name that is due.
    pub fn begin(&mut self, now: Duration) -> Option<NamespacedName> {
        if self.due.first()?.0 > now {
            return None;
        }
        let (_, name) = self.due.pop_first()?;
        let entry = self.entries.get_mut(&name).expect("what is due has an entry");
        (entry.is_running, entry.due) = (true, None);
        self.running += 1;
        Some(name)
    }

    /// Records what came of it. A wake that came meanwhile counts as well. `dice` is in `0..1`.
    pub fn done(&mut self, name: &NamespacedName, next: Next, now: Duration, dice: f64) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        entry.is_running = false;
        self.running -= 1;
        entry.failures = if next == Next::Retry { entry.failures.saturating_add(1) } else { 0 };
        let wanted = match next {
            Next::Rest | Next::Forget => None,
            Next::After(wait) => Some(now.saturating_add(wait)),
            Next::Retry => Some(now.saturating_add(self.backoff.after(entry.failures, dice))),
        };
        entry.due = [entry.due, wanted].into_iter().flatten().min();
        match entry.due {
            Some(due) => {
                self.due.insert((due, name.clone()));
            }
            None if next == Next::Forget => drop(self.entries.remove(name)),
            None => {}
        }
    }

    /// When something is due next that is not under way.
    pub fn next(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }

    /// How many are due.
    pub fn depth(&self, now: Duration) -> usize {
        self.due.iter().take_while(|(due, _)| *due <= now).count()
    }

    pub fn running(&self) -> usize {
        self.running
    }
}
