//! The places that a target's path leads to, made where that is asked for.
//!
//! Takes a node and the parts of a path; gives places, as positions in the lists and mappings on the way.

use std::borrow::Cow;

use super::path::{entry, field_and_text, index, is_match, items, mapping, text_of};
use crate::goregex::Regex;
use crate::kustomize::error::Error;
use crate::object::{Mapping, Node, Scalar, Style};
use crate::yaml::{self, Dialect, plain};

/// A kind of node to make where a target has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kustomize::transform) enum Kind {
    Scalar,
    Sequence,
    Mapping,
}

impl Kind {
    pub(super) fn of(node: &Node) -> Self {
        match node {
            Node::Scalar(_) => Self::Scalar,
            Node::Sequence(_) => Self::Sequence,
            Node::Mapping(_) => Self::Mapping,
        }
    }

    /// What holds the part `next`; without one, the value itself.
    pub(in crate::kustomize::transform) fn holding(next: Option<&String>, value: Self) -> Self {
        match next.map(String::as_str) {
            None | Some("") => value,
            Some(part) if is_match(part) || index(part).is_some() => Self::Sequence,
            Some(_) => Self::Mapping,
        }
    }

    pub(in crate::kustomize::transform) fn empty(self) -> Node {
        match self {
            Self::Scalar => plain("", Dialect::Resource).into(),
            Self::Sequence => Node::sequence(Vec::new()),
            Self::Mapping => Mapping::default().into(),
        }
    }
}

/// A place that a path leads to: positions in the lists and mappings on the way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Here {
        at: Vec<usize>,
        /// A scalar that was made for it, which is of the kind that its text will be.
        is_made: bool,
    },
    /// Inside of a text that is read for the path's sake and never written again: kustomize changes a copy there.
    Lost { is_scalar: bool },
}

/// The places in `node` that a target's path leads to; with `create`, what is missing is made, the last a node of that
/// kind. `[name=web]` is a regular expression here, which any part of the text may match.
pub(super) fn find(node: &mut Node, parts: &[String], create: Option<Kind>) -> Result<Vec<Place>, Error> {
    let mut search = Search { create, at: Vec::new(), found: Vec::new(), is_made: false };
    search.visit(node, parts)?;
    Ok(search.found)
}

struct Search {
    create: Option<Kind>,
    at: Vec<usize>,
    found: Vec<Place>,
    /// The node that is visited next was made, and nothing is behind it.
    is_made: bool,
}

impl Search {
    /// As deep as the path has parts.
    fn visit(&mut self, node: &mut Node, parts: &[String]) -> Result<(), Error> {
        let Some((part, rest)) = parts.split_first() else {
            let is_made = std::mem::take(&mut self.is_made) && node.as_scalar().is_some();
            self.found.push(Place::Here { at: self.at.clone(), is_made });
            return Ok(());
        };
        if let Some(index) = index(part) {
            self.visit_index(node, part, index, rest)
        } else if is_match(part) {
            self.visit_matches(node, part, rest)
        } else if part == "*" {
            let count = items(node, part)?.len();
            (0..count).try_for_each(|at| self.visit_item(node, at, rest))
        } else {
            self.visit_field(node, part, rest)
        }
    }

    fn visit_item(&mut self, node: &mut Node, at: usize, rest: &[String]) -> Result<(), Error> {
        let Some(item) = node.as_sequence_mut().and_then(|items| items.get_mut(at)) else { return Ok(()) };
        self.at.push(at);
        let result = self.visit(item, rest);
        self.at.pop();
        result
    }

    fn visit_index(&mut self, node: &mut Node, part: &str, index: usize, rest: &[String]) -> Result<(), Error> {
        let count = items(node, part)?.len();
        match self.create {
            Some(kind) if index == count => {
                append(node, Kind::holding(rest.first(), kind).empty())?;
                self.is_made = rest.is_empty();
            }
            _ if index >= count => return Err(Error::new(format!("there is no item {index} among {count}"))),
            _ => {}
        }
        self.visit_item(node, index, rest)
    }

    fn visit_matches(&mut self, node: &mut Node, part: &str, rest: &[String]) -> Result<(), Error> {
        let (field, pattern) = field_and_text(part)?;
        let matcher = Regex::new(pattern).map_err(|error| Error::new(format!("reading {part}")).caused_by(error))?;
        let found = self.found.len();
        self.visit_matching(node, part, field, &matcher, rest)?;
        if self.create.is_none() || self.found.len() > found {
            return Ok(());
        }
        append(node, matched(part)?)?;
        self.is_made = field.is_empty();
        self.visit_matching(node, part, field, &matcher, rest)?;
        if self.found.len() == found {
            return Err(Error::new(format!("{part} does not match the item made from it")));
        }
        Ok(())
    }

    fn visit_matching(
        &mut self,
        node: &mut Node,
        part: &str,
        field: &str,
        matcher: &Regex,
        rest: &[String],
    ) -> Result<(), Error> {
        let is_it = |item: &Node| match field {
            "" => matcher.is_match(&written(item)),
            _ => item
                .as_mapping()
                .and_then(|item| entry(item, field))
                .is_some_and(|(_, v)| matcher.is_match(&written(v))),
        };
        let matching = items(node, part)?.iter().enumerate().filter(|(_, item)| is_it(item)).map(|(at, _)| at);
        // What follows behind an item that is a text itself is not looked at.
        let rest = if field.is_empty() { &[] } else { rest };
        matching.collect::<Vec<_>>().into_iter().try_for_each(|at| self.visit_item(node, at, rest))
    }

    fn visit_field(&mut self, node: &mut Node, field: &str, rest: &[String]) -> Result<(), Error> {
        if node.is_null() {
            // kustomize hangs the field on the null, where it is never seen again.
            if let Some(kind) = self.create {
                self.found.push(Place::Lost { is_scalar: rest.is_empty() && kind == Kind::Scalar });
            }
            return Ok(());
        }
        let at = match (entry(mapping(node, field)?, field), self.create) {
            (Some((at, _)), _) => at,
            (None, None) => return Ok(()),
            (None, Some(kind)) => {
                let made = Kind::holding(rest.first(), kind).empty();
                self.is_made = rest.is_empty();
                add(node, plain(field, Dialect::Resource), made)
            }
        };
        let Some((_, value)) = node.as_mapping_mut().and_then(|mapping| mapping.entries_mut().get_mut(at)) else {
            return Ok(());
        };
        if value.is_null() && text_of(value).is_empty() && !rest.is_empty() {
            return if self.create.is_some() { Err(no_room()) } else { Ok(()) };
        }
        if value.as_scalar().is_some() && !rest.is_empty() {
            return self.visit_text(text_of(value), rest);
        }
        self.at.push(at);
        let result = self.visit(value, rest);
        self.at.pop();
        result
    }

    /// The path goes on inside of a text.
    fn visit_text(&mut self, text: &str, rest: &[String]) -> Result<(), Error> {
        let mut node = super::structured::parse(text)?;
        for place in find(&mut node, rest, self.create)? {
            let is_scalar = match place {
                Place::Here { at, .. } => reach(&mut node, &at).is_some_and(|node| node.as_scalar().is_some()),
                Place::Lost { is_scalar } => is_scalar,
            };
            self.found.push(Place::Lost { is_scalar });
        }
        Ok(())
    }
}

/// Adds an item at the end.
fn append(node: &mut Node, item: Node) -> Result<(), Error> {
    node.as_sequence_mut().ok_or_else(no_room)?.push(item);
    Ok(())
}

fn no_room() -> Error {
    Error::new("null is not made into a list or mapping")
}

/// The item that is made where a part selects none.
pub(in crate::kustomize::transform) fn matched(part: &str) -> Result<Node, Error> {
    let (field, text) = field_and_text(part)?;
    let text = Node::from(plain(text, Dialect::Resource));
    Ok(if field.is_empty() { text } else { single(field, text) })
}

fn single(field: &str, value: Node) -> Node {
    Mapping::from_iter([(plain(field, Dialect::Resource), value)]).into()
}

/// Adds an entry at the end, and gives its position.
pub(in crate::kustomize::transform) fn add(node: &mut Node, key: Scalar, value: Node) -> usize {
    let Some(mapping) = node.as_mapping_mut() else { return 0 };
    mapping.entries_mut().push((key, value));
    mapping.len() - 1
}

/// A value as its text has it: quotes count.
fn written(node: &Node) -> Cow<'_, str> {
    match node {
        Node::Scalar(scalar) => match scalar.style {
            Style::SingleQuoted => format!("'{}'", scalar.text).into(),
            Style::DoubleQuoted => format!("\"{}\"", scalar.text).into(),
            Style::Plain | Style::Literal | Style::Folded => scalar.text.trim().into(),
        },
        _ => yaml::emit(node).map(|text| text.trim().to_owned()).unwrap_or_default().into(),
    }
}

/// Whether a mapping or list on the way to the positions `at` was written in braces or brackets.
pub(super) fn is_in_flow(node: &Node, at: &[usize]) -> bool {
    let (mut node, mut is_flow) = (node, node.as_mapping().is_some_and(Mapping::is_flow));
    for at in at {
        let next = match node {
            Node::Scalar(_) => None,
            Node::Sequence(items) => items.get(*at).map(|item| (item, false)),
            Node::Mapping(mapping) => mapping.iter().nth(*at).map(|(key, value)| (value, key.has_flow_list)),
        };
        let Some((value, is_flow_list)) = next else { break };
        let is_around = match value {
            Node::Scalar(_) => false,
            Node::Sequence(_) => is_flow_list,
            Node::Mapping(fields) => fields.is_flow(),
        };
        (node, is_flow) = (value, is_flow || is_around);
    }
    is_flow
}

/// The node at the positions `at`.
pub(super) fn reach<'n>(node: &'n mut Node, at: &[usize]) -> Option<&'n mut Node> {
    at.iter().try_fold(node, |node, at| match node {
        Node::Scalar(_) => None,
        Node::Sequence(_) => node.as_sequence_mut()?.get_mut(*at),
        Node::Mapping(mapping) => mapping.entries_mut().get_mut(*at).map(|(_, value)| value),
    })
}
