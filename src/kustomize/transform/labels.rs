//! `labels`, `commonLabels` and `commonAnnotations`: pairs written into the mappings that field specs lead to.
//!
//! A value is a string whatever it looks like. What a key had before, a mapping even, gives way.

use std::collections::BTreeMap;

use crate::kustomize::error::Error;
use crate::kustomize::field::{FieldSpecs, Missing, for_each, shape};
use crate::kustomize::resource::Resource;
use crate::object::{Mapping, Node, Scalar};
use crate::yaml::{Dialect, plain};

/// Writes `pairs` at every place of `specs`.
pub(super) fn apply(
    resources: &mut [Resource],
    pairs: &BTreeMap<String, String>,
    specs: &FieldSpecs,
) -> Result<(), Error> {
    if pairs.is_empty() {
        return Ok(());
    }
    for_each(resources, |resource| {
        let gvk = resource.gvk();
        let values: Vec<Scalar> =
            pairs.values().map(|value| resource.twins.add(Scalar::string(value.as_str()))).collect();
        let set = |node: &Node| with_pairs(node, pairs.keys().zip(&values));
        specs.of(&gvk).try_for_each(|spec| spec.rewrite(resource, Missing::BecomesMapping, &set))
    })
}

fn with_pairs<'p>(node: &Node, pairs: impl Iterator<Item = (&'p String, &'p Scalar)>) -> Result<Option<Node>, Error> {
    match node {
        Node::Mapping(fields) => {
            let mut changed = fields.clone();
            pairs.for_each(|(key, value)| set_pair(&mut changed, key, value));
            Ok((changed != *fields).then(|| changed.into()))
        }
        // A null that the spec may not make a mapping of stays one.
        null if null.is_null() => Ok(None),
        other => Err(Error::new(format!("there is {} where a mapping should be", shape(other)))),
    }
}

/// A new value is one node wherever it is put; a value that is there is written over, and its twins with it.
fn set_pair(fields: &mut Mapping, key: &str, value: &Scalar) {
    match fields.get(key) {
        Some(Node::Scalar(old)) if old == value => {}
        Some(Node::Scalar(old)) => fields.insert(key, old.become_like(value).into()),
        Some(_) => fields.insert(key, Scalar::string(value.text.clone()).into()),
        None => fields.insert(plain(key, Dialect::Resource), value.clone().into()),
    }
}
