//! A changed YAML text in the form in which kustomize writes it anew: the order of fields, quotes, flow collections and
//! comments stay, indentation is two blanks, items stand at the column of their list's key, empty lines go.

use std::iter::Peekable;
use std::ops::Range;
use std::slice::Iter;

use crate::kustomize::error::Error;
use crate::object::{Mapping, Node, Scalar, Style, Tag};
use crate::yaml::dialect::fits_plain;
use crate::yaml::outline::{Event, Kind, Outline, Role};
use crate::yaml::{Dialect, resolve};

/// The form that a node had in the text. What was made has the default.
#[derive(Debug, Default)]
struct Form {
    is_flow: bool,
    /// It was not written at all.
    is_absent: bool,
    /// The comments on the lines above it.
    head: Vec<String>,
    /// The comment on its line.
    tail: Option<String>,
    /// Of its items, or of the values of its fields.
    children: Vec<Form>,
}

/// Writes `node`, which was read from `text` and then changed, without the line break at its end.
pub(super) fn rewritten(node: &Node, text: &str) -> Result<String, Error> {
    let form = form(text)?;
    let mut writer = Writer { out: String::new() };
    writer.document(node, &form)?;
    Ok(writer.out.trim().to_owned())
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

pub(super) fn unsupported(what: &str) -> Error {
    Error::new(format!("{what} in a text are not supported")).with_hint("replace the text as a whole")
}

fn form(text: &str) -> Result<Form, Error> {
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

struct Writer {
    out: String,
}

impl Writer {
    fn document(&mut self, node: &Node, form: &Form) -> Result<(), Error> {
        match node {
            Node::Mapping(mapping) if is_block(node, form) => self.mapping(mapping, form, 0, false),
            Node::Sequence(items) if is_block(node, form) => self.sequence(items, form, 0, false),
            _ => self.inline(node, form, 0),
        }
    }

    /// `is_begun`: the first line has its indentation already.
    fn mapping(&mut self, mapping: &Mapping, form: &Form, column: usize, is_begun: bool) -> Result<(), Error> {
        for (at, (key, value)) in mapping.iter().enumerate() {
            let form = form.children.get(at).unwrap_or(&DEFAULT);
            self.begin(form, column, is_begun && at == 0);
            self.scalar(key, Context::Key, column)?;
            self.out.push(':');
            match value {
                Node::Mapping(inner) if is_block(value, form) => {
                    self.out.push('\n');
                    self.mapping(inner, form, column + 2, false)?;
                }
                Node::Sequence(items) if is_block(value, form) => {
                    self.out.push('\n');
                    self.sequence(items, form, column, false)?;
                }
                _ => {
                    self.out.push(' ');
                    self.inline(value, form, column)?;
                }
            }
        }
        Ok(())
    }

    fn sequence(&mut self, items: &[Node], form: &Form, column: usize, is_begun: bool) -> Result<(), Error> {
        for (at, item) in items.iter().enumerate() {
            let form = form.children.get(at).unwrap_or(&DEFAULT);
            self.begin(form, column, is_begun && at == 0);
            self.out.push_str("- ");
            match item {
                Node::Mapping(inner) if is_block(item, form) => self.mapping(inner, form, column + 2, true)?,
                Node::Sequence(items) if is_block(item, form) => self.sequence(items, form, column + 2, true)?,
                _ => self.inline(item, form, column)?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, form: &Form, column: usize, is_begun: bool) {
        for comment in &form.head {
            self.pad(column);
            self.out.push_str(comment);
            self.out.push('\n');
        }
        if !is_begun {
            self.pad(column);
        }
    }

    fn pad(&mut self, column: usize) {
        self.out.extend(std::iter::repeat_n(' ', column));
    }

    /// A value on the line, and the end of the line.
    fn inline(&mut self, node: &Node, form: &Form, column: usize) -> Result<(), Error> {
        match node {
            Node::Scalar(scalar) if form.is_absent && scalar.tag == Tag::Null && scalar.text.is_empty() => {}
            Node::Scalar(scalar) => self.scalar(scalar, Context::Block, column)?,
            _ => self.flow(node, column)?,
        }
        if let Some(comment) = &form.tail {
            self.out.push(' ');
            self.out.push_str(comment);
        }
        while self.out.ends_with(' ') {
            self.out.pop();
        }
        if !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        Ok(())
    }

    fn flow(&mut self, node: &Node, column: usize) -> Result<(), Error> {
        match node {
            Node::Scalar(scalar) => self.scalar(scalar, Context::Flow, column)?,
            Node::Sequence(items) => {
                self.out.push('[');
                for (at, item) in items.iter().enumerate() {
                    self.out.push_str(if at > 0 { ", " } else { "" });
                    self.flow(item, column)?;
                }
                self.out.push(']');
            }
            Node::Mapping(mapping) => {
                self.out.push('{');
                for (at, (key, value)) in mapping.iter().enumerate() {
                    self.out.push_str(if at > 0 { ", " } else { "" });
                    self.scalar(key, Context::Flow, column)?;
                    self.out.push_str(": ");
                    self.flow(value, column)?;
                }
                self.out.push('}');
            }
        }
        Ok(())
    }

    fn scalar(&mut self, scalar: &Scalar, context: Context, column: usize) -> Result<(), Error> {
        let (tag, style) = tag_and_style(scalar, context)?;
        self.out.push_str(tag);
        match style {
            Style::Plain => self.out.push_str(&scalar.text),
            Style::SingleQuoted => self.out.extend(["'", &scalar.text.replace('\'', "''"), "'"]),
            Style::DoubleQuoted => self.double_quoted(&scalar.text),
            Style::Literal | Style::Folded => self.literal(&scalar.text, column),
        }
        Ok(())
    }

    fn double_quoted(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.out.extend(['\\', c]),
                '\n' => self.out.push_str("\\n"),
                '\t' => self.out.push_str("\\t"),
                '\r' => self.out.push_str("\\r"),
                _ if is_special(c) && u32::from(c) < 0x100 => self.out.push_str(&format!("\\x{:02X}", u32::from(c))),
                _ if is_special(c) => self.out.push_str(&format!("\\u{:04X}", u32::from(c))),
                _ => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn literal(&mut self, text: &str, column: usize) {
        self.out.push('|');
        if text.starts_with([' ', '\n']) {
            self.out.push('2');
        }
        let body = text.trim_end_matches('\n');
        self.out.push_str(match text.len() - body.len() {
            0 => "-",
            1 if !body.is_empty() => "",
            _ => "+",
        });
        self.out.push('\n');
        for line in text.split_inclusive('\n') {
            if line != "\n" {
                self.pad(column + 2);
            }
            self.out.push_str(line);
        }
    }
}

static DEFAULT: Form = Form { is_flow: false, is_absent: false, head: Vec::new(), tail: None, children: Vec::new() };

/// Whether a list or mapping has lines of its own.
fn is_block(node: &Node, form: &Form) -> bool {
    let is_empty = match node {
        Node::Scalar(_) => true,
        Node::Sequence(items) => items.is_empty(),
        Node::Mapping(mapping) => mapping.is_empty(),
    };
    !form.is_flow && !is_empty
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    Block,
    Flow,
    Key,
}

/// The tag in front of a scalar that would read as something else without it, and the quotes that it needs.
fn tag_and_style(scalar: &Scalar, context: Context) -> Result<(&'static str, Style), Error> {
    let Scalar { text, tag, style, .. } = scalar;
    let reads_otherwise = resolve(text, Dialect::Resource) != *tag;
    let shown = if reads_otherwise && *tag != Tag::Str { tag_name(*tag) } else { "" };
    let style = match style {
        Style::Plain if text.contains('\n') => Style::Literal,
        Style::Plain if reads_otherwise && *tag == Tag::Str => Style::DoubleQuoted,
        Style::Folded => return Err(unsupported("folded scalars")),
        style => *style,
    };
    let is_empty = text.is_empty() && context != Context::Block;
    // Inside of a flow collection, kustomize's writer takes no chances with these two.
    let is_risky = context == Context::Flow && text.contains([':', '?']);
    let style = match style {
        Style::Plain if is_empty || is_risky || !(text.is_empty() || fits_plain(text, context == Context::Flow)) => {
            Style::SingleQuoted
        }
        style => style,
    };
    let is_literal_possible = context == Context::Block && !text.contains(" \n") && !text.ends_with(' ');
    Ok((
        shown,
        match style {
            Style::SingleQuoted
                if text.contains([' ', '\n']) && text.contains('\n') || text.chars().any(is_special) =>
            {
                Style::DoubleQuoted
            }
            Style::Literal if !is_literal_possible || text.chars().any(|c| c != '\n' && is_special(c)) => {
                Style::DoubleQuoted
            }
            style => style,
        },
    ))
}

fn tag_name(tag: Tag) -> &'static str {
    match tag {
        Tag::Null => "!!null ",
        Tag::Bool => "!!bool ",
        Tag::Int => "!!int ",
        Tag::Float => "!!float ",
        Tag::Str => "!!str ",
        Tag::Timestamp => "!!timestamp ",
        Tag::Binary => "!!binary ",
    }
}

/// What stands in double quotes alone, and escaped there.
fn is_special(c: char) -> bool {
    !matches!(c, ' '..='~' | '\n' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}
