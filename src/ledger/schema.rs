//! The version of the tables, and the steps from each to the next.

use redb::{Database, ReadableDatabase as _, TableError, WriteTransaction};

use super::error::Fault;
use super::tables;

/// How many steps lead to the tables of this program from an empty file.
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// Takes the tables from the version of its index to the next one.
type Step = fn(&WriteTransaction) -> Result<(), Fault>;
const STEPS: [Step; 1] = [lay_out];

/// The version of a file; 0 for one without tables.
pub(super) fn found(database: &Database) -> Result<i64, Fault> {
    match database.begin_read()?.open_table(tables::META) {
        Ok(meta) => Ok(meta.get(tables::SCHEMA)?.map_or(0, |version| version.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Brings older tables to the version of this program, in one transaction.
pub(super) fn step_up(database: &Database, from: i64) -> Result<(), Fault> {
    let transaction = database.begin_write()?;
    let steps = usize::try_from(from).ok().and_then(|from| STEPS.get(from..));
    steps.ok_or(Fault::Row("the version of the tables"))?.iter().try_for_each(|step| step(&transaction))?;
    transaction.open_table(tables::META)?.insert(tables::SCHEMA, VERSION)?;
    Ok(transaction.commit()?)
}

/// Version 1: all tables exist, so that reading needs no word on those that were never written.
fn lay_out(transaction: &WriteTransaction) -> Result<(), Fault> {
    transaction.open_table(tables::META)?;
    transaction.open_table(tables::VIEWS)?;
    transaction.open_table(tables::SCANS)?;
    transaction.open_table(tables::TAGS)?;
    transaction.open_table(tables::DIGESTS)?;
    transaction.open_table(tables::VANISHED)?;
    transaction.open_table(tables::DOOMED)?;
    transaction.open_table(tables::CREATED)?;
    transaction.open_table(tables::CREATED_ORDER)?;
    transaction.open_table(tables::LATEST)?;
    transaction.open_table(tables::LATEST_ORDER)?;
    Ok(())
}
