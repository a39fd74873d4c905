//! Writing a scalar in its own style.
//!
//! Takes a scalar of an outline and its new value; gives the bytes to replace and what to put there. Plain
//! scalars get double quotes when some reader would not take the new value for a string; anchors, tags and
//! the headers of block scalars lie outside of the bytes that are replaced.

use std::fmt::Write;
use std::ops::Range;

use granit_parser::{ScalarStyle, Tag};

use crate::yaml::dialect;
use crate::yaml::outline::{Event, Outline};
use crate::yaml::split::line_start;

/// The replacement of one scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The scalar, as an index into the events of the outline.
    pub event: usize,
    pub range: Range<usize>,
    pub text: String,
    /// How the scalar must read afterwards.
    pub style: ScalarStyle,
    pub value: String,
}

/// A scalar whose tag does not let it be a string.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is tagged `{0}`, which no image is")]
pub struct Tagged(String);

/// What the scalar says; of a block scalar without the line breaks at its end.
pub fn value<'a>(scalar: &'a Event<'_>) -> &'a str {
    if scalar.is_block_scalar() { scalar.value.trim_end_matches('\n') } else { &scalar.value }
}

/// Replaces scalar `event` of `outline` by `new`.
pub fn replace(outline: &Outline<'_>, event: usize, new: &str) -> Result<Edit, Tagged> {
    let scalar = &outline.events[event];
    if let Some(tag) = scalar.tag.as_deref().filter(|tag| !allows_string(tag)) {
        return Err(Tagged(tag.original()));
    }
    let edit = |range, text, style, value| Edit { event, range, text, style, value };
    let value = new.to_owned();
    Ok(match scalar.style().unwrap_or(ScalarStyle::Plain) {
        ScalarStyle::Plain if dialect::fits_plain(new, scalar.in_flow) && dialect::reads_as_string(new) => {
            edit(scalar.range(), value.clone(), ScalarStyle::Plain, value)
        }
        ScalarStyle::Plain | ScalarStyle::DoubleQuoted => {
            edit(scalar.range(), double_quoted(new), ScalarStyle::DoubleQuoted, value)
        }
        ScalarStyle::SingleQuoted => {
            edit(scalar.range(), format!("'{}'", new.replace('\'', "''")), ScalarStyle::SingleQuoted, value)
        }
        style @ (ScalarStyle::Literal | ScalarStyle::Folded) => {
            let (range, text) = block(outline, scalar, new);
            edit(range, text, style, value + &scalar.value[self::value(scalar).len()..])
        }
    })
}

/// Untagged, `!`, `!!str` and tags of one's own may be strings; the other types of YAML may not.
fn allows_string(tag: &Tag) -> bool {
    tag.suffix_in_namespace("tag:yaml.org,2002:").is_none_or(|name| name == "str")
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                write!(quoted, "\\U{:08x}", u32::from(c)).expect("writing to a String");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The content of a block scalar becomes one line; blank lines before it go, those behind it stay.
fn block(outline: &Outline<'_>, scalar: &Event<'_>, new: &str) -> (Range<usize>, String) {
    let text = outline.text;
    let first = line_start(text, scalar.start());
    let indent = &text[first..scalar.start()];
    let end = scalar.start() + content_len(&text[scalar.range()], indent.len());
    let top = leading_blank_lines(text, first);
    if top == first { (scalar.start()..end, new.to_owned()) } else { (top..end, format!("{indent}{new}")) }
}

/// The start of the first of the blank lines right above the line at `first`.
fn leading_blank_lines(text: &str, first: usize) -> usize {
    let mut top = first;
    while let Some(above) = line_above(text, top).filter(|&above| text[above..top].trim().is_empty()) {
        top = above;
    }
    top
}

/// The start of the line above the one that starts at `line`.
fn line_above(text: &str, line: usize) -> Option<usize> {
    let break_len = if text[..line].ends_with("\r\n") { 2 } else { 1 };
    line.checked_sub(break_len).map(|end| line_start(text, end))
}

/// The length of block scalar content without the line breaks and blank lines at its end. Lines of more blanks
/// than the indentation are content.
fn content_len(content: &str, indent: usize) -> usize {
    let mut kept = content;
    loop {
        let bare = kept.strip_suffix("\r\n").or_else(|| kept.strip_suffix(['\n', '\r'])).unwrap_or(kept);
        let line = line_start(bare, bare.len());
        let is_blank = line > 0 && bare.len() - line <= indent && bare[line..].bytes().all(|byte| byte == b' ');
        if !is_blank {
            return bare.len();
        }
        kept = &bare[..line];
    }
}
