//! Sprig's functions on strings as a whole: what they hold, quoting, trimming, replacing.

use std::collections::HashSet;

use super::super::limits::BYTES_MADE_A_STEP;
use super::super::print;
use super::super::quote::{Charset, quoted};
use super::super::text::{Text, occurrences, runes, trim_end, trim_start};
use super::super::value::{Type, Value};
use super::{Args, Failure, Function, check_bytes};

const STRING: Type = Type::String;
const INT: Type = Type::Int;
const ANY: Type = Type::Any;

pub(super) static TABLE: &[Function] = &[
    Function::variadic("cat", &[], &ANY, |args| {
        Ok(spaced(args, |value| Ok(to_text(value, args)?.as_bytes().to_vec()))?.into())
    }),
    Function::new("contains", &[STRING, STRING], |args| {
        Ok((!occurrences(args.text(1).as_bytes(), args.text(0).as_bytes()).is_empty()).into())
    }),
    Function::new("hasPrefix", &[STRING, STRING], |args| {
        Ok(args.text(1).as_bytes().starts_with(args.text(0).as_bytes()).into())
    }),
    Function::new("hasSuffix", &[STRING, STRING], |args| {
        Ok(args.text(1).as_bytes().ends_with(args.text(0).as_bytes()).into())
    }),
    Function::new("hello", &[], |_| Ok("Hello!".into())),
    Function::new("plural", &[STRING, STRING, INT], |args| {
        Ok(args.value(if args.int(2) == 1 { 0 } else { 1 }).clone())
    }),
    Function::variadic("quote", &[], &ANY, |args| {
        Ok(spaced(args, |value| Ok(quoted(to_text(value, args)?.as_bytes(), Charset::Printable)))?.into())
    }),
    Function::new("replace", &[STRING, STRING, STRING], |args| {
        replace(args, args.text(2).as_bytes(), args.text(0).as_bytes(), args.text(1).as_bytes())
    }),
    Function::variadic("squote", &[], &ANY, |args| {
        let quote = |value: &Value| Ok([b"'", print::print(std::slice::from_ref(value))?.as_bytes(), b"'"].concat());
        Ok(spaced(args, quote)?.into())
    }),
    Function::new("toString", &[ANY], |args| to_text(args.value(0), args).map(Value::from)),
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
];

/// A value as sprig turns it into a string. Printing has its price: what comes of the text may not show how long it
/// was.
pub(super) fn to_text(value: &Value, args: Args<'_>) -> Result<Text, Failure> {
    if let Value::String(text) = value {
        return Ok(text.clone());
    }
    let text = print::print(std::slice::from_ref(value))?;
    args.spend(2 + text.as_bytes().len() / BYTES_MADE_A_STEP)?;
    Ok(text)
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

fn replace(args: Args<'_>, text: &[u8], old: &[u8], new: &[u8]) -> Result<Value, Failure> {
    let found = occurrences(text, old);
    args.spend(found.len() / BYTES_MADE_A_STEP)?;
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

fn trim_all(args: Args<'_>) -> Result<Value, Failure> {
    args.spend(args.text(0).as_bytes().len() / BYTES_MADE_A_STEP)?;
    let cut: HashSet<char> = runes(args.text(0).as_bytes()).map(|(rune, _)| rune).collect();
    let text = args.text(1).as_bytes();
    Ok(trim_end(trim_start(text, |rune| cut.contains(&rune)), |rune| cut.contains(&rune)).into())
}
