//! A changed YAML text in the form in which kustomize writes it anew: the order of fields, quotes, flow collections and
//! comments stay, indentation is two blanks, items stand at the column of their list's key, empty lines go.

use super::form::{DEFAULT, Form, form, unsupported};
use crate::kustomize::error::Error;
use crate::object::{Mapping, Node, Scalar, Style, Tag};
use crate::yaml::dialect::fits_plain;
use crate::yaml::{Dialect, resolve};

/// Writes `node`, which was read from `text` and then changed, without the line break at its end.
pub(super) fn rewritten(node: &Node, text: &str) -> Result<String, Error> {
    let form = form(text)?;
    let mut writer = Writer { out: String::new() };
    writer.document(node, &form)?;
    Ok(writer.out.trim().to_owned())
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
