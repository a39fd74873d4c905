//! What the verbs remember between runs: opens the ledger of the state directory.

use std::ops::ControlFlow;
use std::path::Path;

use jiff::Timestamp;
use tempfile::TempDir;

use super::failure::Failure;
use super::output;
use crate::engine::memory::Memory;
use crate::image::Repository;
use crate::ledger::{Door, Filter, Ledger, Warning};

/// Without the ledger the work goes on: what was seen when is then known to this process alone.
pub(super) fn open(state: &Path) -> Memory {
    match Ledger::open(state) {
        Ok((ledger, warning)) => opened(ledger, warning),
        Err(error) => without(error.into()),
    }
}

/// The same for a question about one image. A running service keeps its ledger, and is asked what it knows of the image:
/// that is copied to where nobody else looks, and what comes to it is gone with the copy.
pub(super) fn open_for(state: &Path, image: &Repository) -> (Memory, Option<TempDir>) {
    match Door::open(state) {
        Ok((Door::Own(ledger), warning)) => (opened(ledger, warning), None),
        Ok((service, _)) => match copied(service, image) {
            Ok((ledger, folder)) => (Memory::new(Some(ledger)), Some(folder)),
            Err(failure) => (without(failure), None),
        },
        Err(error) => (without(error.into()), None),
    }
}

/// The same where memory saves requests and no more. Another process that has it open is not worth a word then.
pub(super) fn open_as_cache(state: &Path) -> Memory {
    match Ledger::open(state) {
        Ok((ledger, warning)) => opened(ledger, warning),
        Err(error) if error.is_busy() => Memory::default(),
        Err(error) => without(error.into()),
    }
}

fn opened(ledger: Ledger, warning: Option<Warning>) -> Memory {
    warning.iter().for_each(|warning| output::warning(&warning.to_string()));
    Memory::new(Some(ledger))
}

fn without(failure: Failure) -> Memory {
    output::warning(&format!("{}: this run goes without a memory", failure.cause().message));
    failure.cause().hint.iter().for_each(|hint| output::hint(hint));
    Memory::default()
}

fn copied(mut service: Door, image: &Repository) -> Result<(Ledger, TempDir), Failure> {
    let now = Timestamp::now();
    let filter = Filter { repository: Some(image.to_string()), tag: None };
    let mut facts = Vec::new();
    service.facts(&filter, now, |fact| {
        facts.push(fact);
        ControlFlow::Continue(())
    })?;
    let folder = tempfile::tempdir().map_err(|error| Failure::from(error).doing("copying what the service knows"))?;
    let (ledger, _) = Ledger::open(folder.path())?;
    ledger.import(facts, now).wait()?;
    Ok((ledger, folder))
}
