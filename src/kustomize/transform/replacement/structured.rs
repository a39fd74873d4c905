//! A path that goes on inside of a text: the text is read as YAML, changed there, and written in the form it had.

use super::find::{Place, find, is_in_flow, reach};
use super::form::{is_surely_block, unsupported};
use super::path::{look_up, text_of};
use super::text::rewritten;
use super::{create, refuse_lost, retag, set};
use crate::kustomize::error::Error;
use crate::kustomize::kustomization::FieldOptions;
use crate::object::Node;
use crate::yaml::{self, Dialect};

/// Reads the first document of a text.
pub(super) fn parse(text: &str) -> Result<Node, Error> {
    let first = text.find("\n---").map_or(text, |end| &text[..=end]);
    let nodes = yaml::nodes(first.as_bytes(), 0, Dialect::Resource);
    let nodes = nodes.map_err(|error| Error::new("reading a text as YAML").caused_by(error))?;
    Ok(nodes.into_iter().next().unwrap_or_else(Node::null))
}

/// Writes `value` to where the path leads to inside of the text that it meets. `false` where it meets none that has
/// such a place, and where the changed value has no written form.
pub(super) fn write(
    node: &mut Node,
    parts: &[String],
    value: &Node,
    options: Option<&FieldOptions>,
) -> Result<bool, Error> {
    let Some((at, text, mut inner, rest)) = text_on_path(node, parts) else { return Ok(false) };
    let places = match find(&mut inner, rest, create(value, options)) {
        Ok(places) if !places.is_empty() => places,
        _ => return Ok(false),
    };
    let is_divided = options.is_some_and(|options| !options.delimiter.is_empty());
    let mut is_null = |at: &[usize]| reach(&mut inner, at).is_some_and(|target| target.is_null());
    if is_divided && places.iter().any(|place| matches!(place, Place::Here { at, is_made: false } if is_null(at))) {
        return Err(Error::new("null has no text that could be divided by a delimiter"));
    }
    if places.iter().try_for_each(|place| write_at(&mut inner, place, value, options)).is_err() {
        return Ok(false);
    }
    let mut is_copied = |at: &[usize]| reach(&mut inner, at).is_some_and(|target| target.as_scalar().is_none());
    let is_copied = places.iter().any(|place| matches!(place, Place::Here { at, .. } if is_copied(at)));
    if is_copied && !text.trim_start().starts_with(['{', '[']) && !is_surely_block(value, 0) {
        return Err(unsupported("lists and mappings of one line that are copied into YAML"));
    }
    let Some(text) = written(&inner, &text)? else { return Ok(false) };
    if let Some(Node::Scalar(scalar)) = reach(node, &at) {
        scalar.text = text.into();
    }
    Ok(true)
}

/// The first scalar on the path that is not its end: where it is, its text, what that holds, and the rest of the path.
fn text_on_path<'p>(node: &Node, parts: &'p [String]) -> Option<(Vec<usize>, String, Node, &'p [String])> {
    (1..parts.len()).find_map(|length| {
        let (at, found) = look_up(node, &parts[..length]).ok()??;
        let text = found.as_scalar().map(|_| text_of(found))?;
        Some((at, text.to_owned(), parse(text).ok()?, &parts[length..]))
    })
}

fn write_at(inner: &mut Node, place: &Place, value: &Node, options: Option<&FieldOptions>) -> Result<(), Error> {
    let Place::Here { at, is_made } = place else { return refuse_lost(place, options) };
    let is_in_flow = is_in_flow(inner, at);
    let Some(target) = reach(inner, at) else { return Ok(()) };
    set(target, value, options)?;
    if *is_made {
        retag(target, is_in_flow);
    }
    Ok(())
}

/// The changed value in the form of the text: JSON on one line or indented, or YAML.
fn written(node: &Node, text: &str) -> Result<Option<String>, Error> {
    match text.trim_start().chars().next() {
        None => Err(Error::new("an empty text holds no fields")),
        Some('{' | '[') => {
            let is_indented = text.contains('\n') && text.contains("  ");
            Ok(yaml::json(node).ok().map(|json| if is_indented { indented(&json) } else { json }))
        }
        Some(_) => rewritten(node, text).map(Some),
    }
}

/// JSON with each item on a line of its own, two blanks deeper than what it is in, as Go indents it.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut is_string, mut is_escaped) = (0, false, false);
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        if is_string {
            out.push(c);
            is_string = c != '"' || is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            continue;
        }
        match c {
            '{' | '[' if chars.peek().is_some_and(|next| matches!(next, '}' | ']')) => out.push(c),
            '{' | '[' => {
                depth += 1;
                out.push(c);
                new_line(&mut out, depth);
            }
            '}' | ']' if out.ends_with(['{', '[']) => out.push(c),
            '}' | ']' => {
                depth -= 1;
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                is_string = c == '"';
                out.push(c);
            }
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}
