//! Go's strings: bytes that are usually, but not always, UTF-8. Functions that count bytes may cut a character in two,
//! and what is left is printed as it is.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A Go string. Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<[u8]>);

impl Text {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is no other clone.
    pub(super) fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// The text with U+FFFD in place of what is not UTF-8.
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Text {
        Text(Arc::from(bytes))
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Text {
        Text(Arc::from(bytes))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text(Arc::from(text.as_bytes()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text(Arc::from(text.into_bytes()))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_str_lossy())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_str_lossy())
    }
}

/// The characters of `bytes` with their widths; each byte that starts no character is U+FFFD of width 1.
pub(super) fn runes(bytes: &[u8]) -> impl Iterator<Item = (char, usize)> + '_ {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (rune, width) = first_rune(rest)?;
        rest = &rest[width..];
        Some((rune, width))
    })
}

/// How many characters `bytes` has, as Go's `utf8.RuneCount` counts.
pub(super) fn rune_count(bytes: &[u8]) -> usize {
    if bytes.is_ascii() { bytes.len() } else { runes(bytes).count() }
}

/// The length in bytes of the first `count` characters.
pub(super) fn prefix_width(bytes: &[u8], count: usize) -> usize {
    runes(bytes).take(count).map(|(_, width)| width).sum()
}

/// The first character and its width; none when there is no byte left.
pub(super) fn first_rune(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    if first.is_ascii() {
        return Some((char::from(first), 1));
    }
    let window = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(window) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&window[..error.valid_up_to()]).unwrap_or_default(),
    };
    Some(valid.chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |rune| (rune, rune.len_utf8())))
}

/// The last character and its width; none when there is no byte left.
fn last_rune(bytes: &[u8]) -> Option<(char, usize)> {
    let widths = 1..=bytes.len().min(4);
    let whole = widths.rev().find_map(|width| {
        let found = first_rune(&bytes[bytes.len() - width..])?;
        (found.1 == width).then_some(found)
    });
    whole.or_else(|| (!bytes.is_empty()).then_some((char::REPLACEMENT_CHARACTER, 1)))
}

pub(super) fn trim_start(mut bytes: &[u8], drop: impl Fn(char) -> bool) -> &[u8] {
    while let Some((rune, width)) = first_rune(bytes) {
        if !drop(rune) {
            break;
        }
        bytes = &bytes[width..];
    }
    bytes
}

pub(super) fn trim_end(mut bytes: &[u8], drop: impl Fn(char) -> bool) -> &[u8] {
    while let Some((rune, width)) = last_rune(bytes) {
        if !drop(rune) {
            break;
        }
        bytes = &bytes[..bytes.len() - width];
    }
    bytes
}

/// Where `needle` stands in `bytes`, from the left, without overlap. An empty needle stands before every character and
/// at the end. Takes time in the order of both lengths together, whatever they hold.
pub(super) fn occurrences(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    if needle.is_empty() {
        let starts = runes(bytes).scan(0, |at, (_, width)| Some(std::mem::replace(at, *at + width)));
        return starts.chain([bytes.len()]).collect();
    }
    if let (Ok(text), Ok(needle)) = (std::str::from_utf8(bytes), std::str::from_utf8(needle)) {
        return text.match_indices(needle).map(|(at, _)| at).collect();
    }
    // One character for each byte, so that the linear search of `str` serves for any bytes.
    let widened: String = bytes.iter().copied().map(char::from).collect();
    let needle: String = needle.iter().copied().map(char::from).collect();
    let mut counted = (0, 0);
    let narrow = |(at, _): (usize, &str)| {
        counted = (at, counted.1 + widened[counted.0..at].chars().count());
        counted.1
    };
    widened.match_indices(&needle).map(narrow).collect()
}
