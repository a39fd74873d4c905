//! What the way through JSON leaves of an object: kustomize writes it as JSON for a JSON patch, and reads it back.
//!
//! Every number becomes a float of 64 bits and is written as Go writes one (`1e+06`); a date becomes a text, quotes are
//! those that are needed, and nulls have a text. Later steps see all that: a replacement copies the text of a number.

use crate::object::{Mapping, Node, Scalar, Style, Tag};
use crate::yaml::{Dialect, general, json, plain, resolve};

use crate::kustomize::error::Error;

/// The object as it comes back from JSON. As deep as the node is nested, which its reader bounds.
pub(super) fn settled(node: &Node) -> Result<Node, Error> {
    Ok(match node {
        Node::Scalar(scalar) => self::scalar(scalar)?.at(scalar.place).into(),
        Node::Sequence(items) => Node::sequence(items.iter().map(settled).collect::<Result<_, _>>()?),
        Node::Mapping(fields) => {
            // It comes back in lines, but for the brackets and braces of what is empty.
            let field = |(key, value): (&Scalar, &Node)| {
                let has_flow_list = value.as_sequence().is_some_and(<[Node]>::is_empty);
                Ok((Scalar { has_flow_list, ..key.clone() }, settled(value)?))
            };
            let mut settled = fields.iter().map(field).collect::<Result<Mapping, Error>>()?;
            settled.set_flow(fields.is_empty());
            settled.into()
        }
    })
}

fn scalar(scalar: &Scalar) -> Result<Scalar, Error> {
    match scalar.tag {
        Tag::Null if scalar.style == Style::Plain && !scalar.text.is_empty() => return Ok(Scalar::null()),
        // A folded text comes back as another one.
        Tag::Str if scalar.style != Style::Folded => return Ok(written(scalar.text.clone())),
        _ => {}
    }
    let refused = |text: &str| Error::new(format!("{text:?} cannot go through JSON, which a JSON patch needs"));
    let text = json(&scalar.clone().into()).map_err(|cause| refused(&scalar.text).caused_by(cause))?;
    match scalar.tag {
        Tag::Int | Tag::Float => {
            let number = text.parse().map_err(|cause| refused(&scalar.text).caused_by(cause))?;
            Ok(plain(general(number), Dialect::Resource))
        }
        Tag::Str | Tag::Timestamp | Tag::Binary | Tag::Null if text.starts_with('"') => {
            let value: String = serde_json::from_str(&text).map_err(|cause| refused(&scalar.text).caused_by(cause))?;
            Ok(written(value.into()))
        }
        _ => Ok(Scalar::new(text, scalar.tag)),
    }
}

/// A string in the quotes that it needs.
fn written(text: std::sync::Arc<str>) -> Scalar {
    let reads_as_string = |dialect| resolve(&text, dialect) == Tag::Str;
    let style = match () {
        () if text.contains('\n') => Style::Literal,
        () if reads_as_string(Dialect::Resource) && reads_as_string(Dialect::Kustomization) => Style::Plain,
        () => Style::DoubleQuoted,
    };
    Scalar { style, ..Scalar::new(text, Tag::Str) }
}
