//! Sprig's functions on lists. Those that take a list of any type give a `[]interface {}`.

use super::super::growth;
use super::super::limits::BYTES_READ_A_STEP;
use super::super::list::List;
use super::super::value::{Type, Value};
use super::cast::to_int;
use super::deep::equal;
use super::{Args, Failure, Function, check_items, items_of};

const ANY: Type = Type::Any;
const INT: Type = Type::Int;
const ITEMS: Type = Type::List(&ANY);

pub(super) static TABLE: &[Function] = &[
    Function::new("append", &[ANY, ANY], append),
    Function::new("chunk", &[INT, ANY], chunk),
    Function::new("compact", &[ANY], compact),
    Function::variadic("concat", &[], &ANY, concat),
    Function::new("first", &[ANY], first),
    Function::new("has", &[ANY, ANY], has),
    Function::new("initial", &[ANY], initial),
    Function::new("last", &[ANY], last),
    Function::variadic("list", &[], &ANY, |args| Ok(Value::list(args.rest(0).to_vec()))),
    Function::new("mustAppend", &[ANY, ANY], append),
    Function::new("mustChunk", &[INT, ANY], chunk),
    Function::new("mustCompact", &[ANY], compact),
    Function::new("mustFirst", &[ANY], first),
    Function::new("mustHas", &[ANY, ANY], has),
    Function::new("mustInitial", &[ANY], initial),
    Function::new("mustLast", &[ANY], last),
    Function::new("mustPrepend", &[ANY, ANY], prepend),
    Function::new("mustPush", &[ANY, ANY], append),
    Function::new("mustRest", &[ANY], rest),
    Function::new("mustReverse", &[ANY], reverse),
    Function::variadic("mustSlice", &[ANY], &ANY, slice),
    Function::new("mustUniq", &[ANY], uniq),
    Function::variadic("mustWithout", &[ANY], &ANY, without),
    Function::new("prepend", &[ANY, ANY], prepend),
    Function::new("push", &[ANY, ANY], append),
    Function::new("rest", &[ANY], rest),
    Function::new("reverse", &[ANY], reverse),
    Function::variadic("slice", &[ANY], &ANY, slice),
    Function::variadic("tuple", &[], &ANY, |args| Ok(Value::list(args.rest(0).to_vec()))),
    Function::new("uniq", &[ANY], uniq),
    Function::variadic("without", &[ANY], &ANY, without),
];

fn first(args: Args<'_>) -> Result<Value, Failure> {
    let list = items_of(args.value(0), "Cannot find first on type")?;
    Ok(list.items().first().cloned().unwrap_or(Value::Nil))
}

fn last(args: Args<'_>) -> Result<Value, Failure> {
    let list = items_of(args.value(0), "Cannot find last on type")?;
    Ok(list.items().last().cloned().unwrap_or(Value::Nil))
}

/// All but the first; of an empty list the nil one.
fn rest(args: Args<'_>) -> Result<Value, Failure> {
    let list = items_of(args.value(0), "Cannot find rest on type")?;
    Ok(list.items().split_first().map_or_else(|| List::nil(&ANY).into(), |(_, rest)| Value::list(rest.to_vec())))
}

/// All but the last; of an empty list the nil one.
fn initial(args: Args<'_>) -> Result<Value, Failure> {
    let list = items_of(args.value(0), "Cannot find initial on type")?;
    Ok(list.items().split_last().map_or_else(|| List::nil(&ANY).into(), |(_, rest)| Value::list(rest.to_vec())))
}

fn append(args: Args<'_>) -> Result<Value, Failure> {
    let items = items_of(args.value(0), "Cannot push on type")?.items();
    check_items(items.len() + 1)?;
    let capacity = growth::grown(&ANY, items.len(), items.len() + 1);
    let items = items.iter().chain([args.value(1)]).cloned().collect();
    Ok(List::with_capacity(&ANY, items, capacity).into())
}

fn prepend(args: Args<'_>) -> Result<Value, Failure> {
    let items = items_of(args.value(0), "Cannot prepend on type")?.items();
    check_items(items.len() + 1)?;
    let capacity = if items.is_empty() { 1 } else { growth::grown(&ANY, 1, items.len() + 1) };
    let items = [args.value(1)].into_iter().chain(items).cloned().collect();
    Ok(List::with_capacity(&ANY, items, capacity).into())
}

/// The items of all the lists; nil if there are none.
fn concat(args: Args<'_>) -> Result<Value, Failure> {
    let mut all = Vec::new();
    for value in args.rest(0) {
        let items = match value {
            Value::List(list) => list.items(),
            other => items_of(other, "Cannot concat type").map_err(|failure| as_list(other, failure))?.items(),
        };
        check_items(all.len() + items.len())?;
        all.extend_from_slice(items);
    }
    Ok(if all.is_empty() { List::nil(&ANY) } else { List::appended(&ANY, all) }.into())
}

fn as_list(value: &Value, failure: Failure) -> Failure {
    if let Value::Nil = value { failure } else { Failure::new(format!("{failure} as list")) }
}

fn reverse(args: Args<'_>) -> Result<Value, Failure> {
    let list = items_of(args.value(0), "Cannot find reverse on type")?;
    Ok(Value::list(list.items().iter().rev().cloned().collect()))
}

/// The items that are not empty.
fn compact(args: Args<'_>) -> Result<Value, Failure> {
    let list = items_of(args.value(0), "Cannot compact on type")?;
    let items = list.items().iter().filter(|item| item.is_true()).cloned().collect();
    Ok(List::appended(&ANY, items).into())
}

fn uniq(args: Args<'_>) -> Result<Value, Failure> {
    let list = items_of(args.value(0), "Cannot find uniq on type")?;
    let mut kept: Vec<Value> = Vec::new();
    for item in list.items() {
        if !is_among(&kept, item, args)? {
            kept.push(item.clone());
        }
    }
    Ok(List::appended(&ANY, kept).into())
}

/// The items that are none of the others.
fn without(args: Args<'_>) -> Result<Value, Failure> {
    let list = items_of(args.value(0), "Cannot find without on type")?;
    let mut kept = Vec::new();
    for item in list.items() {
        if !is_among(args.rest(1), item, args)? {
            kept.push(item.clone());
        }
    }
    Ok(List::appended(&ANY, kept).into())
}

fn has(args: Args<'_>) -> Result<Value, Failure> {
    if let Value::Nil = args.value(1) {
        return Ok(false.into());
    }
    let list = items_of(args.value(1), "Cannot find has on type")?;
    is_among(list.items(), args.value(0), args).map(Value::from)
}

fn is_among(items: &[Value], value: &Value, args: Args<'_>) -> Result<bool, Failure> {
    args.spend(items.len() / BYTES_READ_A_STEP)?;
    for item in items {
        if equal(value, item, args)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A part of a list; of an empty list nil.
fn slice(args: Args<'_>) -> Result<Value, Failure> {
    let list = items_of(args.value(0), "list should be type of slice or array but")?;
    let length = list.items().len();
    if length == 0 {
        return Ok(Value::Nil);
    }
    let bound = |index: usize, default: usize| match args.rest(1).get(index) {
        Some(value) => usize::try_from(to_int(value)).ok(),
        None => Some(default),
    };
    match bound(0, 0).zip(bound(1, length)) {
        Some((start, end)) if start <= end && end <= list.capacity() => {
            Ok(list.slice(start, end, list.capacity()).into())
        }
        _ => Err(Failure::new("reflect.Value.Slice: slice index out of bounds")),
    }
}

/// A list takes more room than what is in it, and there may be one for each item.
const STEPS_A_CHUNK: usize = 2;

/// Lists of `size` items; the last has what is left. Go counts them in floats, which shows when the size is not
/// positive.
fn chunk(args: Args<'_>) -> Result<Value, Failure> {
    let list = items_of(args.value(1), "Cannot chunk type")?.items();
    args.spend(STEPS_A_CHUNK * list.len())?;
    let (size, length) = (args.int(0) as f64, list.len() as f64);
    let chunks = match ((length - 1.0) / size).floor() + 1.0 {
        count if count.is_finite() && count >= 0.0 => count as usize,
        _ => return Err(out_of_range()),
    };
    let left = match (length % size).floor() {
        0.0 => size,
        left => left,
    };
    if chunks == 0 {
        return Ok(List::new(&ITEMS, Vec::new()).into());
    }
    if left < 0.0 {
        return Err(out_of_range());
    }
    let (whole, left) = list.split_at(list.len().saturating_sub(left as usize));
    let step = if whole.is_empty() { 1 } else { args.int(0).unsigned_abs() as usize };
    let chunks = whole.chunks(step).chain([left]).map(|items| Value::list(items.to_vec())).collect();
    Ok(List::new(&ITEMS, chunks).into())
}

fn out_of_range() -> Failure {
    Failure::new("runtime error: makeslice: len out of range")
}
