//! What a scalar says: which type the text of a plain one has, and the value of one whose type is known.
//!
//! Takes texts and scalars; gives tags, numbers, booleans and instants as Go's readers of YAML see them. Both mix
//! YAML 1.1 and 1.2: numbers may hold underscores and be written in base 2, 8 (`010`, `0o10`) and 16, never in
//! base 60. They differ in booleans: `yes`, `on` and `y` are such to the reader of kustomization files alone.

use std::borrow::Cow;
use std::sync::Arc;

use crate::object::{Scalar, Tag};

/// Whose rules hold for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Resources and merge patches: Go's `yaml.v3`.
    Resource,
    /// Kustomization files, JSON 6902 patches and configurations: `sigs.k8s.io/yaml`, which is Go's `yaml.v2`.
    Kustomization,
}

/// The value of a number. An integer is `Int` wherever it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Int(i64),
    Uint(u64),
    Float(f64),
}

/// What `text` is when it is written plain and without a tag.
pub fn resolve(text: &str, dialect: Dialect) -> Tag {
    match text.as_bytes().first() {
        None => Tag::Null,
        Some(b'~' | b'n' | b'N') if is_null(text) => Tag::Null,
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') => match truth(text, dialect) {
            Some(_) => Tag::Bool,
            None => Tag::Str,
        },
        Some(b'.' | b'+' | b'-' | b'0'..=b'9') => resolve_number(text, dialect),
        _ => Tag::Str,
    }
}

/// The scalar that `text` would be, written plain and without a tag.
pub fn plain(text: impl Into<Arc<str>>, dialect: Dialect) -> Scalar {
    let text = text.into();
    let tag = resolve(&text, dialect);
    Scalar::new(text, tag)
}

/// The value of an integer or a float; infinities and `.nan` are floats.
pub fn number(scalar: &Scalar) -> Option<Number> {
    match scalar.tag {
        Tag::Int => integer(&without_underscores(&scalar.text)),
        Tag::Float => match integer(&without_underscores(&scalar.text)) {
            // Only an explicit tag makes a float of what reads as an integer.
            Some(Number::Int(value)) => Some(Number::Float(value as f64)),
            Some(_) => None,
            None => float(&scalar.text).map(Number::Float),
        },
        _ => None,
    }
}

/// The value of a boolean.
pub fn boolean(scalar: &Scalar) -> Option<bool> {
    if scalar.tag == Tag::Bool { truth(&scalar.text, Dialect::Kustomization) } else { None }
}

/// The text that a timestamp becomes in JSON: RFC 3339 with as many digits of a second as it needs.
///
/// `None` for what is no timestamp, and for one whose zone is a day or more away: Go cannot write that.
pub fn timestamp(scalar: &Scalar) -> Option<String> {
    if scalar.tag != Tag::Timestamp {
        return None;
    }
    let Instant { year, month, day, hour, minute, second, nanosecond, zone } = instant(&scalar.text)?;
    let fraction = match nanosecond {
        0 => String::new(),
        _ => format!(".{nanosecond:09}").trim_end_matches('0').to_owned(),
    };
    let (sign, away) = (if zone < 0 { '-' } else { '+' }, zone.unsigned_abs());
    let zone = match away {
        0 => "Z".to_owned(),
        1..1440 => format!("{sign}{:02}:{:02}", away / 60, away % 60),
        _ => return None,
    };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

/// Whether `text` can have `tag` when that is written out.
pub(super) fn accepts(tag: Tag, text: &str, dialect: Dialect) -> bool {
    match tag {
        Tag::Str | Tag::Binary => true,
        Tag::Float => number(&Scalar::new(text, Tag::Float)).is_some(),
        Tag::Timestamp => instant(text).is_some(),
        _ => resolve(text, dialect) == tag,
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn truth(text: &str, dialect: Dialect) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ if dialect != Dialect::Kustomization => None,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn resolve_number(text: &str, dialect: Dialect) -> Tag {
    let is_dotted = text.starts_with('.');
    if !is_dotted && instant(text).is_some() {
        // `yaml.v2` gives a timestamp as the string it was.
        return if dialect == Dialect::Kustomization { Tag::Str } else { Tag::Timestamp };
    }
    let is_signed_inside = text.starts_with("0o-") || text.starts_with("0o+");
    if !is_dotted && integer(&without_underscores(text)).is_some() {
        // Such a number is one to `yaml.v3` alone.
        return if is_signed_inside && dialect == Dialect::Kustomization { Tag::Str } else { Tag::Int };
    }
    if float(text).is_some() { Tag::Float } else { Tag::Str }
}

/// Underscores may stand anywhere in a number but before its first digit or dot.
fn without_underscores(text: &str) -> Cow<'_, str> {
    if text.contains('_') { text.replace('_', "").into() } else { text.into() }
}

fn integer(text: &str) -> Option<Number> {
    // In base 2 and 8 a sign may follow the prefix, too.
    for (prefix, base) in [("0b", 2), ("0o", 8)] {
        if let Some(signed) = text.strip_prefix(prefix).filter(|rest| rest.starts_with(['+', '-'])) {
            return i64::from_str_radix(signed, base).ok().map(Number::Int);
        }
    }
    let (sign, unsigned) = match text.as_bytes().first()? {
        sign @ (b'+' | b'-') => (Some(*sign), &text[1..]),
        _ => (None, text),
    };
    let (digits, base) = in_base(unsigned);
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let size = u64::from_str_radix(digits, base).ok()?;
    match sign {
        Some(b'-') => 0_i64.checked_sub_unsigned(size).map(Number::Int),
        Some(_) => i64::try_from(size).ok().map(Number::Int),
        None => Some(i64::try_from(size).map_or(Number::Uint(size), Number::Int)),
    }
}

/// Whether every underscore stands between two digits.
fn is_grouped(text: &str) -> bool {
    let is_digit = |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)).is_some_and(u8::is_ascii_digit);
    text.match_indices('_').all(|(at, _)| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)))
}

fn in_base(digits: &str) -> (&str, u32) {
    match digits.as_bytes() {
        [b'0', b'b' | b'B', ..] => (&digits[2..], 2),
        [b'0', b'o' | b'O', ..] => (&digits[2..], 8),
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    }
}

fn float(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    // What begins with a dot goes by a rule of its own: there, underscores stand between digits alone.
    let digits = if text.starts_with('.') && !is_grouped(text) { return None } else { without_underscores(text) };
    let is_spelled = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let value: f64 = digits.parse().ok().filter(|_| is_spelled)?;
    value.is_finite().then_some(value)
}

/// A date and time as it is written, and the minutes that its zone is east of UTC.
struct Instant {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: u32,
    zone: i32,
}

/// The forms that Go's readers know of YAML 1.1's timestamps: a date; a date, a space and a time; a date, `T` or
/// `t`, a time and a zone.
fn instant(text: &str) -> Option<Instant> {
    let [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..] = text.as_bytes() else { return None };
    let (year, rest) = (text[..4].parse().ok()?, &text[5..]);
    let (month, rest) = short_number(rest)?;
    let (day, rest) = short_number(rest.strip_prefix('-')?)?;
    let is_date = (1..=12).contains(&month) && (1..=days(year, month)).contains(&day);
    let date = Instant { year, month, day, hour: 0, minute: 0, second: 0, nanosecond: 0, zone: 0 };
    match rest.chars().next() {
        _ if !is_date => None,
        None => Some(date),
        Some('T' | 't') => clock(date, &rest[1..]).and_then(|(date, rest)| Some(Instant { zone: zone(rest)?, ..date })),
        // Go passes over any number of blanks where its pattern has one.
        Some(' ') => clock(date, rest.trim_start_matches(' ')).and_then(|(date, rest)| rest.is_empty().then_some(date)),
        Some(_) => None,
    }
}

fn clock(date: Instant, text: &str) -> Option<(Instant, &str)> {
    let (hour, rest) = short_number(text)?;
    let (minute, rest) = short_number(rest.strip_prefix(':')?)?;
    let (second, rest) = short_number(rest.strip_prefix(':')?)?;
    let (nanosecond, rest) = fraction(rest);
    (hour < 24 && minute < 60 && second < 60).then_some((Instant { hour, minute, second, nanosecond, ..date }, rest))
}

/// A number of one or two digits at the start, and what follows.
fn short_number(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    Some((text[..digits].parse().ok()?, &text[digits..]))
}

/// The nanoseconds of a fraction; digits behind the ninth count nothing.
fn fraction(text: &str) -> (u32, &str) {
    let Some(rest) = text.strip_prefix(['.', ',']) else { return (0, text) };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return (0, text);
    }
    let value = format!("{:0<9}", &rest[..digits.min(9)]).parse().unwrap_or_default();
    (value, &rest[digits..])
}

fn zone(text: &str) -> Option<i32> {
    let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i32>().ok())?;
    match text.as_bytes() {
        [b'Z'] => Some(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] if text.is_ascii() => {
            let (hours, minutes) = (number(&text[1..3])?, number(&text[4..])?);
            let away = 60 * hours + minutes;
            (hours <= 24 && minutes <= 60).then_some(if *sign == b'-' { -away } else { away })
        }
        _ => None,
    }
}

fn days(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
