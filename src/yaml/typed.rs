//! What a scalar of a document is, by its explicit tag or by what it looks like, and what becomes of a key.
//!
//! Takes what the parser says of a scalar; gives its tag, or refuses a tag that its text does not fit.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use granit_parser::{ScalarStyle, Tag as Written};

use super::fields::Key;
use super::scalar::{Dialect, Number, accepts, boolean, number, resolve};
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
    // A null without a text is one that is not written, in a flow mapping.
    if tag == Tag::Null && text.is_empty() {
        return Ok((tag, Some("null".to_owned())));
    }
    if dialect != Dialect::Kustomization || tag == Tag::Str {
        return Ok((tag, None));
    }
    let scalar = Scalar::new(text, tag);
    match (tag, number(&scalar)) {
        (Tag::Bool, _) => Ok((tag, boolean(&scalar).map(|truth| truth.to_string()))),
        (_, Some(Number::Int(value))) => Ok((tag, Some(value.to_string()))),
        (_, Some(Number::Uint(value))) => Ok((tag, Some(value.to_string()))),
        (_, Some(Number::Float(value))) if !value.is_finite() => Err(format!("`{text}` is no value of JSON")),
        (Tag::Timestamp, _) => Ok((Tag::Str, None)),
        (Tag::Binary, _) => decoded(text).map(|text| (Tag::Str, Some(text))),
        _ => Ok((tag, None)),
    }
}

/// What a node becomes as a key. `is_outermost`: in the mapping that is the document.
pub(super) fn key(node: Node, dialect: Dialect, is_outermost: bool) -> Result<Key, String> {
    let Node::Scalar(key) = node else { return Err("a mapping or a list cannot be a key".to_owned()) };
    if &*key.text == "<<" && key.style == Style::Plain {
        return Ok(Key::Merge);
    }
    match (key.tag, dialect) {
        (Tag::Str, _) => Ok(Key::Field(key)),
        // The reader of resources minds only further inside, where kustomize's conversion to JSON does.
        (Tag::Null, _) => Err("null cannot be a key".to_owned()),
        (_, Dialect::Resource | Dialect::Patch) if is_outermost => Ok(Key::Field(Scalar { tag: Tag::Str, ..key })),
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

/// The text that `!!binary` stands for.
fn decoded(base64: &str) -> Result<String, String> {
    let bytes = BASE64.decode(base64.replace(['\r', '\n'], "")).map_err(|error| format!("reading base64: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
