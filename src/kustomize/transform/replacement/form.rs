//! How the nodes of a YAML text are written: flow or block, and the comments at each. What cannot be kept is refused.

use std::iter::Peekable;
use std::ops::Range;
use std::slice::Iter;

use crate::kustomize::error::Error;
use crate::object::Node;
use crate::yaml::outline::{Event, Kind, Outline, Role};

/// The form that a node had in the text. What was made has the default.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub is_flow: bool,
    /// It was not written at all.
    pub is_absent: bool,
    /// The comments on the lines above it.
    pub head: Vec<String>,
    /// The comment on its line.
    pub tail: Option<String>,
    /// Of its items, or of the values of its fields.
    pub children: Vec<Form>,
}

pub(super) static DEFAULT: Form =
    Form { is_flow: false, is_absent: false, head: Vec::new(), tail: None, children: Vec::new() };

pub(super) fn unsupported(what: &str) -> Error {
    Error::new(format!("{what} in a text are not supported")).with_hint("replace the text as a whole")
}

pub(super) fn form(text: &str) -> Result<Form, Error> {
    let first = text.find("\n---").map_or(text, |end| &text[..=end]);
    let outline = Outline::read(first).map_err(|error| Error::new("reading a text as YAML").caused_by(error))?;
    let comments = outline.comments.iter().map(|range| Comment::new(first, range)).collect::<Result<Vec<_>, _>>()?;
    let mut reader = Forms { text: first, events: outline.events.iter().peekable(), comments: &comments };
    while reader.events.next_if(|event| matches!(event.kind, Kind::DocumentStart(_))).is_some() {}
    let form = reader.form()?;
    if reader.comments.is_empty() { Ok(form) } else { Err(unsupported("comments at the end")) }
}

struct Comment<'t> {
    text: &'t str,
    start: usize,
    /// Nothing but blanks is before it on its line.
    is_alone: bool,
}

impl<'t> Comment<'t> {
    fn new(text: &'t str, range: &Range<usize>) -> Result<Self, Error> {
        let line_start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        let is_alone = text[line_start..range.start].trim().is_empty();
        let below = text[range.end..].split('\n').nth(1).unwrap_or_default();
        if is_alone && below.trim().is_empty() {
            return Err(unsupported("comments above an empty line"));
        }
        Ok(Self { text: text[range.clone()].trim_end(), start: range.start, is_alone })
    }
}

/// Goes through the events of a text and takes the comments on the way.
struct Forms<'t, 'e> {
    text: &'t str,
    events: Peekable<Iter<'e, Event<'t>>>,
    comments: &'e [Comment<'t>],
}

impl Forms<'_, '_> {
    /// The form of the next node: as deep as the text is nested, which its reader has bounded.
    fn form(&mut self) -> Result<Form, Error> {
        let Some(event) = self.events.next() else { return Ok(Form::default()) };
        if event.anchor != 0 || event.tag.is_some() {
            return Err(unsupported("anchors and tags"));
        }
        let mut form = Form { is_absent: event.kind == Kind::Absent, ..Form::default() };
        if let Kind::SequenceStart(_) | Kind::MappingStart(_) = event.kind {
            form.is_flow = self.text[event.range()].starts_with(['[', '{']);
            while let Some(next) = self.events.peek().copied() {
                if matches!(next.kind, Kind::SequenceEnd | Kind::MappingEnd) {
                    self.events.next();
                    break;
                }
                let head = self.comments_before(next.start())?;
                if next.role == Role::Key {
                    self.form()?;
                }
                let child = self.form()?;
                form.children.push(Form { head, ..child });
            }
        } else {
            form.tail = self.comment_beside(event.end());
        }
        Ok(form)
    }

    fn comments_before(&mut self, start: usize) -> Result<Vec<String>, Error> {
        let count = self.comments.iter().take_while(|comment| comment.start < start).count();
        let (before, rest) = self.comments.split_at(count);
        self.comments = rest;
        if before.iter().all(|comment| comment.is_alone) {
            Ok(before.iter().map(|comment| comment.text.to_owned()).collect())
        } else {
            Err(unsupported("comments beside a list or mapping"))
        }
    }

    fn comment_beside(&mut self, end: usize) -> Option<String> {
        let (first, rest) = self.comments.split_first()?;
        let is_beside = !first.is_alone && first.start >= end && !self.text[end..first.start].contains('\n');
        let is_last = self.text[end..first.start].trim().is_empty();
        (is_beside && is_last).then(|| {
            self.comments = rest;
            first.text.to_owned()
        })
    }
}

/// Whether a list or mapping, in the field on the line `above`, was surely written in lines of its own: what is copied
/// into a text keeps the form that it had. As deep as the node is nested, which its reader has bounded.
pub(super) fn is_surely_block(node: &Node, above: u32) -> bool {
    let lines: Vec<u32> = match node {
        Node::Scalar(_) => return true,
        Node::Sequence(items) => items.iter().map(|item| item.place().line).collect(),
        Node::Mapping(mapping) => mapping.iter().map(|(key, _)| key.place.line).collect(),
    };
    let is_apart = match lines[..] {
        [] => true,
        [first, ..] if above > 0 => first > above,
        [first, second, ..] => second > first,
        [_] => false,
    };
    is_apart
        && match node {
            Node::Mapping(mapping) => mapping.iter().all(|(key, value)| is_surely_block(value, key.place.line)),
            _ => node.as_sequence().is_none_or(|items| items.iter().all(|item| is_surely_block(item, 0))),
        }
}
