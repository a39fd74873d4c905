//! Values through and through: Go's `reflect.DeepEqual`, and copies that share nothing.

use std::sync::Arc;

use super::super::list::List;
use super::super::map::Map;
use super::super::object::Object;
use super::super::text::Text;
use super::super::value::{Type, Value};
use super::{Args, Failure, Function};

const ANY: Type = Type::Any;

pub(super) static TABLE: &[Function] = &[
    Function::new("deepCopy", &[ANY], copied),
    Function::new("deepEqual", &[ANY, ANY], |args| equal(args.value(0), args.value(1), args).map(Value::from)),
    Function::new("mustDeepCopy", &[ANY], copied),
];

/// Whether the values have the same type and the same contents.
pub(super) fn equal(a: &Value, b: &Value, args: Args<'_>) -> Result<bool, Failure> {
    Ok(match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => a == b,
        (Value::Uint8(a), Value::Uint8(b)) => a == b,
        (Value::Uint64(a), Value::Uint64(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Complex(a, i), Value::Complex(b, j)) => (a, i) == (b, j),
        (Value::String(a), Value::String(b)) => equal_texts(a, b, args)?,
        (Value::List(a), Value::List(b)) => a.kind() == b.kind() && equal_lists(a, b, args)?,
        (Value::Map(a), Value::Map(b)) => a.kind() == b.kind() && equal_maps(a, b, args)?,
        (Value::Object(a), Value::Object(b)) => a.type_name() == b.type_name() && equal_objects(&**a, &**b, args)?,
        _ => false,
    })
}

/// How many bytes are compared in a step.
const BYTES_A_STEP: usize = 256;

fn equal_texts(a: &Text, b: &Text, args: Args<'_>) -> Result<bool, Failure> {
    if a.as_bytes().len() != b.as_bytes().len() {
        return Ok(false);
    }
    args.spend(a.as_bytes().len() / BYTES_A_STEP)?;
    Ok(a == b)
}

fn equal_lists(a: &List, b: &List, args: Args<'_>) -> Result<bool, Failure> {
    let (a_items, b_items) = (a.items(), b.items());
    if a.is_nil() != b.is_nil() || a_items.len() != b_items.len() {
        return Ok(false);
    }
    if std::ptr::eq(a_items, b_items) {
        return Ok(true);
    }
    all(a_items.iter().zip(b_items), args, |(a, b)| equal(a, b, args))
}

fn equal_maps(a: &Map, b: &Map, args: Args<'_>) -> Result<bool, Failure> {
    if a.is_nil() != b.is_nil() || a.len() != b.len() {
        return Ok(false);
    }
    if a.address() == b.address() {
        return Ok(true);
    }
    all(a.entries().iter(), args, |(key, value)| match b.get(key) {
        Some(other) => equal(value, &other, args),
        None => Ok(false),
    })
}

fn equal_objects(a: &dyn Object, b: &dyn Object, args: Args<'_>) -> Result<bool, Failure> {
    all(a.fields().iter().zip(b.fields().iter()), args, |((_, a), (_, b))| equal(a, b, args))
}

/// Whether all are equal; each costs a step.
fn all<T>(
    pairs: impl Iterator<Item = T>,
    args: Args<'_>,
    is_equal: impl Fn(T) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    for pair in pairs {
        args.spend(1)?;
        if !is_equal(pair)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn copied(args: Args<'_>) -> Result<Value, Failure> {
    match args.value(0) {
        Value::Nil => Err(Failure::new("reflect: call of reflect.Value.Type on zero Value")),
        value => copy(value, args),
    }
}

/// What a new list or map takes besides its items.
const STEPS_A_COPY: usize = 16;

/// A copy, whose maps are others. What structs hide is lost, as it is in Go.
fn copy(value: &Value, args: Args<'_>) -> Result<Value, Failure> {
    if let Value::List(_) | Value::Map(_) = value {
        args.spend(STEPS_A_COPY + value.length())?;
    }
    let copy = shared_by_none(value, args)?;
    args.spend(copy.raised())?;
    Ok(copy)
}

fn shared_by_none(value: &Value, args: Args<'_>) -> Result<Value, Failure> {
    Ok(match value {
        Value::List(list) if !list.is_nil() => {
            let items = list.items().iter().map(|item| copy(item, args)).collect::<Result<_, _>>()?;
            List::with_capacity(list.item_type(), items, list.capacity()).into()
        }
        Value::Map(map) if !map.is_nil() => {
            let entry = |(key, value): &(Value, Value)| Ok((key.clone(), copy(value, args)?));
            let entries = map.entries().iter().map(entry).collect::<Result<_, Failure>>()?;
            map.like(entries).into()
        }
        Value::Object(object) => Value::Object(object.deep_copy().unwrap_or_else(|| Arc::clone(object))),
        other => other.clone(),
    })
}
