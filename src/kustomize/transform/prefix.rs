//! `namePrefix` and `nameSuffix`: what is put around names, and what is remembered of that.

use std::sync::Arc;

use crate::kustomize::error::Error;
use crate::kustomize::field::{FieldSpecs, Missing, with_text};
use crate::kustomize::parallel::for_each;
use crate::kustomize::resource::{Gvk, Resource};
use crate::kustomize::schema::Schema;
use crate::object::Node;

/// Every layer remembers the names that its resources had; those of Kubernetes have 253 characters at most.
const NAME_BYTES_MAX: usize = 64 << 10;

/// The end of the name that the text goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Prefix,
    Suffix,
}

/// Puts `text` before or behind every value that `specs` lead to, the name first of all.
pub(super) fn apply(
    resources: &mut [Resource],
    side: Side,
    text: &str,
    specs: &FieldSpecs,
    schema: &Schema,
) -> Result<(), Error> {
    let text: Arc<str> = text.into();
    for_each(resources, |resource| affix(resource, side, &text, specs, schema))
}

fn affix(
    resource: &mut Resource,
    side: Side,
    text: &Arc<str>,
    specs: &FieldSpecs,
    schema: &Schema,
) -> Result<(), Error> {
    let original = resource.original_id(schema).gvk;
    if keeps_its_name(&original) {
        return Ok(());
    }
    // A resource whose kind was changed by a patch has to fit both as what it was and as what it is.
    let gvk = resource.gvk();
    for spec in specs.of(&gvk).filter(|spec| original.is_selected_by(spec.selector())) {
        if spec.path() == "metadata/name" && !text.is_empty() {
            remember(resource, side, text, schema);
        }
        let join = |node: &Node| {
            let old = node.text().unwrap_or_default();
            let joined = if side == Side::Prefix { format!("{text}{old}") } else { format!("{old}{text}") };
            if joined.len() > NAME_BYTES_MAX {
                return Err(Error::new(format!("a name would be longer than {} KiB", NAME_BYTES_MAX >> 10)));
            }
            with_text(node, &joined)
        };
        spec.rewrite(resource, Missing::BecomesScalar, &join)?;
    }
    Ok(())
}

fn remember(resource: &mut Resource, side: Side, text: &Arc<str>, schema: &Schema) {
    let given = if side == Side::Prefix { &mut resource.prefixes } else { &mut resource.suffixes };
    given.push(text.clone());
    resource.remember_id(schema);
}

/// Kinds whose names mean something elsewhere.
fn keeps_its_name(gvk: &Gvk) -> bool {
    match &*gvk.kind {
        "CustomResourceDefinition" | "Namespace" => true,
        "APIService" => &*gvk.group == "apiregistration.k8s.io",
        _ => false,
    }
}
