//! Durations as Kubernetes objects hold them: `30s`, `1h30m`, `1.5h`.
//!
//! Takes text that matches `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`, the pattern in Flux's schemas: no sign, no `us`, no
//! `ns`, no bare `0`. Prints as Go does. Ages, which are fields of our own, may have days as well.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};

const UNITS: [(&str, u64); 5] = [
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Flux's patterns, and that of the fields of our own that may have days.
const PATTERN: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$";
pub(super) const TIMEOUT_PATTERN: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$";
pub(super) const AGE_PATTERN: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$";

/// What Go's `time.Duration` can hold: about 292 years.
const NANOSECONDS_MAX: u128 = i64::MAX as u128;

/// A duration of an object's field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(std::time::Duration);

impl Duration {
    pub const fn from_secs(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }

    /// Reads a duration that may have days: `7d`, `1d12h`.
    pub fn age(text: &str) -> Result<Self, InvalidDuration> {
        parse(text).map_err(|error| match error {
            InvalidDuration::Syntax(text) => InvalidDuration::Age(text),
            other => other,
        })
    }

    pub const fn get(self) -> std::time::Duration {
        self.0
    }
}

/// Text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    #[error("{0:?} is not a duration, expected numbers with the units ms, s, m or h, such as 30s, 5m or 1h30m")]
    Syntax(String),
    #[error("{0:?} is not an age, expected numbers with the units s, m, h or d, such as 12h or 7d")]
    Age(String),
    #[error("{0:?} is too long, expected less than 292 years")]
    TooLong(String),
    #[error("{0:?} has days, which this field does not take, expected the units ms, s, m or h, such as 48h")]
    Days(String),
    #[error("{0:?} has hours, which this field does not take, expected the units ms, s or m")]
    Hours(String),
}

impl FromStr for Duration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        match parse(text) {
            Ok(_) if text.contains('d') => Err(InvalidDuration::Days(text.to_owned())),
            parsed => parsed,
        }
    }
}

fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let syntax = || InvalidDuration::Syntax(text.to_owned());
    let (mut rest, mut total) = (text, 0u128);
    while !rest.is_empty() {
        let (nanoseconds, behind) = leading_part(rest).ok_or_else(syntax)?;
        total = total.saturating_add(nanoseconds);
        rest = behind;
    }
    match u64::try_from(total) {
        _ if text.is_empty() => Err(syntax()),
        Ok(nanoseconds) if total <= NANOSECONDS_MAX => Ok(Duration(std::time::Duration::from_nanos(nanoseconds))),
        _ => Err(InvalidDuration::TooLong(text.to_owned())),
    }
}

/// Nanoseconds of the first number with its unit, and the text behind it.
fn leading_part(text: &str) -> Option<(u128, &str)> {
    let (whole, rest) = leading_digits(text)?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => leading_digits(rest)?,
        None => ("", rest),
    };
    // `ms` stands before `m` in the table.
    let (unit, nanoseconds) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
    let whole = whole.parse::<u64>().map_or(u128::MAX, |whole| u128::from(whole) * u128::from(*nanoseconds));
    Some((whole.saturating_add(part_of(fraction, *nanoseconds)), &rest[unit.len()..]))
}

fn leading_digits(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    (end > 0).then(|| text.split_at(end))
}

/// `0.fraction` of `unit` nanoseconds; digits beyond the nanosecond are cut off, as in Go.
fn part_of(fraction: &str, unit: u64) -> u128 {
    // A day is 8.64e13 ns: the sixteenth digit is already below a nanosecond.
    let digits = &fraction[..fraction.len().min(16)];
    let scale = 10u128.pow(digits.len() as u32);
    digits.parse::<u128>().unwrap_or_default() * u128::from(unit) / scale
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanoseconds) = (self.0.as_secs(), u64::from(self.0.subsec_nanos()));
        if seconds == 0 && nanoseconds > 0 {
            return write_decimal(f, nanoseconds, 1_000_000, "ms");
        }
        if seconds >= 3600 {
            write!(f, "{}h", seconds / 3600)?;
        }
        if seconds >= 60 {
            write!(f, "{}m", seconds / 60 % 60)?;
        }
        write_decimal(f, seconds % 60 * 1_000_000_000 + nanoseconds, 1_000_000_000, "s")
    }
}

fn write_decimal(f: &mut fmt::Formatter<'_>, value: u64, scale: u64, unit: &str) -> fmt::Result {
    write!(f, "{}", value / scale)?;
    if !value.is_multiple_of(scale) {
        let width = scale.ilog10() as usize;
        let fraction = format!("{:0width$}", value % scale);
        write!(f, ".{}", fraction.trim_end_matches('0'))?;
    }
    f.write_str(unit)
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DurationText { longest: LongestUnit::Hours })
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN })
    }
}

/// Reads a field `timeout`, whose pattern in Flux's schemas knows no hours.
pub(super) fn timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    deserializer.deserialize_str(DurationText { longest: LongestUnit::Minutes }).map(Some)
}

/// Reads a field of our own that may have days.
pub(super) fn age<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    deserializer.deserialize_str(DurationText { longest: LongestUnit::Days }).map(Some)
}

struct DurationText {
    longest: LongestUnit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LongestUnit {
    Minutes,
    Hours,
    Days,
}

impl Visitor<'_> for DurationText {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as 30s or 5m")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        let read = if self.longest == LongestUnit::Days { Duration::age(text) } else { text.parse() };
        let duration = read.map_err(E::custom)?;
        if self.longest == LongestUnit::Minutes && text.contains('h') {
            return Err(E::custom(InvalidDuration::Hours(text.to_owned())));
        }
        Ok(duration)
    }
}
