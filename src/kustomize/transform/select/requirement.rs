//! Kubernetes' label selectors (`app=web,tier in (a, b),!old`), as kustomize reads them for labels and annotations.

use std::iter::Peekable;

use crate::kustomize::error::Error;
use crate::kustomize::resource::metadata::Texts;

/// What labels must be like, all of it.
#[derive(Debug, Default)]
pub(super) struct Requirements(Vec<Requirement>);

#[derive(Debug)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Exists,
    IsMissing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

/// A word, or one of the symbols `( ) , ! = == != < >`; an empty one at the end.
type Token<'t> = &'t str;

const SYMBOLS: [char; 7] = ['=', '!', '(', ')', ',', '>', '<'];

impl Requirements {
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let mut parser = Parser { tokens: tokens(text).into_iter().peekable() };
        parser.requirements().map(Self).map_err(|cause| Error::new(format!("reading {text:?}")).caused_by(cause))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn are_met_by(&self, labels: &Texts) -> bool {
        self.0.iter().all(|requirement| requirement.test.is_met_by(labels.get(&*requirement.key).map(|text| &**text)))
    }
}

impl Test {
    fn is_met_by(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        let is_among = |values: &[String]| value.is_some_and(|value| values.iter().any(|one| one == value));
        match self {
            Self::Exists => value.is_some(),
            Self::IsMissing => value.is_none(),
            Self::In(values) => is_among(values),
            Self::NotIn(values) => !is_among(values),
            Self::Above(bound) => number().is_some_and(|number| number > *bound),
            Self::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

/// Cuts the text into words and symbols.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t', '\r', '\n']);
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '=' | '!' if rest[1..].starts_with('=') => 2,
            symbol if SYMBOLS.contains(&symbol) => 1,
            _ => rest.find(|c| SYMBOLS.contains(&c) || " \t\r\n".contains(c)).unwrap_or(rest.len()),
        };
        let (token, behind) = rest.split_at(end);
        tokens.push(token);
        rest = behind.trim_start_matches([' ', '\t', '\r', '\n']);
    }
    tokens
}

fn is_word(token: Token<'_>) -> bool {
    !token.is_empty() && !token.starts_with(SYMBOLS)
}

struct Parser<'t, I: Iterator<Item = Token<'t>>> {
    tokens: Peekable<I>,
}

impl<'t, I: Iterator<Item = Token<'t>>> Parser<'t, I> {
    fn peek(&mut self) -> Token<'t> {
        self.tokens.peek().copied().unwrap_or_default()
    }

    fn next(&mut self) -> Token<'t> {
        self.tokens.next().unwrap_or_default()
    }

    fn requirements(&mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        if self.peek().is_empty() {
            return Ok(requirements);
        }
        loop {
            requirements.push(self.requirement()?);
            match self.next() {
                "" => return Ok(requirements),
                "," => {}
                other => return Err(unexpected(other, "a comma or the end")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let is_negated = self.peek() == "!";
        if is_negated {
            self.next();
        }
        let key = self.next();
        if !is_key(key) {
            return Err(unexpected(key, "the name of a label"));
        }
        let test = match self.peek() {
            _ if is_negated => Test::IsMissing,
            "" | "," => Test::Exists,
            _ => self.test()?,
        };
        Ok(Requirement { key: key.to_owned(), test })
    }

    fn test(&mut self) -> Result<Test, String> {
        match self.next() {
            "in" => self.values().map(Test::In),
            "notin" => self.values().map(Test::NotIn),
            "=" | "==" => self.value().map(|value| Test::In(vec![value])),
            "!=" => self.value().map(|value| Test::NotIn(vec![value])),
            ">" => self.number().map(Test::Above),
            "<" => self.number().map(Test::Below),
            other => Err(unexpected(other, "one of =, ==, !=, <, >, in and notin")),
        }
    }

    fn value(&mut self) -> Result<String, String> {
        match self.peek() {
            "" | "," => Ok(String::new()),
            _ => label_value(self.next()),
        }
    }

    fn number(&mut self) -> Result<i64, String> {
        let value = self.value()?;
        value.parse().map_err(|_| format!("{value:?} is no integer"))
    }

    /// `(a, b)`, in which values may be empty.
    fn values(&mut self) -> Result<Vec<String>, String> {
        let open = self.next();
        if open != "(" {
            return Err(unexpected(open, "an opening parenthesis"));
        }
        let mut values = Vec::new();
        loop {
            values.push(match self.peek() {
                "," | ")" => String::new(),
                _ => label_value(self.next())?,
            });
            match self.next() {
                ")" => return Ok(values),
                "," => {}
                other => return Err(unexpected(other, "a comma or a closing parenthesis")),
            }
        }
    }
}

fn unexpected(token: Token<'_>, expected: &str) -> String {
    match token {
        "" => format!("it ends where {expected} should be"),
        _ => format!("`{token}` stands where {expected} should be"),
    }
}

fn label_value(word: Token<'_>) -> Result<String, String> {
    if is_word(word) && is_name(word) { Ok(word.to_owned()) } else { Err(unexpected(word, "the value of a label")) }
}

/// `[PREFIX/]NAME`, the prefix a domain.
fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_domain(prefix) && is_name(name),
        None => is_name(key),
    }
}

/// Up to 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends.
fn is_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_outer = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    name.len() <= 63 && name.bytes().all(is_inner) && is_outer(name.bytes().next()) && is_outer(name.bytes().last())
}

fn is_domain(prefix: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('-') && !part.ends_with('-');
    prefix.len() <= 253 && prefix.split('.').all(|part| is_part(part) && part.bytes().all(is_inner))
}
