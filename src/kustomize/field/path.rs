//! The path of a field specification, such as `spec/template/spec/containers/env/valueFrom/configMapKeyRef/name`.
//!
//! Takes a node and what to do with the values that the path leads to; gives the changed node, or `None` where nothing
//! changes, so that what is only looked at is never copied. Split once, walked as often as there are resources.

use crate::kustomize::error::Error;
use crate::object::{Mapping, Node};
use crate::yaml::{Dialect, plain};

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
    /// Why no mapping has the field.
    fault: Option<String>,
}

/// The longest path that is walked.
const STEPS_MAX: usize = 256;

/// What is made of a missing field, or of a null, at the end of a path; mappings are made on the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kustomize) enum Missing {
    Stays,
    BecomesScalar,
    BecomesMapping,
}

/// What becomes of a value that a path leads to; `None` keeps it.
pub(in crate::kustomize) type Change<'c> = dyn Fn(&Node) -> Result<Option<Node>, Error> + 'c;

impl FieldPath {
    pub(in crate::kustomize) fn new(text: &str) -> Self {
        let steps = split(text, '/').into_iter().map(Step::new).collect();
        Self { text: text.to_owned(), steps }
    }

    pub(in crate::kustomize) fn text(&self) -> &str {
        &self.text
    }

    /// The node with its values at this path changed; `None` when none of them is. Fields that are missing or null are
    /// made first, as `missing` says.
    pub(super) fn rewrite_or_make(
        &self,
        node: &Node,
        missing: Missing,
        change: &Change,
    ) -> Result<Option<Node>, Error> {
        match self.steps.len() {
            0..=STEPS_MAX => Walk { missing, change }.rewrite(node, &self.steps),
            _ => Err(Error::new(format!("the path has more than {STEPS_MAX} fields"))),
        }
    }
}

/// The names in a path: what stands between the separators, of which one at the start counts nothing and one behind a
/// backslash is part of a name.
pub(in crate::kustomize) fn split(path: &str, separator: char) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(path.matches(separator).count() + 1);
    for part in path.strip_prefix(separator).unwrap_or(path).split(separator) {
        match names.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(separator);
                last.push_str(part);
            }
            _ => names.push(part.to_owned()),
        }
    }
    names
}

impl Step {
    fn new(mut field: String) -> Self {
        let is_list = field.ends_with("[]");
        if is_list {
            field.truncate(field.len() - "[]".len());
        }
        if field.trim().len() < field.len() {
            field = field.trim().to_owned();
        }
        Self { fault: fault(&field), field, is_list }
    }
}

/// kustomize looks fields up with a function that also knows list indices and matches, none of which a mapping has.
fn fault(field: &str) -> Option<String> {
    let is_index = field == "-" || field.parse::<i64>().is_ok();
    let is_match = field.starts_with('[') && field.ends_with(']');
    match field {
        "" => Some("the path has an empty field name".to_owned()),
        "*" => Some("a path of fields has no wildcard".to_owned()),
        _ if is_index || is_match => Some(format!("{field} selects from a list, and this is a mapping")),
        _ => None,
    }
}

/// A walk is as deep as the node is nested, which its reader has bounded, and as deep as it makes the node.
struct Walk<'w> {
    missing: Missing,
    change: &'w Change<'w>,
}

impl Walk<'_> {
    fn rewrite(&self, node: &Node, steps: &[Step]) -> Result<Option<Node>, Error> {
        let Some((step, rest)) = steps.split_first() else { return (self.change)(node) };
        match node {
            Node::Sequence(items) => rewrite_items(items, |item| self.rewrite(item, steps)),
            Node::Mapping(mapping) => self.rewrite_field(mapping, step, rest),
            Node::Scalar(_) if node.is_null() => Ok(None),
            Node::Scalar(_) => Err(Error::new(format!("there is a scalar where the field {} should be", step.field))),
        }
    }

    fn rewrite_field(&self, mapping: &Mapping, step: &Step, rest: &[Step]) -> Result<Option<Node>, Error> {
        if let Some(fault) = &step.fault {
            return Err(Error::new(fault.as_str()));
        }
        let value = mapping.get(&step.field);
        let changed = match (self.made(step, value, rest.is_empty()), value) {
            (Some(made), _) => Some(self.rewrite(&made, rest)?.unwrap_or(made)),
            (None, Some(value)) => self.rewrite(value, rest)?,
            (None, None) => None,
        };
        Ok(changed.map(|value| with_field(mapping, &step.field, value)))
    }

    /// What is made of a field that is missing or null. A list is made of a null alone, and whoever asks.
    fn made(&self, step: &Step, value: Option<&Node>, is_last: bool) -> Option<Node> {
        if value.is_some_and(|value| !value.is_null()) {
            return None;
        }
        match self.missing {
            _ if step.is_list => value.map(|_| Node::sequence(Vec::new())),
            Missing::Stays => None,
            // The text of a null lives on as that of a string: a prefix makes `p-null` of it.
            Missing::BecomesScalar if is_last => Some(Node::string(value.and_then(Node::text).unwrap_or_default())),
            _ => Some(Mapping::default().into()),
        }
    }
}

/// The mapping with the field; a new one has the type that its name would have unquoted.
pub(in crate::kustomize) fn with_field(mapping: &Mapping, field: &str, value: Node) -> Node {
    let mut changed = mapping.clone();
    match changed.get_mut(field) {
        Some(old) => *old = value,
        None => changed.insert(plain(field, Dialect::Resource), value),
    }
    changed.into()
}

/// The list with its items changed; `None` when none of them is.
pub(in crate::kustomize) fn rewrite_items(
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
