//! Names in other spellings: `httpServer2` as `HttpServer2`, `http_server2`, `http-server2`. Takes words apart as the
//! library does that sprig uses (huandu/xstrings), oddities and all.

use super::super::super::rune;
use super::super::super::text::{first_rune, runes};
use super::super::super::value::Value;
use super::super::{Failure, check_bytes};

fn is_connector(rune: char) -> bool {
    rune == '-' || rune == '_' || rune.is_whitespace()
}

/// A letter, but none of the common CJK ones, which are words by themselves.
fn is_alphabetic(rune: char) -> bool {
    rune::is_letter(rune)
        && !matches!(rune, '\u{4e00}'..='\u{9fcc}' | '\u{3400}'..='\u{4d85}' | '\u{20000}'..='\u{2b81d}')
}

/// Words joined, each with a capital: connectors go, but for those at the start and all but one of several in a row.
pub(super) fn pascal(text: &[u8]) -> String {
    let mut runes = runes(text).map(|(rune, _)| rune).peekable();
    let mut out = String::new();
    while let Some(connector) = runes.next_if(|&rune| is_connector(rune)) {
        out.push(connector);
    }
    let Some(first) = runes.next() else {
        // Of connectors alone the library repeats the last one.
        out.extend(out.chars().next_back());
        return out;
    };
    // Within a word that began with a capital, capitals become small up to the first small letter.
    let mut lowers = rune::is_upper(first);
    let mut last = rune::upper(first);
    for rune in runes {
        let before = std::mem::replace(&mut last, rune);
        match (is_connector(before), is_connector(rune)) {
            (true, true) => out.push(before),
            (true, false) => {
                lowers = rune::is_upper(rune);
                last = rune::upper(rune);
            }
            (false, _) => {
                lowers &= rune::is_upper(rune);
                last = if lowers { rune::lower(rune) } else { rune };
                out.push(before);
            }
        }
    }
    out.push(last);
    out
}

/// What a part of a name is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing that is UTF-8; also the end.
    Invalid,
    Number,
    /// A word with a capital, or an abbreviation in capitals.
    Capital,
    Alphabetic,
    Connector,
    Punctuation,
    Other,
}

impl Kind {
    fn of(rune: char) -> Kind {
        match rune {
            char::REPLACEMENT_CHARACTER => Kind::Invalid,
            _ if is_connector(rune) => Kind::Connector,
            _ if rune::is_punctuation(rune) => Kind::Punctuation,
            _ if rune::is_upper(rune) => Kind::Capital,
            _ if is_alphabetic(rune) => Kind::Alphabetic,
            _ if rune::is_number(rune) => Kind::Number,
            _ => Kind::Other,
        }
    }

    fn is_alphanumeric(self) -> bool {
        matches!(self, Kind::Alphabetic | Kind::Number)
    }

    /// Whether a connector goes between a word and what follows it, if that is of this kind.
    fn is_set_off(self) -> bool {
        !matches!(self, Kind::Connector | Kind::Punctuation)
    }
}

/// A part of a name.
#[derive(Clone, Copy)]
struct Word<'t> {
    kind: Kind,
    bytes: &'t [u8],
}

/// Takes a text apart, word by word.
struct Words<'t> {
    rest: &'t [u8],
}

impl<'t> Words<'t> {
    /// The next word; an invalid one without bytes at the end.
    fn next(&mut self) -> Word<'t> {
        let (kind, length) = first_word(self.rest);
        let (bytes, rest) = self.rest.split_at(length);
        self.rest = rest;
        Word { kind, bytes }
    }

    fn is_over(&self) -> bool {
        self.rest.is_empty()
    }
}

/// The kind and length of the word at the start.
fn first_word(text: &[u8]) -> (Kind, usize) {
    let (first, width) = first_valid(text, char::REPLACEMENT_CHARACTER);
    let kind = Kind::of(first);
    let length = match kind {
        Kind::Invalid => width,
        Kind::Connector => run(text, width, first, is_connector),
        Kind::Punctuation => run(text, width, first, rune::is_punctuation),
        Kind::Capital => capital_word(text, width, first),
        Kind::Alphabetic => run(text, width, first, is_small),
        Kind::Number => run(text, width, first, rune::is_number),
        Kind::Other => run(text, width, first, |rune| Kind::of(rune) == Kind::Other),
    };
    (kind, length)
}

/// `Server` of `ServerName`, `HTTP` of `HTTPServer`: of capitals in a row the last one belongs to the word after them.
fn capital_word(text: &[u8], width: usize, first: char) -> usize {
    if width == text.len() {
        return width;
    }
    let (second, second_width) = first_valid(&text[width..], first);
    if rune::is_upper(second) {
        let mut at = width + second_width;
        let (mut last_width, mut rune) = (second_width, second);
        while at < text.len() {
            let (next, next_width) = first_valid(&text[at..], rune);
            rune = next;
            if !rune::is_upper(next) {
                break;
            }
            last_width = next_width;
            at += next_width;
        }
        return if at < text.len() && is_alphabetic(rune) { at - last_width } else { at };
    }
    if is_alphabetic(second) {
        return run(text, width + second_width, second, is_small);
    }
    width
}

fn is_small(rune: char) -> bool {
    is_alphabetic(rune) && !rune::is_upper(rune)
}

/// Where the characters from `at` on that belong together end.
fn run(text: &[u8], mut at: usize, mut last: char, belongs: impl Fn(char) -> bool) -> usize {
    while at < text.len() {
        let (rune, width) = first_valid(&text[at..], last);
        if !belongs(rune) {
            break;
        }
        last = rune;
        at += width;
    }
    at
}

/// The first character that is one, and how far it goes; what is not UTF-8 belongs to it. `last` where there is none.
fn first_valid(text: &[u8], last: char) -> (char, usize) {
    let mut at = 0;
    while let Some((rune, width)) = first_rune(&text[at..]) {
        at += width;
        if rune != char::REPLACEMENT_CHARACTER {
            return (rune, at);
        }
    }
    (last, at)
}

/// The name in small letters with connectors between its words.
pub(super) fn separated(text: &[u8], connector: char) -> Result<Value, Failure> {
    let mut spelling = Spelling { out: Vec::new(), connector, words: Words { rest: text } };
    let mut word = spelling.words.next();
    while !spelling.words.is_over() {
        if word.kind != Kind::Connector {
            spelling.write(word);
        }
        let next = spelling.words.next();
        word = match word.kind {
            Kind::Number => spelling.after_number(next),
            Kind::Connector => {
                spelling.write(word);
                next
            }
            Kind::Punctuation => next,
            _ => spelling.after_word(next),
        };
    }
    spelling.write(word);
    check_bytes(spelling.out.len())?;
    Ok(spelling.out.into())
}

/// A name being spelled anew.
struct Spelling<'t> {
    out: Vec<u8>,
    connector: char,
    words: Words<'t>,
}

impl<'t> Spelling<'t> {
    /// Letters and digits that follow a number belong to it.
    fn after_number(&mut self, mut next: Word<'t>) -> Word<'t> {
        while next.kind.is_alphanumeric() {
            self.write(next);
            next = self.words.next();
        }
        self.connect_before(next, next.kind != Kind::Invalid);
        next
    }

    /// A number belongs to the word before it, unless small letters follow: `bld4_floor_3rd`.
    fn after_word(&mut self, next: Word<'t>) -> Word<'t> {
        if next.kind != Kind::Number {
            self.connect_before(next, true);
            return next;
        }
        if self.words.is_over() {
            return next;
        }
        let number = next;
        let next = self.words.next();
        if next.kind != Kind::Alphabetic {
            self.write(number);
            self.connect_before(next, true);
            return next;
        }
        self.push(self.connector);
        self.write(number);
        self.after_number(next)
    }

    fn connect_before(&mut self, next: Word<'t>, wanted: bool) {
        if wanted && next.kind.is_set_off() {
            self.push(self.connector);
        }
    }

    /// Only words with capitals and connectors are changed; others are copied byte by byte.
    fn write(&mut self, word: Word<'t>) {
        if !matches!(word.kind, Kind::Capital | Kind::Connector) {
            self.out.extend_from_slice(word.bytes);
            return;
        }
        for (rune, _) in runes(word.bytes) {
            match rune {
                _ if is_connector(rune) => self.push(self.connector),
                _ if rune::is_upper(rune) => self.push(rune::lower(rune)),
                _ => self.push(rune),
            }
        }
    }

    fn push(&mut self, rune: char) {
        self.out.extend(rune.encode_utf8(&mut [0; 4]).bytes());
    }
}
