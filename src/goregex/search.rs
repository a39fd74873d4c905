//! Searches of any bytes in steps that are counted, for patterns and texts that nobody vouches for.
//!
//! The same matches as those of `regex`, by a machine that follows all ways through the pattern at once (Pike's). It is
//! slower, but what a match takes grows at most with the steps of the pattern times the length of the text, and all of
//! it stops where the [`Fuel`] ends. A byte that is not UTF-8 is U+FFFD to a pattern, as in Go.

use super::{Error, PATTERN_BYTES_MAX, Template, translate};
use compile::{Step, compile};
use machine::{Machine, rune_at};

mod compile;
mod machine;

/// How many steps a compiled pattern may have, times the places of groups that it keeps for each.
const PLACES_MAX: usize = 1 << 20;
/// Where a group starts and ends that takes no part in the match.
const NOWHERE: usize = usize::MAX;

/// How much may still be done: one unit is some ten nanoseconds.
#[derive(Debug)]
pub struct Fuel(usize);

impl Fuel {
    pub fn new(units: usize) -> Fuel {
        Fuel(units)
    }

    pub fn left(&self) -> usize {
        self.0
    }

    fn burn(&mut self, units: usize) -> Result<(), Error> {
        match self.0.checked_sub(units) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => {
                self.0 = 0;
                Err(Error::OutOfFuel)
            }
        }
    }
}

/// A pattern compiled for counted searches.
#[derive(Debug)]
pub struct Search {
    steps: Vec<Step>,
    names: Vec<Option<String>>,
}

impl Search {
    /// Compiles a pattern written for Go.
    pub fn new(pattern: &str, fuel: &mut Fuel) -> Result<Search, Error> {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(Error::TooLong);
        }
        let translated = translate::translate(pattern)?;
        Ok(Search { steps: compile(&translated.pattern, fuel)?, names: translated.names })
    }

    /// How many groups the pattern has, the whole match among them.
    pub fn groups(&self) -> usize {
        self.names.len()
    }

    /// Resolves the names in a template against the groups of this pattern.
    pub fn template(&self, template: &str) -> Template {
        Template::new(template, &self.names)
    }

    /// The matches in a text, one after the other, as Go's `FindAll` finds them.
    pub fn matches<'s>(&'s self, text: &'s [u8]) -> Matches<'s> {
        self.searcher(text, 2)
    }

    /// As [`Search::matches`], with the places of all groups.
    pub fn matches_with_groups<'s>(&'s self, text: &'s [u8]) -> Matches<'s> {
        self.searcher(text, 2 * self.names.len())
    }

    fn searcher<'s>(&'s self, text: &'s [u8], places: usize) -> Matches<'s> {
        let is_too_large = self.steps.len().saturating_mul(places) > PLACES_MAX;
        let machine = (!is_too_large).then(|| Machine::new(&self.steps, text, places));
        Matches { machine, at: 0, end_before: None, allocated: 2 * self.steps.len() * places }
    }
}

/// The matches in a text.
pub struct Matches<'s> {
    /// None when the pattern has too many steps and groups for a search.
    machine: Option<Machine<'s>>,
    at: usize,
    end_before: Option<usize>,
    /// What memory of the machine costs; to be paid before the first search.
    allocated: usize,
}

impl Matches<'_> {
    /// The start and the end of every group of the next match, [`usize::MAX`] of those that take no part in it.
    pub fn next(&mut self, fuel: &mut Fuel) -> Result<Option<&[usize]>, Error> {
        let Some(machine) = &mut self.machine else { return Err(Error::TooLarge) };
        fuel.burn(std::mem::take(&mut self.allocated) / 8)?;
        while self.at <= machine.text.len() {
            if !machine.find(self.at, fuel)? {
                break;
            }
            let (start, end) = (machine.places[0], machine.places[1]);
            // Nothing right behind a match is no match.
            let is_match = end > self.at || self.end_before != Some(start);
            self.at = if end > self.at { end } else { end + rune_at(machine.text, end).map_or(1, |(_, width)| width) };
            self.end_before = Some(end);
            if is_match {
                return Ok(Some(&machine.places));
            }
        }
        self.at = usize::MAX;
        Ok(None)
    }
}
