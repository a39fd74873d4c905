//! Sprig's functions on dictionaries. Those that change one change it for all who hold it, as in Go; what Go gives in
//! any order is in the order of the keys.

use super::super::limits::BYTES_READ_A_STEP;
use super::super::list::List;
use super::super::map::Map;
use super::super::value::{Type, Value};
use super::merge::{Merge, merged};
use super::strings::to_text;
use super::{Args, Failure, Function, check_items};

const STRING: Type = Type::String;
const ANY: Type = Type::Any;
const DICT: Type = Type::Map(&Type::String, &Type::Any);

pub(super) static TABLE: &[Function] = &[
    Function::variadic("dict", &[], &ANY, dict),
    Function::variadic("dig", &[], &ANY, dig),
    Function::new("get", &[DICT, STRING], |args| Ok(args.map(0).get(args.value(1)).unwrap_or_else(|| "".into()))),
    Function::new("hasKey", &[DICT, STRING], |args| Ok(args.map(0).get(args.value(1)).is_some().into())),
    Function::variadic("keys", &[], &DICT, keys),
    Function::variadic("merge", &[DICT], &DICT, |args| merged(args, Merge { overwrites: false, swallows: true })),
    Function::variadic("mergeOverwrite", &[DICT], &DICT, |args| {
        merged(args, Merge { overwrites: true, swallows: true })
    }),
    Function::variadic("mustMerge", &[DICT], &DICT, |args| merged(args, Merge { overwrites: false, swallows: false })),
    Function::variadic("mustMergeOverwrite", &[DICT], &DICT, |args| {
        merged(args, Merge { overwrites: true, swallows: false })
    }),
    Function::variadic("omit", &[DICT], &STRING, |args| some_of(args, |is_named| !is_named)),
    Function::variadic("pick", &[DICT], &STRING, |args| some_of(args, |is_named| is_named)),
    Function::variadic("pluck", &[STRING], &DICT, pluck),
    Function::new("set", &[DICT, STRING, ANY], set),
    Function::new("unset", &[DICT, STRING], unset),
    Function::new("values", &[DICT], |args| {
        let values = args.map(0).entries().iter().map(|(_, value)| value.clone()).collect();
        Ok(List::appended(&ANY, values).into())
    }),
];

/// Keys and values by turns; a key without a value has the empty string.
fn dict(args: Args<'_>) -> Result<Value, Failure> {
    args.spend(args.rest(0).len())?;
    let pair = |pair: &[Value]| {
        let value = pair.get(1).cloned().unwrap_or_else(|| "".into());
        Ok((to_text(&pair[0], args)?.into(), value))
    };
    let entries = args.rest(0).chunks(2).map(pair).collect::<Result<_, Failure>>()?;
    Ok(Map::new(&Type::String, &Type::Any, entries).into())
}

/// The keys of each dictionary.
fn keys(args: Args<'_>) -> Result<Value, Failure> {
    let maps = || (0..args.rest(0).len()).map(|index| args.map(index).entries());
    check_items(maps().map(|entries| entries.len()).sum())?;
    let keys = maps().flat_map(|entries| entries.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>());
    Ok(List::appended(&Type::String, keys.collect()).into())
}

/// What each dictionary has under the key, if it has the key.
fn pluck(args: Args<'_>) -> Result<Value, Failure> {
    let found = (1..=args.rest(1).len()).filter_map(|index| args.map(index).get(args.value(0)));
    Ok(List::appended(&ANY, found.collect()).into())
}

/// The entries whose keys are wanted, being named or not.
fn some_of(args: Args<'_>, is_wanted: impl Fn(bool) -> bool) -> Result<Value, Failure> {
    let entries = args.map(0).entries();
    let mut names = args.rest(1).iter().map(text_of).collect::<Vec<_>>();
    names.sort_unstable();
    args.spend((entries.len() + names.len()) / BYTES_READ_A_STEP)?;
    let is_named = |key: &Value| names.binary_search(&text_of(key)).is_ok();
    let some = entries.iter().filter(|(key, _)| is_wanted(is_named(key))).cloned().collect();
    Ok(Map::new(&Type::String, &Type::Any, some).into())
}

fn text_of(value: &Value) -> &[u8] {
    if let Value::String(text) = value { text.as_bytes() } else { &[] }
}

fn set(args: Args<'_>) -> Result<Value, Failure> {
    args.spend(args.map(0).insert(args.value(1), args.value(2).clone())?)?;
    Ok(args.value(0).clone())
}

fn unset(args: Args<'_>) -> Result<Value, Failure> {
    args.spend(args.map(0).remove(args.value(1)))?;
    Ok(args.value(0).clone())
}

/// `dig "a" "b" "default" $dict`: what lies at the end of the path, or the default if a key is not there.
fn dig(args: Args<'_>) -> Result<Value, Failure> {
    let [path @ .., default, dict] = args.rest(0) else { return Err(Failure::new(DIG_NEEDS)) };
    if path.is_empty() {
        return Err(Failure::new(DIG_NEEDS));
    }
    let mut step = dict.clone();
    dict_of(&step)?;
    if let Some(other) = path.iter().find(|key| !matches!(key, Value::String(_))) {
        return Err(not_a("string", other));
    }
    for key in path {
        match dict_of(&step)?.get(key) {
            Some(found) => step = found,
            None => return Ok(default.clone()),
        }
    }
    Ok(step)
}

const DIG_NEEDS: &str = "dig needs at least three arguments";

fn dict_of(value: &Value) -> Result<&Map, Failure> {
    match value {
        Value::Map(map) if value.kind() == Some(DICT) => Ok(map),
        other => Err(not_a("map[string]interface {}", other)),
    }
}

fn not_a(wanted: &str, value: &Value) -> Failure {
    let kind = value.kind().map_or_else(|| "nil".to_owned(), |kind| kind.to_string());
    Failure::new(format!("interface conversion: interface {{}} is {kind}, not {wanted}"))
}
