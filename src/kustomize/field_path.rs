//! The path of a field specification, such as `spec/template/spec/containers/env/valueFrom/configMapKeyRef/name`.
//!
//! Takes a node and what to do with the values that the path leads to; gives the changed node, or `None` where nothing
//! changes, so that what is only looked at is never copied. Split once, walked as often as there are resources.

use super::error::Error;
use crate::object::{Mapping, Node};

/// Fields joined by `/`, `\/` for a slash in a name. Lists on the way are passed through.
#[derive(Debug)]
pub(super) struct FieldPath {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    field: String,
    /// Written `field[]`: a null there becomes an empty list.
    is_list: bool,
}

/// What becomes of a value that a path leads to; `None` keeps it.
pub(super) type Change<'c> = dyn Fn(&Node) -> Result<Option<Node>, Error> + 'c;

impl FieldPath {
    pub(super) fn new(text: &str) -> Self {
        let path = text.strip_prefix('/').unwrap_or(text);
        let mut steps: Vec<String> = Vec::new();
        for part in path.split('/') {
            match steps.last_mut() {
                Some(last) if last.ends_with('\\') => {
                    last.pop();
                    last.push('/');
                    last.push_str(part);
                }
                _ => steps.push(part.to_owned()),
            }
        }
        Self { text: text.to_owned(), steps: steps.iter().map(|step| Step::new(step)).collect() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The node with its values at this path changed; `None` when none of them is.
    pub(super) fn rewrite(&self, node: &Node, change: &Change) -> Result<Option<Node>, Error> {
        rewrite(node, &self.steps, change)
    }
}

impl Step {
    fn new(text: &str) -> Self {
        let (name, is_list) = text.strip_suffix("[]").map_or((text, false), |name| (name, true));
        Self { field: name.trim().to_owned(), is_list }
    }

    /// kustomize looks fields up with a function that also knows list indices and matches, none of which a mapping has.
    fn check(&self) -> Result<(), Error> {
        let field = &*self.field;
        let is_index = field == "-" || field.parse::<i64>().is_ok();
        let is_match = field.starts_with('[') && field.ends_with(']');
        match field {
            "" => Err(Error::new("the path has an empty field name")),
            "*" => Err(Error::new("a path of fields has no wildcard")),
            _ if is_index || is_match => Err(Error::new(format!("{field} selects from a list, and this is a mapping"))),
            _ => Ok(()),
        }
    }
}

/// As deep as the node is nested, which its reader has bounded.
fn rewrite(node: &Node, steps: &[Step], change: &Change) -> Result<Option<Node>, Error> {
    let Some((step, rest)) = steps.split_first() else { return change(node) };
    match node {
        Node::Sequence(items) => rewrite_items(items, |item| rewrite(item, steps, change)),
        Node::Mapping(mapping) => rewrite_field(mapping, step, rest, change),
        Node::Scalar(_) if node.is_null() => Ok(None),
        Node::Scalar(_) => Err(Error::new(format!("there is a scalar where the field {} should be", step.field))),
    }
}

fn rewrite_field(mapping: &Mapping, step: &Step, rest: &[Step], change: &Change) -> Result<Option<Node>, Error> {
    step.check()?;
    let Some(value) = mapping.get(&step.field) else { return Ok(None) };
    let changed =
        if step.is_list && value.is_null() { Some(Node::sequence(Vec::new())) } else { rewrite(value, rest, change)? };
    Ok(changed.map(|value| {
        let mut changed = mapping.clone();
        changed.insert(step.field.as_str(), value);
        changed.into()
    }))
}

/// The list with its items changed; `None` when none of them is.
pub(super) fn rewrite_items(
    items: &[Node],
    mut change: impl FnMut(&Node) -> Result<Option<Node>, Error>,
) -> Result<Option<Node>, Error> {
    let mut changed: Option<Vec<Node>> = None;
    for (at, item) in items.iter().enumerate() {
        if let Some(item) = change(item)? {
            changed.get_or_insert_with(|| items.to_vec())[at] = item;
        }
    }
    Ok(changed.map(Node::sequence))
}
