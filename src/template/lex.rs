//! From the text of a template to its tokens, each with its place. What cannot be a token ends the list as an `Error`
//! token, which the parser reports when it gets there.

use std::borrow::Cow;

use super::print;
use super::rune;
use super::token::{Kind, Token};

/// The tokens of a template; the last is `Eof` or `Error`.
pub(super) fn lex(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, start: 0, position: 0, line: 1, parens: 0, tokens: Vec::new() };
    if let Err(message) = lexer.all() {
        let (position, line) = (lexer.start, lexer.line);
        lexer.tokens.push(Token { kind: Kind::Error, position, line, text: message.into() });
    }
    lexer.tokens
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
/// The minus and the space beside it.
const TRIM_WIDTH: usize = 2;
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

struct Lexer<'t> {
    text: &'t str,
    /// Where the token at hand begins, and its line.
    start: usize,
    line: usize,
    position: usize,
    parens: usize,
    tokens: Vec<Token<'t>>,
}

/// The message of an error token.
type Lexed = Result<(), String>;

impl<'t> Lexer<'t> {
    fn all(&mut self) -> Lexed {
        while self.text_until_action() {
            if self.rest().starts_with("/*") || (self.trims_left() && self.rest()[TRIM_WIDTH..].starts_with("/*")) {
                self.comment()?;
            } else {
                self.action()?;
            }
        }
        self.emit(Kind::Eof);
        Ok(())
    }

    /// Takes plain text and the left delimiter after it; false at the end of the template.
    fn text_until_action(&mut self) -> bool {
        let Some(width) = self.rest().find(LEFT) else {
            self.position = self.text.len();
            self.emit_text();
            return false;
        };
        let delimiter = self.position + width;
        self.position = delimiter + LEFT.len();
        let trims = self.trims_left();
        let plain = &self.text[self.start..delimiter];
        self.position = self.start + if trims { plain.trim_end_matches(SPACES).len() } else { width };
        self.emit_text();
        self.position = delimiter;
        self.ignore();
        self.position = delimiter + LEFT.len();
        true
    }

    fn emit_text(&mut self) {
        if self.position > self.start {
            self.emit(Kind::Text);
        }
    }

    fn comment(&mut self) -> Lexed {
        self.position += if self.trims_left() { TRIM_WIDTH } else { 0 };
        self.ignore();
        let end = self.rest()["/*".len()..].find("*/").ok_or("unclosed comment")?;
        self.position += end + "/**/".len();
        let trims = self.at_right().ok_or("comment ends before closing delimiter")?;
        self.position += if trims { TRIM_WIDTH } else { 0 } + RIGHT.len();
        self.ignore();
        if trims {
            self.trim_following();
        }
        Ok(())
    }

    fn action(&mut self) -> Lexed {
        let trims = self.trims_left();
        self.emit(Kind::LeftDelim);
        self.position += if trims { TRIM_WIDTH } else { 0 };
        self.ignore();
        self.parens = 0;
        loop {
            match self.at_right() {
                Some(_) if self.parens > 0 => return Err("unclosed left paren".to_owned()),
                Some(trims) => {
                    self.right(trims);
                    return Ok(());
                }
                None => self.inside()?,
            }
        }
    }

    fn right(&mut self, trims: bool) {
        if trims {
            self.position += TRIM_WIDTH;
            self.ignore();
        }
        self.position += RIGHT.len();
        self.emit(Kind::RightDelim);
        if trims {
            self.trim_following();
        }
    }

    fn trim_following(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start_matches(SPACES).len();
        self.ignore();
    }

    /// Takes one token inside an action.
    fn inside(&mut self) -> Lexed {
        let rune = self.next().ok_or("unclosed action")?;
        match rune {
            _ if is_space(rune) => self.space(),
            '=' => self.emit(Kind::Assign),
            ':' if self.accept("=") => self.emit(Kind::Declare),
            ':' => return Err("expected :=".to_owned()),
            '|' => self.emit(Kind::Pipe),
            '"' => return self.quoted('"', Kind::Quoted, "unterminated quoted string"),
            '\'' => return self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => return self.raw_quoted(),
            '$' => return self.name(Kind::Variable, Kind::Variable),
            '.' if !self.peek().is_some_and(|next| next.is_ascii_digit()) && self.peek().is_some() => {
                return self.name(Kind::Field, Kind::Dot);
            }
            '.' | '+' | '-' | '0'..='9' => return self.number(),
            '(' => {
                self.parens += 1;
                self.emit(Kind::LeftParen);
            }
            ')' => {
                self.parens = self.parens.checked_sub(1).ok_or("unexpected right paren")?;
                self.emit(Kind::RightParen);
            }
            _ if is_name(rune) => return self.identifier(),
            ' '..='~' => self.emit(Kind::Char),
            _ => return Err(format!("unrecognized character in action: {}", print::code_point(rune))),
        }
        Ok(())
    }

    /// Takes a run of spaces, but leaves the last when it belongs to a delimiter that trims.
    fn space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.position += 1;
        }
        self.position -= 1;
        if self.at_right() != Some(true) {
            self.position += 1;
        }
        if self.position > self.start {
            self.emit(Kind::Space);
        }
    }

    fn identifier(&mut self) -> Lexed {
        self.take_while(is_name);
        self.expect_end_of_word()?;
        let word = &self.text[self.start..self.position];
        self.emit(match word {
            "true" | "false" => Kind::Bool,
            _ => Kind::keyword(word).unwrap_or(Kind::Identifier),
        });
        Ok(())
    }

    /// Takes the name after a `.` or `$`; `alone` is what these are without one.
    fn name(&mut self, kind: Kind, alone: Kind) -> Lexed {
        if self.at_end_of_word() {
            self.emit(alone);
            return Ok(());
        }
        self.take_while(is_name);
        self.expect_end_of_word()?;
        self.emit(kind);
        Ok(())
    }

    fn expect_end_of_word(&self) -> Lexed {
        match self.peek() {
            Some(rune) if !self.at_end_of_word() => Err(format!("bad character {}", print::code_point(rune))),
            _ => Ok(()),
        }
    }

    fn at_end_of_word(&self) -> bool {
        let ends = |rune| is_space(rune) || matches!(rune, '.' | ',' | '|' | ':' | ')' | '(');
        self.peek().is_none_or(ends) || self.rest().starts_with(RIGHT)
    }

    fn quoted(&mut self, quote: char, kind: Kind, unterminated: &str) -> Lexed {
        loop {
            let rune = match self.next() {
                Some('\\') => self.next().filter(|&rune| rune != '\n').map(|_| '\\'),
                other => other.filter(|&rune| rune != '\n'),
            };
            match rune {
                None => return Err(unterminated.to_owned()),
                Some(rune) if rune == quote => break,
                Some(_) => {}
            }
        }
        self.emit(kind);
        Ok(())
    }

    fn raw_quoted(&mut self) -> Lexed {
        let end = self.rest().find('`').ok_or("unterminated raw quoted string")?;
        self.position += end + 1;
        self.emit(Kind::RawQuoted);
        Ok(())
    }

    /// Takes a number, not too exactly: what passes here and is none is refused when its value is read.
    fn number(&mut self) -> Lexed {
        self.position = self.start;
        let mut sound = self.digits();
        let mut kind = Kind::Number;
        if sound && matches!(self.peek(), Some('+' | '-')) {
            kind = Kind::Complex;
            sound = self.digits() && self.text[..self.position].ends_with('i');
        }
        if !sound {
            return Err(format!("bad number syntax: {}", print::quote(&self.text[self.start..self.position])));
        }
        self.emit(kind);
        Ok(())
    }

    /// Takes one sign, digits, point, exponent and `i`; false when a letter or digit follows, which is taken too.
    fn digits(&mut self) -> bool {
        self.accept("+-");
        let (digits, exponent) = match self.accept("0") {
            true if self.accept("xX") => ("0123456789abcdefABCDEF_", "pP"),
            true if self.accept("oO") => ("01234567_", ""),
            true if self.accept("bB") => ("01_", ""),
            _ => ("0123456789_", "eE"),
        };
        self.take_while(|rune| digits.contains(rune));
        if self.accept(".") {
            self.take_while(|rune| digits.contains(rune));
        }
        if self.accept(exponent) {
            self.accept("+-");
            self.take_while(|rune| "0123456789_".contains(rune));
        }
        self.accept("i");
        let stray = self.peek().filter(|&rune| is_name(rune));
        self.position += stray.map_or(0, char::len_utf8);
        stray.is_none()
    }

    /// Whether a right delimiter is next, and if so whether it trims.
    fn at_right(&self) -> Option<bool> {
        let rest = self.rest();
        let trimming = rest.strip_prefix(SPACES).and_then(|rest| rest.strip_prefix('-'));
        if trimming.is_some_and(|rest| rest.starts_with(RIGHT)) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    /// Whether a minus and a space follow the left delimiter.
    fn trims_left(&self) -> bool {
        self.rest().strip_prefix('-').is_some_and(|rest| rest.starts_with(SPACES))
    }

    fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let rune = self.peek()?;
        self.position += rune.len_utf8();
        Some(rune)
    }

    fn accept(&mut self, any_of: &str) -> bool {
        let found = self.peek().filter(|&rune| any_of.contains(rune));
        self.position += found.map_or(0, char::len_utf8);
        found.is_some()
    }

    fn take_while(&mut self, taken: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.position += rest.find(|rune| !taken(rune)).unwrap_or(rest.len());
    }

    fn emit(&mut self, kind: Kind) {
        let text = Cow::Borrowed(&self.text[self.start..self.position]);
        self.tokens.push(Token { kind, position: self.start, line: self.line, text });
        self.ignore();
    }

    /// Starts the next token here.
    fn ignore(&mut self) {
        self.line += self.text[self.start..self.position].matches('\n').count();
        self.start = self.position;
    }
}

fn is_space(rune: char) -> bool {
    SPACES.contains(&rune)
}

fn is_name(rune: char) -> bool {
    match rune {
        _ if rune.is_ascii() => rune == '_' || rune.is_ascii_alphanumeric(),
        _ => rune::is_letter(rune) || rune::is_digit(rune),
    }
}
