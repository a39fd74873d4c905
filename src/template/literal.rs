//! The values of literals: numbers in all of Go's forms, characters, and strings with their escapes.

use super::text::Text;

/// A number as written, and as what it can be read.
#[derive(Debug)]
pub(super) struct Number {
    pub written: Box<str>,
    pub int: Option<i64>,
    pub float: Option<f64>,
    /// With an imaginary part: then it is nothing else unless that part is zero.
    pub complex: Option<(f64, f64)>,
}

impl Number {
    /// Reads a number. The error is Go's text for it.
    pub(super) fn parse(written: &str) -> Result<Number, String> {
        let number = |int, float| Ok(Number { written: written.into(), int, float, complex: None });
        if let Some(imaginary) = written.strip_suffix('i').and_then(parse_float) {
            return Ok(Number::of_complex(written, 0.0, imaginary));
        }
        if let Some(int) = parse_int(written) {
            return match i64::try_from(int) {
                Ok(int) => number(Some(int), Some(int as f64)),
                Err(_) if (0..=i128::from(u64::MAX)).contains(&int) && !written.starts_with('+') => number(None, None),
                Err(_) if parse_float(written).is_some() => Err(format!("integer overflow: {written:?}")),
                // Only what could be a float is said to be too large.
                Err(_) => Err(format!("illegal number syntax: {written:?}")),
            };
        }
        match parse_float(written) {
            Some(_) if !written.contains(['.', 'e', 'E', 'p', 'P']) => Err(format!("integer overflow: {written:?}")),
            Some(float) => number(whole(float), Some(float)),
            None => Err(format!("illegal number syntax: {written:?}")),
        }
    }

    /// Reads a sum of a real and an imaginary number, such as `1-2i`.
    pub(super) fn parse_complex(written: &str) -> Result<Number, String> {
        const SYNTAX: &str = "syntax error scanning complex number";
        // The sign between the two follows neither the start nor an exponent's letter.
        let is_sum = |&at: &usize| !written[..at].is_empty() && !written[..at].ends_with(['e', 'E', 'p', 'P']);
        let at = written.rmatch_indices(['+', '-']).map(|(at, _)| at).find(is_sum).ok_or(SYNTAX)?;
        let (real, imaginary) = (&written[..at], written[at..].strip_suffix('i').ok_or(SYNTAX)?);
        let part = |text| parse_float(text).ok_or(SYNTAX);
        Ok(Number::of_complex(written, part(real)?, part(imaginary)?))
    }

    fn of_complex(written: &str, real: f64, imaginary: f64) -> Number {
        let float = Some(real).filter(|_| imaginary == 0.0);
        let complex = Some((real, imaginary));
        Number { written: written.into(), int: float.and_then(whole), float, complex }
    }

    /// Reads a character constant, quotes included.
    pub(super) fn parse_char(written: &str) -> Result<Number, String> {
        let (value, rest) = unquote_char(&written[1..], '\'').ok_or(INVALID)?;
        if rest != "'" {
            return Err(format!("malformed character constant: {written}"));
        }
        let int = i64::from(value.code());
        Ok(Number { written: written.into(), int: Some(int), float: Some(int as f64), complex: None })
    }

    /// Whether it is a float where nothing says what it should be.
    pub(super) fn is_float(&self) -> bool {
        let written = &*self.written;
        let hexadecimal = written.len() > 2 && written.starts_with(['0']) && written[1..].starts_with(['x', 'X']);
        let hexadecimal_int = hexadecimal && !written.contains(['p', 'P']);
        !hexadecimal_int && !written.starts_with('\'') && written.contains(['.', 'e', 'E', 'p', 'P'])
    }
}

const INVALID: &str = "invalid syntax";

/// Reads a string literal, quotes included.
pub(super) fn unquote(written: &str) -> Result<Text, String> {
    let inner = &written[1..written.len() - 1];
    if written.starts_with('`') {
        return Ok(inner.replace('\r', "").into());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        let (piece, after) = unquote_char(rest, '"').ok_or(INVALID)?;
        match piece {
            Piece::Char(rune) => bytes.extend(rune.encode_utf8(&mut [0; 4]).bytes()),
            Piece::Byte(byte) => bytes.push(byte),
        }
        rest = after;
    }
    Ok(bytes.into())
}

/// Reads an integer as Go's `strconv.ParseInt` with base 0 does: prefixes give the base, underscores separate digits.
pub(super) fn parse_int(written: &str) -> Option<i128> {
    let unsigned = written.strip_prefix(['+', '-']).unwrap_or(written);
    let (base, digits) = split_base(unsigned);
    if !underscores_separate(unsigned) {
        return None;
    }
    let digits = digits.replace('_', "");
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = match i128::from_str_radix(&digits, base) {
        Ok(value) => value,
        // A prefix zero alone is the digit itself; too many digits are still a number, only too large.
        Err(error) if *error.kind() == std::num::IntErrorKind::PosOverflow => i128::MAX,
        Err(_) => return None,
    };
    Some(if written.starts_with('-') { -value } else { value })
}

/// The base that the prefix names, and the digits after it.
fn split_base(unsigned: &str) -> (u32, &str) {
    match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        [b'0', b'o' | b'O', ..] => (8, &unsigned[2..]),
        [b'0', _, ..] => (8, &unsigned[1..]),
        _ => (10, unsigned),
    }
}

/// Whether each underscore stands between digits, or between the base's prefix and a digit.
fn underscores_separate(unsigned: &str) -> bool {
    let prefixed = matches!(unsigned.as_bytes(), [b'0', b'x' | b'X' | b'b' | b'B' | b'o' | b'O', ..]);
    let hexadecimal = matches!(unsigned.as_bytes(), [b'0', b'x' | b'X', ..]);
    let mut before = if prefixed { '0' } else { '^' };
    for rune in unsigned[if prefixed { 2 } else { 0 }..].chars() {
        let is_digit = rune.is_ascii_digit() || (hexadecimal && rune.is_ascii_hexdigit());
        if (rune == '_' && before != '0') || (rune != '_' && !is_digit && before == '_') {
            return false;
        }
        before = match rune {
            '_' => '_',
            _ if is_digit => '0',
            _ => '!',
        };
    }
    before != '_'
}

/// Reads a finite float as Go's `strconv.ParseFloat` does: decimal, or hexadecimal with a binary exponent.
pub(super) fn parse_float(written: &str) -> Option<f64> {
    let unsigned = written.strip_prefix(['+', '-']).unwrap_or(written);
    if !underscores_separate(unsigned) {
        return None;
    }
    let plain = unsigned.replace('_', "");
    let value = match plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        Some(digits) => parse_hexadecimal_float(digits)?,
        None if plain.starts_with(|first: char| first.is_ascii_digit() || first == '.') => plain.parse().ok()?,
        None => return None,
    };
    value.is_finite().then_some(if written.starts_with('-') { -value } else { value })
}

fn parse_hexadecimal_float(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = digits.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut exponent: i32 = exponent.parse::<i64>().ok()?.clamp(-1 << 20, 1 << 20) as i32;
    let mut value: u64 = 0;
    for (i, digit) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(digit.to_digit(16)?);
        let in_fraction = i >= whole.len();
        if value >> 60 == 0 {
            value = value << 4 | digit;
            exponent -= if in_fraction { 4 } else { 0 };
        } else {
            // Beyond 60 bits a digit matters only for which way the value rounds.
            value |= u64::from(digit != 0);
            exponent += if in_fraction { 0 } else { 4 };
        }
    }
    Some(scale(value as f64, exponent))
}

/// `value` times two to the `exponent`, in steps that do not overflow early.
fn scale(mut value: f64, mut exponent: i32) -> f64 {
    while exponent != 0 && value != 0.0 && value.is_finite() {
        let step = exponent.clamp(-1000, 1000);
        value *= 2f64.powi(step);
        exponent -= step;
    }
    value
}

/// The integer that a float is, if it is one.
fn whole(float: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float)).then_some(float as i64)
}

/// One character of a literal: an escape may give a byte that is none.
enum Piece {
    Char(char),
    Byte(u8),
}

impl Piece {
    fn code(&self) -> u32 {
        match *self {
            Piece::Char(rune) => rune.into(),
            Piece::Byte(byte) => byte.into(),
        }
    }
}

/// Reads one character or escape; `quote` must be escaped itself. Gives what comes after it, too.
fn unquote_char(text: &str, quote: char) -> Option<(Piece, &str)> {
    let mut runes = text.chars();
    match runes.next()? {
        '\\' => {}
        rune if rune == quote || rune == '\n' => return None,
        rune => return Some((Piece::Char(rune), runes.as_str())),
    }
    let escape = runes.next()?;
    let rest = runes.as_str();
    let simple = |rune| Some((Piece::Char(rune), rest));
    match escape {
        'a' => simple('\x07'),
        'b' => simple('\x08'),
        'f' => simple('\x0c'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\x0b'),
        '\\' => simple('\\'),
        '\'' | '"' if escape == quote => simple(escape),
        'x' => digits(rest, 2, 16).and_then(byte),
        '0'..='7' => digits(&text[1..], 3, 8).and_then(byte),
        'u' => digits(rest, 4, 16).and_then(rune),
        'U' => digits(rest, 8, 16).and_then(rune),
        _ => None,
    }
}

fn digits(text: &str, count: usize, base: u32) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    let valid = digits.chars().all(|digit| digit.is_digit(base));
    valid.then_some((u32::from_str_radix(digits, base).ok()?, rest))
}

fn byte((value, rest): (u32, &str)) -> Option<(Piece, &str)> {
    Some((Piece::Byte(u8::try_from(value).ok()?), rest))
}

fn rune((value, rest): (u32, &str)) -> Option<(Piece, &str)> {
    Some((Piece::Char(char::from_u32(value)?), rest))
}
