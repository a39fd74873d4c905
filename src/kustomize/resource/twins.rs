//! Values that stand at several places of a resource and are one.
//!
//! kustomize puts the node that it made for the value of a label or annotation into every place that has none yet:
//! `metadata.labels.app` and `spec.selector.matchLabels.app` are then the same node, and whatever is written into one
//! of them later, by an overlay's `labels`, a patch or a replacement, is written into all. That lasts until the field
//! is taken away, or a JSON patch has been at the object, which leaves copies.

use std::sync::Arc;

use super::Resource;
use crate::object::{Node, Scalar};

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
        self.values.push(value.clone());
        Scalar { twin, ..value }
    }

    fn of(&self, scalar: &Scalar) -> Option<(usize, &Scalar)> {
        let at = usize::try_from(scalar.twin).ok()?.checked_sub(1)?;
        if at < self.parted { None } else { self.values.get(at).map(|value| (at, value)) }
    }
}

impl Resource {
    /// Gives twins the value that was written into one of them since; into several, the last.
    pub(in crate::kustomize) fn settle_twins(&mut self) {
        if self.twins.parted == self.twins.values.len() {
            return;
        }
        let mut written = Vec::new();
        find_written(&self.node, &self.twins, &mut written);
        if written.is_empty() {
            return;
        }
        for (at, value) in written {
            self.twins.values[at] = value;
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
fn find_written(node: &Node, twins: &Twins, written: &mut Vec<(usize, Scalar)>) {
    match node {
        Node::Scalar(scalar) => {
            written.extend(twins.of(scalar).filter(|(_, value)| *value != scalar).map(|(at, _)| (at, scalar.clone())));
        }
        Node::Sequence(items) => items.iter().for_each(|item| find_written(item, twins, written)),
        Node::Mapping(fields) => fields.iter().for_each(|(_, value)| find_written(value, twins, written)),
    }
}

fn spread(node: &mut Node, twins: &Twins) {
    match node {
        Node::Scalar(scalar) => {
            if let Some((_, value)) = twins.of(scalar).filter(|(_, value)| *value != scalar) {
                *scalar = scalar.become_like(value);
            }
        }
        Node::Sequence(items) => Arc::make_mut(items).iter_mut().for_each(|item| spread(item, twins)),
        Node::Mapping(fields) => fields.iter_mut().for_each(|(_, value)| spread(value, twins)),
    }
}
