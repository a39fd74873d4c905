//! Finite numbers as Go writes them.

use crate::yaml::scalar::Number;

/// Floats from here on, and those below the other, have an exponent in JSON (`encoding/json`).
const JSON_EXPONENT_FROM: f64 = 1e21;
const JSON_EXPONENT_BELOW: f64 = 1e-6;

/// A number in YAML. It comes from JSON, where a whole float cannot be told from an integer.
pub(in crate::yaml) fn yaml(number: Number) -> String {
    match number {
        Number::Float(float) => whole(float).unwrap_or_else(|| general(float)),
        Number::Int(integer) => integer.to_string(),
        Number::Uint(integer) => integer.to_string(),
    }
}

/// A number in JSON.
pub(in crate::yaml) fn json(number: Number) -> String {
    let size = match number {
        Number::Float(float) => float.abs(),
        _ => 0.0,
    };
    match number {
        Number::Float(float) if size != 0.0 && !(JSON_EXPONENT_BELOW..JSON_EXPONENT_FROM).contains(&size) => {
            scientific(float, 1)
        }
        Number::Float(float) => float.to_string(),
        Number::Int(integer) => integer.to_string(),
        Number::Uint(integer) => integer.to_string(),
    }
}

/// The digits of a float that JSON writes as an integer of 64 bits.
fn whole(float: f64) -> Option<String> {
    if float.fract() != 0.0 {
        return None;
    }
    let digits = json(Number::Float(float));
    if float == 0.0 {
        return Some("0".to_owned());
    }
    (digits.parse::<i64>().is_ok() || digits.parse::<u64>().is_ok()).then_some(digits)
}

/// Go's verb `g` with as few digits as it takes: an exponent below 1e-4 and from 1e6 on.
fn general(float: f64) -> String {
    if (-4..6).contains(&exponent(float)) { float.to_string() } else { scientific(float, 2) }
}

fn exponent(float: f64) -> i32 {
    let written = format!("{float:e}");
    written.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or_default()
}

/// With a sign and at least `digits` digits in the exponent.
fn scientific(float: f64, digits: usize) -> String {
    let written = shortest(float);
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let (sign, size) = exponent.strip_prefix('-').map_or(('+', exponent), |size| ('-', size));
    format!("{mantissa}e{sign}{size:0>digits$}")
}

/// As few digits as tell the float from others. Of two that are as near Go takes the even one, Rust the greater.
fn shortest(float: f64) -> String {
    let shortest = format!("{float:e}");
    let digits = shortest.bytes().take_while(|&byte| byte != b'e').filter(u8::is_ascii_digit).count();
    if digits < 16 {
        return shortest;
    }
    let nearest = format!("{float:.*e}", digits - 1);
    if nearest.parse() == Ok(float) { nearest } else { shortest }
}
