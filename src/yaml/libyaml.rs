//! What Go's readers make of a scalar where they differ from the parser: they are ports of libyaml, which follows
//! YAML 1.1, and the parser follows YAML 1.2.
//!
//! Takes what the parser says of a scalar and how it is written; gives the text that Go sees, or why it sees none.

use std::borrow::Cow;

use granit_parser::{ErrorKind, ScalarStyle, ScanError};
use memchr::memmem;

/// A line break in YAML 1.1, a character like others in 1.2.
const NEXT_LINE: char = '\u{85}';

/// More than the columns by which any line is indented that is not made to hurt.
const WIDE: usize = 512;

/// `text` with the blanks that libyaml does without and the parser stopped for: before a comment right behind a
/// bracket or a quote, and at the beginning of a line within quotes. They change no value; but they would hide a line
/// that begins or ends a document.
pub(super) fn mended(text: &str, stopped: &ScanError) -> Option<String> {
    let blanks = match stopped.kind() {
        ErrorKind::CommentNotSeparated => 1,
        ErrorKind::TabInIndentation | ErrorKind::InvalidQuotedScalarIndent => WIDE,
        _ => return None,
    };
    let (ahead, behind) = text.split_at_checked(stopped.marker().byte_offset()?)?;
    let line = behind.lines().next().unwrap_or_default();
    if ahead.ends_with('\n') && (is_marker(line, "---") || is_marker(line, "...")) {
        return None;
    }
    Some(format!("{ahead}{}{behind}", " ".repeat(blanks)))
}

/// The text of the scalar `written`, which the parser reads as `text`; `is_last`: the file ends with it.
pub(super) fn text<'a>(
    text: Cow<'a, str>,
    style: ScalarStyle,
    written: &str,
    is_last: bool,
) -> Result<Cow<'a, str>, String> {
    match style {
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if is_separated(written) => {
            Err("a line separator (U+2028 or U+2029) stands beside blanks".to_owned())
        }
        ScalarStyle::Literal | ScalarStyle::Folded if text.trim_start_matches('\n').starts_with('\t') => {
            Err("a tab begins the first line of a block scalar, where its indentation is looked for".to_owned())
        }
        ScalarStyle::Literal | ScalarStyle::Folded if is_last && !written.ends_with(['\n', '\r']) => {
            Ok(without_added_break(text, written))
        }
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if written.contains(NEXT_LINE) => {
            Ok(folded(&text).into())
        }
        // What has no escapes is borrowed.
        ScalarStyle::DoubleQuoted if matches!(text, Cow::Owned(_)) => match foreign_escape(written) {
            Some(escape) => Err(format!("the escape `{escape}` is not one of YAML 1.1")),
            None => Ok(text),
        },
        _ => Ok(text),
    }
}

/// Why the plain scalar `written` is not what libyaml reads there; `behind` is what follows it. Within brackets a
/// question mark ends a scalar, a colon begins a value, and one at the end of a scalar is part of it.
pub(super) fn plain_fault(written: &str, behind: &str, is_flow: impl Fn() -> bool) -> Option<String> {
    let is_cut = (written.contains('?') || written.starts_with(':')) && is_flow();
    let takes_colon = behind.strip_prefix(':').is_some_and(|rest| rest.starts_with([',', ']', '}', '[', '{']));
    (is_cut || takes_colon).then(|| format!("`{written}` within brackets means another thing to kustomize; quote it"))
}

/// Whether the line begins or ends a document, by `mark`.
pub(super) fn is_marker(line: &str, mark: &str) -> bool {
    line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r']))
}

/// How many of the line breaks of YAML 1.1 that are characters in 1.2 are in `text`.
pub(super) fn foreign_breaks(text: &str) -> usize {
    let separators = memmem::find_iter(text.as_bytes(), b"\xe2\x80")
        .filter(|at| matches!(text.as_bytes().get(at + 2), Some(0xa8 | 0xa9)));
    memmem::find_iter(text.as_bytes(), b"\xc2\x85").count() + separators.count()
}

/// Whether a separator of lines or paragraphs in a quoted scalar stands beside blanks, which libyaml takes away.
fn is_separated(written: &str) -> bool {
    let is_separator = |c: char| matches!(c, '\u{2028}' | '\u{2029}');
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | NEXT_LINE) || is_separator(c);
    written.match_indices(is_separator).any(|(at, found)| {
        let (ahead, behind) = (&written[..at], &written[at + found.len()..]);
        ahead.ends_with(is_space) || behind.starts_with(is_space)
    })
}

/// The parser ends the last line of a block scalar where the file does not.
fn without_added_break<'a>(text: Cow<'a, str>, written: &str) -> Cow<'a, str> {
    let blank = [' ', '\t'];
    let tail = written.rsplit(['\n', '\r']).next().unwrap_or_default();
    match text.strip_suffix('\n') {
        Some(unended) => {
            let last = unended.rsplit('\n').next().unwrap_or_default();
            let is_content =
                !tail.trim_matches(blank).is_empty() || !last.is_empty() && last.trim_matches(blank).is_empty();
            if is_content { unended.to_owned().into() } else { text }
        }
        None => text,
    }
}

/// Takes each U+0085 for a line break in a quoted scalar: alone it becomes a space, of several the first goes.
fn folded(text: &str) -> String {
    let blank = [' ', '\t'];
    let mut folded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((line, behind)) = rest.split_once(NEXT_LINE) {
        folded.push_str(line.trim_end_matches(blank));
        rest = behind.trim_start_matches(blank);
        let mut is_alone = true;
        while let Some(behind) = rest.strip_prefix(NEXT_LINE) {
            (rest, is_alone) = (behind.trim_start_matches(blank), false);
            folded.push('\n');
        }
        if is_alone {
            folded.push(' ');
        }
    }
    folded + rest
}

/// The first escape of a double quoted scalar that YAML 1.1 lacks: `\/`, and halves of a pair of UTF-16.
fn foreign_escape(written: &str) -> Option<&str> {
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        rest = &rest[at..];
        match rest.as_bytes() {
            [_, b'/', ..] => return rest.get(..2),
            [_, b'u', b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => return rest.get(..6),
            // What an escape begins with is one byte, or a character that the parser refuses.
            _ => rest = rest.get(2..).unwrap_or_default(),
        }
    }
    None
}
