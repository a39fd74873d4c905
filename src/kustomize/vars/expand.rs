//! Puts values into texts: `$(NAME)` stands for a variable, `$$` for one `$`.

use base64::prelude::{BASE64_STANDARD, Engine};

use super::{Value, Values};
use crate::kustomize::error::Error;
use crate::kustomize::field_path::rewrite_items;
use crate::object::{Mapping, Node, Scalar, Tag};

/// A field: a text, a list of texts, or a mapping some of whose values are texts.
pub(super) fn node(node: &Node, values: &Values) -> Result<Option<Node>, Error> {
    match node {
        Node::Scalar(_) => Ok(string(node).and_then(|text| scalar(text, values))),
        Node::Mapping(fields) => mapping(fields, values),
        Node::Sequence(items) => rewrite_items(items, |item| match string(item) {
            Some(text) => Ok(scalar(text, values)),
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
        if let Some(value) = string(value).and_then(|text| scalar(text, values)) {
            changed.get_or_insert_with(|| fields.clone()).entries_mut()[at].1 = value;
        }
    }
    Ok(changed.map(Node::from))
}

fn string(node: &Node) -> Option<&Scalar> {
    node.as_scalar().filter(|scalar| scalar.tag == Tag::Str)
}

/// The text expanded; a variable alone gives its value with its type.
fn scalar(text: &Scalar, values: &Values) -> Option<Node> {
    if !text.text.contains('$') {
        return None;
    }
    let expanded = match whole(&text.text).and_then(|name| values.get(name)) {
        Some(value) => value.whole()?.clone(),
        None => Scalar::string(expand(&text.text, values)),
    };
    (expanded != *text).then(|| text.become_like(&expanded).at(text.place).into())
}

/// The variable that the text consists of.
fn whole(text: &str) -> Option<&str> {
    text.strip_prefix("$(")?.strip_suffix(')').filter(|name| !name.contains(')'))
}

fn expand(text: &str, values: &Values) -> String {
    let mut expanded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| byte == b'$') {
        let (before, from) = rest.split_at(at);
        expanded.extend_from_slice(before);
        let read = one(text, text.len() - from.len(), values, &mut expanded);
        rest = &from[read..];
    }
    expanded.extend_from_slice(rest);
    // Go writes text that is not UTF-8 any more as YAML's binary.
    String::from_utf8(expanded).unwrap_or_else(|error| BASE64_STANDARD.encode(error.as_bytes()))
}

/// Expands what begins with the `$` at `start`; gives how many bytes that was.
fn one(text: &str, start: usize, values: &Values, expanded: &mut Vec<u8>) -> usize {
    let after = &text.as_bytes()[start + 1..];
    match after.first() {
        None | Some(b'$') => {
            expanded.push(b'$');
            1 + after.len().min(1)
        }
        Some(b'(') => match after.iter().position(|&byte| byte == b')') {
            Some(end) => {
                expanded.extend_from_slice(variable(&text[start..start + end + 2], values).as_bytes());
                end + 2
            }
            None => {
                expanded.extend_from_slice(b"$(");
                2
            }
        },
        // kustomize takes the byte behind the `$` for a character of its own, and so makes two bytes of é.
        Some(&byte) => {
            expanded.extend_from_slice(format!("${}", char::from(byte)).as_bytes());
            2
        }
    }
}

/// The value of `$(NAME)` amid text; without one it stays.
fn variable<'t>(reference: &'t str, values: &'t Values) -> &'t str {
    values.get(&reference[2..reference.len() - 1]).and_then(Value::part).unwrap_or(reference)
}
