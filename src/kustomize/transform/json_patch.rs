//! JSON patches (RFC 6902) as kustomize applies them.
//!
//! Takes the text of a patch, YAML or JSON, and applies its operations to an object, in place. kustomize lets the
//! object go through JSON for it, which leaves marks; see [`settled`](settle::settled).

mod pointer;
mod settle;

use std::borrow::Cow;

use serde_json::Value;

use self::pointer::Pointer;
use crate::kustomize::error::Error;
use crate::object::{Node, Tag};
use crate::yaml::{Dialect, json, nodes};

/// What copies may add to an object, in nodes: each may double it.
const COPIED_NODES_MAX: usize = 1_000_000;

/// Operations in their order.
#[derive(Clone, Debug)]
pub(super) struct JsonPatch(Vec<Operation>);

/// An operation as it is written: what is wrong with it shows when it is applied.
#[derive(Clone, Debug)]
struct Operation {
    op: Option<String>,
    path: Option<String>,
    from: Option<String>,
    /// A value that is missing is null.
    value: Node,
}

impl JsonPatch {
    /// Reads a patch. Text that begins with a bracket is JSON, any other YAML, whose places are in `file`.
    pub(in crate::kustomize) fn read(text: &str, file: u32) -> Result<Self, Error> {
        let list = if text.starts_with('[') { read_json(text)? } else { read_yaml(text, file)? };
        match list {
            Node::Sequence(operations) => operations.iter().map(Operation::read).collect::<Result<_, _>>().map(Self),
            null if null.is_null() => Ok(Self(Vec::new())),
            _ => Err(Error::new("a JSON patch is a list of operations")),
        }
    }

    /// The values that the operations bring.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.0.iter_mut().map(|operation| &mut operation.value)
    }

    pub(in crate::kustomize) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something is written that was read from the object.
    pub(super) fn copies(&self) -> bool {
        self.0.iter().any(|operation| matches!(operation.op.as_deref(), Some("copy" | "move")))
    }

    /// Applies the operations, the first that fails ends it.
    pub(super) fn apply(&self, object: &mut Node) -> Result<(), Error> {
        *object = settle::settled(object)?;
        let mut copied = 0;
        for (at, operation) in self.0.iter().enumerate() {
            operation.apply(object, &mut copied).map_err(|cause| {
                Error::new(format!("applying operation {} of the JSON patch ({})", at + 1, operation.name()))
                    .caused_by(cause)
            })?;
        }
        if object.as_mapping().is_none() {
            return Err(Error::new("the JSON patch leaves no object"));
        }
        Ok(())
    }
}

fn read_json(text: &str) -> Result<Node, Error> {
    let value: Value = serde_json::from_str(&with_whole_surrogates(text))
        .map_err(|cause| Error::new("reading JSON").caused_by(cause))?;
    Ok(value.into())
}

/// JSON in which an escaped half of a surrogate pair without the other is a replacement character, as it is to Go.
fn with_whole_surrogates(text: &str) -> Cow<'_, str> {
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (length, is_half) = match (escaped(rest), rest.get(6..).and_then(escaped)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, false),
            (Some(0xd800..=0xdfff), _) => (6, true),
            // The character behind the backslash is no backslash of its own.
            _ => (1 + rest[1..].chars().next().map_or(0, char::len_utf8), false),
        };
        out.push_str(if is_half { "\\ufffd" } else { &rest[..length] });
        rest = &rest[length..];
    }
    Cow::Owned(out + rest)
}

/// The number of the escape that `text` begins with.
fn escaped(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

fn read_yaml(text: &str, file: u32) -> Result<Node, Error> {
    let documents = nodes(text.as_bytes(), file, Dialect::Kustomization)
        .map_err(|cause| Error::new("reading YAML").caused_by(cause))?;
    Ok(documents.into_iter().next().unwrap_or_else(Node::null))
}

impl Operation {
    fn read(node: &Node) -> Result<Self, Error> {
        if !node.is_null() && node.as_mapping().is_none() {
            return Err(Error::new("an operation of a JSON patch is an object"));
        }
        let text = |field: &str| {
            let scalar = node.get(field)?.as_scalar().filter(|scalar| scalar.tag == Tag::Str)?;
            Some(scalar.text.to_string())
        };
        let value = node.get("value").map_or_else(|| Ok(Node::null()), settle::settled)?;
        Ok(Self { op: text("op"), path: text("path"), from: text("from"), value })
    }

    /// As messages call it: `remove /spec/replicas`.
    fn name(&self) -> String {
        let part = |part: &Option<String>| part.as_deref().unwrap_or("?").to_owned();
        format!("{} {}", part(&self.op), part(&self.path))
    }

    fn apply(&self, object: &mut Node, copied: &mut usize) -> Result<(), String> {
        match self.op.as_deref() {
            Some("add") => self.path()?.add(object, self.value.clone()),
            Some("remove") => self.path()?.remove(object).map(drop),
            Some("replace") => self.path()?.replace(object, self.value.clone()),
            Some("test") => self.test(object),
            Some("move") => {
                let value = self.from()?.remove(object)?;
                self.path()?.add(object, value)
            }
            Some("copy") => {
                let value = self.from()?.get(object)?.cloned().unwrap_or_else(Node::null);
                *copied += count(&value, COPIED_NODES_MAX);
                if *copied > COPIED_NODES_MAX {
                    return Err(format!("copies add more than {COPIED_NODES_MAX} values"));
                }
                self.path()?.add(object, value)
            }
            _ => Err("op is none of add, remove, replace, move, copy and test".to_owned()),
        }
    }

    fn path(&self) -> Result<Pointer<'_>, String> {
        self.path.as_deref().map(Pointer).ok_or_else(|| "path is missing".to_owned())
    }

    fn from(&self) -> Result<Pointer<'_>, String> {
        self.from.as_deref().map(Pointer).ok_or_else(|| "from is missing".to_owned())
    }

    /// Values are the same when their JSON is: `1` and `1.0`, but not `1` and `"1"`. A missing one is null.
    fn test(&self, object: &mut Node) -> Result<(), String> {
        let pointer = self.path()?;
        let null = Node::null();
        let value = if pointer.0.is_empty() { object } else { pointer.get(object)?.unwrap_or(&null) };
        let written = |node: &Node| json(node).map_err(|cause| cause.to_string());
        if written(value)? == written(&self.value)? { Ok(()) } else { Err("the value is another one".to_owned()) }
    }
}

/// How many nodes a value has, as far as `max` and one more. As deep as the node is nested, which its reader bounds.
fn count(node: &Node, max: usize) -> usize {
    let sum = |children: &mut dyn Iterator<Item = &Node>| {
        let mut sum = 1;
        for child in children {
            sum += count(child, max);
            if sum > max {
                break;
            }
        }
        sum
    };
    match node {
        Node::Scalar(_) => 1,
        Node::Sequence(items) => sum(&mut items.iter()),
        Node::Mapping(fields) => sum(&mut fields.iter().map(|(_, value)| value)),
    }
}
