//! All facts in a stable order: views by name, each with its scan and its tags by bytes, each tag with its digests; then
//! build times by digest, then policies by name.

use std::ops::ControlFlow;

use jiff::Timestamp;
use redb::ReadableTable as _;

use super::error::Fault;
use super::fact::{Fact, Filter};
use super::reading::Reading;
use super::{Ledger, LedgerError, View, tables};
use crate::object::NamespacedName;

impl Ledger {
    /// Gives each fact to `each` until that breaks; all are of one moment, and no time in them is later than `now`,
    /// but build times.
    pub fn facts(
        &self,
        filter: &Filter,
        now: Timestamp,
        mut each: impl FnMut(Fact) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.read("reading", now, |reading| reading.facts(filter, &mut each).map(drop))
    }
}

type Each<'a> = &'a mut dyn FnMut(Fact) -> ControlFlow<()>;

impl Reading {
    fn facts(&self, filter: &Filter, each: Each<'_>) -> Result<ControlFlow<()>, Fault> {
        let views = self.transaction.open_table(tables::VIEWS)?;
        for row in views.iter()? {
            let (name, id) = row?;
            let (repository, access) = name.value();
            if filter.repository.as_ref().is_some_and(|wanted| wanted != repository) {
                continue;
            }
            let view = View { repository: repository.to_owned(), access: access.to_owned() };
            if self.view_facts(&view, id.value(), filter.tag.as_deref(), each)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        if filter.repository.is_some() || filter.tag.is_some() || self.created_facts(each)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        self.latest_facts(each)
    }

    fn view_facts(&self, view: &View, id: u32, only: Option<&str>, each: Each<'_>) -> Result<ControlFlow<()>, Fault> {
        if let Some(scan) = self.transaction.open_table(tables::SCANS)?.get(id)? {
            let (at, fingerprint, _, etag) = scan.value();
            let (at, etag) = (self.shown(at), etag.map(str::to_owned));
            if each(Fact::Scan { view: view.clone(), at, fingerprint, etag }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        let tags = self.transaction.open_table(tables::TAGS)?;
        for row in tags.range((id, only.unwrap_or_default())..(id + 1, ""))? {
            let (key, facts) = row?;
            if only.is_some_and(|only| only != key.value().1) {
                break;
            }
            let tag = tables::tag(key.value().1)?;
            let (first_seen, vanished) = facts.value();
            let (first_seen, vanished) = (self.shown(first_seen), vanished.map(|time| self.shown(time)));
            let known = Fact::Tag { view: view.clone(), tag: tag.clone(), first_seen, vanished };
            let digests = self.history(id, &tag)?.into_iter().map(|(digest, since)| Fact::Digest {
                view: view.clone(),
                tag: tag.clone(),
                digest,
                since: self.shown(since),
            });
            if std::iter::once(known).chain(digests).try_for_each(&mut *each).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn created_facts(&self, each: Each<'_>) -> Result<ControlFlow<()>, Fault> {
        for row in self.transaction.open_table(tables::CREATED)?.iter()? {
            let (key, row) = row?;
            let (digest, created) = (tables::split_digest(key.value())?.0, tables::timestamp(row.value().0));
            if each(Fact::Created { digest, created }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn latest_facts(&self, each: Each<'_>) -> Result<ControlFlow<()>, Fault> {
        for row in self.transaction.open_table(tables::LATEST)?.iter()? {
            let key = row?.0;
            let policy = NamespacedName::new(key.value().0, key.value().1);
            let Some(known) = self.latest(&policy)? else { continue };
            if each(Fact::Latest { policy, latest: Box::new(known) }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
