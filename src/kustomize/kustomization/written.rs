//! The kustomization file as it was written: on which line an entry stands.

use super::decode::field;
use crate::object::{Node, Place, Scalar, Style};

/// The node of a kustomization file, beside the values that were read from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written(Option<Node>);

/// Fields that kustomize appends to another, and that other.
const MOVED: [(&str, &str); 2] = [("bases", "resources"), ("imageTags", "images")];

impl Written {
    pub(super) fn new(node: Node) -> Self {
        Self(Some(node))
    }

    pub(in crate::kustomize) fn node(&self) -> Option<&Node> {
        self.0.as_ref()
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&Node> {
        field(self.0.as_ref()?, name)
    }

    /// Entry `index` of the list in the field `name`, counted as in the [`Kustomization`](super::Kustomization):
    /// entries of `bases` follow those of `resources`.
    pub fn entry(&self, name: &str, index: usize) -> Option<&Node> {
        let list = |name| self.field(name).and_then(Node::as_sequence).unwrap_or_default();
        let own = list(name);
        let moved = || MOVED.iter().find(|(_, to)| *to == name).map(|(from, _)| list(from)).unwrap_or_default();
        own.get(index).or_else(|| moved().get(index - own.len()))
    }

    /// The scalar in the field `inner` of an entry: which line an image's `newTag` stands on.
    pub fn value(&self, name: &str, index: usize, inner: &str) -> Option<&Scalar> {
        field(self.entry(name, index)?, inner)?.as_scalar()
    }

    /// Where an entry begins; nowhere, for one that is not written here.
    pub fn place(&self, name: &str, index: usize) -> Place {
        self.entry(name, index).map(Node::place).unwrap_or_default()
    }

    /// The line of the field or entry at `path`, such as `configMapGenerator[0].files[2]`, or of what is written of it.
    pub fn line(&self, path: &str) -> u32 {
        let mut steps = path.split('.').flat_map(|step| step.split('[')).map(|step| step.trim_end_matches(']'));
        let Some(first) = steps.next() else { return 0 };
        let mut line = self.field(first).map_or(0, |value| value.place().line);
        let mut steps = steps.peekable();
        let entry = steps.peek().and_then(|step| step.parse().ok()).and_then(|index| self.entry(first, index));
        let mut at = if entry.is_some() { steps.next().and(entry) } else { self.field(first) };
        while let Some(node) = at {
            line = if node.place().line > 0 { node.place().line } else { line };
            at = steps.next().and_then(|step| match step.parse::<usize>() {
                Ok(index) => node.as_sequence()?.get(index),
                Err(_) => field(node, step),
            });
        }
        line
    }

    /// Where the version of an image is written, on whose line a marker stands; nowhere, for an entry that leaves the
    /// version as it was.
    pub fn image_place(&self, index: usize) -> Place {
        let field = |name| self.value("images", index, name).filter(|scalar| !scalar.text.is_empty());
        ["newTag", "digest", "tagSuffix"].into_iter().find_map(field).map(|scalar| scalar.place).unwrap_or_default()
    }

    /// Where the lines of the text of an entry, or of its field `inner`, begin in the kustomization file; nowhere, for
    /// a text whose lines are not those of the file.
    pub fn text_place(&self, name: &str, index: usize, inner: Option<&str>) -> Place {
        let scalar = match inner {
            Some(inner) => self.value(name, index, inner),
            None => self.entry(name, index).and_then(Node::as_scalar),
        };
        let lines = scalar.filter(|scalar| scalar.style == Style::Literal && !scalar.text.starts_with(['\n', ' ']));
        lines.map(|scalar| scalar.place).unwrap_or_default()
    }
}
