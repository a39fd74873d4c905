//! The bounds on tags, of one view and of all: for what is recorded, in whichever way it comes.
//!
//! Each is checked before the first change, so that what is refused changes nothing.

use std::collections::BTreeMap;

use redb::{ReadableTable, ReadableTableMetadata as _, WriteTransaction};

use super::error::{Fault, LedgerError};
use super::{View, tables};
use crate::image::Tag;

/// Of one view.
pub(super) const TAGS_MAX: usize = 1_000_000;
/// Of all views, so that no repository fills the disk.
pub(super) const ALL_TAGS_MAX: u64 = 10_000_000;
/// Of one view; those that vanish when there are so many are forgotten at once.
pub(super) const VANISHED_MAX: usize = 100_000;

/// Tags that are to be known of each view, and whether they have vanished.
pub(super) type Wanted<'a> = BTreeMap<&'a View, BTreeMap<&'a Tag, bool>>;

#[derive(Clone, Copy, Default)]
struct Count {
    present: usize,
    vanished: usize,
}

impl Count {
    fn add(&mut self, has_vanished: bool) {
        *(if has_vanished { &mut self.vanished } else { &mut self.present }) += 1;
    }
}

/// So many tags of a scan are too many, whatever is known.
pub(super) fn check_scan(view: &View, tags: usize) -> Result<(), Fault> {
    if tags > TAGS_MAX { Err(too_many("tags", view, TAGS_MAX)) } else { Ok(()) }
}

/// Whether all views together have room for so many more.
pub(super) fn check_all(transaction: &WriteTransaction, view: &View, added: usize) -> Result<(), Fault> {
    let known = transaction.open_table(tables::TAGS)?.len()?;
    match known + added as u64 > ALL_TAGS_MAX {
        true if added > 0 => {
            Err(Fault::Refused(LedgerError::Full { repository: view.repository.clone(), max: ALL_TAGS_MAX }))
        }
        _ => Ok(()),
    }
}

/// Whether there is room for tags that come in another way than by a scan.
pub(super) fn check(transaction: &WriteTransaction, wanted: &Wanted<'_>) -> Result<(), Fault> {
    let views = transaction.open_table(tables::VIEWS)?;
    let mut added = 0;
    for (view, wanted) in wanted {
        let id = views.get((view.repository.as_str(), view.access.as_str()))?.map(|id| id.value());
        let new = new(transaction, id, wanted)?;
        added += new.present + new.vanished;
        check_all(transaction, view, added)?;
        check_view(transaction, view, id, new)?;
    }
    Ok(())
}

fn new(transaction: &WriteTransaction, id: Option<u32>, wanted: &BTreeMap<&Tag, bool>) -> Result<Count, Fault> {
    let tags = transaction.open_table(tables::TAGS)?;
    let mut count = Count::default();
    for (tag, has_vanished) in wanted {
        let is_known = id.map(|id| tags.get((id, tag.as_str()))).transpose()?.flatten().is_some();
        if !is_known {
            count.add(*has_vanished);
        }
    }
    Ok(count)
}

fn check_view(transaction: &WriteTransaction, view: &View, id: Option<u32>, new: Count) -> Result<(), Fault> {
    let tags = transaction.open_table(tables::TAGS)?;
    let vanished = transaction.open_table(tables::VANISHED)?;
    let has_room = |known: Count| {
        (new.present == 0 || known.present + new.present <= TAGS_MAX)
            && (new.vanished == 0 || known.vanished + new.vanished <= VANISHED_MAX)
    };
    // One view has no more than all together, which costs nothing to know.
    let all = Count { present: length(tags.len()?), vanished: length(vanished.len()?) };
    if has_room(all) {
        return Ok(());
    }
    let known = id.map_or(Ok(Count::default()), |id| known(&tags, id))?;
    match has_room(known) {
        true => Ok(()),
        false if new.present > 0 && known.present + new.present > TAGS_MAX => Err(too_many("tags", view, TAGS_MAX)),
        false => Err(too_many("vanished tags", view, VANISHED_MAX)),
    }
}

fn known(tags: &impl ReadableTable<(u32, &'static str), (i64, Option<i64>)>, id: u32) -> Result<Count, Fault> {
    let mut count = Count::default();
    for row in tags.range((id, "")..(id + 1, ""))? {
        count.add(row?.1.value().1.is_some());
    }
    Ok(count)
}

fn length(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

fn too_many(what: &'static str, view: &View, max: usize) -> Fault {
    Fault::Refused(LedgerError::TooMany { what, repository: view.repository.clone(), max })
}
