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
    match number {
        Number::Float(float) => {
            let is_fixed = float == 0.0 || (JSON_EXPONENT_BELOW..JSON_EXPONENT_FROM).contains(&float.abs());
            if is_fixed { Digits::of(float).fixed() } else { Digits::of(float).scientific(1) }
        }
        Number::Int(integer) => integer.to_string(),
        Number::Uint(integer) => integer.to_string(),
    }
}

/// The digits of a float that JSON writes as an integer of 64 bits.
fn whole(float: f64) -> Option<String> {
    if float == 0.0 {
        return Some("0".to_owned());
    }
    let digits = json(Number::Float(float));
    (digits.parse::<i64>().is_ok() || digits.parse::<u64>().is_ok()).then_some(digits)
}

/// Go's verb `g` with as few digits as it takes: an exponent below 1e-4 and from 1e6 on, at least two digits long.
pub fn general(float: f64) -> String {
    let digits = Digits::of(float);
    if (-4..6).contains(&digits.exponent) { digits.fixed() } else { digits.scientific(2) }
}

/// A float as d1.d2d3… times ten to the `exponent`.
struct Digits {
    sign: &'static str,
    digits: String,
    exponent: i32,
}

impl Digits {
    /// As few digits as tell the float from others.
    fn of(float: f64) -> Self {
        let written = shortest(float.abs());
        let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let sign = if float.is_sign_negative() { "-" } else { "" };
        Self { sign, digits: mantissa.replace('.', ""), exponent: exponent.parse().unwrap_or_default() }
    }

    fn fixed(&self) -> String {
        let Self { sign, digits, exponent } = self;
        let Ok(before) = usize::try_from(exponent + 1) else {
            return format!("{sign}0.{}{digits}", "0".repeat(usize::try_from(-1 - exponent).unwrap_or_default()));
        };
        match digits.split_at_checked(before) {
            Some(("", fraction)) => format!("{sign}0.{fraction}"),
            Some((whole, "")) => format!("{sign}{whole}"),
            Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
            None => format!("{sign}{digits:0<before$}"),
        }
    }

    /// With a sign and at least `width` digits in the exponent.
    fn scientific(&self, width: usize) -> String {
        let (first, rest) = self.digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if self.exponent < 0 { '-' } else { '+' };
        format!("{}{first}{point}{rest}e{sign}{:0width$}", self.sign, self.exponent.abs())
    }
}

/// Of two that are as near Go takes the even one, Rust the greater.
fn shortest(float: f64) -> String {
    let shortest = format!("{float:e}");
    let digits = shortest.bytes().take_while(|&byte| byte != b'e').filter(u8::is_ascii_digit).count();
    if digits < 16 {
        return shortest;
    }
    let nearest = format!("{float:.*e}", digits - 1);
    if nearest.parse() == Ok(float) { nearest } else { shortest }
}
