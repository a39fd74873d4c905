//! Values that stand at several places of a resource and are one.
//!
//! kustomize puts the node that it made for the value of a label or annotation into every place that has none yet:
//! `metadata.labels.app` and `spec.selector.matchLabels.app` are then the same node, and whatever is written into one
//! of them later, by an overlay's `labels`, a patch or a replacement, is written into all. That lasts until the field
//! is taken away, or a JSON patch has been at the object, which leaves copies.
//!
//! A merge may write into several of them, and what was there before into one: it marks those that it writes.

use std::sync::Arc;

use super::Resource;
use crate::object::{Node, Scalar};

/// The bit of [`Scalar::twin`] that marks one that was written since the twins were last made alike.
const WRITTEN: u32 = 1 << 31;

/// The values of the twins of one resource. [`Scalar::twin`] counts from 1.
#[derive(Clone, Debug, Default)]
pub(in crate::kustomize) struct Twins {
    values: Vec<Scalar>,
    /// So many of the first ones are no twins any more.
    parted: usize,
}

impl Twins {
    /// The value, as a node that can be put at several places.
    pub(in crate::kustomize) fn add(&mut self, value: Scalar) -> Scalar {
        let twin = u32::try_from(self.values.len() + 1).unwrap_or_default();
        let value = Scalar { twin, ..value };
        self.values.push(value.clone());
        value
    }

    fn of(&self, scalar: &Scalar) -> Option<(usize, &Scalar)> {
        let at = usize::try_from(scalar.twin & !WRITTEN).ok()?.checked_sub(1)?;
        if at < self.parted { None } else { self.values.get(at).map(|value| (at, value)) }
    }

    fn is_empty(&self) -> bool {
        self.parted == self.values.len()
    }
}

impl Scalar {
    /// The twin that stands where `old` does, marked as written.
    pub(in crate::kustomize) fn written_over(self, old: &Scalar) -> Self {
        let twin = if old.twin == 0 { 0 } else { old.twin | WRITTEN };
        Self { twin, style: old.style, ..self }
    }
}

impl Resource {
    /// Gives twins the value that was written into one of them since; into several, the last.
    pub(in crate::kustomize) fn settle_twins(&mut self) {
        self.settle(|scalar, value| scalar.twin & WRITTEN != 0 || scalar != value);
    }

    /// Gives twins the value that a merge wrote into one of them; into several, the last in the order of their fields.
    pub(in crate::kustomize) fn settle_merged_twins(&mut self) {
        self.settle(|scalar, _| scalar.twin & WRITTEN != 0);
    }

    fn settle(&mut self, is_written: impl Fn(&Scalar, &Scalar) -> bool) {
        let is_written = |scalar: &Scalar| self.twins.of(scalar).is_some_and(|(_, value)| is_written(scalar, value));
        if self.twins.is_empty() || !holds(&self.node, &is_written) {
            return;
        }
        let mut written = Vec::new();
        find(&self.node, &is_written, &mut written);
        self.write_twins(written);
    }

    /// Gives the twins of each scalar its value and its style.
    pub(in crate::kustomize) fn write_twins(&mut self, written: impl IntoIterator<Item = Scalar>) {
        for value in written {
            if let Some(at) = self.twins.of(&value).map(|(at, _)| at) {
                self.twins.values[at] = Scalar { twin: value.twin & !WRITTEN, ..value };
            }
        }
        spread(&mut self.node, &self.twins);
    }

    /// Makes every twin a scalar of its own, and forgets what comments said: the object went through JSON.
    pub(in crate::kustomize) fn part_twins(&mut self) {
        self.node.forget_own_schemas();
        self.twins.parted = self.twins.values.len();
    }
}

/// As deep as the node is nested, which its reader has bounded.
fn holds(node: &Node, is_written: &impl Fn(&Scalar) -> bool) -> bool {
    match node {
        Node::Scalar(scalar) => is_written(scalar),
        Node::Sequence(items) => items.iter().any(|item| holds(item, is_written)),
        Node::Mapping(fields) => fields.iter().any(|(_, value)| holds(value, is_written)),
    }
}

/// Fields come in the order of their names: a merge goes through them so.
fn find(node: &Node, is_written: &impl Fn(&Scalar) -> bool, written: &mut Vec<Scalar>) {
    match node {
        Node::Scalar(scalar) => written.extend(is_written(scalar).then(|| scalar.clone())),
        Node::Sequence(items) => items.iter().for_each(|item| find(item, is_written, written)),
        Node::Mapping(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|(left, _), (right, _)| left.text.cmp(&right.text));
            fields.into_iter().for_each(|(_, value)| find(value, is_written, written));
        }
    }
}

fn spread(node: &mut Node, twins: &Twins) {
    match node {
        Node::Scalar(scalar) => {
            if let Some((_, value)) = twins.of(scalar) {
                *scalar = Scalar { has_own_schema: scalar.has_own_schema, ..value.clone() };
            }
        }
        Node::Sequence(items) => Arc::make_mut(items).iter_mut().for_each(|item| spread(item, twins)),
        Node::Mapping(fields) => fields.iter_mut().for_each(|(_, value)| spread(value, twins)),
    }
}
