//! The order of keys: natural, `b9` before `b10`, as Go's `yaml.v2` sorts them.
//!
//! Letters come by code point and after everything else. Runs of digits count as numbers. The order is not transitive
//! (`a10`, `a1b`, `a2` and `a10` follow one another), so sorting goes by a way of its own that bears with that.

use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::Regex;

use crate::object::{Mapping, Node, Scalar};

use super::{EmitError, Problem};

type Entry<'a> = (&'a Scalar, &'a Node);

/// Up to so many entries are sorted by insertion.
const INSERTION_MAX: usize = 16;

pub(super) fn is_sorted(mapping: &Mapping) -> Result<bool, EmitError> {
    let mut keys = mapping.iter().map(|(key, _)| key);
    let Some(mut before) = keys.next() else { return Ok(true) };
    for key in keys {
        match compare(&before.text, &key.text) {
            Ordering::Less => before = key,
            Ordering::Equal => return Err(twice(key)),
            Ordering::Greater => return Ok(false),
        }
    }
    Ok(true)
}

pub(super) fn sorted(mapping: &Mapping) -> Result<Vec<Entry<'_>>, EmitError> {
    let sorted = merge_sort(mapping.iter().collect());
    match sorted.windows(2).find(|pair| pair[0].0.text == pair[1].0.text) {
        Some(pair) => Err(twice(pair[1].0)),
        None => Ok(sorted),
    }
}

fn twice(key: &Scalar) -> EmitError {
    Problem::KeyTwice(key.text.to_string()).at(key)
}

// The sort of the standard library may panic on an order that is not transitive.
fn merge_sort(mut entries: Vec<Entry<'_>>) -> Vec<Entry<'_>> {
    if entries.len() <= INSERTION_MAX {
        insertion_sort(&mut entries);
        return entries;
    }
    let right = merge_sort(entries.split_off(entries.len() / 2));
    merge(merge_sort(entries), right)
}

fn insertion_sort(entries: &mut [Entry<'_>]) {
    for sorted in 1..entries.len() {
        let places = (0..sorted).rev();
        let smaller = places.take_while(|&at| is_before(entries[sorted], entries[at])).count();
        entries[sorted - smaller..=sorted].rotate_right(1);
    }
}

fn merge<'a>(left: Vec<Entry<'a>>, right: Vec<Entry<'a>>) -> Vec<Entry<'a>> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(&first), Some(&second)) = (left.peek(), right.peek()) {
        let smaller = if is_before(second, first) { &mut right } else { &mut left };
        merged.extend(smaller.next());
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

fn is_before(left: Entry<'_>, right: Entry<'_>) -> bool {
    compare(&left.0.text, &right.0.text) == Ordering::Less
}

fn compare(left: &str, right: &str) -> Ordering {
    let same = common_prefix(left, right);
    let (Some(a), Some(b)) = (left[same..].chars().next(), right[same..].chars().next()) else {
        return left.len().cmp(&right.len());
    };
    match (is_letter(a), is_letter(b)) {
        (true, true) => a.cmp(&b),
        (false, false) => {
            // Digits that differ in a zero stand in a longer number, unless only zeros come before them.
            let digits = left[..same].chars().rev().take_while(|&c| is_digit(c));
            let is_inside = (a == '0' || b == '0') && digits.into_iter().any(|c| c != '0');
            let start = i64::from(is_inside);
            number(&left[same..], start).cmp(&number(&right[same..], start)).then(a.cmp(&b))
        }
        (is_letter, _) => is_letter.cmp(&!is_letter),
    }
}

/// How many bytes of whole characters two texts begin alike with.
fn common_prefix(left: &str, right: &str) -> usize {
    let mut same = left.bytes().zip(right.bytes()).take_while(|(a, b)| a == b).count();
    while !left.is_char_boundary(same) {
        same -= 1;
    }
    same
}

/// The number that `text` begins with, behind the digit `start`, and how many digits it has.
fn number(text: &str, start: i64) -> (i64, usize) {
    let digits = text.chars().take_while(|&c| is_digit(c));
    digits.fold((start, 0), |(value, count), digit| {
        let digit = i64::from(u32::from(digit)) - i64::from(u32::from('0'));
        // Go lets long numbers overflow.
        (value.wrapping_mul(10).wrapping_add(digit), count + 1)
    })
}

fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { belongs(c, &LETTER) }
}

fn is_digit(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { belongs(c, &DIGIT) }
}

static LETTER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\p{L}").expect("a constant"));
static DIGIT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\p{Nd}").expect("a constant"));

fn belongs(c: char, class: &Regex) -> bool {
    class.is_match(c.encode_utf8(&mut [0; 4]))
}
