//! Writes a node as kustomize writes an object, byte for byte: the form of `sigs.k8s.io/yaml`, which reads the JSON of
//! a value and writes it with Go's `yaml.v2`.
//!
//! Takes a node; gives the text of one document. Comments, tags, styles and the order of keys are gone: keys stand in
//! their natural order, items at the column of their list's key, and each text in the first form that fits it.

mod number;
mod order;
mod shape;
mod text;

use crate::object::{Mapping, Node, Place, Scalar, Style, Tag};

use super::json;
use super::value::{self, Value};
use shape::Shape;

pub use number::general;
pub(super) use number::json as json_number;
pub(super) use shape::is_printable;

/// The deepest nesting that is written.
pub const NESTING_MAX: usize = 500;
/// The largest document that is written.
const BYTES_MAX: usize = 256 << 20;

/// Keys up to so many bytes stand in front of their colon; longer ones get a `?`.
const SIMPLE_KEY_BYTES_MAX: usize = 128;
/// A key whose JSON takes more characters than that, quotes included, is not read back by kustomize.
const KEY_CHARS_MAX: usize = 1024;

/// Why a node has no written form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", line(*place))]
pub struct EmitError {
    /// Where the scalar that is to blame comes from.
    pub place: Place,
    pub problem: Problem,
}

/// What kustomize cannot write either, and nesting beyond [`NESTING_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("{0} is not a finite number")]
    NotFinite(String),
    #[error("{0} has no value of its type")]
    Invalid(String),
    #[error("the character U+{0:04X} cannot be written")]
    Character(u32),
    #[error("{0:?} cannot follow a line break")]
    DocumentMarker(String),
    #[error("the key {0} of a nested mapping is not a string")]
    KeyNotString(String),
    #[error("the key {0:?} comes twice")]
    KeyTwice(String),
    #[error("the key that begins with {0:?} is too long")]
    KeyTooLong(String),
    #[error("a text of several lines cannot begin with a tab, unless it is in quotes")]
    TabFirst,
    #[error("nesting is deeper than {NESTING_MAX}")]
    TooDeep,
    #[error("the document is larger than {} MiB", BYTES_MAX >> 20)]
    TooLarge,
}

fn line(place: Place) -> String {
    if place.line == 0 { String::new() } else { format!("line {}: ", place.line) }
}

/// Writes `node` as one document, which ends in a line break.
pub fn emit(node: &Node) -> Result<String, EmitError> {
    let mut writer = Writer { out: String::with_capacity(4 << 10), line_start: 0, depth: 0 };
    writer.node(node, 0, Lead::Root)?;
    writer.end_line();
    // Who builds thousands of documents holds them all.
    writer.out.shrink_to_fit();
    Ok(writer.out)
}

/// Whether kustomize writes the text as a block that it cannot read back, on its way to JSON. Quotes in the file stay
/// and prevent that; what kustomize writes itself has none.
fn is_unreadable(scalar: &Scalar) -> bool {
    scalar.text.starts_with('\t')
        && matches!(scalar.style, Style::Plain | Style::Literal)
        && Shape::of(&scalar.text.replace('\t', "")).form == shape::Form::Literal
}

impl Problem {
    pub(super) fn at(self, scalar: &Scalar) -> EmitError {
        EmitError { place: scalar.place, problem: self }
    }
}

/// What stands in front of a node.
#[derive(Clone, Copy, PartialEq)]
enum Lead {
    Root,
    /// An indicator that the first line of the node goes on from: `-`, `?`, or a `:` at the start of its line.
    Indicator,
    /// A key and its colon.
    Key,
}

struct Writer {
    out: String,
    /// Where the last line begins in `out`.
    line_start: usize,
    depth: usize,
}

impl Writer {
    /// `column` is where the lines of the node begin, and where a scalar goes on that takes several.
    fn node(&mut self, node: &Node, column: usize, lead: Lead) -> Result<(), EmitError> {
        match node {
            Node::Scalar(scalar) => return self.scalar(scalar, column.max(2), lead),
            Node::Mapping(mapping) if mapping.is_empty() => self.bare("{}", lead),
            Node::Sequence(items) if items.is_empty() => self.bare("[]", lead),
            _ if self.depth == NESTING_MAX => {
                return Err(EmitError { place: Place::default(), problem: Problem::TooDeep });
            }
            Node::Mapping(mapping) => return self.nested(|writer| writer.mapping(mapping, column, lead)),
            Node::Sequence(items) => {
                // Items stand below the key of their list, not to the right of it.
                let column = if lead == Lead::Key { column - 2 } else { column };
                return self.nested(|writer| writer.sequence(items, column, lead));
            }
        }
        Ok(())
    }

    fn nested(&mut self, write: impl FnOnce(&mut Self) -> Result<(), EmitError>) -> Result<(), EmitError> {
        self.depth += 1;
        write(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn sequence(&mut self, items: &[Node], column: usize, lead: Lead) -> Result<(), EmitError> {
        for (index, item) in items.iter().enumerate() {
            self.begin(column, lead == Lead::Indicator && index == 0);
            self.out.push('-');
            self.node(item, column + 2, Lead::Indicator)?;
        }
        Ok(())
    }

    fn mapping(&mut self, mapping: &Mapping, column: usize, lead: Lead) -> Result<(), EmitError> {
        let mut goes_on = lead == Lead::Indicator;
        let mut write = |(key, value)| {
            self.begin(column, std::mem::replace(&mut goes_on, false));
            self.entry(key, value, column)
        };
        if order::is_sorted(mapping)? {
            mapping.iter().try_for_each(&mut write)
        } else {
            order::sorted(mapping)?.into_iter().try_for_each(&mut write)
        }
    }

    fn entry(&mut self, key: &Scalar, value: &Node, column: usize) -> Result<(), EmitError> {
        let text = self.key(key)?;
        let shape = Shape::of(text);
        if shape.is_odd {
            shape::reread(text).map_err(|problem| problem.at(key))?;
            // kustomize reads the JSON of the key on one line.
            if text.contains('\u{85}') {
                return Err(Problem::Character(0x85).at(key));
            }
        }
        if !shape.has_breaks && text.len() <= SIMPLE_KEY_BYTES_MAX {
            self.simple(text, shape);
            self.out.push(':');
            return self.node(value, column + 2, Lead::Key);
        }
        self.out.push_str("? ");
        self.text(text, shape, column + 2);
        self.begin(column, false);
        self.out.push(':');
        self.node(value, column + 2, Lead::Indicator)
    }

    fn key<'a>(&self, key: &'a Scalar) -> Result<&'a str, EmitError> {
        let text = value::key(key, self.depth == 1)?;
        // A character takes at most six in JSON.
        if text.len() > KEY_CHARS_MAX / 6 && json::string(text).chars().count() > KEY_CHARS_MAX {
            return Err(Problem::KeyTooLong(text.chars().take(40).collect()).at(key));
        }
        Ok(text)
    }

    fn scalar(&mut self, scalar: &Scalar, column: usize, lead: Lead) -> Result<(), EmitError> {
        if self.out.len() > BYTES_MAX {
            return Err(Problem::TooLarge.at(scalar));
        }
        if scalar.tag == Tag::Str && scalar.style != Style::Folded {
            if is_unreadable(scalar) {
                return Err(Problem::TabFirst.at(scalar));
            }
            return self.string(scalar, &scalar.text, column, lead);
        }
        match value::value(scalar)? {
            Value::Null => self.bare("null", lead),
            Value::Bool(truth) => self.bare(if truth { "true" } else { "false" }, lead),
            Value::Number(number) => self.bare(&number::yaml(number), lead),
            Value::Text(text) => return self.string(scalar, &text, column, lead),
        }
        Ok(())
    }

    fn string(&mut self, scalar: &Scalar, text: &str, column: usize, lead: Lead) -> Result<(), EmitError> {
        self.bare("", lead);
        let shape = Shape::of(text);
        if shape.is_odd {
            let text = shape::reread(text).map_err(|problem| problem.at(scalar))?;
            self.text(&text, Shape::of(&text), column);
        } else {
            self.text(text, shape, column);
        }
        Ok(())
    }

    fn bare(&mut self, text: &str, lead: Lead) {
        if lead != Lead::Root {
            self.out.push(' ');
        }
        self.out.push_str(text);
    }

    /// Starts a line at `column`, or goes on behind an indicator two columns before it.
    fn begin(&mut self, column: usize, goes_on: bool) {
        if goes_on {
            self.out.push(' ');
        } else {
            self.end_line();
            self.pad(column);
        }
    }

    fn end_line(&mut self) {
        if self.out.len() > self.line_start {
            self.out.push('\n');
            self.line_start = self.out.len();
        }
    }

    fn pad(&mut self, column: usize) {
        const BLANKS: &str = "                                                                ";
        match BLANKS.get(..column) {
            Some(blanks) => self.out.push_str(blanks),
            None => self.out.extend(std::iter::repeat_n(' ', column)),
        }
    }
}
