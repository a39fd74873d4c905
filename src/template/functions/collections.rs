//! Sprig's functions on lists and dictionaries, as far as they are simple and exact.

use super::super::value::{List, Map, Type, Value};
use super::math::to_int;
use super::strings::to_text;
use super::{Args, Failure, Function, check_items, items_of};

const STRING: Type = Type::String;
const ANY: Type = Type::Any;
const DICT: Type = Type::Map(&Type::String, &Type::Any);

pub(super) static TABLE: &[Function] = &[
    Function::variadic("dict", &[], &ANY, dict),
    Function::new("first", &[ANY], |args| {
        Ok(items_of(args.value(0), "Cannot find first on type")?.items().first().cloned().unwrap_or(Value::Nil))
    }),
    Function::new("get", &[DICT, STRING], |args| {
        Ok(args.map(0).get(args.value(1)).cloned().unwrap_or_else(|| "".into()))
    }),
    Function::new("hasKey", &[DICT, STRING], |args| Ok(args.map(0).get(args.value(1)).is_some().into())),
    Function::variadic("keys", &[], &DICT, keys),
    Function::new("last", &[ANY], |args| {
        Ok(items_of(args.value(0), "Cannot find last on type")?.items().last().cloned().unwrap_or(Value::Nil))
    }),
    Function::variadic("list", &[], &ANY, |args| Ok(Value::list(args.rest(0).to_vec()))),
    Function::variadic("slice", &[ANY], &ANY, slice),
];

/// Keys and values by turns; a key without a value has the empty string.
fn dict(args: Args<'_>) -> Result<Value, Failure> {
    let pair = |pair: &[Value]| {
        let value = pair.get(1).cloned().unwrap_or_else(|| "".into());
        Ok((to_text(&pair[0])?.into(), value))
    };
    let entries = args.rest(0).chunks(2).map(pair).collect::<Result<_, Failure>>()?;
    Ok(Map::new(&Type::String, &Type::Any, entries).into())
}

/// The keys of each dictionary, sorted; Go gives them in any order.
fn keys(args: Args<'_>) -> Result<Value, Failure> {
    let maps = || (0..args.rest(0).len()).map(|index| args.map(index).entries());
    check_items(maps().map(<[_]>::len).sum())?;
    Ok(List::new(&Type::String, maps().flatten().map(|(key, _)| key.clone()).collect()).into())
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
