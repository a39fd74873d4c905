//! Cause: an error as people read it, the whole chain in one line, with advice where we have some.

use std::error::Error;

use serde::Serialize;

use super::access::AccessError;
use super::build::BuildError;
use super::update::UpdateError;
use crate::{git, ledger, registry};

/// What is told of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    pub message: String,
    pub hint: Option<String>,
}

impl Cause {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub fn with_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()) }
    }

    /// Puts in front what was being done.
    pub fn doing(mut self, what: impl std::fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl<E: Error + 'static> From<E> for Cause {
    fn from(error: E) -> Self {
        Self { message: chain(&error), hint: hint(&error) }
    }
}

/// The error and its causes, outermost first; a cause that its parent already tells is left out.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut told: Vec<String> = Vec::new();
    for text in errors(error).map(ToString::to_string) {
        if !told.iter().any(|earlier| earlier.contains(&text)) {
            told.push(text);
        }
    }
    told.join(": ")
}

/// The advice of the first error in the chain that has one.
fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    errors(error).find_map(|error| {
        let update = || error.downcast_ref::<UpdateError>()?.hint();
        let git = || error.downcast_ref::<git::Error>()?.hint();
        let signing = || error.downcast_ref::<git::SigningError>()?.hint().map(str::to_owned);
        let registry = || error.downcast_ref::<registry::Error>()?.hint().map(str::to_owned);
        let ledger = || error.downcast_ref::<ledger::LedgerError>()?.hint().map(str::to_owned);
        let access = || error.downcast_ref::<AccessError>()?.hint().map(str::to_owned);
        let build = || error.downcast_ref::<BuildError>()?.hint();
        update().or_else(git).or_else(signing).or_else(registry).or_else(ledger).or_else(access).or_else(build)
    })
}

fn errors<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}
