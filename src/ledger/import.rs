//! Facts of another ledger, or of an export, merged into this one: what was seen first wins, and what is known here of
//! the present stays.

use jiff::Timestamp;
use redb::ReadableTable as _;

use super::batch::Batch;
use super::error::Fault;
use super::fact::Fact;
use super::tables::{self, History};
use super::{LastLatest, Ledger, Recording, View, room};
use crate::image::{Digest, ImageRef, Tag};
use crate::object::NamespacedName;

impl Ledger {
    /// Merges facts, all of them or, after an error, none. Again and again gives the same as once.
    pub fn import(&self, facts: Vec<Fact>, now: Timestamp) -> Recording<()> {
        self.write(now, move |batch| {
            room::check(batch.transaction, &tags_of(&facts))?;
            facts.iter().try_for_each(|fact| batch.import(fact))
        })
    }
}

/// What is said first of a tag holds.
fn tags_of(facts: &[Fact]) -> room::Wanted<'_> {
    let mut wanted = room::Wanted::new();
    for fact in facts {
        let (view, tag, has_vanished) = match fact {
            Fact::Tag { view, tag, vanished, .. } => (view, tag, vanished.is_some()),
            Fact::Digest { view, tag, .. } => (view, tag, false),
            Fact::Scan { .. } | Fact::Created { .. } | Fact::Latest { .. } => continue,
        };
        wanted.entry(view).or_default().entry(tag).or_insert(has_vanished);
    }
    wanted
}

impl Batch<'_> {
    fn import(&self, fact: &Fact) -> Result<(), Fault> {
        match fact {
            // A scan of the future tells nothing about its age: it is due.
            Fact::Scan { at, .. } if at.as_millisecond() > self.time => Ok(()),
            Fact::Scan { view, at, fingerprint, etag } => {
                self.import_scan(view, self.past(*at), *fingerprint, etag.as_deref())
            }
            Fact::Tag { view, tag, first_seen, vanished } => {
                self.import_tag(self.view(view)?, tag, self.past(*first_seen), vanished.map(|time| self.past(time)))
            }
            Fact::Digest { view, tag, digest, since } => self.import_digest(view, tag, digest, self.past(*since)),
            Fact::Created { digest, created } => self.import_created(digest, *created),
            Fact::Latest { policy, latest } => self.import_latest(policy, latest),
        }
    }

    /// Nothing was seen later than now.
    fn past(&self, time: Timestamp) -> i64 {
        time.as_millisecond().min(self.time)
    }

    fn import_scan(&self, view: &View, at: i64, fingerprint: u128, etag: Option<&str>) -> Result<(), Fault> {
        let id = self.view(view)?;
        let mut scans = self.transaction.open_table(tables::SCANS)?;
        if scans.get(id)?.is_none_or(|row| row.value().1 == tables::NO_SCAN) {
            scans.insert(id, (at, fingerprint, true, etag))?;
        }
        Ok(())
    }

    fn import_tag(&self, id: u32, tag: &Tag, first_seen: i64, vanished: Option<i64>) -> Result<(), Fault> {
        let mut table = self.transaction.open_table(tables::TAGS)?;
        let known = table.get((id, tag.as_str()))?.map(|row| row.value());
        let (earlier, vanished) = match known {
            Some((before, gone)) => (before.min(first_seen), gone),
            None => (first_seen, vanished),
        };
        table.insert((id, tag.as_str()), (earlier, vanished))?;
        drop(table);
        match (known, vanished) {
            (Some(_), _) => Ok(()),
            (None, None) => self.mix(id),
            (None, Some(when)) => {
                self.transaction.open_table(tables::VANISHED)?.insert((when, id, tag.as_str()), ())?;
                self.mix(id)
            }
        }
    }

    fn import_digest(&self, view: &View, tag: &Tag, digest: &Digest, since: i64) -> Result<(), Fault> {
        let id = self.view(view)?;
        self.import_tag(id, tag, since, None)?;
        let mut digests = self.transaction.open_table(tables::DIGESTS)?;
        let mut history = match digests.get((id, tag.as_str()))? {
            Some(row) => tables::history(row.value())?,
            None => Vec::new(),
        };
        merge(&mut history, digest, since);
        digests.insert((id, tag.as_str()), tables::history_row(&history).as_slice())?;
        Ok(())
    }

    fn import_created(&self, digest: &Digest, created: Timestamp) -> Result<(), Fault> {
        let is_known =
            self.transaction.open_table(tables::CREATED)?.get(tables::digest_key(digest).as_slice())?.is_some();
        if is_known { Ok(()) } else { self.record_created(digest, created) }
    }

    fn import_latest(&self, policy: &NamespacedName, latest: &LastLatest) -> Result<(), Fault> {
        let key = (policy.namespace.as_str(), policy.name.as_str());
        let place = self.next(tables::NEXT_LATEST)?;
        let mut rows = self.transaction.open_table(tables::LATEST)?;
        if rows.get(key)?.is_some() {
            return Ok(());
        }
        let (image, previous) = (latest.image.written(), latest.previous.as_ref().map(ImageRef::written));
        let since = self.past(latest.since);
        rows.insert(key, (image.as_str(), previous.as_deref(), latest.specs.as_str(), since, place))?;
        self.transaction.open_table(tables::LATEST_ORDER)?.insert(place, key)?;
        Ok(())
    }
}

/// Puts a digest where its time belongs; of equal neighbours the earlier one stays.
fn merge(history: &mut History, digest: &Digest, since: i64) {
    if history.iter().any(|(known, time)| known == digest && *time == since) {
        return;
    }
    let place = history.partition_point(|(_, time)| *time <= since);
    history.insert(place, (digest.clone(), since));
    history.dedup_by(|later, earlier| later.0 == earlier.0);
    tables::shorten(history);
}
