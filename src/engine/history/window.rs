//! Window: the commits between two times, newest first, in batches that can be looked into in parallel.

use jiff::Timestamp;

use super::Query;
use crate::git::{self, Commits, Log, LogEntry};

/// At most this many commits are read.
const COMMITS_MAX: usize = 2_000_000;
/// Commits are read one after the other and looked into in parallel: first a few, since often the newest are enough,
/// then twice as many each time, up to so many commits or bytes of messages.
const BATCH_MIN: usize = 64;
const BATCH_MAX: usize = 4096;
const BATCH_BYTES_MAX: usize = 32 << 20;
/// Clocks differ: a commit older than `since` ends the walk only behind this many others that are too.
const STALE_MAX: usize = 100;

/// Where reading ended short of the first commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// The commits whose parents a shallow clone lacks.
    pub shallow: Vec<String>,
    /// True when there are older commits than are ever read.
    pub is_cut: bool,
}

/// The commits of a time, in batches.
pub(super) struct Window<'l> {
    commits: Commits<'l>,
    since: Timestamp,
    until: Timestamp,
    read: usize,
    stale: usize,
    batch: usize,
    pub(super) end: End,
}

impl<'l> Window<'l> {
    pub(super) fn new(log: &'l Log, query: &Query) -> Result<Self, git::Error> {
        Ok(Self {
            commits: log.commits()?,
            since: query.since.unwrap_or(Timestamp::MIN),
            until: query.until.unwrap_or(Timestamp::MAX),
            read: 0,
            stale: 0,
            batch: BATCH_MIN,
            end: End::default(),
        })
    }

    /// The next commits; none at the end.
    pub(super) fn batch(&mut self) -> Result<Vec<LogEntry>, git::Error> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < self.batch && bytes < BATCH_BYTES_MAX && self.stale < STALE_MAX {
            let Some(entry) = self.commits.next().transpose()? else { break };
            if self.read == COMMITS_MAX {
                self.end.is_cut = true;
                break;
            }
            self.read += 1;
            self.stale = if entry.time < self.since { self.stale + 1 } else { 0 };
            if entry.is_cut && self.stale == 0 {
                self.end.shallow.push(entry.id.to_string());
            }
            if entry.time >= self.since && entry.time <= self.until {
                bytes += entry.message.len();
                batch.push(entry);
            }
        }
        self.batch = (self.batch * 2).min(BATCH_MAX);
        Ok(batch)
    }
}
