//! What a write transaction records, and what it forgets meanwhile, a bounded step at a time.

use std::cmp::Ordering;

use jiff::Timestamp;
use redb::{ReadableTable, WriteTransaction};

use super::clock::{self, Clock, Moment};
use super::error::Fault;
use super::tables::{self, History};
use super::{DigestNews, ScanNews, Scanned, View};
use crate::image::{Digest, ImageRef, Tag};
use crate::object::NamespacedName;

/// Of one view.
pub(super) const TAGS_MAX: usize = 1_000_000;
/// Of one tag: the first and the newest ones.
const DIGESTS_MAX: usize = 50;

/// One write transaction at one moment.
pub(super) struct Batch<'t> {
    transaction: &'t WriteTransaction,
    /// The time that facts get.
    time: i64,
}

/// How the tags of a scan differ from those that were known.
#[derive(Default)]
struct Difference {
    added: Vec<Tag>,
    vanished: Vec<Tag>,
    returned: Vec<(Tag, i64)>,
}

impl<'t> Batch<'t> {
    pub(super) fn begin(transaction: &'t WriteTransaction, now: Timestamp) -> Result<Self, Fault> {
        let mut meta = transaction.open_table(tables::META)?;
        let number = |name| meta.get(name).map(|row| row.map(|row| row.value()));
        let clock = Clock { latest: number(tables::CLOCK_LATEST)?, behind: number(tables::CLOCK_BEHIND)? };
        let Moment { time, clock, redate: _ } = clock::judge(clock, now.as_millisecond());
        for (name, value) in [(tables::CLOCK_LATEST, clock.latest), (tables::CLOCK_BEHIND, clock.behind)] {
            match value {
                Some(value) => meta.insert(name, value)?,
                None => meta.remove(name)?,
            };
        }
        drop(meta);
        Ok(Self { transaction, time })
    }

    /// The next number of a kind.
    fn next(&self, name: &str) -> Result<i64, Fault> {
        let mut meta = self.transaction.open_table(tables::META)?;
        let next = meta.get(name)?.map_or(1, |row| row.value());
        meta.insert(name, next + 1)?;
        Ok(next)
    }

    /// The number of a view, which is a new one for a new view.
    fn view(&self, view: &View) -> Result<u32, Fault> {
        let name = (view.repository.as_str(), view.access.as_str());
        let mut views = self.transaction.open_table(tables::VIEWS)?;
        if let Some(id) = views.get(name)? {
            return Ok(id.value());
        }
        let id = u32::try_from(self.next(tables::NEXT_VIEW)?).map_err(|_| Fault::Row("the number of a view"))?;
        views.insert(name, id)?;
        Ok(id)
    }

    pub(super) fn record_scan(&self, view: &View, scanned: &Scanned<'_>) -> Result<ScanNews, Fault> {
        if scanned.tags.len() > TAGS_MAX {
            return Err(Fault::TooManyTags(view.repository.clone()));
        }
        let mut sorted: Vec<&Tag> = scanned.tags.iter().collect();
        sorted.sort();
        sorted.dedup();
        let id = self.view(view)?;
        let fingerprint = tables::fingerprint(sorted.iter().map(|tag| tag.as_str()));
        let mut scans = self.transaction.open_table(tables::SCANS)?;
        let before = scans.get(id)?.map(|row| row.value().1);
        let difference = match before {
            Some(before) if before == fingerprint => Difference::default(),
            _ => self.difference(id, &sorted)?,
        };
        self.keep(id, &difference)?;
        scans.insert(id, (self.time, fingerprint, scanned.etag))?;
        let Difference { added, vanished, returned } = difference;
        let returned = returned.into_iter().map(|(tag, _)| tag).collect();
        Ok(ScanNews { is_first: before.is_none(), added, vanished, returned })
    }

    pub(super) fn touch_scan(&self, view: &View) -> Result<(), Fault> {
        let id = self.view(view)?;
        let mut scans = self.transaction.open_table(tables::SCANS)?;
        let Some((fingerprint, etag)) = scans.get(id)?.map(|row| (row.value().1, row.value().2.map(str::to_owned)))
        else {
            return Ok(());
        };
        scans.insert(id, (self.time, fingerprint, etag.as_deref()))?;
        Ok(())
    }

    /// Both sides are sorted, so they are read side by side.
    fn difference(&self, id: u32, sorted: &[&Tag]) -> Result<Difference, Fault> {
        let table = self.transaction.open_table(tables::TAGS)?;
        let mut difference = Difference::default();
        let mut found = sorted.iter().copied().peekable();
        for row in table.range((id, "")..(id + 1, ""))? {
            let (key, facts) = row?;
            let (known, vanished) = (key.value().1, facts.value().1);
            while let Some(new) = found.next_if(|tag| tag.as_str() < known) {
                difference.added.push(new.clone());
            }
            let is_found = found.next_if(|tag| tag.as_str().cmp(known) == Ordering::Equal).is_some();
            match vanished {
                Some(when) if is_found => difference.returned.push((tables::tag(known)?, when)),
                None if !is_found => difference.vanished.push(tables::tag(known)?),
                _ => {}
            }
        }
        difference.added.extend(found.cloned());
        Ok(difference)
    }

    fn keep(&self, id: u32, difference: &Difference) -> Result<(), Fault> {
        let mut table = self.transaction.open_table(tables::TAGS)?;
        let mut vanished = self.transaction.open_table(tables::VANISHED)?;
        for tag in &difference.added {
            table.insert((id, tag.as_str()), (self.time, None))?;
        }
        for tag in &difference.vanished {
            let first_seen = first_seen(&table, id, tag)?.unwrap_or(self.time);
            table.insert((id, tag.as_str()), (first_seen, Some(self.time)))?;
            vanished.insert((self.time, id, tag.as_str()), ())?;
        }
        for (tag, when) in &difference.returned {
            let first_seen = first_seen(&table, id, tag)?.unwrap_or(self.time);
            table.insert((id, tag.as_str()), (first_seen, None))?;
            vanished.remove((*when, id, tag.as_str()))?;
        }
        Ok(())
    }

    pub(super) fn record_digest(&self, view: &View, tag: &Tag, digest: &Digest) -> Result<DigestNews, Fault> {
        let id = self.view(view)?;
        self.see(id, tag)?;
        let mut digests = self.transaction.open_table(tables::DIGESTS)?;
        let mut history: History = match digests.get((id, tag.as_str()))? {
            Some(row) => tables::history(row.value())?,
            None => Vec::new(),
        };
        let last = history.last().cloned();
        if let Some((_, time)) = last.as_ref().filter(|(last, _)| last == digest) {
            return Ok(DigestNews { first_seen: tables::timestamp(*time), moved_from: None });
        }
        history.push((digest.clone(), self.time));
        if history.len() > DIGESTS_MAX {
            history.remove(1);
        }
        digests.insert((id, tag.as_str()), tables::history_row(&history).as_slice())?;
        let moved_from = last.map(|(digest, time)| (digest, tables::timestamp(time)));
        Ok(DigestNews { first_seen: tables::timestamp(self.time), moved_from })
    }

    /// A tag that has a digest is there, whatever the last scan said; that scan is then relied on no more.
    fn see(&self, id: u32, tag: &Tag) -> Result<(), Fault> {
        let mut table = self.transaction.open_table(tables::TAGS)?;
        let known = table.get((id, tag.as_str()))?.map(|row| row.value());
        let first_seen = match known {
            Some((_, None)) => return Ok(()),
            Some((first_seen, Some(when))) => {
                self.transaction.open_table(tables::VANISHED)?.remove((when, id, tag.as_str()))?;
                first_seen
            }
            None => self.time,
        };
        table.insert((id, tag.as_str()), (first_seen, None))?;
        Ok(())
    }

    pub(super) fn record_created(&self, digest: &Digest, created: Timestamp) -> Result<(), Fault> {
        let key = tables::digest_key(digest);
        let place = self.next(tables::NEXT_CREATED)?;
        let mut rows = self.transaction.open_table(tables::CREATED)?;
        let mut order = self.transaction.open_table(tables::CREATED_ORDER)?;
        let before = rows.insert(key.as_slice(), (created.as_millisecond(), place))?.map(|row| row.value().1);
        if let Some(before) = before {
            order.remove(before)?;
        }
        order.insert(place, key.as_slice())?;
        Ok(())
    }

    pub(super) fn record_latest(&self, policy: &NamespacedName, image: &ImageRef, specs: &str) -> Result<(), Fault> {
        let key = (policy.namespace.as_str(), policy.name.as_str());
        let place = self.next(tables::NEXT_LATEST)?;
        let mut rows = self.transaction.open_table(tables::LATEST)?;
        let mut order = self.transaction.open_table(tables::LATEST_ORDER)?;
        let known = rows.get(key)?.map(|row| {
            let (image, previous, _, since, place) = row.value();
            (image.to_owned(), previous.map(str::to_owned), since, place)
        });
        let written = image.written();
        let (previous, since) = match known {
            None => (None, self.time),
            Some((image, previous, since, before)) => {
                order.remove(before)?;
                if image == written { (previous, since) } else { (Some(image), self.time) }
            }
        };
        rows.insert(key, (written.as_str(), previous.as_deref(), specs, since, place))?;
        order.insert(place, key)?;
        Ok(())
    }
}

fn first_seen(
    table: &impl ReadableTable<(u32, &'static str), (i64, Option<i64>)>,
    id: u32,
    tag: &Tag,
) -> Result<Option<i64>, Fault> {
    Ok(table.get((id, tag.as_str()))?.map(|row| row.value().0))
}
