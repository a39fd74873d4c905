//! What the `roleRef` of a role binding asks for: a group and a kind.

use crate::kustomize::resource::Gvk;
use crate::object::Node;

/// The kind that `roleRef` names; `None` where it does not say both group and kind, and any will do.
pub(super) fn wanted(binding: &Node) -> Option<Gvk> {
    let text = |field| Some(binding.at(&["roleRef", field])?.text().unwrap_or_default());
    let (group, kind) = (text("apiGroup")?, text("kind")?);
    Some(Gvk { group: group.into(), version: "".into(), kind: kind.into() })
}
