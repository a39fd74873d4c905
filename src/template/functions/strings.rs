//! Sprig's functions on strings, as far as they are simple and exact.

use super::super::list::List;
use super::super::print;
use super::super::quote::{Charset, quoted};
use super::super::text::{Text, occurrences, runes, trim_end, trim_start};
use super::super::value::{Type, Value};
use super::{Args, Failure, Function, check_bytes, check_items};

const STRING: Type = Type::String;
const INT: Type = Type::Int;
const ANY: Type = Type::Any;

pub(super) static TABLE: &[Function] = &[
    Function::new("contains", &[STRING, STRING], |args| {
        Ok((!occurrences(args.text(1).as_bytes(), args.text(0).as_bytes()).is_empty()).into())
    }),
    Function::new("hasPrefix", &[STRING, STRING], |args| {
        Ok(args.text(1).as_bytes().starts_with(args.text(0).as_bytes()).into())
    }),
    Function::new("hasSuffix", &[STRING, STRING], |args| {
        Ok(args.text(1).as_bytes().ends_with(args.text(0).as_bytes()).into())
    }),
    Function::new("indent", &[INT, STRING], |args| indent(args.int(0), args.text(1), "")),
    Function::new("join", &[STRING, ANY], join),
    Function::new("lower", &[STRING], |args| mapped(args.text(0), lower_rune)),
    Function::new("nindent", &[INT, STRING], |args| indent(args.int(0), args.text(1), "\n")),
    Function::variadic("quote", &[], &ANY, |args| {
        Ok(spaced(args, |value| Ok(quoted(to_text(value)?.as_bytes(), Charset::Printable)))?.into())
    }),
    Function::new("repeat", &[INT, STRING], repeat),
    Function::new("replace", &[STRING, STRING, STRING], |args| {
        replace(args.text(2).as_bytes(), args.text(0).as_bytes(), args.text(1).as_bytes())
    }),
    Function::new("splitList", &[STRING, STRING], split_list),
    Function::variadic("squote", &[], &ANY, |args| {
        let quote = |value: &Value| Ok([b"'", print::print(std::slice::from_ref(value))?.as_bytes(), b"'"].concat());
        Ok(spaced(args, quote)?.into())
    }),
    Function::new("title", &[STRING], |args| title(args.text(0))),
    Function::new("toString", &[ANY], |args| to_text(args.value(0)).map(Value::from)),
    Function::new("trim", &[STRING], |args| {
        Ok(trim_end(trim_start(args.text(0).as_bytes(), char::is_whitespace), char::is_whitespace).into())
    }),
    Function::new("trimAll", &[STRING, STRING], trim_all),
    Function::new("trimPrefix", &[STRING, STRING], |args| {
        let text = args.text(1).as_bytes();
        Ok(text.strip_prefix(args.text(0).as_bytes()).unwrap_or(text).into())
    }),
    Function::new("trimSuffix", &[STRING, STRING], |args| {
        let text = args.text(1).as_bytes();
        Ok(text.strip_suffix(args.text(0).as_bytes()).unwrap_or(text).into())
    }),
    Function::new("trimall", &[STRING, STRING], trim_all),
    Function::new("trunc", &[INT, STRING], trunc),
    Function::new("upper", &[STRING], |args| mapped(args.text(0), upper_rune)),
];

/// A value as sprig turns it into a string.
pub(super) fn to_text(value: &Value) -> Result<Text, Failure> {
    match value {
        Value::String(text) => Ok(text.clone()),
        other => print::print(std::slice::from_ref(other)),
    }
}

/// The arguments that are not nil, each as `show` has it, with spaces between them.
fn spaced(args: Args<'_>, show: impl Fn(&Value) -> Result<Vec<u8>, Failure>) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    for (i, value) in args.rest(0).iter().filter(|value| !matches!(value, Value::Nil)).enumerate() {
        out.extend(if i > 0 { " " } else { "" }.bytes());
        out.extend(show(value)?);
        check_bytes(out.len())?;
    }
    Ok(out)
}

fn indent(spaces: i64, text: &Text, before: &str) -> Result<Value, Failure> {
    let spaces = count(spaces)?;
    let newlines = text.as_bytes().iter().filter(|&&byte| byte == b'\n').count();
    check_bytes(text.as_bytes().len().saturating_add(spaces.saturating_mul(newlines + 1)))?;
    let pad = " ".repeat(spaces);
    let lines: Vec<&[u8]> = text.as_bytes().split(|&byte| byte == b'\n').collect();
    let indented = lines.join(format!("\n{pad}").as_bytes());
    Ok([before.as_bytes(), pad.as_bytes(), &indented].concat().into())
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

fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Result<Value, Failure> {
    let found = occurrences(text, old);
    check_bytes((text.len() - found.len() * old.len()).saturating_add(found.len().saturating_mul(new.len())))?;
    let mut out = Vec::new();
    let mut copied = 0;
    for at in found {
        out.extend_from_slice(&text[copied..at]);
        out.extend_from_slice(new);
        copied = at + old.len();
    }
    out.extend_from_slice(&text[copied..]);
    Ok(out.into())
}

fn split_list(args: Args<'_>) -> Result<Value, Failure> {
    let (separator, text) = (args.text(0).as_bytes(), args.text(1).as_bytes());
    let mut found = occurrences(text, separator);
    if separator.is_empty() {
        // Between the characters only.
        found.pop();
        found.drain(..found.len().min(1));
    }
    check_items(found.len() + 1)?;
    let starts = std::iter::once(0).chain(found.iter().map(|at| at + separator.len()));
    let ends = found.iter().copied().chain([text.len()]);
    let is_nothing = separator.is_empty() && text.is_empty();
    let parts = starts.zip(ends).filter(|_| !is_nothing);
    Ok(List::strings(parts.map(|(start, end)| &text[start..end])).into())
}

fn join(args: Args<'_>) -> Result<Value, Failure> {
    let parts = match args.value(1) {
        Value::List(list) => list.items(),
        Value::Nil => &[],
        other => std::slice::from_ref(other),
    };
    let mut out = Vec::new();
    for (i, part) in parts.iter().filter(|part| !matches!(part, Value::Nil)).enumerate() {
        out.extend_from_slice(if i > 0 { args.text(0).as_bytes() } else { b"" });
        out.extend_from_slice(to_text(part)?.as_bytes());
        check_bytes(out.len())?;
    }
    Ok(out.into())
}

fn trim_all(args: Args<'_>) -> Result<Value, Failure> {
    let cut: std::collections::HashSet<char> = runes(args.text(0).as_bytes()).map(|(rune, _)| rune).collect();
    let text = args.text(1).as_bytes();
    Ok(trim_end(trim_start(text, |rune| cut.contains(&rune)), |rune| cut.contains(&rune)).into())
}

/// The first bytes, or the last when the number is negative.
fn trunc(args: Args<'_>) -> Result<Value, Failure> {
    let text = args.text(1).as_bytes();
    let kept = usize::try_from(args.int(0).unsigned_abs()).unwrap_or(usize::MAX);
    Ok(match args.int(0) {
        _ if kept >= text.len() => text.into(),
        0.. => text[..kept].into(),
        _ => text[text.len() - kept..].into(),
    })
}

/// Each character by itself, as Go maps it: never one to several.
fn mapped(text: &Text, map: impl Fn(char) -> char) -> Result<Value, Failure> {
    let out: String = runes(text.as_bytes()).map(|(rune, _)| map(rune)).collect();
    check_bytes(out.len())?;
    Ok(out.into())
}

fn upper_rune(rune: char) -> char {
    match rune {
        // Greek with iota below: the capital letter of one character is the title form.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => shifted(rune, 8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => shifted(rune, 9),
        _ => single(rune.to_uppercase(), rune),
    }
}

fn lower_rune(rune: char) -> char {
    if rune == '\u{130}' { 'i' } else { single(rune.to_lowercase(), rune) }
}

/// Letters that are two in one have a third form, capital then small; Georgian letters have no capitals in titles.
fn title_rune(rune: char) -> char {
    match rune {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10ff}' => rune,
        _ => upper_rune(rune),
    }
}

fn shifted(rune: char, by: u32) -> char {
    char::from_u32(u32::from(rune) + by).unwrap_or(rune)
}

/// The one character of the mapping; the character itself when there are more.
fn single(mut mapped: impl Iterator<Item = char>, rune: char) -> char {
    mapped.next().filter(|_| mapped.next().is_none()).unwrap_or(rune)
}

/// Words begin with a capital: what comes after a space or an ASCII sign is the start of a word.
fn title(text: &Text) -> Result<Value, Failure> {
    let before = std::cell::Cell::new(' ');
    mapped(text, |rune| match before.replace(rune) {
        before if is_separator(before) => title_rune(rune),
        _ => rune,
    })
}

fn is_separator(rune: char) -> bool {
    match rune {
        _ if rune.is_ascii() => !(rune.is_ascii_alphanumeric() || rune == '_'),
        _ => rune.is_whitespace(),
    }
}
