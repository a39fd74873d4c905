//! What Go's package `unicode` says of a character: its category, its capital, small and title forms.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

/// A general category as the ranges of its characters, in the version of Unicode that Go has.
struct Category(LazyLock<Vec<(char, char)>>);

impl Category {
    const fn new(load: fn() -> Vec<(char, char)>) -> Category {
        Category(LazyLock::new(load))
    }

    fn has(&self, rune: char) -> bool {
        let at = self.0.partition_point(|&(_, last)| last < rune);
        self.0.get(at).is_some_and(|&(first, _)| first <= rune)
    }
}

fn ranges(categories: &str) -> Vec<(char, char)> {
    let hir = regex_syntax::parse(&format!(r"[{categories}&&\p{{age=15.0}}]")).expect("a fixed class");
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            class.ranges().iter().map(|range| (range.start(), range.end())).collect()
        }
        other => unreachable!("a class of many characters, not {other:?}"),
    }
}

static UPPER: Category = Category::new(|| ranges(r"\p{Lu}"));
static LOWER: Category = Category::new(|| ranges(r"\p{Ll}"));
static TITLE: Category = Category::new(|| ranges(r"\p{Lt}"));
static LETTER: Category = Category::new(|| ranges(r"\pL"));
static DIGIT: Category = Category::new(|| ranges(r"\p{Nd}"));
static NUMBER: Category = Category::new(|| ranges(r"\pN"));
static PUNCTUATION: Category = Category::new(|| ranges(r"\pP"));
static PRINTABLE: Category = Category::new(|| ranges(r"[\pL\pM\pN\pP\pS]"));
static ASSIGNED: Category = Category::new(|| ranges(r"\p{Any}"));

pub(super) fn is_upper(rune: char) -> bool {
    UPPER.has(rune)
}

pub(super) fn is_lower(rune: char) -> bool {
    LOWER.has(rune)
}

pub(super) fn is_title(rune: char) -> bool {
    TITLE.has(rune)
}

pub(super) fn is_letter(rune: char) -> bool {
    LETTER.has(rune)
}

/// A digit of a decimal number in any script.
pub(super) fn is_digit(rune: char) -> bool {
    DIGIT.has(rune)
}

pub(super) fn is_number(rune: char) -> bool {
    NUMBER.has(rune)
}

pub(super) fn is_punctuation(rune: char) -> bool {
    PUNCTUATION.has(rune)
}

/// Whether Go prints the character as it is: letters, marks, numbers, punctuation, symbols, and the ASCII space.
pub(super) fn is_printable(rune: char) -> bool {
    if rune.is_ascii() { (' '..='~').contains(&rune) } else { PRINTABLE.has(rune) }
}

pub(super) fn upper(rune: char) -> char {
    match rune {
        _ if rune.is_ascii() => rune.to_ascii_uppercase(),
        // Greek with iota below: the capital letter of one character is the title form.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => shifted(rune, 8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => shifted(rune, 9),
        _ => single(rune.to_uppercase(), rune),
    }
}

pub(super) fn lower(rune: char) -> char {
    match rune {
        _ if rune.is_ascii() => rune.to_ascii_lowercase(),
        '\u{130}' => 'i',
        _ => single(rune.to_lowercase(), rune),
    }
}

/// Letters that are two in one have a third form, capital then small; Georgian letters have no capitals in titles.
pub(super) fn title(rune: char) -> char {
    match rune {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10ff}' => rune,
        _ => upper(rune),
    }
}

fn shifted(rune: char, by: u32) -> char {
    char::from_u32(u32::from(rune) + by).unwrap_or(rune)
}

/// The one character of the mapping, if Go's version of Unicode has it; the character itself when there are more.
fn single(mut mapped: impl Iterator<Item = char>, rune: char) -> char {
    let only = mapped.next().filter(|_| mapped.next().is_none());
    only.filter(|&only| only == rune || (ASSIGNED.has(only) && ASSIGNED.has(rune))).unwrap_or(rune)
}
