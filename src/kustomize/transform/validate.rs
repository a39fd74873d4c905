//! `validators`: transformers that refuse the resources, or leave every one of them as it is.

use super::Transformers;
use crate::kustomize::error::Error;
use crate::kustomize::layer::plugins::{self, Plugged};
use crate::kustomize::layer::{Accumulated, Accumulation, Layer};
use crate::kustomize::resource::Resource;
use crate::kustomize::resource::metadata::{set_in_metadata, texts};
use crate::object::{Mapping, Node, Place};

/// Validators may leave this label behind.
const VALIDATED_BY: &str = "validated-by";

/// Runs the validators of the layer: transformers that refuse, or leave everything as it is.
pub(in crate::kustomize) fn validate(
    build: &mut Accumulation<'_>,
    layer: &Layer,
    accumulated: &mut Accumulated,
) -> Result<(), Error> {
    let validators = plugins::load(build, layer, "validators", &layer.kustomization.validators)?;
    let mut all = Transformers { build, layer, accumulated };
    for validator in validators {
        let before = all.accumulated.resources.list().to_vec();
        let name = validator.name.clone();
        all.plugin(Plugged { origin: None, ..validator }, "validators")?;
        let after = all.accumulated.resources.list();
        if !before.iter().map(compared).eq(after.iter().map(unmarked).map(|after| compared(&after))) {
            let error = Error::new(format!("the validator {name} changes resources"));
            return Err(layer.blame(error.with_hint("list it under transformers"), "validators"));
        }
    }
    Ok(())
}

/// What a validator must leave alone. Labels that a file has are others once they are written anew, which kustomize
/// does to take the mark of a validator away.
fn compared(resource: &Resource) -> impl PartialEq + use<> {
    let Resource { node, previous, prefixes, suffixes, needs_hash, .. } = resource.clone();
    let labels = node.at(&["metadata", "labels"]).and_then(Node::as_mapping);
    let places: Vec<Place> = labels.into_iter().flat_map(Mapping::iter).map(|(key, _)| key.place).collect();
    (places, node, previous, prefixes, suffixes, needs_hash)
}

fn unmarked(resource: &Resource) -> Resource {
    let mut resource = resource.clone();
    let mut labels = texts(&resource.node, "labels");
    if labels.remove(VALIDATED_BY).is_some() {
        set_in_metadata(&mut resource.node, "labels", labels);
    }
    resource
}
