//! `ValueAddTransformer`: one value written into fields of selected resources, or put into the path that a field holds.
//!
//! Takes what the plugin's object says and the name of the root's folder, which is the value where none is given;
//! changes the resources. Fields that are missing are made.

use std::sync::Arc;

use super::namespace;
use super::replacement::find::{Kind, add, matched};
use super::replacement::path::{is_match, look_up_part};
use super::select::Select;
use crate::kustomize::error::Error;
use crate::kustomize::field::{shape, with_text};
use crate::kustomize::kustomization::plugin::{ValueAddTarget, ValueAddTransformer};
use crate::kustomize::resource::Resource;
use crate::kustomize::schema::Schema;
use crate::object::Node;
use crate::yaml::{Dialect, plain};

/// The most fields of a path: more than any object is nested.
const PARTS_MAX: usize = 250;

/// Writes the value of `own` to its targets, and `more` that are in a file.
pub(super) fn apply(
    resources: &mut [Resource],
    own: &ValueAddTransformer,
    more: &[ValueAddTarget],
    folder: &str,
    schema: &Schema,
) -> Result<(), Error> {
    let value = match own.value.trim() {
        "" => folder.rsplit('/').next().unwrap_or_default(),
        given => given,
    };
    if value.is_empty() {
        return Err(Error::new("there is no value, and the root has no folder whose name it could be"));
    }
    if own.targets.is_empty() && more.is_empty() {
        return Err(Error::new("there are no targets"));
    }
    for (at, target) in own.targets.iter().chain(more).enumerate() {
        write(resources, target, value, schema).map_err(|error| error.in_field(&format!("targets[{at}]")))?;
    }
    Ok(())
}

fn write(resources: &mut [Resource], target: &ValueAddTarget, value: &str, schema: &Schema) -> Result<(), Error> {
    let position = usize::try_from(target.file_path_position)
        .map_err(|_| Error::new("the position is negative").in_field("filePathPosition"))?;
    if target.field_path.is_empty() {
        return Err(Error::new("the path is missing").in_field("fieldPath"));
    }
    let select = target.selector.as_ref().map(Select::new).transpose().map_err(|error| error.in_field("selector"))?;
    let parts = parts(&target.field_path)?;
    for resource in resources {
        if !select.as_ref().is_none_or(|select| select.matches(resource, schema)) {
            continue;
        }
        let written = match target.field_path.as_str() {
            namespace::OWN => namespace::set_alone(resource, value, schema),
            _ => write_field(&mut resource.node, &parts, value, position),
        };
        written.map_err(|cause| {
            Error::new(format!("writing to {} {}", resource.kind(), resource.name()))
                .caused_by(cause)
                .in_field("fieldPath")
        })?;
        resource.settle_twins();
    }
    Ok(())
}

/// Fields are divided by slashes, `\/` being one of a name; empty ones do not count.
fn parts(path: &str) -> Result<Vec<String>, Error> {
    let mut parts: Vec<String> = Vec::new();
    for part in path.split('/') {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push('/');
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    let parts: Vec<String> = parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    match parts.len() {
        0..=PARTS_MAX => Ok(parts),
        _ => Err(Error::new(format!("the path has more than {PARTS_MAX} fields")).in_field("fieldPath")),
    }
}

fn write_field(node: &mut Node, parts: &[String], value: &str, position: usize) -> Result<(), Error> {
    let Some(target) = reach(node, parts)? else {
        // What a missing item would hold is not written; to put a part into its path makes kustomize crash.
        return if position == 0 { Ok(()) } else { Err(Error::new("there is no field that could hold a path")) };
    };
    let old = target.text().ok_or_else(|| Error::new(format!("there is {} instead of a scalar", shape(target))))?;
    let text = if position == 0 { value.to_owned() } else { with_part(old, position - 1, value) };
    if let Some(changed) = with_text(target, &text)? {
        *target = changed;
    }
    Ok(())
}

/// The node that the path leads to, made where it is missing; `None` below a null and for an index without an item.
fn reach<'n>(mut node: &'n mut Node, parts: &[String]) -> Result<Option<&'n mut Node>, Error> {
    for (at, part) in parts.iter().enumerate() {
        let found = look_up_part(node, part)?.map(|(position, _)| position);
        let is_item = is_match(part);
        let made = || Kind::holding(parts.get(at + 1), Kind::Scalar).empty();
        let position = match (found, &mut *node) {
            (Some(position), _) => position,
            (None, Node::Sequence(items)) if is_item => {
                let items = Arc::make_mut(items);
                items.push(matched(part)?);
                items.len() - 1
            }
            (None, Node::Mapping(_)) => add(node, plain(part.as_str(), Dialect::Resource), made()),
            (None, _) => return Ok(None),
        };
        node = match node {
            Node::Sequence(_) => node.as_sequence_mut().and_then(|items| items.get_mut(position)),
            Node::Mapping(_) => node.as_mapping_mut().map(|fields| &mut fields.entries_mut()[position].1),
            Node::Scalar(_) => None,
        }
        .expect("looked up just now");
    }
    Ok(Some(node))
}

/// The path with one more part: at `position`, not counting the slash before an absolute one, or at its end.
fn with_part(path: &str, position: usize, part: &str) -> String {
    let mut parts = split(path);
    let mut position = position.min(parts.len());
    if position < parts.len() && parts.first() == Some(&"") {
        position += 1;
    }
    parts.insert(position, part);
    match parts.split_first() {
        Some((&"", rest)) => format!("/{}", joined(rest)),
        _ => joined(&parts),
    }
}

/// The parts of a path; an empty one stands before an absolute path.
fn split(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let Some(at) = rest.rfind('/') else {
            parts.push(rest);
            break;
        };
        if at > 0 || rest.len() > 1 {
            parts.push(&rest[at + 1..]);
        }
        if at == 0 {
            parts.push("");
        }
        rest = &rest[..at];
    }
    parts.reverse();
    parts
}

/// The parts as one path in its shortest form.
fn joined(parts: &[&str]) -> String {
    let path = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
    if path.is_empty() {
        return path;
    }
    let is_absolute = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => _ = kept.pop(),
            ".." if is_absolute => {}
            _ => kept.push(part),
        }
    }
    match (is_absolute, kept.is_empty()) {
        (true, _) => format!("/{}", kept.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => kept.join("/"),
    }
}
