//! Go's quoting of strings and characters, as `%q` prints them.

use super::rune::is_printable;
use super::text::runes;

/// Which characters stand for themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Printable,
    Ascii,
}

/// A string literal in double quotes.
pub(super) fn quoted(bytes: &[u8], charset: Charset) -> Vec<u8> {
    let mut out = vec![b'"'];
    let mut at = 0;
    for (rune, width) in runes(bytes) {
        if rune == char::REPLACEMENT_CHARACTER && width == 1 {
            out.extend(format!("\\x{:02x}", bytes[at]).bytes());
        } else {
            push_escaped(&mut out, rune, '"', charset);
        }
        at += width;
    }
    out.push(b'"');
    out
}

/// A character literal in single quotes.
pub(super) fn quoted_char(rune: char, charset: Charset) -> Vec<u8> {
    let mut out = vec![b'\''];
    push_escaped(&mut out, rune, '\'', charset);
    out.push(b'\'');
    out
}

/// Whether a literal in backquotes can hold the text: no control character but tab, no backquote, no byte order mark.
pub(super) fn can_backquote(bytes: &[u8]) -> bool {
    runes(bytes).all(|(rune, width)| match rune {
        char::REPLACEMENT_CHARACTER => width > 1,
        '\u{feff}' | '`' | '\x7f' => false,
        _ => rune >= ' ' || rune == '\t',
    })
}

fn push_escaped(out: &mut Vec<u8>, rune: char, quote: char, charset: Charset) {
    let simple = match rune {
        '\\' => Some('\\'),
        _ if rune == quote => Some(quote),
        '\x07' => Some('a'),
        '\x08' => Some('b'),
        '\x0c' => Some('f'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '\x0b' => Some('v'),
        _ => None,
    };
    let escape = match (simple, rune) {
        (Some(simple), _) => format!("\\{simple}"),
        (None, _) if is_printable(rune) && (rune.is_ascii() || charset == Charset::Printable) => rune.to_string(),
        (None, '\0'..='\x1f' | '\x7f') => format!("\\x{:02x}", u32::from(rune)),
        (None, '\u{80}'..='\u{ffff}') => format!("\\u{:04x}", u32::from(rune)),
        (None, _) => format!("\\U{:08x}", u32::from(rune)),
    };
    out.extend(escape.bytes());
}
