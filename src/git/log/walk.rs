//! The walk over commits, by time. Reads a commit when one of its children was given out, and not before.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashSet};

use git2::{Odb, Oid};
use jiff::Timestamp;

use super::{Log, LogEntry, read};
use crate::git::error::Error;

/// Of the commits that wait for their turn, messages up to this size together are kept; the others are read again.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// The commits behind a tip, newest first, as `git log` orders them; ends behind the first error.
pub struct Commits<'l> {
    log: &'l Log,
    odb: Odb<'l>,
    waiting: BinaryHeap<Waiting>,
    seen: HashSet<Oid>,
    kept_bytes: usize,
    fault: Option<git2::Error>,
}

/// A commit that was found; the latest is greatest, of one second the one that was found first.
struct Waiting {
    time: Timestamp,
    found: Reverse<usize>,
    id: Oid,
    entry: Option<LogEntry>,
}

impl<'l> Commits<'l> {
    pub(super) fn new(log: &'l Log) -> Result<Self, Error> {
        let odb = log.repository.odb().map_err(Error::git("opening the object database"))?;
        let (waiting, seen) = (BinaryHeap::new(), HashSet::new());
        let mut commits = Self { log, odb, waiting, seen, kept_bytes: 0, fault: None };
        commits.find(log.tip).map_err(|error| log.read_error(error))?;
        Ok(commits)
    }

    fn find(&mut self, id: Oid) -> Result<(), git2::Error> {
        if !self.seen.insert(id) {
            return Ok(());
        }
        let entry = read(&self.odb, id)?;
        let time = entry.time;
        let bytes = size(&entry);
        let entry = Some(entry).filter(|_| self.kept_bytes + bytes <= KEPT_BYTES_MAX);
        self.kept_bytes += entry.as_ref().map_or(0, size);
        self.waiting.push(Waiting { time, found: Reverse(self.seen.len()), id, entry });
        Ok(())
    }

    fn take(&mut self, waiting: Waiting) -> Result<LogEntry, git2::Error> {
        let mut entry = match waiting.entry {
            Some(entry) => {
                self.kept_bytes -= size(&entry);
                entry
            }
            None => read(&self.odb, waiting.id)?,
        };
        entry.is_cut = self.log.shallow.contains(&entry.id);
        if !entry.is_cut {
            // What is wrong with a parent is told behind the commit itself.
            self.fault = entry.parents.iter().find_map(|parent| self.find(*parent).err());
        }
        Ok(entry)
    }
}

impl Iterator for Commits<'_> {
    type Item = Result<LogEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(fault) = self.fault.take() {
            self.waiting.clear();
            return Some(Err(self.log.read_error(fault)));
        }
        let waiting = self.waiting.pop()?;
        Some(self.take(waiting).map_err(|error| {
            self.waiting.clear();
            self.log.read_error(error)
        }))
    }
}

/// What an entry takes in memory, about.
fn size(entry: &LogEntry) -> usize {
    entry.message.len() + entry.parents.len() * size_of::<Oid>()
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.time, self.found).cmp(&(other.time, other.found))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}
