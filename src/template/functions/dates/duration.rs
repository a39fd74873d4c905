//! Go's durations: nanoseconds, written as `1h30m0.5s`.

use super::super::Failure;
use super::quoted;

const SECOND: u64 = 1_000_000_000;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3600 * SECOND),
];

/// Nanoseconds from text, as Go's `time.ParseDuration`.
pub(super) fn parse(text: &[u8]) -> Result<i64, Failure> {
    let invalid = |what: &str| Failure::new(format!("time: {what} {}", quoted(text)));
    let (is_negative, mut rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid("invalid duration"));
    }
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let (nanoseconds, after) = element(rest, &invalid)?;
        sum = sum.checked_add(nanoseconds).filter(|&sum| sum <= 1 << 63).ok_or_else(|| invalid("invalid duration"))?;
        rest = after;
    }
    match (is_negative, i64::try_from(sum)) {
        (true, _) => Ok((sum as i64).wrapping_neg()),
        (false, Ok(sum)) => Ok(sum),
        (false, Err(_)) => Err(invalid("invalid duration")),
    }
}

/// A number and its unit at the start of the text, and what follows them.
fn element<'t>(text: &'t [u8], invalid: &impl Fn(&str) -> Failure) -> Result<(u64, &'t [u8]), Failure> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => rest.split_at(digits(rest)),
        rest => (&rest[..0], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid("invalid duration"));
    }
    let whole = integer(whole).ok_or_else(|| invalid("invalid duration"))?;
    let length = rest.iter().take_while(|byte| !byte.is_ascii_digit() && **byte != b'.').count();
    let (unit, rest) = rest.split_at(length);
    if unit.is_empty() {
        return Err(invalid("missing unit in duration"));
    }
    let known = UNITS.iter().find(|(name, _)| name.as_bytes() == unit);
    let (_, unit) = known.ok_or_else(|| invalid(&format!("unknown unit {} in duration", quoted(unit))))?;
    let (numerator, scale) = decimals(fraction);
    let whole = whole.checked_mul(*unit).filter(|&whole| whole <= 1 << 63);
    let part = (numerator as f64 * (*unit as f64 / scale)) as u64;
    let sum = whole.and_then(|whole| whole.checked_add(part)).filter(|&sum| sum <= 1 << 63);
    Ok((sum.ok_or_else(|| invalid("invalid duration"))?, rest))
}

fn integer(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |int, digit| {
        int.checked_mul(10)?.checked_add(u64::from(digit - b'0')).filter(|&int| int <= 1 << 63)
    })
}

/// A fraction's digits as numerator and denominator, as far as they fit into 63 bits.
fn decimals(digits: &[u8]) -> (u64, f64) {
    let (mut numerator, mut scale) = (0u64, 1.0);
    for digit in digits {
        let next = numerator.checked_mul(10).map(|next| next + u64::from(digit - b'0'));
        match next.filter(|&next| numerator <= i64::MAX as u64 / 10 && next <= 1 << 63) {
            Some(next) => numerator = next,
            None => break,
        }
        scale *= 10.0;
    }
    (numerator, scale)
}

/// As Go's `Duration.String`.
pub(super) fn shown(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let shown = match magnitude {
        0 => "0s".to_owned(),
        1..1_000 => format!("{magnitude}ns"),
        1_000..1_000_000 => fraction(magnitude, 1_000) + "µs",
        1_000_000..SECOND => fraction(magnitude, 1_000_000) + "ms",
        _ => {
            let minutes = magnitude / SECOND / 60;
            let seconds = fraction(magnitude % (60 * SECOND), SECOND);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    format!("{sign}{shown}")
}

/// `value / unit`, where the unit is a power of a thousand, without zeros at the end.
fn fraction(value: u64, unit: u64) -> String {
    let digits = unit.ilog10() as usize;
    let fraction = format!("{:0digits$}", value % unit);
    match fraction.trim_end_matches('0') {
        "" => (value / unit).to_string(),
        fraction => format!("{}.{fraction}", value / unit),
    }
}

/// The greatest unit of which there is more than one, as sprig's `durationRound`.
pub(super) fn rounded(nanoseconds: i64) -> String {
    const HOUR: u64 = 3600 * SECOND;
    const SIZES: [(&str, u64); 6] = [
        ("y", 365 * 24 * HOUR),
        ("mo", 30 * 24 * HOUR),
        ("d", 24 * HOUR),
        ("h", HOUR),
        ("m", 60 * SECOND),
        ("s", SECOND),
    ];
    let magnitude = nanoseconds.unsigned_abs();
    let fitting = SIZES.iter().find(|(_, size)| magnitude > *size);
    fitting.map_or_else(|| "0s".to_owned(), |(unit, size)| format!("{}{unit}", magnitude / size))
}
