//! Reads a pattern by the rules of Go's `regexp/syntax` and writes it for the `regex` crate.
//!
//! Flags are resolved while reading: what comes out carries its own, so no rule of `regex` about their scope matters.

use super::class;
use super::{DEPTH_MAX, Error};

/// Go's limit on a repetition, and on the product of repetitions within each other.
const REPEATS_MAX: u32 = 1000;
const EXCERPT_CHARS_MAX: usize = 40;

pub(super) struct Translated {
    pub(super) pattern: String,
    /// The name of each group, from group 0.
    pub(super) names: Vec<Option<String>>,
}

pub(super) fn translate(pattern: &str) -> Result<Translated, Error> {
    let mut translator = Translator::new(pattern);
    while !translator.rest.is_empty() {
        translator.step()?;
    }
    if !translator.open.is_empty() {
        return Err(syntax_error("missing closing )", pattern));
    }
    Ok(Translated { pattern: translator.out, names: translator.names })
}

pub(super) fn syntax_error(what: &'static str, excerpt: &str) -> Error {
    Error::Syntax { what, excerpt: excerpt.chars().take(EXCERPT_CHARS_MAX).collect() }
}

struct Translator<'p> {
    rest: &'p str,
    out: String,
    names: Vec<Option<String>>,
    flags: Flags,
    open: Vec<Group>,
    /// What a repetition would repeat.
    last: Option<Atom>,
    /// The heaviest of the atoms before the last one in the group being read.
    weights: Weights,
    /// Whether the step before this one read a repetition; another one must not follow.
    is_repeated: bool,
}

#[derive(Clone, Copy, Default)]
struct Flags {
    ignores_case: bool,
    multi_line: bool,
    dot_matches_newline: bool,
    swaps_greed: bool,
}

/// A group whose end is not reached: what is restored there.
struct Group {
    start: usize,
    flags: Flags,
    weights: Weights,
}

/// What was written last.
struct Atom {
    start: usize,
    weights: Weights,
    is_repetition: bool,
}

#[derive(Clone, Copy)]
struct Weights {
    /// The largest product of repetitions within each other.
    repeats: u32,
    depth: usize,
}

impl Weights {
    const LIGHT: Self = Self { repeats: 1, depth: 0 };

    fn max(self, other: Self) -> Self {
        Self { repeats: self.repeats.max(other.repeats), depth: self.depth.max(other.depth) }
    }
}

/// How often the last atom is repeated: the operator as `regex` writes it too, and its bounds if it counts.
struct Repetition<'p> {
    operator: &'p str,
    counted: Option<(u32, Option<u32>)>,
}

impl<'p> Translator<'p> {
    fn new(pattern: &'p str) -> Self {
        Self {
            rest: pattern,
            out: String::new(),
            names: vec![None],
            flags: Flags::default(),
            open: Vec::new(),
            last: None,
            weights: Weights::LIGHT,
            is_repeated: false,
        }
    }

    /// Reads one thing.
    fn step(&mut self) -> Result<(), Error> {
        if let Some(repetition) = self.read_repetition()? {
            self.repeat(&repetition)?;
            self.is_repeated = true;
            return Ok(());
        }
        self.is_repeated = false;
        match self.rest.as_bytes()[0] {
            b'(' => self.open_group(),
            b')' => self.close_group(),
            b'|' => self.alternative(),
            b'\\' => self.escape(),
            b'[' => self.class(),
            b'^' => self.fixed(if self.flags.multi_line { "(?m:^)" } else { r"\A" }),
            b'$' => self.fixed(if self.flags.multi_line { "(?m:$)" } else { r"\z" }),
            b'.' => self.fixed(if self.flags.dot_matches_newline { "(?s:.)" } else { "." }),
            _ => self.literal(),
        }
    }

    fn fixed(&mut self, translated: &str) -> Result<(), Error> {
        self.rest = &self.rest[1..];
        self.push(translated);
        Ok(())
    }

    fn literal(&mut self) -> Result<(), Error> {
        let mut chars = self.rest.chars();
        if let Some(c) = chars.next() {
            self.rest = chars.as_str();
            self.push_cased(&class::single(c.into()));
        }
        Ok(())
    }

    fn class(&mut self) -> Result<(), Error> {
        let (class, rest) = class::bracketed(self.rest)?;
        self.rest = rest;
        self.push_cased(&class);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Error> {
        let assertion = match self.rest.as_bytes().get(1) {
            Some(b'A') => r"\A",
            Some(b'z') => r"\z",
            Some(b'b') => r"(?-u:\b)",
            Some(b'B') => r"(?-u:\B)",
            Some(b'Q') => return self.quoted(),
            _ => return self.escaped_char(),
        };
        self.rest = &self.rest[2..];
        self.push(assertion);
        Ok(())
    }

    fn escaped_char(&mut self) -> Result<(), Error> {
        let (translated, rest) = match class::escaped(self.rest)? {
            Some(found) => found,
            None => class::escape(self.rest).map(|(code, rest)| (class::single(code), rest))?,
        };
        self.rest = rest;
        self.push_cased(&translated);
        Ok(())
    }

    /// `\Q…\E`, where `\E` may be missing.
    fn quoted(&mut self) -> Result<(), Error> {
        let text = &self.rest[2..];
        let (text, rest) = text.split_once(r"\E").unwrap_or((text, ""));
        for c in text.chars() {
            self.push_cased(&class::single(c.into()));
        }
        self.rest = rest;
        Ok(())
    }

    fn alternative(&mut self) -> Result<(), Error> {
        self.settle();
        self.fixed("|")?;
        self.last = None;
        Ok(())
    }

    fn open_group(&mut self) -> Result<(), Error> {
        if self.rest.starts_with("(?P<") || self.rest.starts_with("(?<") {
            let (name, length) = group_name(self.rest)?;
            self.names.push(Some(name.to_owned()));
            self.begin("(", length)
        } else if self.rest.starts_with("(?") {
            self.set_flags()
        } else {
            self.names.push(None);
            self.begin("(", 1)
        }
    }

    /// `(?flags)` sets them up to the end of the group around it, `(?flags:` for a group of their own.
    fn set_flags(&mut self) -> Result<(), Error> {
        let (flags, end) = self.read_flags()?;
        if self.rest.as_bytes()[end] == b':' {
            self.begin("(?:", end + 1)?;
        } else {
            self.rest = &self.rest[end + 1..];
        }
        self.flags = flags;
        Ok(())
    }

    /// Opens a group whose opening has `length` bytes in the pattern.
    fn begin(&mut self, opening: &str, length: usize) -> Result<(), Error> {
        if self.open.len() >= DEPTH_MAX {
            return Err(Error::TooDeep);
        }
        self.settle();
        self.open.push(Group { start: self.out.len(), flags: self.flags, weights: self.weights });
        self.weights = Weights::LIGHT;
        self.last = None;
        self.out.push_str(opening);
        self.rest = &self.rest[length..];
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), Error> {
        let Some(group) = self.open.pop() else { return Err(syntax_error("unexpected )", self.rest)) };
        self.settle();
        self.out.push(')');
        self.rest = &self.rest[1..];
        let weights = Weights { depth: self.weights.depth + 1, ..self.weights };
        self.flags = group.flags;
        self.weights = group.weights;
        self.last = Some(Atom { start: group.start, weights, is_repetition: false });
        if weights.depth > DEPTH_MAX { Err(Error::TooDeep) } else { Ok(()) }
    }

    /// Flags up to the `:` or `)` that ends them: the new flags, and where they end.
    fn read_flags(&self) -> Result<(Flags, usize), Error> {
        let mut flags = self.flags;
        let (mut is_set, mut is_any_since_sign) = (true, false);
        for (at, b) in self.rest.bytes().enumerate().skip(2) {
            match b {
                b'i' => flags.ignores_case = is_set,
                b'm' => flags.multi_line = is_set,
                b's' => flags.dot_matches_newline = is_set,
                b'U' => flags.swaps_greed = is_set,
                b'-' if is_set => is_set = false,
                b':' | b')' if is_set || is_any_since_sign => return Ok((flags, at)),
                _ => break,
            }
            is_any_since_sign = b != b'-';
        }
        Err(syntax_error(unsupported_group(self.rest), self.rest))
    }

    /// A repetition at the start of what is left. A brace that counts nothing is a literal.
    fn read_repetition(&self) -> Result<Option<Repetition<'p>>, Error> {
        let counted = match self.rest.as_bytes()[0] {
            b'*' | b'+' | b'?' => None,
            b'{' => match counts(self.rest) {
                Some(found) => Some(found),
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        let length = counted.map_or(1, |(length, ..)| length);
        let operator = &self.rest[..length];
        let counted = match counted {
            None => None,
            Some((_, min, max)) => Some(within_limits(min, max).ok_or_else(|| too_often(operator))?),
        };
        Ok(Some(Repetition { operator, counted }))
    }

    fn repeat(&mut self, repetition: &Repetition<'_>) -> Result<(), Error> {
        let operator = repetition.operator;
        if self.is_repeated {
            return Err(syntax_error("a repetition of a repetition", operator));
        }
        let Some(atom) = self.last.take() else {
            return Err(syntax_error("nothing to repeat before", operator));
        };
        let mut weights = atom.weights;
        if atom.is_repetition {
            self.out.insert_str(atom.start, "(?:");
            self.out.push(')');
            weights.depth += 1;
        }
        if let Some((min, max)) = repetition.counted {
            weights.repeats = repeats_within(weights.repeats, min, max);
            if weights.repeats > REPEATS_MAX && (min >= 2 || max.is_some_and(|max| max >= 2)) {
                return Err(too_often(operator));
            }
        }
        self.out.push_str(operator);
        self.rest = &self.rest[operator.len()..];
        let is_marked = self.rest.starts_with('?');
        self.rest = self.rest.strip_prefix('?').unwrap_or(self.rest);
        if is_marked != self.flags.swaps_greed {
            self.out.push('?');
        }
        self.last = Some(Atom { weights, is_repetition: true, ..atom });
        if weights.depth > DEPTH_MAX { Err(Error::TooDeep) } else { Ok(()) }
    }

    fn push_cased(&mut self, translated: &str) {
        if self.flags.ignores_case {
            self.push(&format!("(?i:{translated})"));
        } else {
            self.push(translated);
        }
    }

    fn push(&mut self, translated: &str) {
        self.settle();
        self.last = Some(Atom { start: self.out.len(), weights: Weights::LIGHT, is_repetition: false });
        self.out.push_str(translated);
    }

    /// The last atom can be repeated no more: its weights count in the group from here on.
    fn settle(&mut self) {
        if let Some(atom) = &self.last {
            self.weights = self.weights.max(atom.weights);
        }
    }
}

/// The name in `(?P<name>` or `(?<name>`, and the length of the whole.
fn group_name(rest: &str) -> Result<(&str, usize), Error> {
    let error = || syntax_error(unsupported_group(rest), rest);
    let (opening, after) = rest.split_once('<').ok_or_else(error)?;
    let (name, _) = after.split_once('>').ok_or_else(error)?;
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(error());
    }
    Ok((name, opening.len() + name.len() + 2))
}

/// Go knows none of these; they are called by name, since people try them.
fn unsupported_group(rest: &str) -> &'static str {
    let is = |opening: &str| rest.starts_with(opening);
    if is("(?=") || is("(?!") || is("(?<=") || is("(?<!") {
        "lookahead and lookbehind are not supported"
    } else if is("(?>") || is("(?|") {
        "atomic and branch-reset groups are not supported"
    } else if is("(?P=") {
        "backreferences are not supported"
    } else if is("(?P<") || is("(?<") {
        "invalid group name"
    } else {
        "unknown or incomplete group or flag"
    }
}

/// `{n}`, `{n,}` or `{n,m}` at the start of `rest`: its length and bounds. A number with a leading zero is no number.
fn counts(rest: &str) -> Option<(usize, &str, Option<&str>)> {
    let (inner, _) = rest[1..].split_once('}')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_plain = |text: &str| is_number(text) && (text.len() == 1 || !text.starts_with('0'));
    let (min, max) = match inner.split_once(',') {
        None => (inner, Some(inner)),
        Some((min, "")) => (min, None),
        Some((min, max)) => (min, Some(max)),
    };
    (is_plain(min) && max.is_none_or(is_plain)).then_some((inner.len() + 2, min, max))
}

fn within_limits(min: &str, max: Option<&str>) -> Option<(u32, Option<u32>)> {
    let number = |text: &str| text.parse().ok().filter(|&number: &u32| number <= REPEATS_MAX);
    let min = number(min)?;
    match max {
        None => Some((min, None)),
        Some(max) => number(max).filter(|&max| max >= min).map(|max| (min, Some(max))),
    }
}

fn too_often(operator: &str) -> Error {
    syntax_error("repeated more than 1000 times in all, or from more to less", operator)
}

/// The product of repetitions once something that repeats `inner` times is repeated itself.
fn repeats_within(inner: u32, min: u32, max: Option<u32>) -> u32 {
    match max.unwrap_or(min) {
        0 if max.is_some() => 1,
        times => inner.saturating_mul(times.max(1)),
    }
}
