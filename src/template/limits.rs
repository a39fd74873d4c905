//! The bounds within which a template runs, so that a hostile one ends with an error in a fraction of a second.

/// The longest template, in bytes.
pub const SOURCE_BYTES_MAX: usize = 64 << 10;
/// The longest output, and the longest string within a run, in bytes.
pub const OUTPUT_BYTES_MAX: usize = 1 << 20;
/// The longest list a function makes.
pub(super) const LIST_ITEMS_MAX: usize = 1 << 16;
/// How much a run may do: a step is one operand, command, action or item of a new list, or other work of at most a
/// tenth of a microsecond.
pub const STEPS_MAX: usize = 1_000_000;
/// How many bytes of a new string are one step.
pub(super) const BYTES_MADE_A_STEP: usize = 2;
/// How many bytes or items that are only looked at or copied are one step.
pub(super) const BYTES_READ_A_STEP: usize = 8;
/// How deep parentheses and blocks, `template` calls, or lists and maps lie in one another.
pub const DEPTH_MAX: usize = 100;
/// How deep the evaluator goes in all: the blocks and parentheses of all the templates that are calling one another.
pub(super) const NESTING_MAX: usize = 400;
