//! Gives all facts that lie behind a moment that moment as their time: the clock had run ahead when they were recorded.

use redb::{ReadableTable, WriteTransaction};

use super::error::Fault;
use super::tables;

pub(super) fn redate(transaction: &WriteTransaction, limit: i64) -> Result<(), Fault> {
    scans(transaction, limit)?;
    tags(transaction, limit)?;
    vanished(transaction, limit)?;
    digests(transaction, limit)?;
    latest(transaction, limit)?;
    let mut meta = transaction.open_table(tables::META)?;
    for name in [tables::SWEPT, tables::VANISHED_BEFORE] {
        let time = meta.get(name)?.map(|row| row.value());
        if let Some(time) = time.filter(|time| *time > limit) {
            meta.insert(name, time.min(limit))?;
        }
    }
    Ok(())
}

/// A scan of the future tells nothing about its age: it is due.
fn scans(transaction: &WriteTransaction, limit: i64) -> Result<(), Fault> {
    let mut table = transaction.open_table(tables::SCANS)?;
    let mut late = Vec::new();
    for row in table.iter()? {
        let (id, scan) = row?;
        if scan.value().0 > limit {
            late.push(id.value());
        }
    }
    for id in late {
        table.insert(id, (limit, tables::NO_SCAN, true, None))?;
    }
    Ok(())
}

fn tags(transaction: &WriteTransaction, limit: i64) -> Result<(), Fault> {
    let mut table = transaction.open_table(tables::TAGS)?;
    let mut late = Vec::new();
    for row in table.iter()? {
        let (key, facts) = row?;
        let (first_seen, vanished) = facts.value();
        if first_seen.max(vanished.unwrap_or(i64::MIN)) > limit {
            late.push((key.value().0, key.value().1.to_owned(), first_seen, vanished));
        }
    }
    for (id, tag, first_seen, vanished) in late {
        table.insert((id, tag.as_str()), (first_seen.min(limit), vanished.map(|time| time.min(limit))))?;
    }
    Ok(())
}

fn vanished(transaction: &WriteTransaction, limit: i64) -> Result<(), Fault> {
    let mut table = transaction.open_table(tables::VANISHED)?;
    let mut late = Vec::new();
    for row in table.range((limit + 1, 0, "")..)? {
        let key = row?.0;
        let (time, id, tag) = key.value();
        late.push((time, id, tag.to_owned()));
    }
    for (time, id, tag) in late {
        table.remove((time, id, tag.as_str()))?;
        table.insert((limit, id, tag.as_str()), ())?;
    }
    Ok(())
}

fn digests(transaction: &WriteTransaction, limit: i64) -> Result<(), Fault> {
    let mut table = transaction.open_table(tables::DIGESTS)?;
    let mut late = Vec::new();
    for row in table.iter()? {
        let (key, row) = row?;
        let history = tables::history(row.value())?;
        if history.iter().any(|(_, time)| *time > limit) {
            late.push((key.value().0, key.value().1.to_owned(), history));
        }
    }
    for (id, tag, mut history) in late {
        history.iter_mut().for_each(|(_, time)| *time = (*time).min(limit));
        table.insert((id, tag.as_str()), tables::history_row(&history).as_slice())?;
    }
    Ok(())
}

fn latest(transaction: &WriteTransaction, limit: i64) -> Result<(), Fault> {
    let mut table = transaction.open_table(tables::LATEST)?;
    let mut late = Vec::new();
    for row in table.iter()? {
        let (key, row) = row?;
        let (image, previous, specs, since, place) = row.value();
        if since > limit {
            let key = (key.value().0.to_owned(), key.value().1.to_owned());
            late.push((key, image.to_owned(), previous.map(str::to_owned), specs.to_owned(), place));
        }
    }
    for ((namespace, name), image, previous, specs, place) in late {
        let row = (image.as_str(), previous.as_deref(), specs.as_str(), limit, place);
        table.insert((namespace.as_str(), name.as_str()), row)?;
    }
    Ok(())
}
