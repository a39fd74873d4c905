//! Puts values into texts: `$(NAME)` stands for a variable, `$$` for one `$`.

use base64::prelude::{BASE64_STANDARD, Engine};

use super::value::Values;
use crate::kustomize::error::Error;
use crate::kustomize::field::rewrite_items;
use crate::object::{Mapping, Node, Scalar, Style, Tag};

/// A field: a text, a list of texts, or a mapping some of whose values are texts.
pub(super) fn node(node: &Node, values: &Values) -> Result<Option<Node>, Error> {
    match node {
        Node::Scalar(_) => string(node).map_or(Ok(None), |text| scalar(text, values)),
        Node::Mapping(fields) => mapping(fields, values),
        Node::Sequence(items) => rewrite_items(items, |item| match string(item) {
            Some(text) => scalar(text, values),
            None => Err(Error::new("an item of the list is not a string")),
        }),
    }
}

fn mapping(fields: &Mapping, values: &Values) -> Result<Option<Node>, Error> {
    if let Some((key, _)) = fields.iter().find(|(key, _)| key.tag != Tag::Str) {
        return Err(Error::new(format!("the key {} is not a string", key.text)));
    }
    let mut changed: Option<Mapping> = None;
    for (at, (_, value)) in fields.iter().enumerate() {
        if let Some(value) = string(value).map_or(Ok(None), |text| scalar(text, values))? {
            changed.get_or_insert_with(|| fields.clone()).entries_mut()[at].1 = value;
        }
    }
    Ok(changed.map(Node::from))
}

/// A text, or what was made without a type.
fn string(node: &Node) -> Option<&Scalar> {
    node.as_scalar().filter(|scalar| scalar.tag == Tag::Str || scalar.is_untyped)
}

/// The text expanded; a variable alone gives its value with its type. With variables or without, it is a text from now
/// on if it had no type, and folded no more.
fn scalar(text: &Scalar, values: &Values) -> Result<Option<Node>, Error> {
    let own = || Scalar { tag: Tag::Str, is_untyped: false, ..text.clone() };
    let expanded = match whole(&text.text).and_then(|name| values.get(name)) {
        Some(value) => values.whole(value)?.cloned().unwrap_or_else(own),
        None if text.text.contains('$') => Scalar::string(expand(&text.text, values)?),
        None => own(),
    };
    let is_changed = expanded != *text || text.style == Style::Folded;
    Ok(is_changed.then(|| Scalar { style: Style::Plain, ..text.become_like(&expanded) }.at(text.place).into()))
}

/// The variable that the text consists of.
fn whole(text: &str) -> Option<&str> {
    text.strip_prefix("$(")?.strip_suffix(')').filter(|name| !name.contains(')'))
}

fn expand(text: &str, values: &Values) -> Result<String, Error> {
    let mut expanded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    // Where no bracket closes any more, none is looked for: each `$(` would look through all the rest.
    let last_close = text.rfind(')').unwrap_or_default();
    while let Some(at) = rest.iter().position(|&byte| byte == b'$') {
        let (before, from) = rest.split_at(at);
        expanded.extend_from_slice(before);
        let start = text.len() - from.len();
        let read = match from.get(1) {
            Some(b'(') if start < last_close => variable(&text[start..], values, &mut expanded)?,
            follower => literal(follower, &mut expanded),
        };
        rest = &from[read..];
    }
    expanded.extend_from_slice(rest);
    // Go writes text that is not UTF-8 any more as YAML's binary.
    Ok(String::from_utf8(expanded).unwrap_or_else(|error| BASE64_STANDARD.encode(error.as_bytes())))
}

/// Writes the value of the `$(NAME)` at the head of `text`; without one it stays. Gives its length.
fn variable(text: &str, values: &Values, expanded: &mut Vec<u8>) -> Result<usize, Error> {
    let end = text.find(')').map_or(text.len(), |end| end + 1);
    let reference = &text[..end];
    let value = values.get(&text[2..end - 1]).map(|value| values.part(value)).transpose()?.flatten();
    expanded.extend_from_slice(value.unwrap_or(reference).as_bytes());
    Ok(end)
}

/// Writes a `$` that begins no variable, and what follows it. Gives the length of both.
fn literal(follower: Option<&u8>, expanded: &mut Vec<u8>) -> usize {
    expanded.push(b'$');
    match follower {
        None => 1,
        Some(b'$') => 2,
        Some(&byte) => {
            // kustomize takes the byte behind the `$` for a character of its own, and so makes two bytes of é.
            expanded.extend_from_slice(char::from(byte).to_string().as_bytes());
            2
        }
    }
}
