//! What sprig takes for a number: the conversions of spf13/cast, by which anything has a value.

use super::super::literal::{parse_float, parse_int};
use super::super::value::Value;

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
        Value::Nil | Value::Complex(..) | Value::List(_) | Value::Map(_) | Value::Object(_) | Value::Function(_) => 0,
    }
}

/// The value as a float: strings as Go writes floats, all that is no number zero.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Float(float) => *float,
        Value::Uint64(int) => *int as f64,
        Value::String(text) => parse_any_float(&text.to_str_lossy()).unwrap_or(0.0),
        other => to_int(other) as f64,
    }
}

/// As `strconv.ParseInt` in that base: what is out of range is the least or the greatest integer, what is no integer
/// none.
pub(super) fn parse_in_base(text: &str, base: u32) -> Option<Result<i64, i64>> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    let limit = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Some(i64::from_str_radix(text, base).map_err(|_| limit))
}

/// The decimal integer that `strconv.ParseInt` gives with its error left aside: the limit where it is out of range, zero
/// for what is none.
pub(super) fn parse_leniently(text: &str) -> i64 {
    parse_in_base(text, 10).map_or(0, |parsed| parsed.unwrap_or_else(|limit| limit))
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

/// [`parse_float`], and the floats that are not finite.
fn parse_any_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text).to_ascii_lowercase();
    match &*unsigned {
        "inf" | "infinity" if text.starts_with('-') => Some(f64::NEG_INFINITY),
        "inf" | "infinity" => Some(f64::INFINITY),
        "nan" if unsigned.len() == text.len() => Some(f64::NAN),
        _ => parse_float(text),
    }
}
