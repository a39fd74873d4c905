//! The transformers of a layer: those of the kustomization file's fields in kustomize's order, and those of plugin
//! objects (`plugged`) behind them; then the validators, which may change nothing.
//!
//! Each transformer is a file of this folder, and knows neither layers nor files: it takes resources and what the field
//! or the plugin says. What reads files for them, and tells who changed what, is here.

mod images;
mod json_patch;
pub(super) mod labels;
mod merge;
mod namespace;
mod patches;
mod plugged;
mod prefix;
mod replacement;
mod replicas;
mod select;
mod validate;
mod value_add;

use std::collections::BTreeMap;

use self::namespace::{Namespace, Subjects};
use self::patches::{Form, PatchSource};
use self::prefix::Side;
use super::configuration::TransformerConfig;
use super::error::Error;
use super::field::FieldSpecs;
use super::kustomization::plugin::NamespaceTransformer;
use super::kustomization::{FieldSpec, Image, Kustomization, Patch, ReplacementField, Replica};
use super::layer::plugins;
use super::layer::{Accumulated, Accumulation, Layer};
use super::resource::objects::is_empty;
use super::resource::{Origin, origin};
use crate::object::Place;

pub use self::merge::{Merged, merge};
pub(super) use self::validate::validate;

/// What transformers work with.
struct Transformers<'t, 'b> {
    build: &'t mut Accumulation<'b>,
    layer: &'t Layer,
    accumulated: &'t mut Accumulated,
}

/// Does to the accumulated resources what the kustomization file of the layer says.
pub(super) fn run(build: &mut Accumulation<'_>, layer: &Layer, accumulated: &mut Accumulated) -> Result<(), Error> {
    let config = accumulated.config.clone();
    let mut all = Transformers { build, layer, accumulated };
    let plugins = plugins::load(all.build, layer, "transformers", &layer.kustomization.transformers)?;
    all.fields(&layer.kustomization, &config)?;
    plugins.into_iter().try_for_each(|plugin| all.plugin(plugin, "transformers"))
}

impl Transformers<'_, '_> {
    /// Runs the transformers of the file's own fields.
    fn fields(&mut self, kustomization: &Kustomization, config: &TransformerConfig) -> Result<(), Error> {
        let layer = self.layer;
        let blame = |field: &'static str| move |error| layer.blame(error, field);
        self.merge_patches(&kustomization.patches_strategic_merge)?;
        self.done(
            layer.builtin("PatchStrategicMergeTransformer"),
            usize::from(!kustomization.patches_strategic_merge.is_empty()),
        );
        self.patches(&kustomization.patches, Form::Any, "patches")?;
        self.done(layer.builtin("PatchTransformer"), kustomization.patches.len());
        if !kustomization.namespace.is_empty() {
            let (namespace, field_specs) = (kustomization.namespace.clone(), config.namespace.clone());
            let own = NamespaceTransformer { namespace, field_specs, ..NamespaceTransformer::default() };
            self.namespace(&own).map_err(blame("namespace"))?;
            self.done(layer.builtin("NamespaceTransformer"), 1);
        }
        if !kustomization.name_prefix.is_empty() {
            self.affix(Side::Prefix, &kustomization.name_prefix, &config.name_prefix).map_err(blame("namePrefix"))?;
            self.done(layer.builtin("PrefixTransformer"), 1);
        }
        if !kustomization.name_suffix.is_empty() {
            self.affix(Side::Suffix, &kustomization.name_suffix, &config.name_suffix).map_err(blame("nameSuffix"))?;
            self.done(layer.builtin("SuffixTransformer"), 1);
        }
        self.all_labels(kustomization, config)?;
        if !kustomization.common_annotations.is_empty() {
            self.pairs(&kustomization.common_annotations, &config.common_annotations)
                .map_err(blame("commonAnnotations"))?;
            self.done(layer.builtin("AnnotationsTransformer"), 1);
        }
        self.patches(&kustomization.patches_json6902, Form::Json, "patchesJson6902")?;
        self.done(layer.builtin("PatchJson6902Transformer"), kustomization.patches_json6902.len());
        self.replicas(&kustomization.replicas, &config.replicas).map_err(blame("replicas"))?;
        self.done(layer.builtin("ReplicaCountTransformer"), kustomization.replicas.len());
        let images = kustomization.images.iter().enumerate();
        let images: Vec<_> = images.map(|(at, image)| (image, kustomization.written.image_place(at))).collect();
        self.images(&images, &config.images).map_err(blame("images"))?;
        self.done(self.layer.builtin("ImageTagTransformer"), images.len());
        self.replacements(&kustomization.replacements, |error, at| layer.blame_entry(error, "replacements", at))
            .map_err(blame("replacements"))?;
        self.done(layer.builtin("ReplacementTransformer"), kustomization.replacements.len().min(1));
        Ok(())
    }

    fn merge_patches(&mut self, entries: &[String]) -> Result<(), Error> {
        let field = "patchesStrategicMerge";
        let blame = |at: usize, error: Error| self.layer.blame_entry(error, field, at);
        let sources = entries.iter().enumerate().map(|(at, entry)| {
            let place = self.layer.kustomization.written.text_place(field, at, None);
            let source = PatchSource::of_merge(self.build, self.layer, entry);
            source.map(|source| source.at(place)).map_err(|error| blame(at, error))
        });
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        patches::apply(self.accumulated.resources.list_mut(), &sources, &self.build.schema, &blame)
    }

    fn patches(&mut self, entries: &[Patch], form: Form, field: &str) -> Result<(), Error> {
        let blame = |at: usize, error: Error| self.layer.blame_entry(error, field, at);
        let sources = entries.iter().enumerate().map(|(at, entry)| {
            let place = self.layer.kustomization.written.text_place(field, at, Some("patch"));
            let source = PatchSource::of(self.build, self.layer, entry, form);
            source.map(|source| source.at(place)).map_err(|error| blame(at, error))
        });
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        patches::apply(self.accumulated.resources.list_mut(), &sources, &self.build.schema, &blame)
    }

    fn all_labels(&mut self, kustomization: &Kustomization, config: &TransformerConfig) -> Result<(), Error> {
        for (at, label) in kustomization.labels.iter().enumerate() {
            labels::specs(label, config)
                .and_then(|specs| self.pairs(&label.pairs, &specs))
                .map_err(|error| self.layer.blame_entry(error, "labels", at))?;
            self.done(self.layer.builtin("LabelTransformer"), 1);
        }
        self.pairs(&kustomization.common_labels, &config.common_labels)
            .map_err(|error| self.layer.blame(error, "commonLabels"))?;
        // kustomize has one more transformer for commonLabels, with or without any.
        if !kustomization.labels.is_empty() || !kustomization.common_labels.is_empty() {
            self.done(self.layer.builtin("LabelTransformer"), 1);
        }
        Ok(())
    }

    /// Notes that `by` changed the resources, `times` over, and drops what it emptied.
    fn done(&mut self, by: Option<Origin>, times: usize) {
        if times == 0 {
            return;
        }
        let list = self.accumulated.resources.list_mut();
        list.retain(|resource| !is_empty(&resource.node));
        if let Some(by) = by {
            (0..times).for_each(|_| origin::record(list, &by));
        }
    }

    /// Carries replacements out; those of files stand in the place of the entries that name the files.
    fn replacements(
        &mut self,
        listed: &[ReplacementField],
        blame: impl Fn(Error, usize) -> Error,
    ) -> Result<(), Error> {
        let mut all = Vec::new();
        for (at, own) in listed.iter().enumerate() {
            all.extend(self.replacements_of(own).map_err(|error| blame(error, at))?);
        }
        if all.is_empty() {
            return Ok(());
        }
        replacement::apply(self.accumulated.resources.list_mut(), &all, &self.build.schema)
    }

    fn replacements_of(&mut self, own: &ReplacementField) -> Result<Vec<ReplacementField>, Error> {
        if own.path.is_empty() {
            return Ok(vec![own.clone()]);
        }
        if own.source.is_some() || !own.targets.is_empty() {
            return Err(Error::new("both a path and a replacement are given"));
        }
        let file = self.build.loader.load(&self.layer.root, &own.path)?;
        replacement::read(&file.content, &file.name, file.number, &mut self.build.warnings)
    }

    fn namespace(&mut self, own: &NamespaceTransformer) -> Result<(), Error> {
        let subjects = Subjects::read(&own.set_role_binding_subjects)?;
        let (name, specs) = (own.namespace.as_str(), own.field_specs.as_slice());
        let namespace = Namespace { name, specs, subjects, unset_only: own.unset_only };
        namespace::apply(self.accumulated.resources.list_mut(), &namespace, &self.build.schema)?;
        if name.is_empty() { Ok(()) } else { self.accumulated.resources.check_unique(&self.build.schema) }
    }

    fn affix(&mut self, side: Side, text: &str, specs: &[FieldSpec]) -> Result<(), Error> {
        let list = self.accumulated.resources.list_mut();
        prefix::apply(list, side, text, &FieldSpecs::new(specs), &self.build.schema)
    }

    fn pairs(&mut self, pairs: &BTreeMap<String, String>, specs: &[FieldSpec]) -> Result<(), Error> {
        if pairs.is_empty() {
            return Ok(());
        }
        labels::apply(self.accumulated.resources.list_mut(), pairs, &FieldSpecs::new(specs))
    }

    fn replicas(&mut self, replicas: &[Replica], specs: &[FieldSpec]) -> Result<(), Error> {
        let list = self.accumulated.resources.list_mut();
        replicas::apply(list, replicas, &FieldSpecs::new(specs), &self.build.schema)
    }

    fn images(&mut self, images: &[(&Image, Place)], specs: &[FieldSpec]) -> Result<(), Error> {
        images::apply(self.accumulated.resources.list_mut(), images, &FieldSpecs::new(specs))
    }
}
