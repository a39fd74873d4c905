//! Which variables a template may name at a place in it.

use std::collections::HashMap;

/// The variables declared so far, beside `$`.
#[derive(Default)]
pub(super) struct Variables<'t> {
    declared: Vec<&'t str>,
    /// How often each name is among them, so that thousands of uses of thousands of variables stay cheap.
    counts: HashMap<&'t str, usize>,
}

impl<'t> Variables<'t> {
    pub(super) fn declare(&mut self, name: &'t str) {
        self.declared.push(name);
        *self.counts.entry(name).or_default() += 1;
    }

    pub(super) fn is_declared(&self, name: &str) -> bool {
        self.counts.get(name).is_some_and(|&count| count > 0)
    }

    pub(super) fn mark(&self) -> usize {
        self.declared.len()
    }

    /// Forgets what was declared since the mark was taken.
    pub(super) fn forget_since(&mut self, mark: usize) {
        for name in self.declared.drain(mark..) {
            self.counts.entry(name).and_modify(|count| *count -= 1);
        }
    }
}
