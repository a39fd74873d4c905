//! What functions do beyond what their results show, counted in steps of the run that calls them.

use std::cell::Cell;

use super::super::limits::STEPS_MAX;
use super::Failure;

/// The work of one run.
#[derive(Debug, Default)]
pub(in super::super) struct Work {
    steps: Cell<usize>,
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
}
