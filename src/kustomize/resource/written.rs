//! Strings as kustomize writes them into objects.

use std::sync::Arc;

use crate::object::{Node, Scalar, Style, Tag};
use crate::yaml::{Dialect, nodes, resolve};

/// A string, in double quotes if a reader of YAML 1.1 would take it for something else. Quotes outlast what is written
/// over it later, which makes a string of that too.
pub(in crate::kustomize) fn string(text: impl Into<Arc<str>>) -> Scalar {
    let text = text.into();
    let style = if reads_as_another(&text) { Style::DoubleQuoted } else { Style::Plain };
    Scalar { style, ..Scalar::string(text) }
}

/// Several lines never do: they become a block.
fn reads_as_another(text: &str) -> bool {
    if text.is_empty() || text.contains('\n') {
        return false;
    }
    let is_marked = text.starts_with(|first: char| "#[{-?&*!|>%\"'".contains(first));
    let is_mapped = text.contains(": ") || text.contains(":\t") || text.ends_with(':');
    if !is_marked && !is_mapped {
        return resolve(text.trim_matches(' '), Dialect::Kustomization) != Tag::Str;
    }
    let is_string = |node: &Node| node.as_scalar().is_some_and(|scalar| scalar.tag == Tag::Str);
    nodes(text.as_bytes(), 0, Dialect::Kustomization).is_ok_and(|read| !read.iter().all(is_string))
}
