//! Field specs: which fields of which kinds something applies to, with the paths split once and found by kind.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use super::path::{Change, FieldPath, Missing};
use crate::kustomize::error::Error;
use crate::kustomize::kustomization::FieldSpec;
use crate::kustomize::resource::{Gvk, Resource};
use crate::object::{Node, Scalar, Style, Tag};
use crate::yaml::{Dialect, resolve};

/// Field specs in their order, found by the kind that they are for.
#[derive(Debug, Default)]
pub(in crate::kustomize) struct FieldSpecs {
    specs: Vec<Spec>,
    /// Those that name no kind.
    of_any: Vec<usize>,
    of_kind: HashMap<Arc<str>, Vec<usize>>,
}

/// A field spec with its path split.
#[derive(Debug)]
pub(in crate::kustomize) struct Spec {
    selector: Gvk,
    path: FieldPath,
    create: bool,
}

impl FieldSpecs {
    pub(in crate::kustomize) fn new<'s>(specs: impl IntoIterator<Item = &'s FieldSpec>) -> Self {
        let mut all = Self::default();
        for (at, spec) in specs.into_iter().enumerate() {
            let spec = Spec::new(spec);
            match &spec.selector.kind {
                kind if kind.is_empty() => all.of_any.push(at),
                kind => all.of_kind.entry(kind.clone()).or_default().push(at),
            }
            all.specs.push(spec);
        }
        all
    }

    pub(in crate::kustomize) fn iter(&self) -> impl Iterator<Item = &Spec> {
        self.specs.iter()
    }

    /// The specs for resources of `gvk`, in their order.
    pub(in crate::kustomize) fn of(&self, gvk: &Gvk) -> impl Iterator<Item = &Spec> {
        let named = self.of_kind.get(&gvk.kind).map_or(&[][..], Vec::as_slice);
        let mut found = [&self.of_any, named].concat();
        found.sort_unstable();
        let specs = found.into_iter().map(|at| &self.specs[at]);
        specs.filter(|spec| gvk.is_selected_by(&spec.selector))
    }
}

impl Spec {
    pub(in crate::kustomize) fn new(spec: &FieldSpec) -> Self {
        // Most specs leave something open, and an empty text of this kind is shared.
        let shared = |text: &String| if text.is_empty() { Arc::default() } else { Arc::from(text.as_str()) };
        let [group, version, kind] = [&spec.group, &spec.version, &spec.kind].map(shared);
        Self { selector: Gvk { group, version, kind }, path: FieldPath::new(&spec.path), create: spec.create }
    }

    /// The kinds that it is for.
    pub(in crate::kustomize) fn selector(&self) -> &Gvk {
        &self.selector
    }

    /// The path as it is written.
    pub(in crate::kustomize) fn path(&self) -> &str {
        self.path.text()
    }

    /// Changes what the path leads to; with `create`, missing fields are made as `missing` says.
    pub(in crate::kustomize) fn rewrite(
        &self,
        resource: &mut Resource,
        missing: Missing,
        change: &Change,
    ) -> Result<(), Error> {
        let missing = if self.create { missing } else { Missing::Stays };
        let rewritten = self.path.rewrite_or_make(&resource.node, missing, change);
        if let Some(changed) = rewritten.map_err(|cause| self.blame(&resource.node, cause))? {
            resource.node = changed;
            resource.settle_twins();
        }
        Ok(())
    }

    /// Whether there is anything in `object` for [`Spec::rewrite`] to change or to refuse, with nothing made.
    pub(in crate::kustomize) fn leads_somewhere(&self, object: &Node) -> bool {
        let is_reached = Cell::new(false);
        let look = |_: &Node| {
            is_reached.set(true);
            Ok(None)
        };
        let walked = self.path.rewrite_or_make(object, Missing::Stays, &look);
        is_reached.get() || !matches!(walked, Ok(None))
    }

    fn blame(&self, object: &Node, cause: Error) -> Error {
        let text = |path: &[&str]| object.at(path).and_then(Node::text).unwrap_or_default();
        let (kind, name) = (text(&["kind"]), text(&["metadata", "name"]));
        Error::new(format!("going to the field {:?} of {kind}/{name}", self.path())).caused_by(cause)
    }
}

/// The scalar `node` with another text. As in kustomize its quotes stay, and without quotes the text alone says
/// whether it is a string or a number from now on.
pub(in crate::kustomize) fn with_text(node: &Node, text: &str) -> Result<Option<Node>, Error> {
    let old = scalar(node)?;
    // A null has no quotes, though one that is not written in a flow mapping is marked by them.
    let is_unquoted = old.style == Style::Plain || old.tag == Tag::Null;
    let tag = if is_unquoted { resolve(text, Dialect::Resource) } else { Tag::Str };
    Ok(with_tagged(old, text, tag).map(untyped))
}

/// The scalar with another text, and what that is; its place stays the one where it was read.
pub(in crate::kustomize) fn with_tagged(old: &Scalar, text: &str, tag: Tag) -> Option<Node> {
    let is_changed = &*old.text != text || old.tag != tag;
    is_changed.then(|| old.become_like(&Scalar::new(text, tag)).at(old.place).into())
}

/// The scalar without a type: its text says what it is, unless it has quotes.
pub(in crate::kustomize) fn untyped(mut node: Node) -> Node {
    if let Node::Scalar(scalar) = &mut node {
        scalar.is_untyped = scalar.style == Style::Plain;
    }
    node
}

/// The scalar that has to be here.
pub(in crate::kustomize) fn scalar(node: &Node) -> Result<&Scalar, Error> {
    node.as_scalar().ok_or_else(|| Error::new(format!("there is {} where a scalar should be", shape(node))))
}

/// What a node is, in words.
pub(in crate::kustomize) fn shape(node: &Node) -> &'static str {
    match node {
        Node::Scalar(_) => "a scalar",
        Node::Sequence(_) => "a list",
        Node::Mapping(_) => "a mapping",
    }
}
