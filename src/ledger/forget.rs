//! What the ledger forgets, so that it stays bounded: a step of [`STEP_ROWS`] at each write.
//!
//! Ages count only while the ledger is in use: after a gap of [`GAP_MS`], which may be a holiday or a clock that jumped,
//! nothing is forgotten for a day, in which all that is in use is seen again.

use redb::{ReadableTable, ReadableTableMetadata as _, Table, WriteTransaction};

use super::error::Fault;
use super::tables;

const STEP_ROWS: usize = 1000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const GAP_MS: i64 = 7 * DAY_MS;
/// So long a tag that vanished is known.
const VANISHED_MS: i64 = 30 * DAY_MS;
/// So long a view is known that nothing uses.
const UNUSED_MS: i64 = 90 * DAY_MS;

pub(super) const VIEWS_MAX: u64 = 10_000;
const CREATED_MAX: u64 = 200_000;
const LATEST_MAX: u64 = 100_000;

/// Does one step at `time`.
pub(super) fn step(transaction: &WriteTransaction, time: i64) -> Result<(), Fault> {
    let before = sweep(transaction, time)?;
    forget_vanished(transaction, before)?;
    forget_doomed(transaction)?;
    forget_created(transaction)?;
    forget_latest(transaction)
}

/// Once a day, looks for views that nothing uses; gives the time before which vanished tags go.
fn sweep(transaction: &WriteTransaction, time: i64) -> Result<i64, Fault> {
    let mut meta = transaction.open_table(tables::META)?;
    let swept = meta.get(tables::SWEPT)?.map(|row| row.value());
    let before = meta.get(tables::VANISHED_BEFORE)?.map_or(i64::MIN, |row| row.value());
    match swept.map(|swept| time - swept) {
        Some(0..DAY_MS) => return Ok(before),
        Some(DAY_MS..GAP_MS) => {}
        _ => {
            meta.insert(tables::SWEPT, time)?;
            return Ok(before.min(time - VANISHED_MS));
        }
    }
    meta.insert(tables::SWEPT, time)?;
    meta.insert(tables::VANISHED_BEFORE, time - VANISHED_MS)?;
    drop(meta);
    doom(transaction, |_, scanned| scanned.is_none_or(|at| at < time - UNUSED_MS))?;
    Ok(time - VANISHED_MS)
}

/// Makes room for one more view where there are too many: the one goes that was not scanned for longest, and of several
/// such the one that was known first.
pub(super) fn make_room(transaction: &WriteTransaction) -> Result<(), Fault> {
    let views = transaction.open_table(tables::VIEWS)?;
    if views.len()? < VIEWS_MAX {
        return Ok(());
    }
    let scans = transaction.open_table(tables::SCANS)?;
    let mut oldest: Option<(i64, u32)> = None;
    for row in views.iter()? {
        let id = row?.1.value();
        let age = (scans.get(id)?.map_or(i64::MIN, |scan| scan.value().0), id);
        oldest = Some(oldest.map_or(age, |known| known.min(age)));
    }
    drop((views, scans));
    doom(transaction, |id, _| oldest.is_some_and(|(_, oldest)| id == oldest))
}

/// Takes the names from views that are to go, by their number and the time of their last scan; their rows follow in steps.
fn doom(transaction: &WriteTransaction, goes: impl Fn(u32, Option<i64>) -> bool) -> Result<(), Fault> {
    let mut scans = transaction.open_table(tables::SCANS)?;
    let mut views = transaction.open_table(tables::VIEWS)?;
    let mut doomed = transaction.open_table(tables::DOOMED)?;
    let mut gone = Vec::new();
    for row in views.iter()? {
        let (name, id) = row?;
        let scanned = scans.get(id.value())?.map(|scan| scan.value().0);
        if goes(id.value(), scanned) {
            gone.push((name.value().0.to_owned(), name.value().1.to_owned(), id.value()));
        }
    }
    for (repository, access, id) in gone {
        views.remove((repository.as_str(), access.as_str()))?;
        scans.remove(id)?;
        doomed.insert(id, ())?;
    }
    Ok(())
}

fn forget_vanished(transaction: &WriteTransaction, before: i64) -> Result<(), Fault> {
    let mut vanished = transaction.open_table(tables::VANISHED)?;
    let mut old = Vec::new();
    for row in vanished.range(..(before, 0, ""))?.take(STEP_ROWS) {
        old.push(owned(row?.0.value()));
    }
    let mut known = transaction.open_table(tables::TAGS)?;
    let mut digests = transaction.open_table(tables::DIGESTS)?;
    for (when, id, tag) in old {
        known.remove((id, tag.as_str()))?;
        digests.remove((id, tag.as_str()))?;
        vanished.remove((when, id, tag.as_str()))?;
    }
    Ok(())
}

fn owned((when, id, tag): (i64, u32, &str)) -> (i64, u32, String) {
    (when, id, tag.to_owned())
}

/// Rows of views that are gone. Their entries among the vanished tags go when their time has come.
fn forget_doomed(transaction: &WriteTransaction) -> Result<(), Fault> {
    let mut doomed = transaction.open_table(tables::DOOMED)?;
    let Some(id) = doomed.first()?.map(|(id, _)| id.value()) else { return Ok(()) };
    let tags = remove_some(&mut transaction.open_table(tables::TAGS)?, id)?;
    let digests = remove_some(&mut transaction.open_table(tables::DIGESTS)?, id)?;
    if tags.max(digests) < STEP_ROWS {
        doomed.remove(id)?;
    }
    Ok(())
}

/// Removes the first rows of a view and gives how many.
fn remove_some<V: redb::Value + 'static>(table: &mut Table<'_, (u32, &str), V>, id: u32) -> Result<usize, Fault> {
    let mut keys = Vec::new();
    for row in table.range((id, "")..(id + 1, ""))?.take(STEP_ROWS) {
        keys.push(row?.0.value().1.to_owned());
    }
    for key in &keys {
        table.remove((id, key.as_str()))?;
    }
    Ok(keys.len())
}

/// As many go as came.
fn forget_created(transaction: &WriteTransaction) -> Result<(), Fault> {
    let mut rows = transaction.open_table(tables::CREATED)?;
    let mut order = transaction.open_table(tables::CREATED_ORDER)?;
    for _ in 0..rows.len()?.saturating_sub(CREATED_MAX) {
        let Some((_, key)) = order.pop_first()? else { break };
        rows.remove(key.value())?;
    }
    Ok(())
}

/// As many go as came.
fn forget_latest(transaction: &WriteTransaction) -> Result<(), Fault> {
    let mut rows = transaction.open_table(tables::LATEST)?;
    let mut order = transaction.open_table(tables::LATEST_ORDER)?;
    for _ in 0..rows.len()?.saturating_sub(LATEST_MAX) {
        let Some((_, key)) = order.pop_first()? else { break };
        rows.remove(key.value())?;
    }
    Ok(())
}
