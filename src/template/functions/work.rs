//! What functions do beyond what their results show, counted in steps of the run that calls them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::limits::STEPS_MAX;
use super::super::text::Text;
use super::Failure;
use crate::goregex::Search;

/// The work of one run, and what of it need not be done again.
#[derive(Debug, Default)]
pub(in super::super) struct Work {
    steps: Cell<usize>,
    searches: RefCell<BTreeMap<Text, Rc<Search>>>,
}

impl Work {
    /// Counts that many steps; fails when they are too many.
    pub(in super::super) fn spend(&self, steps: usize) -> Result<(), Failure> {
        self.steps.set(self.steps.get().saturating_add(steps));
        match self.steps.get() {
            0..=STEPS_MAX => Ok(()),
            _ => Err(Failure::new(format!("exceeded {STEPS_MAX} steps"))),
        }
    }

    /// How many steps are left.
    pub(super) fn left(&self) -> usize {
        STEPS_MAX.saturating_sub(self.steps.get())
    }

    /// A compiled pattern, made by `compile` where the run meets it first.
    pub(super) fn search<E>(
        &self,
        pattern: &Text,
        compile: impl FnOnce() -> Result<Search, E>,
    ) -> Result<Rc<Search>, E> {
        if let Some(known) = self.searches.borrow().get(pattern) {
            return Ok(Rc::clone(known));
        }
        let search = Rc::new(compile()?);
        self.searches.borrow_mut().insert(pattern.clone(), Rc::clone(&search));
        Ok(search)
    }
}
