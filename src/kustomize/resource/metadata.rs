//! Reading and writing the fields of `metadata`, as kustomize does: labels and annotations are texts, a map that gets
//! empty goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};

use super::written;
use crate::object::{Mapping, Node, Scalar, Style};
use crate::yaml::{Dialect, plain};

/// The characters of a line of base64.
const BASE64_LINE: usize = 70;

/// A map of texts, such as labels or `data`.
pub(in crate::kustomize) type Texts = BTreeMap<Arc<str>, Arc<str>>;

/// The texts of the map `field` of `metadata`; none where there is no map. What is no scalar counts as an empty text.
pub(in crate::kustomize) fn texts(node: &Node, field: &str) -> Texts {
    let fields = node.at(&["metadata", field]).and_then(Node::as_mapping);
    fields.map(|fields| fields.iter().map(|(key, value)| (key.text.clone(), text(value))).collect()).unwrap_or_default()
}

/// The texts of a field of a ConfigMap or Secret: a null is an empty one there.
pub(in crate::kustomize) fn data(node: &Node, field: &str) -> Texts {
    let value = |value: &Node| if value.is_null() { "".into() } else { text(value) };
    let fields = node.get(field).and_then(Node::as_mapping);
    fields.map(|fields| fields.iter().map(|(key, own)| (key.text.clone(), value(own))).collect()).unwrap_or_default()
}

/// Bytes as the `data` of a Secret has them: what is longer than a line is broken into lines.
pub(in crate::kustomize) fn base64_lines(bytes: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(bytes);
    if encoded.len() < BASE64_LINE {
        return encoded;
    }
    let mut rest = &*encoded;
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / BASE64_LINE + 1);
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(BASE64_LINE));
        lines.extend([line, "\n"]);
        rest = after;
    }
    lines
}

/// Replaces the map `field` of `metadata`, which is made where it is missing.
pub(in crate::kustomize) fn set_in_metadata(node: &mut Node, field: &str, texts: Texts) {
    let Some(fields) = node.as_mapping_mut() else { return };
    if fields.get("metadata").is_none_or(Node::is_null) {
        fields.insert("metadata", Mapping::default().into());
    }
    if let Some(metadata) = node.get_mut("metadata") {
        set_texts(metadata, field, texts);
    }
}

/// Replaces the map `field`. Its keys are without quotes from then on, and `true` is no string: kustomize refuses it.
pub(super) fn set_texts(node: &mut Node, field: &str, texts: Texts) {
    let Some(fields) = node.as_mapping_mut() else { return };
    fields.remove(field);
    if !texts.is_empty() {
        let entries =
            texts.into_iter().map(|(key, value)| (plain(key, Dialect::Resource), written::string(value).into()));
        fields.insert(field, entries.collect::<Mapping>().into());
    }
}

/// The annotations, which are made where they are missing.
pub(in crate::kustomize) fn made_annotations(node: &mut Node) -> Option<&mut Mapping> {
    let metadata = node.get_mut("metadata")?.as_mapping_mut()?;
    if metadata.get("annotations").is_none_or(|annotations| annotations.as_mapping().is_none()) {
        metadata.insert("annotations", Mapping::default().into());
    }
    metadata.get_mut("annotations")?.as_mapping_mut()
}

/// The text of a scalar as it is written; a null written as nothing is empty.
fn text(value: &Node) -> Arc<str> {
    value.as_scalar().map_or_else(|| "".into(), |scalar| scalar.text.clone())
}

pub(in crate::kustomize) fn set_name(node: &mut Node, name: &str) {
    set_scalar(node, "name", name);
}

/// An empty namespace takes the field away.
pub(super) fn set_namespace(node: &mut Node, namespace: &str) {
    if namespace.is_empty() {
        if let Some(metadata) = node.get_mut("metadata").and_then(Node::as_mapping_mut) {
            metadata.remove("namespace");
        }
    } else {
        set_scalar(node, "namespace", namespace);
    }
}

/// A name that kustomize sets has no type; quotes that it had stay.
fn set_scalar(node: &mut Node, field: &str, text: &str) {
    let Some(metadata) = node.get_mut("metadata").and_then(Node::as_mapping_mut) else { return };
    let value = match metadata.get(field).and_then(Node::as_scalar).map(|old| old.style) {
        None | Some(Style::Plain) => Scalar { is_untyped: true, ..plain(text, Dialect::Resource) },
        Some(style) => Scalar { style, ..Scalar::string(text) },
    };
    metadata.insert(field, value.into());
}
