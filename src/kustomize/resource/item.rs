//! What the item of a List is once it stands alone: kustomize writes it as JSON and reads that as YAML.
//!
//! Takes the item; gives it with every string in quotes, numbers as Go writes them, and values that are not written as
//! nulls that are. How a text was folded is gone, and so are comments.

use crate::kustomize::error::Error;
use crate::object::{Mapping, Node, Scalar, Style, Tag};
use crate::yaml::{Dialect, json, plain, resolve};

/// The item as it comes back. As deep as it is nested, which its reader has bounded.
pub(super) fn through_json(node: &Node) -> Result<Node, Error> {
    Ok(match node {
        Node::Scalar(scalar) => self::scalar(scalar)?.at(scalar.place).into(),
        Node::Sequence(items) => Node::sequence(items.iter().map(through_json).collect::<Result<_, _>>()?),
        Node::Mapping(fields) => fields
            .iter()
            .map(|(key, value)| Ok((self::key(key)?, through_json(value)?)))
            .collect::<Result<Mapping, Error>>()?
            .into(),
    })
}

fn key(key: &Scalar) -> Result<Scalar, Error> {
    match key.tag {
        Tag::Str => Ok(quoted(&key.text).at(key.place)),
        _ => Err(Error::new(format!("the key {} is not a string", key.text)).on_line(key.place.line)),
    }
}

fn scalar(scalar: &Scalar) -> Result<Scalar, Error> {
    // Within brackets a timestamp was left as it is written.
    let is_plain = scalar.style == Style::Plain && scalar.tag == Tag::Str;
    let tag = if is_plain { timestamp_or_text(&scalar.text) } else { scalar.tag };
    match tag {
        Tag::Str => return Ok(quoted(&scalar.text)),
        Tag::Null => return Ok(Scalar::null()),
        _ => {}
    }
    let refused = || Error::new(format!("{:?} cannot go through JSON, as the items of a List do", scalar.text));
    let typed = Scalar { tag, ..scalar.clone() };
    let text = json(&typed.into()).map_err(|cause| refused().on_line(scalar.place.line).caused_by(cause))?;
    match tag {
        Tag::Int | Tag::Float | Tag::Bool => Ok(plain(text, Dialect::Resource)),
        _ => {
            let text: String = serde_json::from_str(&text).map_err(|cause| refused().caused_by(cause))?;
            Ok(quoted(&text))
        }
    }
}

fn timestamp_or_text(text: &str) -> Tag {
    if resolve(text, Dialect::Resource) == Tag::Timestamp { Tag::Timestamp } else { Tag::Str }
}

fn quoted(text: &str) -> Scalar {
    Scalar { style: Style::DoubleQuoted, ..Scalar::string(text) }
}
