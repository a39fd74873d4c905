//! Sprig's functions between a string and lists of strings.

use super::super::compare;
use super::super::limits::BYTES_READ_A_STEP;
use super::super::list::List;
use super::super::map::Map;
use super::super::text::{Text, occurrences};
use super::super::value::{Type, Value};
use super::strings::to_text;
use super::{Args, Failure, Function, check_bytes, check_items};

const STRING: Type = Type::String;
const INT: Type = Type::Int;
const ANY: Type = Type::Any;

pub(super) static TABLE: &[Function] = &[
    Function::new("join", &[STRING, ANY], join),
    Function::new("sortAlpha", &[ANY], sort),
    Function::new("split", &[STRING, STRING], |args| numbered(args, parts(args.text(0), args.text(1), usize::MAX)?)),
    Function::new("splitList", &[STRING, STRING], |args| {
        Ok(List::strings(parts(args.text(0), args.text(1), usize::MAX)?).into())
    }),
    Function::new("splitn", &[STRING, INT, STRING], |args| {
        // A negative number is no limit.
        let count = usize::try_from(args.int(1)).unwrap_or(usize::MAX);
        numbered(args, parts(args.text(0), args.text(2), count)?)
    }),
    Function::new("toStrings", &[ANY], |args| to_strings(args.value(0), args).map(Value::from)),
];

/// The parts between separators, at most `count`. An empty separator parts characters.
fn parts<'t>(separator: &Text, text: &'t Text, count: usize) -> Result<Vec<&'t [u8]>, Failure> {
    let (separator, text) = (separator.as_bytes(), text.as_bytes());
    if count == 0 || (separator.is_empty() && text.is_empty()) {
        return Ok(Vec::new());
    }
    let mut found = occurrences(text, separator);
    if separator.is_empty() {
        // Between the characters only.
        found.pop();
        found.drain(..found.len().min(1));
    }
    found.truncate(count - 1);
    check_items(found.len() + 1)?;
    let starts = std::iter::once(0).chain(found.iter().map(|at| at + separator.len()));
    let ends = found.iter().copied().chain([text.len()]);
    Ok(starts.zip(ends).map(|(start, end)| &text[start..end]).collect())
}

/// The parts under the names `_0`, `_1` and so on.
fn numbered(args: Args<'_>, parts: Vec<&[u8]>) -> Result<Value, Failure> {
    // Each gets a name, and a place among the others.
    args.spend(4 * parts.len())?;
    let entries = parts.into_iter().enumerate().map(|(i, part)| (format!("_{i}"), part));
    Ok(Map::strings(entries).into())
}

/// What is in a list, each as a string, without nil; any other value is a list of itself.
fn to_strings(value: &Value, args: Args<'_>) -> Result<List, Failure> {
    let items = match value {
        Value::List(list) if *list.item_type() == STRING => return Ok(list.clone()),
        Value::List(list) => list.items(),
        Value::Nil => &[],
        other => std::slice::from_ref(other),
    };
    let present = items.iter().filter(|item| !matches!(item, Value::Nil));
    let strings = present.map(|item| to_text(item, args).map(Value::String)).collect::<Result<_, _>>()?;
    Ok(List::with_capacity(&Type::String, strings, items.len()))
}

fn join(args: Args<'_>) -> Result<Value, Failure> {
    let mut out = Vec::new();
    for (i, part) in to_strings(args.value(1), args)?.items().iter().enumerate() {
        out.extend_from_slice(if i > 0 { args.text(0).as_bytes() } else { b"" });
        out.extend_from_slice(to_text(part, args)?.as_bytes());
        check_bytes(out.len())?;
    }
    Ok(out.into())
}

fn sort(args: Args<'_>) -> Result<Value, Failure> {
    let Value::List(_) = args.value(0) else { return Ok(List::strings([to_text(args.value(0), args)?]).into()) };
    let list = to_strings(args.value(0), args)?;
    let mut items = list.items().to_vec();
    let bytes: usize = items.iter().map(Value::length).sum();
    args.spend(items.len() + bytes / BYTES_READ_A_STEP)?;
    items.sort_by(compare::order);
    Ok(List::with_capacity(&Type::String, items, list.capacity()).into())
}
