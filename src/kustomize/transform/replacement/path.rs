//! The path of a field in a replacement: `spec.template.spec.containers.[name=web].image`.
//!
//! Takes texts and nodes; gives the parts of a path, and the value that a source's path leads to. Where a target's path
//! leads is told by `find`: kustomize reads the two by different rules.

use crate::kustomize::error::Error;
use crate::kustomize::field;
use crate::object::{Mapping, Node};

/// The most parts of a path: more than any object is nested.
const PARTS_MAX: usize = 250;

/// The parts of a path: split at dots, but not at `\.` and inside of brackets. Brackets around a name go.
pub(super) fn split(path: &str) -> Result<Vec<String>, Error> {
    let mut parts = Vec::new();
    let mut pieces = field::split(path, '.').into_iter();
    while let Some(mut piece) = pieces.next() {
        if piece.starts_with('[') && !piece.ends_with(']') {
            for next in pieces.by_ref() {
                piece.push('.');
                piece.push_str(&next);
                if next.ends_with(']') {
                    break;
                }
            }
            if !piece.contains('=') {
                piece = piece.trim_matches(['[', ']']).to_owned();
            }
        }
        parts.push(piece);
    }
    if parts.len() > PARTS_MAX {
        return Err(Error::new(format!("the path has more than {PARTS_MAX} parts")));
    }
    Ok(parts)
}

/// The value of a source and its position: indices, `-` for the last item, `[name=web]` for the first item with exactly
/// that text. An error where the node cannot have such a part.
pub(super) fn look_up<'n>(node: &'n Node, parts: &[String]) -> Result<Option<(Vec<usize>, &'n Node)>, Error> {
    let (mut at, mut node) = (Vec::new(), node);
    for part in parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        let Some((position, next)) = look_up_part(node, part)? else { return Ok(None) };
        at.push(position);
        node = next;
    }
    Ok(Some((at, node)))
}

/// One part of [`look_up`].
pub(in crate::kustomize::transform) fn look_up_part<'n>(
    node: &'n Node,
    part: &str,
) -> Result<Option<(usize, &'n Node)>, Error> {
    match part.parse::<i64>() {
        Ok(index) => {
            let index = usize::try_from(index).map_err(|_| Error::new(format!("the index {part} is negative")))?;
            return Ok(items(node, part)?.get(index).map(|item| (index, item)));
        }
        Err(_) if part == "*" => return Err(Error::new("a wildcard leads to no single field")),
        Err(_) => {}
    }
    if part == "-" {
        let last = items(node, part)?.iter().enumerate().next_back();
        return last.map(Some).ok_or_else(|| Error::new("the list is empty"));
    }
    if is_match(part) {
        let (field, text) = field_and_text(part)?;
        let is_it = |item: &Node| if field.is_empty() { text_of(item) == text } else { has(item, field, text) };
        return Ok(items(node, part)?.iter().enumerate().find(|(_, item)| is_it(item)));
    }
    if node.is_null() { Ok(None) } else { Ok(entry(mapping(node, part)?, part)) }
}

fn has(item: &Node, field: &str, text: &str) -> bool {
    item.as_mapping().and_then(|item| entry(item, field)).is_some_and(|(_, value)| text_of(value) == text)
}

/// The text of a scalar; none of a list or mapping.
pub(super) fn text_of(node: &Node) -> &str {
    node.text().unwrap_or_default()
}

/// Whether the part selects items of a list by a field.
pub(in crate::kustomize::transform) fn is_match(part: &str) -> bool {
    part.starts_with('[') && part.ends_with(']')
}

pub(super) fn field_and_text(part: &str) -> Result<(&str, &str), Error> {
    let inner = part.strip_suffix(']').unwrap_or(part);
    let inner = inner.strip_prefix('[').unwrap_or(inner);
    inner.split_once('=').ok_or_else(|| Error::new(format!("{part} selects no items: [field=text] does")))
}

pub(super) fn index(part: &str) -> Option<usize> {
    let digits = part.strip_prefix(['+', '-']).unwrap_or(part);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || (part.starts_with('-') && digits.bytes().any(|byte| byte != b'0')) {
        return None;
    }
    digits.parse().ok()
}

/// Null is as good as an empty list.
pub(super) fn items<'n>(node: &'n Node, part: &str) -> Result<&'n [Node], Error> {
    if node.is_null() {
        return Ok(&[]);
    }
    node.as_sequence().ok_or_else(|| Error::new(format!("{part} selects from a list, and there is none")))
}

pub(super) fn mapping<'n>(node: &'n Node, part: &str) -> Result<&'n Mapping, Error> {
    let refuse = || Error::new(format!("there is no mapping where the field {part:?} should be"));
    node.as_mapping().filter(|_| !part.is_empty()).ok_or_else(refuse)
}

/// The last entry with that key, and its position.
pub(super) fn entry<'n>(mapping: &'n Mapping, field: &str) -> Option<(usize, &'n Node)> {
    let mut entries = mapping.iter().enumerate().rev();
    entries.find(|(_, (key, _))| &*key.text == field).map(|(at, (_, value))| (at, value))
}
