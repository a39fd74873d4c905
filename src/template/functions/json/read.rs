//! A value out of JSON.

use super::super::super::limits::DEPTH_MAX;
use super::super::super::list::List;
use super::super::super::print;
use super::super::super::text::first_rune;
use super::super::super::value::{Type, Value};
use super::super::{Args, Failure, check_items};

/// What is wrong with a text, in Go's words.
pub(super) enum Mistake {
    /// It is no JSON.
    Syntax(String),
    /// A number is too large for a float; nil stands in its place.
    Value(String),
}

/// The value that the first argument holds and a mistake; fails where the text is beyond bounds.
pub(super) fn parse(args: Args<'_>) -> Result<(Value, Option<Mistake>), Failure> {
    let mut reader = Reader { args, text: args.text(0).as_bytes(), at: 0, depth: 0, too_large: None };
    match reader.whole() {
        Ok(value) => Ok((value, reader.too_large.map(Mistake::Value))),
        Err(Stop::Syntax(message)) => Ok((Value::Nil, Some(Mistake::Syntax(message)))),
        Err(Stop::Bound(failure)) => Err(failure),
    }
}

enum Stop {
    Syntax(String),
    Bound(Failure),
}

type Reading<T> = Result<T, Stop>;

struct Reader<'t> {
    args: Args<'t>,
    text: &'t [u8],
    at: usize,
    depth: usize,
    /// The first number that is too large.
    too_large: Option<String>,
}

/// What an array or object takes besides what its text takes.
const STEPS_A_NEST: usize = 8;

const VALUE: &str = "looking for beginning of value";

impl Reader<'_> {
    fn whole(&mut self) -> Reading<Value> {
        let value = self.value()?;
        match self.after_space() {
            None => Ok(value),
            Some(byte) => Err(unexpected(byte, "after top-level value")),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next byte that is no space, not taken.
    fn after_space(&mut self) -> Option<u8> {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.peek()
    }

    /// Takes the next byte if `is_wanted`; otherwise the text is wrong there.
    fn take(&mut self, is_wanted: impl Fn(u8) -> bool, context: &str) -> Reading<u8> {
        match self.peek() {
            Some(byte) if is_wanted(byte) => {
                self.at += 1;
                Ok(byte)
            }
            Some(byte) => Err(unexpected(byte, context)),
            // Go tries a space at the end: it is no part of numbers, words and escapes.
            None if is_within_token(context) && !is_wanted(b' ') => Err(unexpected(b' ', context)),
            None => Err(Stop::Syntax("unexpected end of JSON input".to_owned())),
        }
    }

    fn value(&mut self) -> Reading<Value> {
        match self.after_space() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => Ok(self.string()?.into()),
            Some(b't') => self.literal("true", true.into()),
            Some(b'f') => self.literal("false", false.into()),
            Some(b'n') => self.literal("null", Value::Nil),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.take(|_| false, VALUE).err().unwrap_or(Stop::Syntax(VALUE.to_owned()))),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Reading<Value>) -> Reading<Value> {
        if self.depth >= DEPTH_MAX {
            return Err(Stop::Bound(Failure::new(format!("JSON more than {DEPTH_MAX} deep"))));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.args.spend(STEPS_A_NEST + value.raised()).map_err(Stop::Bound)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Reading<Value> {
        let mut items = Vec::new();
        if self.after_space() == Some(b']') {
            self.at += 1;
            return Ok(Value::list(items));
        }
        loop {
            items.push(self.value()?);
            check_items(items.len()).map_err(Stop::Bound)?;
            self.after_space();
            if self.take(|byte| matches!(byte, b',' | b']'), "after array element")? == b']' {
                return Ok(List::appended(&Type::Any, items).into());
            }
        }
    }

    fn object(&mut self) -> Reading<Value> {
        let mut entries = Vec::new();
        if self.after_space() == Some(b'}') {
            self.at += 1;
            return Ok(Value::dict(entries));
        }
        loop {
            self.after_space();
            self.take(|byte| byte == b'"', "looking for beginning of object key string")?;
            self.at -= 1;
            let key = self.string()?;
            self.after_space();
            self.take(|byte| byte == b':', "after object key")?;
            entries.push((key, self.value()?));
            check_items(entries.len()).map_err(Stop::Bound)?;
            self.after_space();
            if self.take(|byte| matches!(byte, b',' | b'}'), "after object key:value pair")? == b'}' {
                return Ok(Value::dict(entries));
            }
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Reading<Value> {
        self.at += 1;
        for letter in word[1..].chars() {
            let context = format!("in literal {word} (expecting '{letter}')");
            self.take(|byte| char::from(byte) == letter, &context)?;
        }
        Ok(value)
    }

    fn number(&mut self) -> Reading<Value> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        // A zero at the start is the whole of the integer.
        if self.take(|byte| byte.is_ascii_digit(), "in numeric literal")? != b'0' {
            self.digits();
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.take(|byte| byte.is_ascii_digit(), "after decimal point in numeric literal")?;
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.take(|byte| byte.is_ascii_digit(), "in exponent of numeric literal")?;
            self.digits();
        }
        let written = String::from_utf8_lossy(&self.text[start..self.at]);
        match written.parse() {
            Ok(float) if f64::is_finite(float) => Ok(Value::Float(float)),
            _ => {
                let message = format!("json: cannot unmarshal number {written} into Go value of type float64");
                self.too_large.get_or_insert(message);
                Ok(Value::Nil)
            }
        }
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// What is not UTF-8, and half of a pair of surrogates, is U+FFFD.
    fn string(&mut self) -> Reading<String> {
        let mut string = String::new();
        self.at += 1;
        loop {
            match self.take(|byte| byte >= b' ', "in string literal")? {
                b'"' => return Ok(string),
                b'\\' => string.push(self.escape()?),
                _ => {
                    let (rune, width) = first_rune(&self.text[self.at - 1..]).unwrap_or((' ', 1));
                    string.push(rune);
                    self.at += width - 1;
                }
            }
        }
    }

    fn escape(&mut self) -> Reading<char> {
        let is_escape = |byte: u8| br#""\/bfnrtu"#.contains(&byte);
        Ok(match self.take(is_escape, "in string escape code")? {
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hexadecimal()?;
                self.surrogate(first)
            }
            byte => byte.into(),
        })
    }

    fn hexadecimal(&mut self) -> Reading<u16> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.take(|byte| byte.is_ascii_hexdigit(), "in \\u hexadecimal character escape")?;
            code = code << 4 | char::from(digit).to_digit(16).unwrap_or(0) as u16;
        }
        Ok(code)
    }

    /// The character of a code; takes the second half of a pair if it follows.
    fn surrogate(&mut self, first: u16) -> char {
        let second = || {
            let digits = self.text.get(self.at..self.at + 6)?.strip_prefix(b"\\u")?;
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            u16::from_str_radix(digits, 16).ok()
        };
        let is_first = (0xd800..0xdc00).contains(&first);
        let pair = second().filter(|_| is_first).and_then(|second| char::decode_utf16([first, second]).next()?.ok());
        match pair {
            Some(rune) if rune > '\u{ffff}' => {
                self.at += 6;
                rune
            }
            _ => char::from_u32(first.into()).unwrap_or(char::REPLACEMENT_CHARACTER),
        }
    }
}

fn is_within_token(context: &str) -> bool {
    context.starts_with("in ") || context.ends_with("numeric literal")
}

fn unexpected(byte: u8, context: &str) -> Stop {
    let quoted = match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        _ => {
            let quoted = print::quote(char::from(byte).to_string());
            format!("'{}'", &quoted[1..quoted.len() - 1])
        }
    };
    Stop::Syntax(format!("invalid character {quoted} {context}"))
}
