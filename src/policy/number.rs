//! Numbers as tags spell them, compared exactly.
//!
//! Takes what Go's `strconv.ParseFloat` reads as decimal (`5`, `+1.5`, `1e5`, `1_000`, `Inf`), gives its place in the
//! order of numbers. A 64-bit float would make one of two time stamps beyond 2^53; the digits themselves do not.

use std::cmp::Ordering;

/// So many digits fit into 64 bits.
const HEAD_DIGITS: u32 = 19;
/// No float has more digits before the point.
const EXPONENT_MAX: i64 = 309;
/// Exponents beyond this are cut off: no tag is long enough to need them.
const EXPONENT_LIMIT: i64 = 1 << 32;

/// A decimal number, or an infinity. Ordered by value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number<'t> {
    sign: Sign,
    /// The value is `0.DIGITS × 10^exponent`, and the first digit is not 0.
    exponent: i64,
    /// The first digits, filled up with zeros.
    head: u64,
    /// Text that holds the digits after those, and maybe a point, underscores and an exponent that do not count.
    tail: &'t str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    Negative,
    Zero,
    Positive,
}

/// Why text is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NumberError {
    #[error("is not a number")]
    NotANumber,
    #[error("is beyond the range of numbers")]
    OutOfRange,
}

impl<'t> Number<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, NumberError> {
        let (sign, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (Sign::Negative, &text[1..]),
            Some(b'+') => (Sign::Positive, &text[1..]),
            _ => (Sign::Positive, text),
        };
        if is_infinity(unsigned) {
            return Ok(Self { sign, exponent: i64::MAX, head: 0, tail: "" });
        }
        let (mantissa, shift) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (unsigned, 0),
        };
        if text.contains('_') && !has_underscores_between_digits(text) {
            return Err(NumberError::NotANumber);
        }
        let magnitude = read_mantissa(mantissa)?;
        let number = Self { sign: if magnitude.head == 0 { Sign::Zero } else { sign }, ..magnitude };
        number.shifted(shift).within_range(text)
    }

    /// Orders as the numbers do, but for equal ones, which the numbers themselves must be asked about.
    pub(super) fn prefix(&self) -> u128 {
        const SMALLEST: i64 = -(1 << 40);
        let exponent = (self.exponent.clamp(SMALLEST, EXPONENT_MAX + 1) - SMALLEST).unsigned_abs();
        let magnitude = u128::from(exponent) << 64 | u128::from(self.head);
        match self.sign {
            Sign::Negative => (1 << 126) - 1 - magnitude,
            Sign::Zero => 1 << 126,
            Sign::Positive => 1 << 127 | magnitude,
        }
    }

    fn shifted(self, shift: i64) -> Self {
        let exponent = if self.sign == Sign::Zero { 0 } else { self.exponent + shift };
        Self { exponent, ..self }
    }

    /// What overflows a float is no number for the incumbents, and none here.
    fn within_range(self, text: &str) -> Result<Self, NumberError> {
        let is_large = match self.exponent.cmp(&EXPONENT_MAX) {
            Ordering::Less => false,
            Ordering::Equal => text.replace('_', "").parse::<f64>().is_ok_and(f64::is_infinite),
            Ordering::Greater => true,
        };
        if is_large { Err(NumberError::OutOfRange) } else { Ok(self) }
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        let by_head = (self.exponent, self.head).cmp(&(other.exponent, other.head));
        by_head.then_with(|| compare_tails(self.tail, other.tail))
    }
}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sign.cmp(&other.sign).then_with(|| match self.sign {
            Sign::Negative => other.compare_magnitude(self),
            Sign::Zero => Ordering::Equal,
            Sign::Positive => self.compare_magnitude(other),
        })
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number<'_> {}

fn is_infinity(text: &str) -> bool {
    text.eq_ignore_ascii_case("inf") || text.eq_ignore_ascii_case("infinity")
}

/// The digits of a mantissa, as a positive number.
fn read_mantissa(mantissa: &str) -> Result<Number<'_>, NumberError> {
    let (mut head, mut head_digits, mut exponent, mut tail) = (0_u64, 0, 0_i64, "");
    let (mut has_digits, mut has_point) = (false, false);
    for (at, b) in mantissa.bytes().enumerate() {
        match b {
            b'0'..=b'9' => {
                has_digits = true;
                let is_significant = head_digits > 0 || b != b'0';
                exponent += i64::from(is_significant && !has_point) - i64::from(!is_significant && has_point);
                if is_significant && head_digits < HEAD_DIGITS {
                    head = head * 10 + u64::from(b - b'0');
                    head_digits += 1;
                } else if is_significant && tail.is_empty() {
                    tail = &mantissa[at..];
                }
            }
            b'.' if !has_point => has_point = true,
            b'_' => {}
            _ => return Err(NumberError::NotANumber),
        }
    }
    if !has_digits {
        return Err(NumberError::NotANumber);
    }
    Ok(Number { sign: Sign::Positive, exponent, head: head * 10_u64.pow(HEAD_DIGITS - head_digits), tail })
}

fn read_exponent(text: &str) -> Result<i64, NumberError> {
    let (is_negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return Err(NumberError::NotANumber);
    }
    let digits = digits.bytes().filter(u8::is_ascii_digit);
    let size = digits.fold(0, |size: i64, b| (size * 10 + i64::from(b - b'0')).min(EXPONENT_LIMIT));
    Ok(if is_negative { -size } else { size })
}

/// Go's rule: an underscore stands between two digits.
fn has_underscores_between_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (0..bytes.len()).filter(|&at| bytes[at] == b'_').all(|at| at > 0 && is_digit(at - 1) && is_digit(at + 1))
}

fn compare_tails(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.bytes().filter(u8::is_ascii_digit), right.bytes().filter(u8::is_ascii_digit));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (left, right) => left.unwrap_or(b'0').cmp(&right.unwrap_or(b'0')),
        };
        if order.is_ne() {
            return order;
        }
    }
}
