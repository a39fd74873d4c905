//! What happens once, when all layers are accumulated: names get their hashes, references and vars are resolved, what
//! is only for this machine goes, the rest is put in order and cleaned of what the build wrote on it.

mod hash;
mod order;
mod references;
pub(super) mod vars;

use std::collections::BTreeMap;

use super::error::Error;
use super::field::FieldSpecs;
use super::kustomization::{FieldSpec, Var};
use super::layer::{Accumulated, Layer};
use super::parallel;
use super::resource::metadata::{set_in_metadata, set_name, texts};
use super::resource::{Resource, origin, traces};
use super::schema::Schema;
use super::transform::labels;

/// The version of kustomize whose behaviour this is.
const VERSION: &str = "kustomize-v5.8.2";
const LOCAL: &str = "config.kubernetes.io/local-config";
const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
const ANNOTATIONS: [&str; 2] = ["metadata", "annotations"];

/// What the accumulated resources of the top layer come to.
pub(super) fn finish(
    top: &Layer,
    accumulated: Accumulated,
    schema: &Schema,
    warnings: &mut Vec<String>,
) -> Result<Vec<Resource>, Error> {
    let Accumulated { mut resources, config, vars } = accumulated;
    let list = resources.list_mut();
    append_hashes(list, schema)?;
    references::fix(list, &config.name_reference, schema)?;
    let vars: Vec<Var> = vars.into_values().collect();
    warnings.append(&mut vars::resolve(list, &vars, &config.var_reference)?);
    list.iter().try_for_each(check)?;
    list.retain(|resource| !is_local(resource));
    resources.check_unique(schema)?;
    let sort = top.kustomization.sort_options.as_ref();
    let mut list =
        order::ordered(resources.into_list(), sort, schema).map_err(|error| top.blame(error, "sortOptions"))?;
    let wanted: Vec<&str> = top.kustomization.build_metadata.iter().map(String::as_str).collect();
    if wanted.contains(&"managedByLabel") {
        let pairs = BTreeMap::from([("app.kubernetes.io/managed-by".to_owned(), VERSION.to_owned())]);
        let spec = FieldSpec { path: "metadata/labels".to_owned(), create: true, ..FieldSpec::default() };
        labels::apply(&mut list, &pairs, &FieldSpecs::new(&[spec]))?;
    }
    parallel::for_each(&mut list, |resource| clean(resource, &wanted))?;
    Ok(list)
}

/// Gives every generated name the hash of its content.
pub(super) fn append_hashes(resources: &mut [Resource], schema: &Schema) -> Result<(), Error> {
    for resource in resources.iter_mut().filter(|resource| resource.needs_hash || traces::asks_for_hash(resource)) {
        let suffix = hash::suffix(&resource.node).map_err(|cause| {
            let (kind, name) = (resource.kind(), resource.name());
            let annotation = traces::NEEDS_HASH;
            Error::new(format!("giving {kind} {name} the hash that its annotation {annotation} asks for"))
                .caused_by(cause)
        })?;
        resource.remember_id(schema);
        let name = format!("{}-{suffix}", resource.name());
        set_name(&mut resource.node, &name);
    }
    Ok(())
}

/// A patch may have taken kind or name away.
fn check(resource: &Resource) -> Result<(), Error> {
    let is_list = resource.kind().ends_with("List");
    if resource.kind().is_empty() || (!is_list && resource.name().is_empty()) {
        let (kind, name) = (resource.kind(), resource.name());
        return Err(Error::new(format!("a resource ends without a kind or a name (kind {kind:?}, name {name:?})")));
    }
    Ok(())
}

fn is_local(resource: &Resource) -> bool {
    let annotation = resource.node.at(&ANNOTATIONS).and_then(|annotations| annotations.get(LOCAL));
    annotation.is_some_and(|value| value.text() != Some("false"))
}

/// Writes the metadata that the root asks for, and takes away what the build wrote for itself.
fn clean(resource: &mut Resource, wanted: &[&str]) -> Result<(), Error> {
    traces::remove(resource, &[ORIGIN, TRANSFORMATIONS]);
    let mut annotations = texts(&resource.node, "annotations");
    if let Some(from) = resource.origin.as_ref().filter(|_| wanted.contains(&"originAnnotations")) {
        annotations.insert(ORIGIN.into(), origin::text(from)?.into());
    }
    if wanted.contains(&"transformerAnnotations") && !resource.transformations.is_empty() {
        annotations.insert(TRANSFORMATIONS.into(), origin::list(&resource.transformations)?.into());
    }
    set_in_metadata(&mut resource.node, "annotations", annotations);
    Ok(())
}
