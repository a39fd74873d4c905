//! The order of map keys, and `eq`, `lt` and their kin.

use std::cmp::Ordering;

use super::functions::Failure;
use super::held::Held;
use super::print;
use super::value::{Type, Value};

/// The order in which Go prints and ranges over a map: nil first, numbers and strings by value, structs by their fields
/// one after the other. Kinds that Go orders by where their types lie in memory have a fixed order here.
pub(super) fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => a.cmp(b),
        (Value::Uint8(a), Value::Uint8(b)) => a.cmp(b),
        (Value::Uint64(a), Value::Uint64(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => order_floats(*a, *b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Object(a), Value::Object(b)) if a.type_name() == b.type_name() => {
            let (a, b) = (a.fields(), b.fields());
            let pairs = a.iter().zip(b.iter());
            pairs.map(|((_, a), (_, b))| order(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        }
        (Value::Object(a), Value::Object(b)) => a.type_name().cmp(b.type_name()),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// [`order`] of a key and a string.
pub(super) fn order_to_name(key: &Value, name: &str) -> Ordering {
    match key {
        Value::String(text) => text.as_bytes().cmp(name.as_bytes()),
        _ => rank(key).cmp(&STRING_RANK),
    }
}

/// NaN comes first.
fn order_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

const STRING_RANK: u8 = 7;

fn rank(value: &Value) -> u8 {
    match value {
        Value::Nil => 0,
        Value::Bool(_) => 1,
        Value::Int(_) => 2,
        Value::Int64(_) => 3,
        Value::Uint8(_) => 4,
        Value::Uint64(_) => 5,
        Value::Float(_) | Value::Complex(..) => 6,
        Value::String(_) => STRING_RANK,
        Value::Object(_) => 8,
        Value::List(_) => 9,
        Value::Map(_) => 10,
        Value::Function(_) => 11,
    }
}

/// What `eq` and `lt` know how to compare.
#[derive(PartialEq)]
enum Basic<'a> {
    Bool(bool),
    /// Signed or not: wide enough for both.
    Int(i128),
    Float(f64),
    Complex(f64, f64),
    String(&'a [u8]),
}

impl Basic<'_> {
    fn of(value: &Value) -> Option<Basic<'_>> {
        Some(match value {
            Value::Bool(value) => Basic::Bool(*value),
            Value::Int(value) | Value::Int64(value) => Basic::Int(i128::from(*value)),
            Value::Uint8(value) => Basic::Int(i128::from(*value)),
            Value::Uint64(value) => Basic::Int(i128::from(*value)),
            Value::Float(value) => Basic::Float(*value),
            Value::Complex(real, imaginary) => Basic::Complex(*real, *imaginary),
            Value::String(value) => Basic::String(value.as_bytes()),
            _ => return None,
        })
    }
}

/// Whether `value` equals one of `others`.
pub(super) fn equals_any(value: &Value, others: &[Held]) -> Result<bool, Failure> {
    if others.is_empty() {
        return Err(Failure::new("missing argument for comparison"));
    }
    for other in others {
        if equals(value, &other.value)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equals(a: &Value, b: &Value) -> Result<bool, Failure> {
    match (Basic::of(a), Basic::of(b)) {
        (Some(Basic::Bool(a)), Some(Basic::Bool(b))) => Ok(a == b),
        (Some(Basic::Int(a)), Some(Basic::Int(b))) => Ok(a == b),
        (Some(Basic::Float(a)), Some(Basic::Float(b))) => Ok(a == b),
        (Some(a @ Basic::Complex(..)), Some(b @ Basic::Complex(..))) => Ok(a == b),
        (Some(Basic::String(a)), Some(Basic::String(b))) => Ok(a == b),
        (None, None) => equals_other(a, b),
        _ => match (a.kind(), b.kind()) {
            (Some(a), Some(b)) => Err(incompatible(a, b)),
            _ => Ok(false),
        },
    }
}

/// Nil and the kinds that are not basic: structs compare, if their fields do; others only with nil.
fn equals_other(a: &Value, b: &Value) -> Result<bool, Failure> {
    let (Some(a_kind), Some(b_kind)) = (a.kind(), b.kind()) else {
        return Ok(a.kind().is_none() && b.kind().is_none());
    };
    if rank(a) != rank(b) {
        let (a, b) = (print::shown_as(a, 's'), print::shown(b));
        return Err(Failure::new(format!("non-comparable types {a}: {a_kind}, {b_kind}: {b}")));
    }
    if !is_comparable(b) {
        let b = print::shown_as(b, 's');
        return Err(Failure::new(format!("non-comparable type {b}: {b_kind}")));
    }
    Ok(a_kind == b_kind && order(a, b).is_eq())
}

fn is_comparable(value: &Value) -> bool {
    match value {
        Value::List(_) | Value::Map(_) | Value::Function(_) => false,
        Value::Object(object) => object.fields().iter().all(|(_, field)| is_comparable(field)),
        _ => true,
    }
}

pub(super) fn less(a: &Value, b: &Value) -> Result<bool, Failure> {
    let invalid = || Failure::new("invalid type for comparison");
    let (basic_a, basic_b) = (Basic::of(a).ok_or_else(invalid)?, Basic::of(b).ok_or_else(invalid)?);
    match (basic_a, basic_b) {
        (Basic::Bool(_), Basic::Bool(_)) | (Basic::Complex(..), Basic::Complex(..)) => Err(invalid()),
        (Basic::Int(a), Basic::Int(b)) => Ok(a < b),
        (Basic::Float(a), Basic::Float(b)) => Ok(a < b),
        (Basic::String(a), Basic::String(b)) => Ok(a < b),
        _ => Err(incompatible(a.kind().unwrap_or(Type::Any), b.kind().unwrap_or(Type::Any))),
    }
}

pub(super) fn less_or_equal(a: &Value, b: &Value) -> Result<bool, Failure> {
    Ok(less(a, b)? || equals(a, b)?)
}

fn incompatible(a: Type, b: Type) -> Failure {
    Failure::new(format!("incompatible types for comparison: {a} and {b}"))
}
