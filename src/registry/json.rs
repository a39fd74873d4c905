//! JSON read as it arrives: takes pieces of any length and gives the [`Event`]s of the text (RFC 8259).
//!
//! Keeps the beginning of the string or number at hand and nothing else, so that no text is too long for it. What is not
//! UTF-8 and halves of surrogate pairs become U+FFFD, as in Go.

use std::fmt;

use memchr::memchr2;

/// Deeper nesting is an error.
const DEPTH_MAX: usize = 64;
/// How much of a string or number is kept.
pub(super) const KEPT_BYTES_MAX: usize = 512;

/// What a text consists of.
#[derive(Debug)]
pub(super) enum Event<'a> {
    Key(&'a Text),
    String(&'a Text),
    Null,
    NumberOrBool,
    Open(Bracket),
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    Object,
    Array,
}

/// Takes the events. `depth` is the number of brackets around the event; `Open` and `Close` count as outside of their own.
pub(super) trait Sink {
    fn event(&mut self, event: Event<'_>, depth: usize) -> Result<(), &'static str>;
}

/// The beginning of a string or number.
#[derive(Debug, Default)]
pub(super) struct Text {
    kept: Vec<u8>,
    is_cut: bool,
    /// The first half of a surrogate pair whose second has not come.
    high: Option<u16>,
}

/// Where the text stopped being JSON, or the JSON that was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JsonError {
    /// In bytes from the start.
    at: u64,
    what: &'static str,
}

/// Reads one text. After an error it reads nothing more.
#[derive(Debug, Default)]
pub(super) struct Reader {
    at: u64,
    nesting: Vec<Bracket>,
    expected: Expected,
    token: Token,
    text: Text,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expected {
    #[default]
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    Nothing,
}

/// What the next byte is a part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Token {
    #[default]
    None,
    String,
    Escape,
    Hex {
        value: u16,
        digits: u8,
    },
    /// A number, `true`, `false` or `null`.
    Bare,
}

impl Text {
    /// All of it, or its beginning.
    pub(super) fn shown(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.kept)
    }

    /// All of it, if all was kept and it is UTF-8.
    pub(super) fn whole(&self) -> Option<&str> {
        std::str::from_utf8(&self.kept).ok().filter(|_| !self.is_cut)
    }

    fn clear(&mut self) {
        self.kept.clear();
        self.is_cut = false;
        self.high = None;
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = KEPT_BYTES_MAX - self.kept.len();
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.is_cut |= bytes.len() > room;
    }

    fn push_char(&mut self, character: char) {
        self.push(character.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn push_unit(&mut self, unit: u16) {
        match (self.high.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                let pair = char::decode_utf16([high, unit]).next().and_then(Result::ok);
                self.push_char(pair.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            (lone, _) => {
                lone.into_iter().for_each(|_| self.push_char(char::REPLACEMENT_CHARACTER));
                match unit {
                    0xd800..=0xdbff => self.high = Some(unit),
                    _ => self.push_char(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER)),
                }
            }
        }
    }

    /// Something else than the second half follows.
    fn settle(&mut self) {
        if self.high.take().is_some() {
            self.push_char(char::REPLACEMENT_CHARACTER);
        }
    }
}

impl Reader {
    pub(super) fn feed(&mut self, piece: &[u8], sink: &mut impl Sink) -> Result<(), JsonError> {
        let mut rest = piece;
        while !rest.is_empty() {
            let read = self.step(rest, sink).map_err(|what| JsonError { at: self.at, what })?;
            self.at += read as u64;
            rest = &rest[read..];
        }
        Ok(())
    }

    /// The text ends here.
    pub(super) fn finish(&mut self, sink: &mut impl Sink) -> Result<(), JsonError> {
        let ended = if self.token == Token::Bare { self.end_bare(sink) } else { Ok(()) };
        let ended = ended.and(match (self.at, self.token, self.expected) {
            (0, ..) => Err("it is empty"),
            (_, Token::None, Expected::Nothing) => Ok(()),
            _ => Err("it ends in the middle"),
        });
        ended.map_err(|what| JsonError { at: self.at, what })
    }

    /// Reads at least a byte, or comes into a state that does. Gives how many.
    fn step(&mut self, piece: &[u8], sink: &mut impl Sink) -> Result<usize, &'static str> {
        match self.token {
            Token::None => self.structure(piece[0], sink),
            Token::String => self.string(piece, sink),
            Token::Escape => self.escape(piece[0]),
            Token::Hex { value, digits } => self.hex(piece[0], value, digits),
            Token::Bare => self.bare(piece, sink),
        }
    }

    fn structure(&mut self, byte: u8, sink: &mut impl Sink) -> Result<usize, &'static str> {
        use Expected::{Colon, CommaOrEnd, Key, KeyOrEnd, Value, ValueOrEnd};
        match (byte, self.expected) {
            (b' ' | b'\t' | b'\n' | b'\r', _) => {}
            (b'"', Key | KeyOrEnd | Value | ValueOrEnd) => self.begin(Token::String),
            (b'{', Value | ValueOrEnd) => self.open(Bracket::Object, sink)?,
            (b'[', Value | ValueOrEnd) => self.open(Bracket::Array, sink)?,
            (b'}', KeyOrEnd | CommaOrEnd) if self.nesting.last() == Some(&Bracket::Object) => self.close(sink)?,
            (b']', ValueOrEnd | CommaOrEnd) if self.nesting.last() == Some(&Bracket::Array) => self.close(sink)?,
            (b':', Colon) => self.expected = Value,
            (b',', CommaOrEnd) => self.expected = if self.is_in_object() { Key } else { Value },
            (b'-' | b'0'..=b'9' | b't' | b'f' | b'n', Value | ValueOrEnd) => {
                self.begin(Token::Bare);
                return Ok(0);
            }
            (_, expected) => return Err(self.wanted(expected)),
        }
        Ok(1)
    }

    fn wanted(&self, expected: Expected) -> &'static str {
        match expected {
            Expected::Value | Expected::ValueOrEnd => "expected a value",
            Expected::Key | Expected::KeyOrEnd => "expected a key",
            Expected::Colon => "expected a colon",
            Expected::CommaOrEnd if self.is_in_object() => "expected a comma or `}`",
            Expected::CommaOrEnd => "expected a comma or `]`",
            Expected::Nothing => "something follows the end",
        }
    }

    fn is_in_object(&self) -> bool {
        self.nesting.last() == Some(&Bracket::Object)
    }

    fn begin(&mut self, token: Token) {
        self.token = token;
        self.text.clear();
    }

    fn open(&mut self, bracket: Bracket, sink: &mut impl Sink) -> Result<(), &'static str> {
        sink.event(Event::Open(bracket), self.nesting.len())?;
        if self.nesting.len() == DEPTH_MAX {
            return Err("it is nested too deep");
        }
        self.nesting.push(bracket);
        self.expected = match bracket {
            Bracket::Object => Expected::KeyOrEnd,
            Bracket::Array => Expected::ValueOrEnd,
        };
        Ok(())
    }

    fn close(&mut self, sink: &mut impl Sink) -> Result<(), &'static str> {
        self.nesting.pop();
        self.value_ended();
        sink.event(Event::Close, self.nesting.len())
    }

    fn value_ended(&mut self) {
        self.expected = if self.nesting.is_empty() { Expected::Nothing } else { Expected::CommaOrEnd };
    }

    fn string(&mut self, piece: &[u8], sink: &mut impl Sink) -> Result<usize, &'static str> {
        let plain = memchr2(b'"', b'\\', piece).unwrap_or(piece.len());
        if piece[..plain].iter().any(|byte| *byte < b' ') {
            return Err("a string has a control character");
        }
        if plain > 0 {
            self.text.settle();
            self.text.push(&piece[..plain]);
        }
        match piece.get(plain) {
            None => Ok(plain),
            Some(b'\\') => {
                self.token = Token::Escape;
                Ok(plain + 1)
            }
            Some(_) => self.end_string(sink).map(|()| plain + 1),
        }
    }

    fn end_string(&mut self, sink: &mut impl Sink) -> Result<(), &'static str> {
        self.text.settle();
        self.token = Token::None;
        let is_key = matches!(self.expected, Expected::Key | Expected::KeyOrEnd);
        if is_key {
            self.expected = Expected::Colon;
            return sink.event(Event::Key(&self.text), self.nesting.len());
        }
        self.value_ended();
        sink.event(Event::String(&self.text), self.nesting.len())
    }

    fn escape(&mut self, byte: u8) -> Result<usize, &'static str> {
        let character = match byte {
            b'"' | b'\\' | b'/' => byte.into(),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.token = Token::Hex { value: 0, digits: 0 };
                return Ok(1);
            }
            _ => return Err("a string has an unknown escape"),
        };
        self.text.settle();
        self.text.push_char(character);
        self.token = Token::String;
        Ok(1)
    }

    fn hex(&mut self, byte: u8, value: u16, digits: u8) -> Result<usize, &'static str> {
        let digit = char::from(byte).to_digit(16).ok_or("a string has an unknown escape")?;
        let value = value << 4 | digit as u16;
        if digits < 3 {
            self.token = Token::Hex { value, digits: digits + 1 };
        } else {
            self.text.push_unit(value);
            self.token = Token::String;
        }
        Ok(1)
    }

    fn bare(&mut self, piece: &[u8], sink: &mut impl Sink) -> Result<usize, &'static str> {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let length = piece.iter().position(|byte| !is_part(byte)).unwrap_or(piece.len());
        self.text.push(&piece[..length]);
        if self.text.is_cut {
            return Err("a number is too long");
        }
        if length < piece.len() {
            self.end_bare(sink)?;
        }
        Ok(length)
    }

    fn end_bare(&mut self, sink: &mut impl Sink) -> Result<(), &'static str> {
        self.token = Token::None;
        self.value_ended();
        let event = match self.text.kept.as_slice() {
            b"null" => Event::Null,
            b"true" | b"false" => Event::NumberOrBool,
            number if is_number(number) => Event::NumberOrBool,
            _ => return Err("expected a value"),
        };
        sink.event(event, self.nesting.len())
    }
}

/// `-`, digits without a leading zero, a fraction, an exponent.
fn is_number(text: &[u8]) -> bool {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, rest) = unsigned.split_at(digits(unsigned));
    let rest = match rest.strip_prefix(b".") {
        Some(fraction) if digits(fraction) > 0 => &fraction[digits(fraction)..],
        Some(_) => return false,
        None => rest,
    };
    let exponent = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E"));
    let exponent = exponent.map(|text| text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")).unwrap_or(text));
    let is_ended = exponent.map_or(rest.is_empty(), |text| !text.is_empty() && digits(text) == text.len());
    is_ended && (whole == b"0" || whole.first().is_some_and(|digit| *digit != b'0'))
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}
