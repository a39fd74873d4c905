//! Floats as text, as Go's `strconv.FormatFloat` gives them.

/// More digits than any float has after the point; beyond them there are only zeros.
const FRACTION_DIGITS_MAX: usize = 1100;

/// `value` by `verb`, one of `e E f g G b x X`; without a precision, as few digits as tell it from other floats.
/// Negative numbers have a sign, others none.
pub(super) fn format_float(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let magnitude = match verb {
        'e' | 'E' => scientific(Digits::of(value.abs(), precision), precision, verb),
        'f' => fixed(value.abs(), precision),
        'b' => binary(value.abs()),
        'x' | 'X' => hexadecimal(value.abs(), precision, verb),
        _ => general(value.abs(), precision, verb),
    };
    if value.is_sign_negative() { format!("-{magnitude}") } else { magnitude }
}

/// A float as d1.d2d3… times ten to the `exponent`.
struct Digits {
    digits: String,
    exponent: i32,
}

impl Digits {
    /// With `precision` digits after the first, or as few as needed.
    fn of(value: f64, precision: Option<usize>) -> Digits {
        let written = match precision {
            Some(precision) => format!("{value:.*e}", precision.min(FRACTION_DIGITS_MAX)),
            None => shortest(value),
        };
        let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        Digits { digits: mantissa.replace('.', ""), exponent: exponent.parse().unwrap_or(0) }
    }
}

/// As few digits as tell the float from others. Of two that are as near Go takes the even one, Rust the greater.
fn shortest(value: f64) -> String {
    let shortest = format!("{value:e}");
    let digits = shortest.bytes().take_while(|&byte| byte != b'e').filter(u8::is_ascii_digit).count();
    if digits < 16 {
        return shortest;
    }
    let nearest = format!("{value:.*e}", digits - 1);
    if nearest.parse() == Ok(value) { nearest } else { shortest }
}

fn scientific(number: Digits, precision: Option<usize>, e: char) -> String {
    let (first, rest) = number.digits.split_at(1);
    let point = if precision.unwrap_or(rest.len()) > 0 { "." } else { "" };
    let zeros = "0".repeat(precision.unwrap_or(0).saturating_sub(rest.len()));
    let sign = if number.exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}{zeros}{e}{sign}{:02}", number.exponent.abs())
}

fn fixed(value: f64, precision: Option<usize>) -> String {
    let Some(precision) = precision else { return format!("{value}") };
    let zeros = "0".repeat(precision.saturating_sub(FRACTION_DIGITS_MAX));
    format!("{value:.*}{zeros}", precision.min(FRACTION_DIGITS_MAX))
}

/// Scientific for very small and very large numbers, fixed for others, without zeros at the end.
fn general(value: f64, precision: Option<usize>, verb: char) -> String {
    let mut number = Digits::of(value, precision.map(|precision| precision.max(1) - 1));
    let significant = number.digits.trim_end_matches('0').len().max(1);
    number.digits.truncate(significant);
    // Without a precision Go decides as if it were six.
    let limit = precision.map_or(6, |precision| precision.max(1) as i64);
    let exponent = i64::from(number.exponent);
    if exponent < -4 || exponent >= limit {
        let e = if verb == 'G' { 'E' } else { 'e' };
        return scientific(number, None, e);
    }
    let decimals = usize::try_from(significant as i64 - 1 - exponent).unwrap_or(0);
    format!("{value:.decimals$}")
}

/// The mantissa as an integer, times two to the exponent: `4503599627370496p-52`.
fn binary(value: f64) -> String {
    let (mantissa, exponent) = parts(value);
    format!("{mantissa}p{exponent:+}")
}

/// `0x1.8p+01`.
fn hexadecimal(value: f64, precision: Option<usize>, verb: char) -> String {
    let (mut mantissa, mut exponent) = parts(value);
    if mantissa == 0 {
        exponent = 0;
    } else {
        // One bit before the point and 60 after it.
        let shift = mantissa.leading_zeros() - 3;
        mantissa <<= shift;
        exponent += 60 - shift as i32;
    }
    if let Some(digits) = precision.filter(|&digits| digits < 15) {
        let extra = mantissa & ((1 << (60 - digits * 4)) - 1);
        mantissa >>= 60 - digits * 4;
        // To the nearest, ties to the even.
        let half = 1 << (59 - digits * 4);
        mantissa += u64::from(extra + (mantissa & 1) > half);
        mantissa <<= 60 - digits * 4;
        if mantissa >> 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let digits = precision.unwrap_or(fraction.trim_end_matches('0').len());
    // Not by `format!`, which panics at widths beyond 65,535.
    fraction += &"0".repeat(digits.saturating_sub(fraction.len()));
    fraction.truncate(digits);
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    let written = format!("0x{}{point}{fraction}p{sign}{:02}", mantissa >> 60, exponent.abs());
    if verb == 'X' { written.to_uppercase() } else { written }
}

/// The mantissa as an integer and the exponent of two that goes with it.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match ((bits >> 52) & 0x7ff) as i32 {
        0 => (fraction, -1074),
        exponent => (fraction | 1 << 52, exponent - 1075),
    }
}
