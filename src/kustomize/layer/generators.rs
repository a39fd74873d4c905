//! The generators of a layer: its ConfigMaps and Secrets.

use super::Layer;
use super::accumulate::{Accumulated, Accumulation};
use super::generate::{config_map, merged, secret};
use super::plugins::{self, Plugged};
use crate::kustomize::error::Error;
use crate::kustomize::kustomization::plugin::Plugin;
use crate::kustomize::kustomization::{ConfigMapArgs, GeneratorOptions, SecretArgs};
use crate::kustomize::resource::{Behavior, Origin, Resource};
use crate::object::Node;

/// Adds what the layer generates.
pub(in crate::kustomize) fn run(
    build: &mut Accumulation<'_>,
    layer: &Layer,
    accumulated: &mut Accumulated,
) -> Result<(), Error> {
    let kustomization = layer.kustomization.clone();
    let plugins = plugins::load(build, layer, "generators", &kustomization.generators)?;
    let shared = kustomization.generator_options.as_ref();
    for (at, args) in kustomization.config_map_generator.iter().enumerate() {
        add_config_map(build, layer, args, shared, layer.builtin("ConfigMapGenerator"), accumulated)
            .map_err(|error| layer.blame_entry(error, "configMapGenerator", at))?;
    }
    for (at, args) in kustomization.secret_generator.iter().enumerate() {
        add_secret(build, layer, args, shared, layer.builtin("SecretGenerator"), accumulated)
            .map_err(|error| layer.blame_entry(error, "secretGenerator", at))?;
    }
    for Plugged { plugin, name, origin } in plugins {
        let added = match &plugin {
            Plugin::ConfigMap(args) => add_config_map(build, layer, args, None, origin, accumulated),
            Plugin::Secret(args) => add_secret(build, layer, args, None, origin, accumulated),
            Plugin::IamPolicy(generator) => generator.object().and_then(|node| {
                let resource = Resource { is_annotated: origin.is_some(), origin, ..Resource::new(node) };
                add(build, resource, accumulated)
            }),
            _ => Err(Error::new("it is no generator")),
        };
        added.map_err(|error| layer.blame(Error::new(format!("running {name}")).caused_by(error), "generators"))?;
    }
    Ok(())
}

/// Adds the ConfigMap of one entry; `by` is what made it, where that is asked for.
fn add_config_map(
    build: &mut Accumulation<'_>,
    layer: &Layer,
    args: &ConfigMapArgs,
    shared: Option<&GeneratorOptions>,
    by: Option<Origin>,
    accumulated: &mut Accumulated,
) -> Result<(), Error> {
    let options = merged(args.options.as_ref(), shared);
    let node = config_map(args, &options, &mut |path| read(build, layer, path))?;
    add(build, generated(node, args, &options, by), accumulated)
}

/// Adds the Secret of one entry.
fn add_secret(
    build: &mut Accumulation<'_>,
    layer: &Layer,
    args: &SecretArgs,
    shared: Option<&GeneratorOptions>,
    by: Option<Origin>,
    accumulated: &mut Accumulated,
) -> Result<(), Error> {
    let options = merged(args.args.options.as_ref(), shared);
    let node = secret(args, &options, &mut |path| read(build, layer, path))?;
    add(build, generated(node, &args.args, &options, by), accumulated)
}

fn read(build: &mut Accumulation<'_>, layer: &Layer, path: &str) -> Result<Vec<u8>, Error> {
    Ok(build.loader.load(&layer.root, path)?.content.to_vec())
}

fn add(build: &Accumulation<'_>, resource: Resource, accumulated: &mut Accumulated) -> Result<(), Error> {
    accumulated.resources.absorb(vec![resource], &build.schema, &build.loader.files)
}

fn generated(node: Node, args: &ConfigMapArgs, options: &GeneratorOptions, by: Option<Origin>) -> Resource {
    let behavior = Behavior::named(&args.behavior);
    let needs_hash = !options.disable_name_suffix_hash;
    Resource { behavior, needs_hash, origin: by, is_annotated: true, ..Resource::new(node) }
}
