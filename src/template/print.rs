//! Go's `Sprint`, `Sprintln` and `Sprintf`, and the same for the messages of this room.

use super::functions::Failure;
use super::quote::{Charset, quoted};
use super::spec::{Integer, Spec, Written, write};
use super::text::{Text, first_rune};
use super::value::Value;
use super::verbs::Printer;

/// Appends a value as `print` shows it.
pub(super) fn value(out: &mut Vec<u8>, value: &Value) -> Written {
    Printer::new(out).argument(value, 'v')
}

/// The arguments, with spaces between two that are no strings.
pub(super) fn print(arguments: &[Value]) -> Result<Text, Failure> {
    let mut out = Vec::new();
    let mut printer = Printer::new(&mut out);
    let is_string = |value: &Value| matches!(value, Value::String(_));
    for (i, argument) in arguments.iter().enumerate() {
        if i > 0 && !is_string(argument) && !is_string(&arguments[i - 1]) {
            printer.raw(" ")?;
        }
        printer.argument(argument, 'v')?;
    }
    Ok(out.into())
}

/// The arguments with spaces between them, and a newline.
pub(super) fn println(arguments: &[Value]) -> Result<Text, Failure> {
    let mut out = Vec::new();
    let mut printer = Printer::new(&mut out);
    for (i, argument) in arguments.iter().enumerate() {
        printer.raw(if i > 0 { " " } else { "" })?;
        printer.argument(argument, 'v')?;
    }
    printer.raw("\n")?;
    Ok(out.into())
}

/// The arguments by the verbs of `format`. What does not fit is no error: it is said in the output.
pub(super) fn printf(format: &[u8], arguments: &[Value]) -> Result<Text, Failure> {
    let mut out = Vec::new();
    let mut formatting =
        Formatting { rest: format, arguments, next: 0, is_reordered: false, is_good: true, may_close: true };
    let mut printer = Printer::new(&mut out);
    while let Some(percent) = formatting.rest.iter().position(|&byte| byte == b'%') {
        write(printer.out, &formatting.rest[..percent])?;
        formatting.rest = &formatting.rest[percent + 1..];
        formatting.verb(&mut printer)?;
    }
    write(printer.out, formatting.rest)?;
    formatting.extra(&mut printer)?;
    Ok(out.into())
}

/// A value as messages show it.
pub(super) fn shown(value: &Value) -> String {
    shown_as(value, 'v')
}

/// A value as messages show it by that verb. One too long for a message is only named by its type.
pub(super) fn shown_as(value: &Value, verb: char) -> String {
    let mut out = Vec::new();
    match Printer::new(&mut out).argument(value, verb) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => value.kind().map_or_else(|| "<nil>".to_owned(), |kind| kind.to_string()),
    }
}

/// A string literal, as `%q` prints one.
pub(super) fn quote(text: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(&quoted(text.as_ref(), Charset::Printable)).into_owned()
}

/// A character by its code, as `%#U` prints it.
pub(super) fn code_point(rune: char) -> String {
    let mut out = Vec::new();
    let spec = Spec { sharp: true, ..Spec::default() };
    match spec.unicode(&mut out, Integer::unsigned(u64::from(u32::from(rune)))) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(failure) => failure.to_string(),
    }
}

/// The greatest width, precision and argument number there may be.
const NUMBER_MAX: usize = 1_000_000;

/// A format on its way through.
struct Formatting<'a> {
    /// What is not read yet.
    rest: &'a [u8],
    arguments: &'a [Value],
    /// The argument that the next verb takes.
    next: usize,
    /// An argument was asked for by number; then some may be left over.
    is_reordered: bool,
    /// The argument numbers of the verb at hand make sense.
    is_good: bool,
    /// A `]` may still come: the rest is looked through in vain only once.
    may_close: bool,
}

impl<'a> Formatting<'a> {
    /// Reads one verb, after its `%`, and writes what it asks for.
    fn verb(&mut self, printer: &mut Printer<'_>) -> Written {
        self.is_good = true;
        printer.spec = self.flags();
        let mut is_numbered = self.argument_number();
        is_numbered = self.width(printer, is_numbered)?;
        is_numbered = self.precision(printer, is_numbered)?;
        if !is_numbered {
            self.argument_number();
        }
        let Some((verb, width)) = first_rune(self.rest) else { return printer.raw("%!(NOVERB)") };
        self.rest = &self.rest[width..];
        match self.arguments.get(self.next) {
            _ if verb == '%' => printer.raw("%"),
            _ if !self.is_good => printer.raw(&format!("%!{verb}(BADINDEX)")),
            None => printer.raw(&format!("%!{verb}(MISSING)")),
            Some(argument) => {
                self.next += 1;
                if matches!(verb, 'v' | 'w') {
                    let Spec { sharp, plus, .. } = printer.spec;
                    printer.spec = Spec { sharp_v: sharp, sharp: false, plus_v: plus, plus: false, ..printer.spec };
                }
                printer.argument(argument, verb)
            }
        }
    }

    fn flags(&mut self) -> Spec {
        let mut spec = Spec::default();
        while let Some((first, rest)) = self.rest.split_first() {
            match first {
                b'#' => spec.sharp = true,
                b'0' => spec.zero = true,
                b'+' => spec.plus = true,
                b'-' => spec.minus = true,
                b' ' => spec.space = true,
                _ => break,
            }
            self.rest = rest;
        }
        spec
    }

    /// Reads a width, if there is one; says whether what came last is an argument number.
    fn width(&mut self, printer: &mut Printer<'_>, is_numbered: bool) -> Result<bool, Failure> {
        if self.take(b'*') {
            match self.int_argument() {
                Some(width) => {
                    printer.spec.width = Some(width.unsigned_abs() as usize);
                    printer.spec.minus |= width < 0;
                    printer.spec.zero &= width >= 0;
                }
                None => printer.raw("%!(BADWIDTH)")?,
            }
            return Ok(false);
        }
        printer.spec.width = self.number();
        self.is_good &= !is_numbered || printer.spec.width.is_none();
        Ok(is_numbered)
    }

    /// Reads a precision, if there is one; says whether what came last is an argument number.
    fn precision(&mut self, printer: &mut Printer<'_>, is_numbered: bool) -> Result<bool, Failure> {
        // A point that ends the format is taken for the verb.
        if self.rest.len() < 2 || !self.take(b'.') {
            return Ok(is_numbered);
        }
        self.is_good &= !is_numbered;
        let is_numbered = self.argument_number();
        if self.take(b'*') {
            let precision = self.int_argument().and_then(|precision| usize::try_from(precision).ok());
            printer.spec.precision = precision;
            if precision.is_none() {
                printer.raw("%!(BADPREC)")?;
            }
            return Ok(false);
        }
        printer.spec.precision = Some(self.number().unwrap_or(0));
        Ok(is_numbered)
    }

    /// Reads `[n]`, if it is there; the next verb then takes that argument.
    fn argument_number(&mut self) -> bool {
        if self.rest.first() != Some(&b'[') {
            return false;
        }
        self.is_reordered = true;
        let close = if self.may_close { self.rest.iter().position(|&byte| byte == b']') } else { None };
        self.may_close = close.is_some();
        let Some(close) = close.filter(|_| self.rest.len() >= 3) else {
            self.rest = &self.rest[1..];
            self.is_good = false;
            return false;
        };
        let (digits, rest) = (&self.rest[1..close], &self.rest[close + 1..]);
        self.rest = rest;
        let number = decimal(digits).filter(|(_, length)| *length == digits.len()).map(|(number, _)| number);
        match number.and_then(|number| number.checked_sub(1)).filter(|&index| index < self.arguments.len()) {
            Some(index) => self.next = index,
            None => self.is_good = false,
        }
        number.is_some()
    }

    /// Reads decimal digits, if there are some. A number that is too large swallows the format, as in Go.
    fn number(&mut self) -> Option<usize> {
        match decimal(self.rest) {
            Some((number, length)) => {
                self.rest = &self.rest[length..];
                Some(number)
            }
            None if self.rest.first().is_some_and(u8::is_ascii_digit) => {
                self.rest = &[];
                None
            }
            None => None,
        }
    }

    /// The next argument as a width or precision; none if it is no integer or too large.
    fn int_argument(&mut self) -> Option<i64> {
        let argument = self.arguments.get(self.next)?;
        self.next += 1;
        let int = match argument {
            Value::Int(int) | Value::Int64(int) => *int,
            Value::Uint8(int) => i64::from(*int),
            Value::Uint64(int) => i64::try_from(*int).ok()?,
            _ => return None,
        };
        (int.unsigned_abs() <= NUMBER_MAX as u64).then_some(int)
    }

    fn take(&mut self, byte: u8) -> bool {
        let rest = self.rest.strip_prefix(&[byte]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Says which arguments no verb took.
    fn extra(&self, printer: &mut Printer<'_>) -> Written {
        if self.is_reordered || self.next >= self.arguments.len() {
            return Ok(());
        }
        printer.spec = Spec::default();
        printer.raw("%!(EXTRA ")?;
        for (i, argument) in self.arguments[self.next..].iter().enumerate() {
            printer.raw(if i > 0 { ", " } else { "" })?;
            if let Some(kind) = argument.kind() {
                printer.raw(&format!("{kind}="))?;
            }
            printer.argument(argument, 'v')?;
        }
        printer.raw(")")
    }
}

/// The number at the start of `digits` and its length; none without digits or beyond what may be.
fn decimal(digits: &[u8]) -> Option<(usize, usize)> {
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = std::str::from_utf8(&digits[..length]).ok()?;
    let number = text.parse().ok()?;
    // One more digit than the bound has may stand there before Go refuses the number.
    (number < 10 * NUMBER_MAX + 10).then_some((number, length))
}
