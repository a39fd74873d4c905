//! One verb's flags, width and precision, and the writing of numbers, strings and characters by them.

use super::functions::Failure;
use super::limits::OUTPUT_BYTES_MAX;
use super::number::format_float;
use super::quote::{Charset, can_backquote, quoted, quoted_char};
use super::rune::is_printable;
use super::text::{prefix_width, rune_count};

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spec {
    pub minus: bool,
    pub plus: bool,
    pub sharp: bool,
    pub space: bool,
    pub zero: bool,
    /// `%+v` and `%#v`, which mean other things than the flags alone.
    pub plus_v: bool,
    pub sharp_v: bool,
    pub width: Option<usize>,
    pub precision: Option<usize>,
}

/// A signed or unsigned integer.
#[derive(Clone, Copy)]
pub(super) struct Integer {
    pub is_negative: bool,
    pub magnitude: u64,
}

pub(super) type Written = Result<(), Failure>;

/// Appends to `out`, which has a bound.
pub(super) fn write(out: &mut Vec<u8>, bytes: &[u8]) -> Written {
    check_room(out, bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

fn check_room(out: &[u8], count: usize) -> Written {
    match out.len() + count {
        0..=OUTPUT_BYTES_MAX => Ok(()),
        _ => Err(Failure::new(format!("the output is longer than {OUTPUT_BYTES_MAX} bytes"))),
    }
}

impl Spec {
    /// Writes `bytes`, filled up to the width.
    pub(super) fn pad(&self, out: &mut Vec<u8>, bytes: &[u8]) -> Written {
        let missing = self.width.unwrap_or(0).saturating_sub(rune_count(bytes));
        if self.minus {
            write(out, bytes)?;
            self.fill(out, missing)
        } else {
            self.fill(out, missing)?;
            write(out, bytes)
        }
    }

    fn fill(&self, out: &mut Vec<u8>, count: usize) -> Written {
        // Zeros only to the left, where they change no number.
        let fill = if self.zero && !self.minus { b'0' } else { b' ' };
        check_room(out, count)?;
        out.resize(out.len() + count, fill);
        Ok(())
    }

    fn without_zero(self) -> Spec {
        Spec { zero: false, ..self }
    }

    pub(super) fn string(&self, out: &mut Vec<u8>, text: &[u8]) -> Written {
        self.pad(out, self.cut(text))
    }

    pub(super) fn quoted_string(&self, out: &mut Vec<u8>, text: &[u8]) -> Written {
        let text = self.cut(text);
        if self.sharp && can_backquote(text) {
            return self.pad(out, &[b"`", text, b"`"].concat());
        }
        self.pad(out, &quoted(text, self.charset()))
    }

    /// The bytes of a string in hexadecimal; the precision says how many of them.
    pub(super) fn hexadecimal_string(&self, out: &mut Vec<u8>, text: &[u8], is_upper: bool) -> Written {
        let text = &text[..self.precision.unwrap_or(text.len()).min(text.len())];
        let prefix = match (self.sharp, is_upper) {
            (true, true) => "0X",
            (true, false) => "0x",
            (false, _) => "",
        };
        let mut written = String::new();
        for (i, byte) in text.iter().enumerate() {
            written.push_str(if self.space && i > 0 { " " } else { "" });
            written.push_str(if self.space || i == 0 { prefix } else { "" });
            written.push_str(&if is_upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
        }
        self.pad(out, written.as_bytes())
    }

    fn cut<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        match self.precision {
            Some(runes) if runes < text.len() => &text[..prefix_width(text, runes)],
            _ => text,
        }
    }

    fn charset(&self) -> Charset {
        if self.plus { Charset::Ascii } else { Charset::Printable }
    }

    pub(super) fn character(&self, out: &mut Vec<u8>, int: Integer) -> Written {
        self.pad(out, rune_of(int).encode_utf8(&mut [0; 4]).as_bytes())
    }

    pub(super) fn quoted_character(&self, out: &mut Vec<u8>, int: Integer) -> Written {
        self.pad(out, &quoted_char(rune_of(int), self.charset()))
    }

    /// `U+0078`, and with the flag `#` the character after it.
    pub(super) fn unicode(&self, out: &mut Vec<u8>, int: Integer) -> Written {
        check_room(out, self.precision.unwrap_or(0))?;
        let code = int.bits();
        let digits = self.precision.unwrap_or(0).max(4);
        let shown = u32::try_from(code).ok().and_then(char::from_u32).filter(|&rune| self.sharp && is_printable(rune));
        let shown = shown.map_or_else(String::new, |rune| format!(" '{rune}'"));
        let code = zero_extended(format!("{code:X}"), digits);
        self.without_zero().pad(out, format!("U+{code}{shown}").as_bytes())
    }

    /// An integer by `verb`, one of `b o O d x X`.
    pub(super) fn integer(&self, out: &mut Vec<u8>, int: Integer, verb: char) -> Written {
        check_room(out, self.precision.unwrap_or(0))?;
        if self.precision == Some(0) && int.magnitude == 0 {
            return self.without_zero().fill(out, self.width.unwrap_or(0));
        }
        let sign = match int.is_negative {
            true => "-",
            false if self.plus => "+",
            false if self.space => " ",
            false => "",
        };
        if verb == 'd' && self.width.or(self.precision).is_none() {
            write(out, sign.as_bytes())?;
            return write(out, int.magnitude.to_string().as_bytes());
        }
        let fills_with_zeros = self.zero && !self.minus && self.precision.is_none();
        let zeros_to = if fills_with_zeros { self.width.map(|width| width.saturating_sub(sign.len())) } else { None };
        let digits = match verb {
            'b' => format!("{:b}", int.magnitude),
            'o' | 'O' => format!("{:o}", int.magnitude),
            'x' => format!("{:x}", int.magnitude),
            'X' => format!("{:X}", int.magnitude),
            _ => int.magnitude.to_string(),
        };
        let digits = zero_extended(digits, self.precision.or(zeros_to).unwrap_or(0));
        let prefix = match verb {
            'b' if self.sharp => "0b",
            'x' if self.sharp => "0x",
            'X' if self.sharp => "0X",
            'O' if self.sharp && !digits.starts_with('0') => "0o0",
            'O' => "0o",
            'o' if self.sharp && !digits.starts_with('0') => "0",
            _ => "",
        };
        self.without_zero().pad(out, format!("{sign}{prefix}{digits}").as_bytes())
    }

    /// A float by `verb`, with that precision unless the flags give one.
    pub(super) fn float(&self, out: &mut Vec<u8>, value: f64, verb: char, precision: Option<usize>) -> Written {
        check_room(out, self.precision.unwrap_or(0))?;
        let precision = self.precision.or(precision);
        let written = format_float(value, verb, precision);
        let (mut sign, magnitude) = match written.split_at(1) {
            ("-", magnitude) => ("-", magnitude.to_owned()),
            ("+", magnitude) => ("+", magnitude.to_owned()),
            _ => ("+", written),
        };
        if sign == "+" && !self.plus {
            sign = if self.space { " " } else { "" };
        }
        if !value.is_finite() {
            let sign = if value.is_infinite() && sign.is_empty() && value > 0.0 { "+" } else { sign };
            return self.without_zero().pad(out, format!("{sign}{magnitude}").as_bytes());
        }
        let magnitude = if self.sharp && verb != 'b' { with_point(&magnitude, verb, precision) } else { magnitude };
        let zeros = self.width.unwrap_or(0).saturating_sub(sign.len() + magnitude.len());
        if self.zero && !self.minus {
            write(out, sign.as_bytes())?;
            self.fill(out, zeros)?;
            return write(out, magnitude.as_bytes());
        }
        self.pad(out, format!("{sign}{magnitude}").as_bytes())
    }
}

impl Integer {
    pub(super) fn signed(value: i64) -> Integer {
        Integer { is_negative: value < 0, magnitude: value.unsigned_abs() }
    }

    pub(super) fn unsigned(magnitude: u64) -> Integer {
        Integer { is_negative: false, magnitude }
    }

    /// As two's complement.
    fn bits(self) -> u64 {
        if self.is_negative { self.magnitude.wrapping_neg() } else { self.magnitude }
    }
}

/// The character of that code; U+FFFD if there is none.
fn rune_of(int: Integer) -> char {
    u32::try_from(int.bits()).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn zero_extended(digits: String, to: usize) -> String {
    let zeros = to.saturating_sub(digits.len());
    if zeros == 0 { digits } else { "0".repeat(zeros) + &digits }
}

/// A number with the decimal point, and the zeros at its end, that the flag `#` asks for.
fn with_point(magnitude: &str, verb: char, precision: Option<usize>) -> String {
    let exponent_marks = if matches!(verb, 'x' | 'X') { ['p', 'P'] } else { ['e', 'E'] };
    let (mantissa, exponent) = magnitude.split_at(magnitude.find(exponent_marks).unwrap_or(magnitude.len()));
    let wanted = if matches!(verb, 'g' | 'G' | 'x') { precision.unwrap_or(6) } else { 0 };
    let point = if mantissa.contains('.') { "" } else { "." };
    let significant = mantissa.replace('.', "").trim_start_matches('0').len();
    let significant = if mantissa == "0" { 1 } else { significant };
    let zeros = "0".repeat(wanted.saturating_sub(significant));
    format!("{mantissa}{point}{zeros}{exponent}")
}
