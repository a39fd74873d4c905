//! `labels`, `commonLabels` and `commonAnnotations`: pairs written into the mappings that field specs lead to.
//!
//! A value is a string whatever it looks like. What a key had before, a mapping even, gives way.

use std::collections::BTreeMap;

use super::error::Error;
use super::field_path::Missing;
use super::fieldspec::{FieldSpecs, for_each, shape};
use super::resource::Resource;
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
        let set = |node: &Node| with_pairs(node, pairs);
        specs.of(&gvk).try_for_each(|spec| spec.rewrite(&mut resource.node, Missing::BecomesMapping, &set))
    })
}

fn with_pairs(node: &Node, pairs: &BTreeMap<String, String>) -> Result<Option<Node>, Error> {
    match node {
        Node::Mapping(fields) => {
            let mut changed = fields.clone();
            pairs.iter().for_each(|(key, value)| set_pair(&mut changed, key, value));
            Ok(Some(changed.into()))
        }
        // A null that the spec may not make a mapping of stays one.
        null if null.is_null() => Ok(None),
        other => Err(Error::new(format!("there is {} where a mapping should be", shape(other)))),
    }
}

fn set_pair(fields: &mut Mapping, key: &str, value: &str) {
    let value = Scalar::string(value);
    match fields.get(key) {
        Some(Node::Scalar(old)) if *old == value => {}
        Some(Node::Scalar(old)) => fields.insert(key, Scalar { style: old.style, ..value }.into()),
        Some(_) => fields.insert(key, value.into()),
        None => fields.insert(plain(key, Dialect::Resource), value.into()),
    }
}
