//! What a write transaction records, of one caller or of many, and what it forgets meanwhile, a bounded step at a time.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::Timestamp;
use redb::{ReadableTable, WriteTransaction};

use super::clock::{self, Clock, Moment};
use super::error::Fault;
use super::forget;
use super::redate::redate;
use super::tables::{self, History};
use super::{DigestNews, ScanNews, Scanned, View, room};
use crate::image::{Digest, ImageRef, Tag};
use crate::object::NamespacedName;

/// One write transaction, which goes from moment to moment.
pub(super) struct Batch<'t> {
    pub(super) transaction: &'t WriteTransaction,
    /// The time that facts get.
    pub(super) time: i64,
    clock: Clock,
    /// Of what is recorded at this moment.
    news: Cell<bool>,
    had_news: bool,
}

/// How the tags of a scan differ from those that were known.
#[derive(Default)]
struct Difference {
    /// How many had vanished before and did not return.
    still_vanished: usize,
    added: Vec<Tag>,
    vanished: Vec<Tag>,
    returned: Vec<(Tag, i64)>,
}

impl<'t> Batch<'t> {
    pub(super) fn begin(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        let meta = transaction.open_table(tables::META)?;
        let number = |name| meta.get(name).map(|row| row.map(|row| row.value()));
        let clock = Clock { latest: number(tables::CLOCK_LATEST)?, behind: number(tables::CLOCK_BEHIND)? };
        Ok(Self { transaction, time: i64::MIN, clock, news: Cell::new(false), had_news: false })
    }

    /// What is recorded from here on happens at `now`.
    pub(super) fn turn_to(&mut self, now: Timestamp) -> Result<(), Fault> {
        self.had_news |= self.news.replace(true);
        let Moment { time, clock, redate: late } = clock::judge(self.clock, now.as_millisecond());
        (self.time, self.clock) = (time, clock);
        late.map_or(Ok(()), |limit| redate(self.transaction, limit))
    }

    /// What is done with each transaction: the clock is kept, and the ledger stays bounded.
    pub(super) fn end(&self) -> Result<(), Fault> {
        let mut meta = self.transaction.open_table(tables::META)?;
        for (name, value) in [(tables::CLOCK_LATEST, self.clock.latest), (tables::CLOCK_BEHIND, self.clock.behind)] {
            match value {
                Some(value) => meta.insert(name, value)?,
                None => meta.remove(name)?,
            };
        }
        drop(meta);
        forget::step(self.transaction, self.time)
    }

    /// False when it only tells that what was known is still so.
    pub(super) fn has_news(&self) -> bool {
        self.had_news || self.news.get()
    }

    /// The next number of a kind.
    pub(super) fn next(&self, name: &str) -> Result<i64, Fault> {
        let mut meta = self.transaction.open_table(tables::META)?;
        let next = meta.get(name)?.map_or(1, |row| row.value());
        meta.insert(name, next + 1)?;
        Ok(next)
    }

    fn known_view(&self, view: &View) -> Result<Option<u32>, Fault> {
        let views = self.transaction.open_table(tables::VIEWS)?;
        Ok(views.get((view.repository.as_str(), view.access.as_str()))?.map(|id| id.value()))
    }

    /// The number of a view, which is a new one for a new view.
    pub(super) fn view(&self, view: &View) -> Result<u32, Fault> {
        if let Some(id) = self.known_view(view)? {
            return Ok(id);
        }
        forget::make_room(self.transaction)?;
        let id = u32::try_from(self.next(tables::NEXT_VIEW)?).ok().filter(|id| *id < u32::MAX);
        let id = id.ok_or(Fault::Row("the number of a view"))?;
        let name = (view.repository.as_str(), view.access.as_str());
        self.transaction.open_table(tables::VIEWS)?.insert(name, id)?;
        Ok(id)
    }

    pub(super) fn record_scan(&self, view: &View, scanned: &Scanned<'_>) -> Result<ScanNews, Fault> {
        room::check_scan(view, scanned.tags.len())?;
        let mut sorted: Vec<&Tag> = scanned.tags.iter().collect();
        sorted.sort();
        sorted.dedup();
        let fingerprint = tables::fingerprint(sorted.iter().map(|tag| tag.as_str()));
        let known = self.known_view(view)?;
        let before = known.map(|id| self.last_scan(id)).transpose()?.flatten();
        let is_first = before.is_none_or(|(before, _)| before == tables::NO_SCAN);
        let difference = match (known, before) {
            (None, _) => Difference { added: sorted.into_iter().cloned().collect(), ..Difference::default() },
            (Some(_), Some((before, false))) if before == fingerprint => {
                self.news.set(false);
                Difference::default()
            }
            (Some(id), _) => self.difference(id, &sorted)?,
        };
        // Before a place is made for a new view: what is refused costs no other its own.
        room::check_all(self.transaction, view, difference.added.len())?;
        let id = self.view(view)?;
        self.keep(id, &difference)?;
        let mut scans = self.transaction.open_table(tables::SCANS)?;
        scans.insert(id, (self.time, fingerprint, false, scanned.etag))?;
        let Difference { added, vanished, returned, .. } = difference;
        let returned = returned.into_iter().map(|(tag, _)| tag).collect();
        Ok(ScanNews { is_first, added, vanished, returned })
    }

    /// Fingerprint of the last scan of a view, and whether other tags came since.
    fn last_scan(&self, id: u32) -> Result<Option<(u128, bool)>, Fault> {
        let scans = self.transaction.open_table(tables::SCANS)?;
        Ok(scans.get(id)?.map(|row| (row.value().1, row.value().2)))
    }

    pub(super) fn touch_scan(&self, view: &View) -> Result<(), Fault> {
        let Some(id) = self.known_view(view)? else {
            self.news.set(false);
            return Ok(());
        };
        let mut scans = self.transaction.open_table(tables::SCANS)?;
        let known = scans.get(id)?.map(|row| {
            let (_, fingerprint, mixed, etag) = row.value();
            (fingerprint, mixed, etag.map(str::to_owned))
        });
        self.news.set(false);
        if let Some((fingerprint, mixed, etag)) = known {
            scans.insert(id, (self.time, fingerprint, mixed, etag.as_deref()))?;
        }
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
                Some(_) => difference.still_vanished += 1,
                None if !is_found => difference.vanished.push(tables::tag(known)?),
                None => {}
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
        let room = room::VANISHED_MAX.saturating_sub(difference.still_vanished);
        let (kept, dropped) = difference.vanished.split_at(room.min(difference.vanished.len()));
        for tag in kept {
            let first_seen = first_seen(&table, id, tag)?.unwrap_or(self.time);
            table.insert((id, tag.as_str()), (first_seen, Some(self.time)))?;
            vanished.insert((self.time, id, tag.as_str()), ())?;
        }
        for tag in dropped {
            table.remove((id, tag.as_str()))?;
            self.transaction.open_table(tables::DIGESTS)?.remove((id, tag.as_str()))?;
        }
        for (tag, when) in &difference.returned {
            let first_seen = first_seen(&table, id, tag)?.unwrap_or(self.time);
            table.insert((id, tag.as_str()), (first_seen, None))?;
            vanished.remove((*when, id, tag.as_str()))?;
        }
        Ok(())
    }

    pub(super) fn record_digest(&self, view: &View, tag: &Tag, digest: &Digest) -> Result<DigestNews, Fault> {
        room::check(self.transaction, &BTreeMap::from([(view, BTreeMap::from([(tag, false)]))]))?;
        let id = self.view(view)?;
        let was_there = self.see(id, tag)?;
        let mut digests = self.transaction.open_table(tables::DIGESTS)?;
        let mut history: History = match digests.get((id, tag.as_str()))? {
            Some(row) => tables::history(row.value())?,
            None => Vec::new(),
        };
        let last = history.last().cloned();
        if let Some((_, time)) = last.as_ref().filter(|(last, _)| last == digest) {
            self.news.set(!was_there);
            return Ok(DigestNews { first_seen: tables::timestamp(*time), moved_from: None });
        }
        history.push((digest.clone(), self.time));
        tables::shorten(&mut history);
        digests.insert((id, tag.as_str()), tables::history_row(&history).as_slice())?;
        let moved_from = last.map(|(digest, time)| (digest, tables::timestamp(time)));
        Ok(DigestNews { first_seen: tables::timestamp(self.time), moved_from })
    }

    /// A tag that has a digest is there, whatever the last scan said; that scan is then relied on no more. True when
    /// it was known to be there.
    fn see(&self, id: u32, tag: &Tag) -> Result<bool, Fault> {
        let mut table = self.transaction.open_table(tables::TAGS)?;
        let known = table.get((id, tag.as_str()))?.map(|row| row.value());
        let first_seen = match known {
            Some((_, None)) => return Ok(true),
            Some((first_seen, Some(when))) => {
                self.transaction.open_table(tables::VANISHED)?.remove((when, id, tag.as_str()))?;
                first_seen
            }
            None => self.time,
        };
        table.insert((id, tag.as_str()), (first_seen, None))?;
        self.mix(id)?;
        Ok(false)
    }

    /// Notes that a view holds tags that its last scan did not list: the next scan is compared with them. A view that
    /// was never scanned gets a time, from which on it counts as unused.
    pub(super) fn mix(&self, id: u32) -> Result<(), Fault> {
        let mut scans = self.transaction.open_table(tables::SCANS)?;
        let known = scans.get(id)?.map(|row| {
            let (at, fingerprint, _, etag) = row.value();
            (at, fingerprint, etag.map(str::to_owned))
        });
        let (at, fingerprint, etag) = known.unwrap_or((self.time, tables::NO_SCAN, None));
        scans.insert(id, (at, fingerprint, true, etag.as_deref()))?;
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
        let mut rows = self.transaction.open_table(tables::LATEST)?;
        let mut order = self.transaction.open_table(tables::LATEST_ORDER)?;
        let known = rows.get(key)?.map(|row| {
            let (image, previous, specs, since, place) = row.value();
            (image.to_owned(), previous.map(str::to_owned), specs.to_owned(), since, place)
        });
        let written = image.written();
        let (previous, since) = match known {
            None => (None, self.time),
            Some((known, _, known_specs, ..)) if known == written && known_specs == specs => {
                self.news.set(false);
                return Ok(());
            }
            Some((image, previous, _, since, before)) => {
                order.remove(before)?;
                if image == written { (previous, since) } else { (Some(image), self.time) }
            }
        };
        let place = self.next(tables::NEXT_LATEST)?;
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
