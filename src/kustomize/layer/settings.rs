//! What a layer sets for the build, and not for its own resources alone: the tables of fields that transformers go by,
//! which are handed up, and the schema, which the first layer that names one chooses for all.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use super::{Accumulation, Layer};
use crate::kustomize::configuration::TransformerConfig;
use crate::kustomize::error::Error;
use crate::kustomize::schema::Schema;

/// The schema of a build.
#[derive(Debug)]
pub(in crate::kustomize) enum Chosen {
    Builtin(&'static Schema),
    Own(Box<Schema>),
}

impl Deref for Chosen {
    type Target = Schema;

    fn deref(&self) -> &Schema {
        match self {
            Self::Builtin(schema) => schema,
            Self::Own(schema) => schema,
        }
    }
}

pub(super) static NO_CONFIG: LazyLock<Arc<TransformerConfig>> = LazyLock::new(Arc::default);

impl Accumulation<'_> {
    /// Adds kustomize's tables, and those that the layer names: first these to each other, in the order of kustomize,
    /// for what is there already decides about what is refused.
    pub(super) fn configure(&mut self, layer: &Layer, config: &mut Arc<TransformerConfig>) -> Result<(), Error> {
        let kustomization = &layer.kustomization;
        let mut named = TransformerConfig::default();
        for (at, path) in kustomization.configurations.iter().enumerate() {
            let read = self.loader.load(&layer.root, path).and_then(|file| {
                let more = TransformerConfig::read(&file.content, &file.name, file.number)?;
                named.merge(&more).map_err(|error| error.in_file(&file.name, 0))
            });
            read.map_err(|error| layer.blame_entry(error, "configurations", at))?;
        }
        let mut own = TransformerConfig::builtin().clone();
        if !kustomization.configurations.is_empty() {
            Arc::make_mut(&mut own).merge(&named).map_err(|error| layer.blame(error, "configurations"))?;
        }
        add_config(config, &own).map_err(|error| layer.blame(error, "configurations"))?;
        for (at, path) in kustomization.crds.iter().enumerate() {
            let read = self.loader.load(&layer.root, path).and_then(|file| {
                let more = TransformerConfig::read_crds(&file.content, &file.name, file.number)?;
                Arc::make_mut(config).merge(&more).map_err(|error| error.in_file(&file.name, 0))
            });
            read.map_err(|error| layer.blame_entry(error, "crds", at))?;
        }
        Ok(())
    }

    /// Takes the schema that the layer names, if it is the first to name one.
    pub(in crate::kustomize) fn set_schema(&mut self, layer: &Layer) -> Result<(), Error> {
        let openapi = &layer.kustomization.openapi;
        let chosen = match (openapi.get("path"), openapi.get("version")) {
            (None, None) => return Ok(()),
            (Some(path), version) => {
                let file = self.loader.load(&layer.root, path).map_err(|error| layer.blame(error, "openapi.path"))?;
                if self.is_schema_chosen {
                    return Ok(());
                }
                if version.is_some() {
                    let why = "a path and a version are given; a build has one schema";
                    return Err(layer.blame(Error::new(why), "openapi"));
                }
                let schema = Schema::from_openapi(&file.content).map_err(|error| error.in_file(&file.name, 0))?;
                Chosen::Own(Box::new(if self.is_builtin_read { schema.beside_builtin() } else { schema }))
            }
            (None, Some(_)) if self.is_schema_chosen => return Ok(()),
            (None, Some(version)) if version.is_empty() => return Ok(()),
            (None, Some(version)) => {
                Chosen::Builtin(Schema::of_version(version).map_err(|error| layer.blame(error, "openapi.version"))?)
            }
        };
        (self.schema, self.is_schema_chosen) = (chosen, true);
        Ok(())
    }
}

/// Adds tables. Most layers have the same ones, kustomize's own, which change nothing that has them alone; all others
/// are merged even where there are none yet, since specs that follow each other in one table may conflict.
pub(super) fn add_config(config: &mut Arc<TransformerConfig>, more: &Arc<TransformerConfig>) -> Result<(), Error> {
    let (none, builtin) = (&*NO_CONFIG, TransformerConfig::builtin());
    if Arc::ptr_eq(more, none) {
        return Ok(());
    }
    if Arc::ptr_eq(more, builtin) && (Arc::ptr_eq(config, none) || Arc::ptr_eq(config, builtin)) {
        *config = Arc::clone(more);
        return Ok(());
    }
    Arc::make_mut(config).merge(more)
}
