//! What the verbs remember between runs: opens the ledger of the state directory.

use std::path::Path;

use super::failure::Failure;
use super::output;
use crate::engine::memory::Memory;
use crate::ledger::Ledger;

/// Without the ledger the work goes on: what was seen when is then known to this process alone.
pub(super) fn open(state: &Path) -> Memory {
    match Ledger::open(state) {
        Ok((ledger, warning)) => {
            warning.iter().for_each(|warning| output::warning(&warning.to_string()));
            Memory::new(Some(ledger))
        }
        Err(error) => {
            let failure = Failure::from(error);
            output::warning(&format!("{}: this run goes without a memory", failure.cause().message));
            failure.cause().hint.iter().for_each(|hint| output::hint(hint));
            Memory::default()
        }
    }
}
