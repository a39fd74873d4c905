//! What `$patch` in a patch asks for.

use super::Refused;
use super::loose::is_empty;
use crate::object::{Mapping, Node};

const KEY: &str = "$patch";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    Merge,
    Replace,
    Delete,
}

impl Directive {
    fn read(value: &Node) -> Result<Self, Refused> {
        match value.text().unwrap_or_default() {
            "merge" => Ok(Self::Merge),
            "replace" => Ok(Self::Replace),
            "delete" => Ok(Self::Delete),
            other => Err(Refused::new(format!("`{KEY}: {other}` is none of merge, replace and delete"))),
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }
}

/// What an object of a patch asks for; the directive is taken out.
pub(super) fn take_from_mapping(patch: &mut Mapping) -> Result<Directive, Refused> {
    let Some(value) = patch.get(KEY) else { return Ok(Directive::Merge) };
    let directive = Directive::read(value)?;
    patch.remove(KEY);
    Ok(directive)
}

/// What a list of a patch asks for: the first item with the directive, if it holds nothing else.
///
/// With it go all items that hold the same directive, whatever else they hold, and empty ones.
pub(super) fn take_from_list(patch: &mut Vec<Node>) -> Result<Directive, Refused> {
    let Some(item) = patch.iter().filter_map(Node::as_mapping).find(|item| item.contains_key(KEY)) else {
        return Ok(Directive::Merge);
    };
    let Some(value) = item.get(KEY).filter(|_| item.len() == 1) else { return Ok(Directive::Merge) };
    let directive = Directive::read(value)?;
    let is_directed = |item: &Node| item.get(KEY).and_then(Node::text) == Some(directive.text());
    patch.retain(|item| !is_directed(item) && !is_empty(item));
    Ok(directive)
}
