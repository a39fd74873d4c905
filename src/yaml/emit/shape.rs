//! In which forms a text can be written, found in one look at it.

use std::borrow::Cow;

use memchr::memmem;

use crate::object::Tag;
use crate::yaml::scalar::{Dialect, resolve};

use super::Problem;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    Plain,
    Single,
    Double,
    Literal,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub form: Form,
    pub is_ascii: bool,
    pub has_breaks: bool,
    /// It has characters that kustomize's reading of its own JSON refuses or changes: see [`reread`].
    pub is_odd: bool,
}

/// The forms that keep a text as it is, were nothing else to read it for another scalar.
#[derive(Clone, Copy)]
struct Allowed {
    plain: bool,
    single: bool,
    literal: bool,
}

// What a byte asks for: the first four anywhere in a text, the others at its start.
const MARK: u8 = 1;
const BREAK: u8 = 2;
const RARE: u8 = 4;
const WIDE: u8 = 8;
/// Begins something else than a plain scalar.
const INDICATOR: u8 = 16;
/// May begin a scalar that is no string.
const RESOLVED: u8 = 32;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b':' => MARK,
            b'#' => MARK | INDICATOR,
            b'\n' => BREAK,
            b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@' | b'`' => {
                INDICATOR
            }
            b'0'..=b'9' | b'+' | b'-' | b'.' | b'~' => RESOLVED,
            b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => RESOLVED,
            b' '..=b'~' => 0,
            0x80.. => WIDE,
            _ => RARE,
        };
        byte += 1;
    }
    classes
};

impl Shape {
    pub(super) fn of(text: &str) -> Self {
        let seen = text.bytes().fold(0, |seen, byte| seen | CLASSES[usize::from(byte)]);
        let has_line_feed = seen & BREAK != 0;
        if seen & (RARE | WIDE) != 0 {
            let has_breaks = text.contains(is_break);
            let form = form(text, has_line_feed, allowed(text, has_breaks));
            let is_odd = text.contains(|c| is_refused(c) || c == '\u{85}');
            return Self { form, is_ascii: seen & WIDE == 0, has_breaks, is_odd };
        }
        let allowed = Allowed {
            plain: !has_line_feed && is_plain_line(text, seen & MARK != 0),
            single: !has_line_feed,
            literal: has_line_feed && !text.ends_with(' ') && memmem::find(text.as_bytes(), b" \n").is_none(),
        };
        Self { form: form(text, has_line_feed, allowed), is_ascii: true, has_breaks: has_line_feed, is_odd: false }
    }
}

fn form(text: &str, has_line_feed: bool, allowed: Allowed) -> Form {
    match allowed {
        Allowed { literal: true, .. } if has_line_feed => Form::Literal,
        _ if has_line_feed => Form::Double,
        _ if reads_as_another(text) => Form::Double,
        Allowed { plain: true, .. } => Form::Plain,
        Allowed { single: true, .. } => Form::Single,
        _ => Form::Double,
    }
}

fn allowed(text: &str, has_breaks: bool) -> Allowed {
    let is_printed = text.chars().all(is_printable);
    let pairs = || text.chars().zip(text.chars().skip(1));
    let space_break = has_breaks && pairs().any(|(first, second)| first == ' ' && is_break(second));
    let break_space = has_breaks && pairs().any(|(first, second)| is_break(first) && second == ' ');
    Allowed {
        plain: is_printed && !has_breaks && is_plain_line(text, true),
        single: is_printed && !space_break && !break_space,
        literal: is_printed && !space_break && !text.ends_with(' '),
    }
}

/// Whether a line of printable characters can stand without quotes.
fn is_plain_line(text: &str, has_marks: bool) -> bool {
    let begins = match text.as_bytes() {
        [] | [b' ', ..] | [.., b' ' | b':'] => false,
        [b'-', b'-', b'-', ..] | [b'.', b'.', b'.', ..] => false,
        [b'-' | b'?'] | [b'-' | b'?', b' ', ..] => false,
        [first, ..] => CLASSES[usize::from(*first)] & INDICATOR == 0,
    };
    begins && !(has_marks && text.as_bytes().windows(2).any(|pair| matches!(pair, b": " | b" #")))
}

/// Whether a reader of YAML 1.1 or Go's `yaml.v3` would take the plain text for something else than a string.
fn reads_as_another(text: &str) -> bool {
    let Some(first) = text.bytes().next() else { return true };
    if CLASSES[usize::from(first)] & RESOLVED == 0 {
        return false;
    }
    resolve(text, Dialect::Kustomization) != Tag::Str
        || resolve(text, Dialect::Resource) == Tag::Timestamp
        || is_base_60(text)
}

/// A number such as `190:20:30`, which is one to YAML 1.1 alone.
fn is_base_60(text: &str) -> bool {
    if !text.contains(':') {
        return false;
    }
    let has_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    let mut groups = whole.split(':');
    let begins =
        groups.next().is_some_and(|first| first.starts_with(|c: char| c.is_ascii_digit()) && has_digits(first));
    let is_group = |group: &str| matches!(group.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    begins && groups.all(is_group) && has_digits(fraction)
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(in crate::yaml) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Whether Go's reader of YAML refuses a character where it is not escaped; its writer of JSON escapes those before
/// the space.
fn is_refused(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

/// What is left of `text` after it went through JSON and `yaml.v2`: a next-line character (U+0085) breaks the quoted
/// text like any line break there, so that it and the blanks around it fold into a space.
pub(super) fn reread(text: &str) -> Result<Cow<'_, str>, Problem> {
    if let Some(refused) = text.chars().find(|&c| is_refused(c)) {
        return Err(Problem::Character(refused.into()));
    }
    if !text.contains('\u{85}') {
        return Ok(Cow::Borrowed(text));
    }
    let last = text.matches('\u{85}').count();
    let (mut read, mut breaks) = (String::with_capacity(text.len()), 0);
    for (index, line) in text.split('\u{85}').enumerate() {
        if index > 0 && is_document_marker(line, index < last) {
            return Err(Problem::DocumentMarker(line.chars().take(4).collect()));
        }
        breaks += usize::from(index > 0);
        let line = if index > 0 { line.trim_start_matches(' ') } else { line };
        let line = if index < last { line.trim_end_matches(' ') } else { line };
        if line.is_empty() && (1..last).contains(&index) {
            continue;
        }
        match std::mem::take(&mut breaks) {
            1 => read.push(' '),
            breaks => read.extend(std::iter::repeat_n('\n', breaks.saturating_sub(1))),
        }
        read.push_str(line);
    }
    Ok(Cow::Owned(read))
}

/// Whether a line would end the document, were it one of YAML.
fn is_document_marker(line: &str, is_ended: bool) -> bool {
    let rest = line.strip_prefix("---").or_else(|| line.strip_prefix("..."));
    rest.is_some_and(|rest| rest.starts_with(' ') || rest.is_empty() && is_ended)
}
