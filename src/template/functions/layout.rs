//! Sprig's functions that cut text to a width or set it in lines. Widths count bytes.

use super::super::value::{Type, Value};
use super::{Args, Failure, Function, check_bytes};

const STRING: Type = Type::String;
const INT: Type = Type::Int;

pub(super) static TABLE: &[Function] = &[
    Function::new("abbrev", &[INT, STRING], |args| abbreviate(0, args.int(0), args.text(1).as_bytes())),
    Function::new("abbrevboth", &[INT, INT, STRING], |args| {
        abbreviate(args.int(0), args.int(1), args.text(2).as_bytes())
    }),
    Function::new("indent", &[INT, STRING], |args| indent(args, b"")),
    Function::new("nindent", &[INT, STRING], |args| indent(args, b"\n")),
    Function::new("nospace", &[STRING], |args| without_spaces(args.text(0).as_bytes())),
    Function::new("repeat", &[INT, STRING], repeat),
    Function::new("substr", &[INT, INT, STRING], substring),
    Function::new("trunc", &[INT, STRING], truncated),
    Function::new("wrap", &[INT, STRING], |args| {
        wrap(args.text(1).as_bytes(), Wrap { width: width(args.int(0)), newline: b"\n", breaks_words: false })
    }),
    Function::new("wrapWith", &[INT, STRING, STRING], |args| {
        let newline = if args.text(1).as_bytes().is_empty() { b"\n" } else { args.text(1).as_bytes() };
        wrap(args.text(2).as_bytes(), Wrap { width: width(args.int(0)), newline, breaks_words: true })
    }),
];

const DOTS: &[u8] = b"...";

/// The part of `text` from about `offset` on with dots where it is cut, at most `width` bytes.
fn abbreviate(offset: i64, width: i64, text: &[u8]) -> Result<Value, Failure> {
    let length = text.len() as i64;
    if width < 4 || (offset > 0 && width < 7) || length <= width {
        return Ok(text.into());
    }
    let mut offset = offset.min(length);
    // Wraps around as in Go, where the smallest integers count as far to the right.
    if length.wrapping_sub(offset) < width - 3 {
        offset = length - (width - 3);
    }
    let bytes = |from: i64, to: i64| &text[from as usize..to as usize];
    Ok(match () {
        () if offset <= 4 => [bytes(0, width - 3), DOTS].concat().into(),
        // Where there is no place for both dots nothing is left.
        () if width < 7 => "".into(),
        () if offset + width - 3 < length => [DOTS, bytes(offset, offset + width - 6), DOTS].concat().into(),
        () => [DOTS, bytes(length - (width - 3), length)].concat().into(),
    })
}

fn indent(args: Args<'_>, before: &[u8]) -> Result<Value, Failure> {
    let (spaces, text) = (count(args.int(0))?, args.text(1).as_bytes());
    let newlines = text.iter().filter(|&&byte| byte == b'\n').count();
    check_bytes(text.len().saturating_add(spaces.saturating_mul(newlines + 1)))?;
    let pad = " ".repeat(spaces);
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let indented = lines.join(format!("\n{pad}").as_bytes());
    Ok([before, pad.as_bytes(), &indented].concat().into())
}

/// Without spaces. If there are some, sprig takes the bytes of what is left for characters.
fn without_spaces(text: &[u8]) -> Result<Value, Failure> {
    let is_space = |byte: &u8| char::from(*byte).is_whitespace();
    if !text.iter().any(is_space) {
        return Ok(text.into());
    }
    let kept: String = text.iter().filter(|byte| !is_space(byte)).copied().map(char::from).collect();
    check_bytes(kept.len())?;
    Ok(kept.into())
}

fn repeat(args: Args<'_>) -> Result<Value, Failure> {
    let text = args.text(1).as_bytes();
    let count = count(args.int(0))?;
    check_bytes(text.len().saturating_mul(count))?;
    Ok(if text.is_empty() { "".into() } else { text.repeat(count).into() })
}

fn count(count: i64) -> Result<usize, Failure> {
    usize::try_from(count).map_err(|_| Failure::new("strings: negative Repeat count"))
}

/// From the first position to the second; without a first one from the start, without a second one to the end.
fn substring(args: Args<'_>) -> Result<Value, Failure> {
    let (start, end, text) = (args.int(0), args.int(1), args.text(2).as_bytes());
    let length = text.len() as i64;
    let range = match (start, end) {
        (..0, ..0) => Err(format!("[:{end}]")),
        (..0, _) if end > length => Err(format!("[:{end}] with length {length}")),
        (..0, _) => Ok(0..end),
        _ if end < 0 || end > length => {
            if start > length {
                Err(format!("[{start}:{length}]"))
            } else {
                Ok(start..length)
            }
        }
        _ if start > end => Err(format!("[{start}:{end}]")),
        _ => Ok(start..end),
    };
    match range {
        Ok(range) => Ok(text[range.start as usize..range.end as usize].into()),
        Err(bounds) => Err(Failure::new(format!("runtime error: slice bounds out of range {bounds}"))),
    }
}

/// The first bytes, or the last when the number is negative.
fn truncated(args: Args<'_>) -> Result<Value, Failure> {
    let text = args.text(1).as_bytes();
    let kept = usize::try_from(args.int(0).unsigned_abs()).unwrap_or(usize::MAX);
    Ok(match args.int(0) {
        _ if kept >= text.len() => text.into(),
        0.. => text[..kept].into(),
        _ => text[text.len() - kept..].into(),
    })
}

fn width(width: i64) -> usize {
    usize::try_from(width.max(1)).unwrap_or(usize::MAX)
}

/// How to set a text in lines.
struct Wrap<'a> {
    width: usize,
    newline: &'a [u8],
    /// Words longer than a line are broken; otherwise they go beyond its end.
    breaks_words: bool,
}

/// Breaks lines at spaces. Newlines in the text count as any other byte.
fn wrap(text: &[u8], wrap: Wrap<'_>) -> Result<Value, Failure> {
    let mut out = Vec::new();
    let mut rest = text;
    while rest.len() > wrap.width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        let (line, next) = first_line(rest, &wrap);
        out.extend_from_slice(line);
        if next > line.len() || wrap.breaks_words {
            out.extend_from_slice(wrap.newline);
        }
        check_bytes(out.len())?;
        rest = &rest[next..];
    }
    out.extend_from_slice(rest);
    check_bytes(out.len())?;
    Ok(out.into())
}

/// The first line of a text that is longer than one, and where the next begins.
fn first_line<'t>(text: &'t [u8], wrap: &Wrap<'_>) -> (&'t [u8], usize) {
    let last_space = text[..=wrap.width].iter().rposition(|&byte| byte == b' ');
    let beyond = || text[wrap.width..].iter().position(|&byte| byte == b' ').map(|at| wrap.width + at);
    match last_space {
        Some(space) => (&text[..space], space + 1),
        None if wrap.breaks_words => (&text[..wrap.width], wrap.width),
        None => beyond().map_or((text, text.len()), |space| (&text[..space], space + 1)),
    }
}
