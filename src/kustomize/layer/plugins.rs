//! The plugin objects of a layer: what `generators`, `transformers` and `validators` lead to.

use super::Layer;
use super::accumulate::{Accumulated, Accumulation};
use crate::kustomize::error::Error;
use crate::kustomize::kustomization::plugin::{self, Plugin};
use crate::kustomize::resource::{Origin, Resource, objects, origin};

/// A plugin that is to be run.
pub(in crate::kustomize) struct Plugged {
    pub plugin: Plugin,
    /// Kind and name of its object, for messages.
    pub name: String,
    pub origin: Option<Origin>,
}

/// Reads the plugins that the entries of `field` configure: each is an object in itself, or names files and roots with
/// such objects, which their own transformers may have changed.
pub(in crate::kustomize) fn load(
    build: &mut Accumulation<'_>,
    layer: &Layer,
    field: &str,
    listed: &[String],
) -> Result<Vec<Plugged>, Error> {
    let mut accumulated = Accumulated::default();
    let mut paths = Vec::new();
    for (at, entry) in listed.iter().enumerate() {
        // Objects in the file itself come first; what cannot be read as one is taken for a path.
        match objects::read(entry.as_bytes(), layer.file) {
            Ok(inline) => accumulated
                .resources
                .append(with_origin(inline, layer), &build.schema, &build.loader.files)
                .map_err(|error| layer.blame_entry(error, field, at))?,
            Err(_) => paths.push((at, entry.as_str())),
        }
    }
    build.resources(layer, field, paths, &mut accumulated)?;
    accumulated.resources.into_list().iter().map(|object| plugged(build, layer, field, object)).collect()
}

fn with_origin(mut objects: Vec<Resource>, layer: &Layer) -> Vec<Resource> {
    if let Some(origins) = &layer.origins {
        objects.iter_mut().for_each(|object| object.origin = Some(origins.of_own_file()));
    }
    objects
}

fn plugged(build: &mut Accumulation<'_>, layer: &Layer, field: &str, object: &Resource) -> Result<Plugged, Error> {
    let name = format!("{} {}", object.kind(), object.name());
    let place = object.node.place();
    // Lines of an object in the kustomization file itself are those of its text.
    let file = build.loader.files.name(place.file).filter(|_| place.file != layer.file);
    let plugin = plugin::read(&object.node, &mut build.warnings).map_err(|error| {
        let error = Error::new(format!("reading the plugin {name}")).caused_by(error);
        layer.blame(file.iter().fold(error, |error, file| error.in_file(file, place.line)), field)
    })?;
    Ok(Plugged { plugin, name, origin: origin::of_plugin(object) })
}
