//! What a scalar of a document is, by its explicit tag or by what it looks like, and what becomes of a key.
//!
//! Takes what the parser says of a scalar; gives its tag, or refuses a tag that its text does not fit.

use granit_parser::{ScalarStyle, Tag as Written};

use super::fields::Key;
use super::scalar::{Dialect, Number, accepts, boolean, number, resolve};
use super::value;
use crate::object::{Node, Scalar, Style, Tag};

const YAML_TAGS: &str = "tag:yaml.org,2002:";

/// The tag of a scalar, and its text where that is not what was written: the reader of kustomization files hands on
/// values, not texts.
pub(super) fn typed(
    written: Option<&Written>,
    text: &str,
    style: ScalarStyle,
    dialect: Dialect,
) -> Result<(Tag, Option<String>), String> {
    let tag = match written {
        Some(written) => explicit(written, text, style, dialect)?,
        None => implicit(text, style, dialect),
    };
    if dialect != Dialect::Kustomization || tag == Tag::Str {
        return Ok((tag, None));
    }
    let scalar = Scalar::new(text, tag);
    match (tag, number(&scalar)) {
        (Tag::Null, _) if text.is_empty() => Ok((tag, Some("null".to_owned()))),
        (Tag::Bool, _) => Ok((tag, boolean(&scalar).map(|truth| truth.to_string()))),
        (_, Some(Number::Int(value))) => Ok((tag, Some(value.to_string()))),
        (_, Some(Number::Uint(value))) => Ok((tag, Some(value.to_string()))),
        (_, Some(Number::Float(value))) if !value.is_finite() => Err(format!("`{text}` is no value of JSON")),
        (Tag::Timestamp, _) => Ok((Tag::Str, None)),
        (Tag::Binary, _) => match value::binary(text) {
            Some(text) => Ok((Tag::Str, Some(text))),
            None => Err("reading base64".to_owned()),
        },
        _ => Ok((tag, None)),
    }
}

/// What a node becomes as a key. To the reader of resources it stays what it is: kustomize minds a key that is not a
/// string only where it writes it, and one that is null at once.
pub(super) fn key(node: Node, dialect: Dialect, is_outermost: bool) -> Result<Key, String> {
    let Node::Scalar(key) = node else { return Err("a mapping or a list cannot be a key".to_owned()) };
    if &*key.text == "<<" && key.style == Style::Plain {
        return Ok(Key::Merge);
    }
    match (key.tag, dialect) {
        (Tag::Str, _) => Ok(Key::Field(key)),
        (Tag::Null, Dialect::Resource) if is_outermost => Err("null cannot be a key".to_owned()),
        (_, Dialect::Resource) => Ok(Key::Field(key)),
        (Tag::Bool | Tag::Int, Dialect::Kustomization) => Ok(Key::Field(Scalar { tag: Tag::Str, ..key })),
        (tag, _) => Err(format!("the key `{}` is {}, not a string", excerpt(&key.text), named(tag))),
    }
}

fn implicit(text: &str, style: ScalarStyle, dialect: Dialect) -> Tag {
    if style == ScalarStyle::Plain { resolve(text, dialect) } else { Tag::Str }
}

/// A tag that is not one of YAML's own makes a string.
fn explicit(written: &Written, text: &str, style: ScalarStyle, dialect: Dialect) -> Result<Tag, String> {
    let full = format!("{}{}", written.handle(), written.suffix());
    let tag = match full.strip_prefix(YAML_TAGS) {
        // `yaml.v3` takes no notice of the tag that is nothing but its mark.
        None if full == "!" && dialect != Dialect::Kustomization => implicit(text, style, dialect),
        Some("null") => Tag::Null,
        Some("bool") => Tag::Bool,
        Some("int") => Tag::Int,
        Some("float") => Tag::Float,
        Some("timestamp") => Tag::Timestamp,
        Some("binary") => Tag::Binary,
        _ => Tag::Str,
    };
    if accepts(tag, text, dialect) { Ok(tag) } else { Err(format!("`{}` is not {}", excerpt(text), named(tag))) }
}

fn named(tag: Tag) -> &'static str {
    match tag {
        Tag::Null => "null",
        Tag::Bool => "a boolean",
        Tag::Int => "an integer",
        Tag::Float => "a float",
        Tag::Str => "a string",
        Tag::Timestamp => "a timestamp",
        Tag::Binary => "binary",
    }
}

fn excerpt(text: &str) -> String {
    let end = text.char_indices().nth(40).map_or(text.len(), |(at, _)| at);
    format!("{}{}", &text[..end], if end < text.len() { "…" } else { "" })
}
