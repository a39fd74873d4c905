//! Sprig's functions on capital and small letters, and the spellings of names: camel, snake, kebab.

use std::cell::Cell;

use super::super::limits::BYTES_MADE_A_STEP;
use super::super::rune;
use super::super::text::{Text, runes};
use super::super::value::{Type, Value};
use super::{Args, Failure, Function, check_bytes};

mod name;

const STRING: Type = Type::String;

pub(super) static TABLE: &[Function] = &[
    Function::new("camelcase", &[STRING], |args| Ok(name::pascal(args.text(0).as_bytes()).into())),
    Function::new("initials", &[STRING], |args| Ok(initials(args.text(0)).into())),
    Function::new("kebabcase", &[STRING], |args| separated(args, '-')),
    Function::new("lower", &[STRING], |args| mapped(args.text(0), rune::lower)),
    Function::new("snakecase", &[STRING], |args| separated(args, '_')),
    Function::new("swapcase", &[STRING], |args| {
        spend_again(args)?;
        swap_case(args.text(0))
    }),
    Function::new("title", &[STRING], |args| title(args.text(0))),
    Function::new("untitle", &[STRING], |args| untitle(args.text(0))),
    Function::new("upper", &[STRING], |args| mapped(args.text(0), rune::upper)),
];

/// Counts the bytes of the text once more, for what looks at each of its characters several times.
fn spend_again(args: Args<'_>) -> Result<(), Failure> {
    args.spend(args.text(0).as_bytes().len() / BYTES_MADE_A_STEP)
}

fn separated(args: Args<'_>, connector: char) -> Result<Value, Failure> {
    spend_again(args)?;
    name::separated(args.text(0).as_bytes(), connector)
}

/// Each character by itself, as Go maps it: never one to several.
fn mapped(text: &Text, map: impl Fn(char) -> char) -> Result<Value, Failure> {
    let out: String = runes(text.as_bytes()).map(|(rune, _)| map(rune)).collect();
    check_bytes(out.len())?;
    Ok(out.into())
}

/// Words begin with a capital: what comes after a space or an ASCII sign is the start of a word.
fn title(text: &Text) -> Result<Value, Failure> {
    let before = Cell::new(' ');
    mapped(text, |rune| match before.replace(rune) {
        before if is_separator(before) => rune::title(rune),
        _ => rune,
    })
}

fn is_separator(rune: char) -> bool {
    match rune {
        _ if rune.is_ascii() => !(rune.is_ascii_alphanumeric() || rune == '_'),
        _ => rune.is_whitespace(),
    }
}

/// Words begin with a small letter; only spaces are between words here.
fn untitle(text: &Text) -> Result<Value, Failure> {
    let before = Cell::new(' ');
    mapped(text, |rune| match before.replace(rune) {
        before if before.is_whitespace() => rune::lower(rune),
        _ => rune,
    })
}

/// Capitals become small letters and the other way round; a small letter that begins a word becomes its title form.
fn swap_case(text: &Text) -> Result<Value, Failure> {
    let begins_word = Cell::new(true);
    mapped(text, |rune| {
        let begins = begins_word.replace(false);
        match rune {
            _ if rune::is_upper(rune) || rune::is_title(rune) => rune::lower(rune),
            _ if rune::is_lower(rune) && begins => rune::title(rune),
            _ if rune::is_lower(rune) => rune::upper(rune),
            _ => {
                begins_word.set(rune.is_whitespace());
                rune
            }
        }
    })
}

/// The first byte of each word, as the character of that number: sprig takes bytes for characters here.
fn initials(text: &Text) -> String {
    let mut before = ' ';
    let mut initials = String::new();
    for rune in text.as_bytes().iter().copied().map(char::from) {
        if before.is_whitespace() && !rune.is_whitespace() {
            initials.push(rune);
        }
        before = rune;
    }
    initials
}
