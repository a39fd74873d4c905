//! Comments that hold a JSON object, such as `# {"$imagepolicy": "apps:web"}`: kustomize takes them for the schema of
//! the field that they stand at, and from there on knows nothing of the field.
//!
//! Takes the text of a document and its node; marks the fields and list items that have such a comment. A comment
//! belongs to what yaml.v3 would give it to: the field or item below it, unless it is indented deeper or parted by an
//! empty line; or the field on whose line it stands, where the value follows below or is a flow collection.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::object::Node;

/// Marks what has a comment with a JSON object. `first` is the line of the file on which `text` begins.
pub(super) fn mark(node: &mut Node, text: &str, first: usize) {
    if memchr::memchr(b'#', text.as_bytes()).is_none() {
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    let marked = (0..lines.len()).filter(|at| is_marked(&lines, *at));
    let mut marked: HashSet<u32> = marked.filter_map(|at| u32::try_from(first + at).ok()).collect();
    if !marked.is_empty() {
        mark_lines(node, &mut marked);
    }
}

/// Gives the mark of a line to the first field or item on it. As deep as the node is nested, which is bounded.
fn mark_lines(node: &mut Node, marked: &mut HashSet<u32>) {
    match node {
        Node::Mapping(fields) => {
            for (key, value) in fields.entries_mut() {
                key.has_own_schema = marked.remove(&key.place.line);
                mark_lines(value, marked);
            }
        }
        Node::Sequence(_) => {
            for item in node.as_sequence_mut().into_iter().flatten() {
                let is_marked = marked.remove(&item.place().line);
                if let (Node::Mapping(fields), true) = (&mut *item, is_marked) {
                    fields.set_own_schema(true);
                }
                mark_lines(item, marked);
            }
        }
        Node::Scalar(_) => {}
    }
}

fn is_marked(lines: &[&str], at: usize) -> bool {
    let line = lines[at].trim();
    if line.is_empty() || line.starts_with('#') {
        return false;
    }
    match beside(line) {
        // A comment beside a key hides the one above it.
        Some((before, comment)) if before.ends_with(':') => is_object(comment),
        Some((before, comment)) if before.ends_with(['}', ']']) && is_object(comment) => true,
        _ => has_object_above(lines, at),
    }
}

/// A comment behind something else on its line, and what is before it.
fn beside(line: &str) -> Option<(&str, &str)> {
    let at = line.find(" #")?;
    Some((line[..at].trim_end(), &line[at + 1..]))
}

fn has_object_above(lines: &[&str], at: usize) -> bool {
    let is_empty = |at: usize| lines[at].trim().is_empty();
    let is_comment = |at: usize| lines[at].trim_start().starts_with('#');
    let Some(above) = (0..at).rev().find(|at| !is_empty(*at)).filter(|at| is_comment(*at)) else { return false };
    let is_alone = above == 0 || !is_comment(above - 1);
    // With an empty line below it the comment ends what is above it, or heads the file.
    let is_parted = above + 1 < at && (above == 0 || !is_empty(above - 1));
    is_alone && !is_parted && indentation(lines[above]) <= indentation(lines[at]) && is_object(lines[above].trim())
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// A JSON object that says anything.
fn is_object(comment: &str) -> bool {
    let text = comment.trim_start_matches('#').trim();
    text.starts_with('{') && serde_json::from_str::<Map<String, Value>>(text).is_ok_and(|fields| !fields.is_empty())
}
