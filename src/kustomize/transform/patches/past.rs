//! What a resource has been called, while it is patched.
//!
//! kustomize remembers that in annotations of the resource, which a patch may take away. We remember it beside the
//! resource, and put a mark among the annotations to see whether they survive.

use crate::kustomize::resource::metadata::{Texts, made_annotations};
use crate::kustomize::resource::traces::remembered;
use crate::kustomize::resource::{Behavior, Resource};
use crate::object::Node;

/// Stands for the annotations in which kustomize remembers who a resource was. No YAML text holds it.
const MARK: &str = "\0";

/// Whether the patch may take such annotations away.
pub(super) fn changes_annotations(patch: &Node) -> bool {
    let replaces = |node: &Node| node.is_null() || node.get("$patch").is_some();
    let metadata = patch.get("metadata");
    metadata.is_some_and(|metadata| replaces(metadata) || metadata.get("annotations").is_some_and(replaces))
}

/// Puts the mark into the annotations, which are made where they are missing.
pub(super) fn mark(node: &mut Node) {
    if let Some(annotations) = made_annotations(node) {
        annotations.insert(MARK, Node::null());
    }
}

/// Takes the mark out; whether it was still there.
pub(super) fn unmark(node: &mut Node) -> bool {
    let annotations = node.at_mut(&["metadata", "annotations"]).and_then(Node::as_mapping_mut);
    annotations.is_some_and(|annotations| annotations.remove(MARK).is_some())
}

/// Puts what kustomize remembers of `resource` where a JSON patch has copied or moved the mark to; there it stays.
pub(super) fn spell_out(resource: &mut Resource) {
    let remembered = remembered(resource);
    replace_marks(&mut resource.node, &remembered);
}

/// As deep as the node is nested, which its reader and the bound on copies have limited.
fn replace_marks(node: &mut Node, remembered: &Texts) {
    match node {
        Node::Scalar(_) => {}
        Node::Sequence(_) => {
            node.as_sequence_mut().into_iter().flatten().for_each(|item| replace_marks(item, remembered))
        }
        Node::Mapping(fields) => {
            if fields.remove(MARK).is_some() {
                remembered.iter().for_each(|(key, text)| fields.insert(&**key, Node::string(text.clone())));
            }
            fields.iter_mut().for_each(|(_, value)| replace_marks(value, remembered));
        }
    }
}

/// With its annotations a resource loses its past.
pub(super) fn forget(resource: &mut Resource) {
    let Resource { previous, prefixes, suffixes, .. } = resource;
    previous.clear();
    prefixes.clear();
    suffixes.clear();
    (resource.behavior, resource.needs_hash, resource.is_annotated) = (Behavior::Unspecified, false, false);
    (resource.origin, resource.transformations) = (None, Vec::new());
}
