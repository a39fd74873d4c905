//! Sprig's integers: what is no number counts as zero, and results are `int64`.

use super::super::literal::parse_int;
use super::super::value::{Type, Value};
use super::Function;

const ANY: Type = Type::Any;

pub(super) static TABLE: &[Function] = &[
    Function::variadic("add", &[], &ANY, |args| {
        Ok(Value::Int64(args.rest(0).iter().map(to_int).fold(0, i64::wrapping_add)))
    }),
    Function::new("int", &[ANY], |args| Ok(Value::Int(to_int(args.value(0))))),
    Function::new("sub", &[ANY, ANY], |args| {
        Ok(Value::Int64(to_int(args.value(0)).wrapping_sub(to_int(args.value(1)))))
    }),
];

/// The value as an integer: floats without their fraction, strings as Go writes integers, all else zero.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Bool(value) => i64::from(*value),
        Value::Int(int) | Value::Int64(int) => *int,
        Value::Uint8(int) => i64::from(*int),
        Value::Uint64(int) => *int as i64,
        Value::Float(float) => float_to_int(*float),
        Value::String(text) => {
            let text = text.to_str_lossy();
            parse_int(without_zero_fraction(&text)).and_then(|int| i64::try_from(int).ok()).unwrap_or(0)
        }
        Value::Nil | Value::List(_) | Value::Map(_) | Value::Object(_) | Value::Function(_) => 0,
    }
}

/// As amd64 converts: what is out of range is the smallest integer.
fn float_to_int(float: f64) -> i64 {
    let is_in_range = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&float);
    if is_in_range { float as i64 } else { i64::MIN }
}

/// `1.00` without `.00`.
fn without_zero_fraction(text: &str) -> &str {
    match text.trim_end_matches('0').strip_suffix('.') {
        Some(whole) if text.ends_with('0') => whole,
        _ => text,
    }
}
