//! What a read transaction tells. No time that it gives lies in the future.

use jiff::Timestamp;
use redb::ReadTransaction;

use super::error::Fault;
use super::tables::{self, History};
use super::{LastLatest, LastScan, StoredScan, TagFacts, View};
use crate::image::{Digest, ImageRef, Tag};
use crate::object::NamespacedName;

/// One state of the ledger.
pub(super) struct Reading {
    pub(super) transaction: ReadTransaction,
    now: i64,
}

impl Reading {
    pub(super) fn begin(transaction: ReadTransaction, now: Timestamp) -> Self {
        Self { transaction, now: now.as_millisecond() }
    }

    /// A time as it is shown.
    pub(super) fn shown(&self, time: i64) -> Timestamp {
        tables::timestamp(time.min(self.now))
    }

    pub(super) fn view(&self, view: &View) -> Result<Option<u32>, Fault> {
        let views = self.transaction.open_table(tables::VIEWS)?;
        Ok(views.get((view.repository.as_str(), view.access.as_str()))?.map(|id| id.value()))
    }

    pub(super) fn scan(&self, view: &View) -> Result<Option<StoredScan>, Fault> {
        let Some((id, LastScan { at, etag, .. })) = self.reliable(view)? else { return Ok(None) };
        Ok(Some(StoredScan { at, tags: self.present(id)?, etag }))
    }

    pub(super) fn last_scan(&self, view: &View) -> Result<Option<LastScan>, Fault> {
        Ok(self.reliable(view)?.map(|(_, scan)| scan))
    }

    /// The last scan of a view and the view's number.
    fn reliable(&self, view: &View) -> Result<Option<(u32, LastScan)>, Fault> {
        let Some(id) = self.view(view)? else { return Ok(None) };
        let scans = self.transaction.open_table(tables::SCANS)?;
        let Some(row) = scans.get(id)? else { return Ok(None) };
        let (at, fingerprint, mixed, etag) = row.value();
        // Tags that were imported or seen by digest alone are not those of the scan; nor does a time to come tell age.
        let is_whole = !mixed || tables::fingerprint(self.present(id)?.iter().map(Tag::as_str)) == fingerprint;
        if !is_whole || at > self.now {
            return Ok(None);
        }
        Ok(Some((id, LastScan { at: self.shown(at), etag: etag.map(str::to_owned), fingerprint })))
    }

    fn present(&self, id: u32) -> Result<Vec<Tag>, Fault> {
        let tags = self.transaction.open_table(tables::TAGS)?;
        let mut present = Vec::new();
        for row in tags.range((id, "")..(id + 1, ""))? {
            let (key, facts) = row?;
            if facts.value().1.is_none() {
                present.push(tables::tag(key.value().1)?);
            }
        }
        Ok(present)
    }

    pub(super) fn tag(&self, view: &View, tag: &Tag) -> Result<Option<TagFacts>, Fault> {
        let Some(id) = self.view(view)? else { return Ok(None) };
        let tags = self.transaction.open_table(tables::TAGS)?;
        let Some(row) = tags.get((id, tag.as_str()))? else { return Ok(None) };
        let (first_seen, vanished) = row.value();
        let digests = self.history(id, tag)?.into_iter().map(|(digest, time)| (digest, self.shown(time)));
        Ok(Some(TagFacts {
            first_seen: self.shown(first_seen),
            vanished: vanished.map(|time| self.shown(time)),
            digests: digests.collect(),
        }))
    }

    pub(super) fn history(&self, id: u32, tag: &Tag) -> Result<History, Fault> {
        let digests = self.transaction.open_table(tables::DIGESTS)?;
        let row = digests.get((id, tag.as_str()))?;
        row.map_or(Ok(Vec::new()), |row| tables::history(row.value()))
    }

    /// Since when a tag names `digest`, if that is the last that was recorded.
    pub(super) fn unmoved(&self, view: &View, tag: &Tag, digest: &Digest) -> Result<Option<Timestamp>, Fault> {
        let Some(id) = self.view(view)? else { return Ok(None) };
        let last = self.history(id, tag)?.pop().filter(|(last, _)| last == digest);
        Ok(last.map(|(_, time)| self.shown(time)))
    }

    pub(super) fn created(&self, digest: &Digest) -> Result<Option<Timestamp>, Fault> {
        let created = self.transaction.open_table(tables::CREATED)?;
        Ok(created.get(tables::digest_key(digest).as_slice())?.map(|row| tables::timestamp(row.value().0)))
    }

    pub(super) fn latest(&self, policy: &NamespacedName) -> Result<Option<LastLatest>, Fault> {
        let latest = self.transaction.open_table(tables::LATEST)?;
        let Some(row) = latest.get((policy.namespace.as_str(), policy.name.as_str()))? else { return Ok(None) };
        let (image, previous, specs, since, _) = row.value();
        Ok(Some(LastLatest {
            image: parsed(image)?,
            previous: previous.map(parsed).transpose()?,
            specs: specs.to_owned(),
            since: self.shown(since),
        }))
    }
}

fn parsed(image: &str) -> Result<ImageRef, Fault> {
    image.parse().map_err(|_| Fault::Row("an image"))
}
