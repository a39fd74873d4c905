//! Writes a node as Go's `encoding/json` writes the value: in one line, keys sorted by their bytes.
//!
//! Takes a node; gives the text. Hashes are taken of it, and it is what a structure is to a replacement.

use crate::object::{Mapping, Node, Place};

use super::emit::{EmitError, NESTING_MAX, Problem, json_number};
use super::value::{self, Value};

/// Writes `node` as JSON.
pub fn json(node: &Node) -> Result<String, EmitError> {
    let mut out = String::new();
    write(&mut out, node, 0)?;
    Ok(out)
}

/// A text as a string of JSON.
pub(super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_string(&mut out, text);
    out
}

fn write(out: &mut String, node: &Node, depth: usize) -> Result<(), EmitError> {
    if depth > NESTING_MAX {
        return Err(EmitError { place: Place::default(), problem: Problem::TooDeep });
    }
    match node {
        Node::Mapping(mapping) => write_mapping(out, mapping, depth),
        Node::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                write(out, item, depth + 1)?;
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
            Ok(())
        }
        Node::Scalar(scalar) => {
            match value::value(scalar)? {
                Value::Null => out.push_str("null"),
                Value::Bool(truth) => out.push_str(if truth { "true" } else { "false" }),
                Value::Number(number) => out.push_str(&json_number(number)),
                Value::Text(text) => write_string(out, &text),
            }
            Ok(())
        }
    }
}

fn write_mapping(out: &mut String, mapping: &Mapping, depth: usize) -> Result<(), EmitError> {
    let mut entries: Vec<_> = mapping.iter().collect();
    entries.sort_by(|(left, _), (right, _)| left.text.cmp(&right.text));
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].0.text == pair[1].0.text) {
        let key = pair[1].0;
        return Err(Problem::KeyTwice(key.text.to_string()).at(key));
    }
    for (index, (key, item)) in entries.into_iter().enumerate() {
        out.push(if index == 0 { '{' } else { ',' });
        write_string(out, value::key(key, depth == 0)?);
        out.push(':');
        write(out, item, depth + 1)?;
    }
    out.push_str(if mapping.is_empty() { "{}" } else { "}" });
    Ok(())
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut written = 0;
    for (at, c) in text.char_indices().filter(|&(_, c)| is_escaped(c)) {
        out.push_str(&text[written..at]);
        written = at + c.len_utf8();
        let short = match c {
            '"' | '\\' => c,
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            _ => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
                continue;
            }
        };
        out.extend(['\\', short]);
    }
    out.push_str(&text[written..]);
    out.push('"');
}

/// Go escapes what HTML and JavaScript would stumble over, too.
fn is_escaped(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}')
}
