//! Typed loading: the documents of a text as values, read as `kubectl` reads them.
//!
//! Takes text; gives the values of all documents that are not empty, each with the line on which it begins, or
//! the place of the first error. `yes`, `on` and `y` are booleans and `0644` is 420, as in `sigs.k8s.io/yaml`;
//! duplicate keys are errors, as they are to the API server's strict validation.

use serde_saphyr::{Budget, DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy, Options, Spanned};

use crate::object::Value;

/// The most bytes of a text that are read.
pub const TEXT_BYTES_MAX: usize = 64 << 20;
/// The deepest nesting that is read.
pub const NESTING_MAX: usize = 200;
/// The most events that aliases may add to what is written.
pub const ALIASED_EVENTS_MAX: usize = 100_000;

/// One document of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The line on which its first node begins, from 1.
    pub line: usize,
    pub value: Value,
}

/// Why a text could not be loaded; line and column from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct Error {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// Loads every document of `text`; empty ones and those that are only comments are left out.
pub fn documents(text: &str) -> Result<Vec<Document>, Error> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the text is larger than {} MiB", TEXT_BYTES_MAX >> 20);
        return Err(Error { line: 1, column: 1, message });
    }
    let loaded: Vec<Spanned<Value>> =
        serde_saphyr::from_multiple_with_options(text, options(text.len())).map_err(|error| place(&error))?;
    let document = |spanned: Spanned<Value>| Document { line: line(&spanned), value: spanned.value };
    Ok(loaded.into_iter().map(document).filter(|document| !document.value.is_null()).collect())
}

fn line(spanned: &Spanned<Value>) -> usize {
    usize::try_from(spanned.defined.line()).unwrap_or(usize::MAX).max(1)
}

/// `bytes` bound what can be written; nesting and aliases have limits of their own.
fn options(bytes: usize) -> Options {
    let mut options = serde_saphyr::options! {
        budget: budget(bytes),
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Merge,
        legacy_octal_numbers: true,
        strict_booleans: false,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        with_snippet: false,
        emit_comments: false,
    };
    options.alias_limits.max_total_replayed_events = ALIASED_EVENTS_MAX;
    options
}

fn budget(bytes: usize) -> Option<Budget> {
    // Every event but the ends of collections takes a byte at least.
    let written = 2 * bytes + 16;
    serde_saphyr::budget! {
        max_events: written + ALIASED_EVENTS_MAX,
        max_nodes: written + ALIASED_EVENTS_MAX,
        max_documents: written,
        max_total_scalar_bytes: TEXT_BYTES_MAX,
        max_depth: NESTING_MAX,
        flow_nesting_limit: NESTING_MAX,
        max_buffered_comment_events: written,
        enforce_alias_anchor_ratio: false,
    }
}

fn place(error: &serde_saphyr::Error) -> Error {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).max(1);
    let (line, column) = error.location().map_or((1, 1), |at| (number(at.line()), number(at.column())));
    let full = error.without_snippet().to_string();
    let place = format!(" at line {line}, column {column}");
    Error { line, column, message: full.strip_suffix(&place).unwrap_or(&full).to_owned() }
}
