//! Reading resources: documents with a kind and a name, Lists taken apart.
//!
//! Takes the text of a file, gives its resources. Where such a file carries annotations that kustomize uses for itself,
//! they say what kustomize would take them for.

use std::collections::VecDeque;

use super::Resource;
use super::item::through_json;
use super::traces;
use crate::kustomize::error::Error;
use crate::object::Node;
use crate::yaml::{Dialect, nodes};

/// A file with more objects than this is no manifest.
const OBJECTS_MAX: usize = 200_000;

/// The resources of a file, in kustomize's order: what Lists hold comes behind the rest.
pub(in crate::kustomize) fn read(text: &[u8], file: u32) -> Result<Vec<Resource>, Error> {
    let documents = nodes(text, file, Dialect::Resource).map_err(|error| {
        let line = error.line.try_into().unwrap_or(u32::MAX);
        Error::new(format!("reading YAML: column {}: {}", error.column, error.message)).on_line(line)
    })?;
    let mut waiting: VecDeque<Node> = checked(documents)?.into();
    let mut resources = Vec::new();
    while let Some(node) = waiting.pop_front() {
        match items(&node)? {
            Some(items) => {
                for item in items {
                    waiting.extend(checked(vec![through_json(item)?])?);
                }
            }
            None => resources.push(traces::adopted(Resource::new(node))?),
        }
        if waiting.len() + resources.len() > OBJECTS_MAX {
            return Err(Error::new(format!("more than {OBJECTS_MAX} objects")));
        }
    }
    Ok(resources)
}

/// The objects among the documents of a file, each of which needs a kind and a name. A `List` that is alone is opened.
fn checked(mut documents: Vec<Node>) -> Result<Vec<Node>, Error> {
    if let [only] = documents.as_slice()
        && matches!(kind(only), "List" | "ResourceList")
        && (only.get("items").is_some() || only.get("functionConfig").is_some())
    {
        documents = only.get("items").and_then(Node::as_sequence).map(<[Node]>::to_vec).unwrap_or_default();
    }
    documents.retain(|node| !is_empty(node));
    documents.iter().try_for_each(check)?;
    Ok(documents)
}

fn check(node: &Node) -> Result<(), Error> {
    let line = node.place().line;
    if kind(node).is_empty() {
        let error = Error::new("an object has no kind").on_line(line);
        return Err(
            error.with_hint("what is read here are Kubernetes objects, with apiVersion, kind and metadata.name")
        );
    }
    let name = node.at(&["metadata", "name"]).filter(|name| !name.is_null());
    if !kind(node).ends_with("List") && name.and_then(Node::text).unwrap_or_default().is_empty() {
        return Err(Error::new(format!("the {} has no metadata.name", kind(node))).on_line(line));
    }
    Ok(())
}

fn kind(node: &Node) -> &str {
    node.get("kind").filter(|kind| !kind.is_null()).and_then(Node::text).unwrap_or_default()
}

/// What a `…List` holds; `None` for an object that is none.
fn items(node: &Node) -> Result<Option<&[Node]>, Error> {
    let Some(items) = node.get("items").filter(|_| kind(node).ends_with("List")) else { return Ok(None) };
    match items {
        Node::Sequence(items) => Ok(Some(items)),
        null if null.is_null() => Ok(Some(&[])),
        _ => Err(Error::new(format!("the items of the {} are no list", kind(node))).on_line(node.place().line)),
    }
}

/// A document that says nothing.
pub(in crate::kustomize) fn is_empty(node: &Node) -> bool {
    match node {
        Node::Scalar(_) => node.is_null(),
        Node::Sequence(items) => items.is_empty(),
        Node::Mapping(fields) => fields.is_empty(),
    }
}
