//! The ten characters behind the name of a generated ConfigMap or Secret.
//!
//! Takes the object as it is at the end of a build; gives the characters. Pods that name the object roll when its
//! content changes. The name, labels and annotations do not count.

use sha2::{Digest, Sha256};

use crate::kustomize::error::Error;
use crate::object::{Mapping, Node, Scalar};
use crate::yaml::json;

const CHARACTERS: usize = 10;

/// The suffix of `object`; the algorithm is that of kubectl's `create configmap --append-hash`.
pub(super) fn suffix(object: &Node) -> Result<String, Error> {
    let content = content(object)?;
    let content =
        json(&content.into()).map_err(|error| Error::new("taking the hash of the content").caused_by(error))?;
    let digest = Sha256::digest(content);
    Ok(digest.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).take(CHARACTERS).map(character).collect())
}

/// A hexadecimal digit, unless it could become part of a word or look like another.
fn character(digit: u8) -> char {
    char::from(b"gh2k456789mbcdtf"[usize::from(digit)])
}

fn content(object: &Node) -> Result<Mapping, Error> {
    let kind = object.get("kind").and_then(Node::text).unwrap_or_default();
    let (always, where_there): (&[&str], _) = match kind {
        "ConfigMap" => (&["data"], "binaryData"),
        "Secret" => (&["data", "type"], "stringData"),
        _ => return Err(Error::new(format!("a {kind} has no hash of its content; ConfigMaps and Secrets have"))),
    };
    let mut content = Mapping::default();
    for field in always {
        content.insert(*field, hashed(object.get(field)));
    }
    if let Some(field) = object.get(where_there).filter(|field| field.as_scalar().is_none()) {
        content.insert(where_there, hashed(Some(field)));
    }
    content.insert("kind", Node::string(kind));
    // kustomize looks the name up in a field that no object has.
    content.insert("name", Node::string(""));
    Ok(content)
}

/// A scalar counts by its text, and what should be a mapping but is a list as null.
fn hashed(field: Option<&Node>) -> Node {
    match field {
        None => Node::string(""),
        Some(Node::Scalar(scalar)) => Scalar::string(scalar.text.clone()).into(),
        Some(Node::Sequence(_)) => Node::null(),
        Some(mapping) => mapping.clone(),
    }
}
