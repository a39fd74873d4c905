//! The transformers of plugin objects, each the same as that of a field, with what the object says in place of the
//! configuration.

use super::patches::{self, Form, PatchSource};
use super::prefix::Side;
use super::{Transformers, value_add};
use crate::kustomize::error::Error;
use crate::kustomize::finish;
use crate::kustomize::kustomization::Patch;
use crate::kustomize::kustomization::decode::{Rules, decode, document};
use crate::kustomize::kustomization::plugin::{
    AffixTransformer, PatchStrategicMergeTransformer, Plugin, ValueAddTransformer,
};
use crate::kustomize::layer::plugins::Plugged;
use crate::object::Place;

impl Transformers<'_, '_> {
    /// Runs the transformer of a plugin object, an entry of `field`.
    pub(super) fn plugin(&mut self, plugged: Plugged, field: &str) -> Result<(), Error> {
        let Plugged { plugin, name, origin } = plugged;
        let run = match &plugin {
            Plugin::Annotations(own) => self.pairs(&own.annotations, &own.field_specs),
            Plugin::Labels(own) => self.pairs(&own.labels, &own.field_specs),
            Plugin::Hash => finish::append_hashes(self.accumulated.resources.list_mut(), &self.build.schema),
            Plugin::Image(own) => self.images(&[(&own.image_tag, Place::default())], &own.field_specs),
            Plugin::Namespace(own) => self.namespace(own),
            Plugin::Affix(own) => self.affixes(own),
            Plugin::Replicas(own) => self.replicas(std::slice::from_ref(&own.replica), &own.field_specs),
            Plugin::ConfigMap(_) | Plugin::Secret(_) | Plugin::IamPolicy(_) => {
                Err(Error::new("it is a generator, not a transformer"))
            }
            Plugin::Patch(own) => self.patch(own, Form::Any),
            Plugin::PatchJson6902(own) => self.patch(own, Form::Json),
            Plugin::PatchStrategicMerge(own) => self.merge(own),
            Plugin::Replacements(own) => {
                self.replacements(own, |error, at| error.in_field(&format!("replacements[{at}]")))
            }
            Plugin::ValueAdd(own) => self.value_add(own),
        };
        run.map_err(|error| self.layer.blame(Error::new(format!("running {name}")).caused_by(error), field))?;
        self.done(origin, 1);
        Ok(())
    }

    fn patch(&mut self, patch: &Patch, form: Form) -> Result<(), Error> {
        let source = PatchSource::of(self.build, self.layer, patch, form)?;
        let list = self.accumulated.resources.list_mut();
        patches::apply(list, &[source], &self.build.schema, &|_, error| error)
    }

    fn merge(&mut self, own: &PatchStrategicMergeTransformer) -> Result<(), Error> {
        if own.paths.is_empty() && own.patches.is_empty() {
            return Err(Error::new("neither paths nor patches are given"));
        }
        let sources = own.paths.iter().map(|path| PatchSource::of_merge(self.build, self.layer, path));
        let mut sources = sources.collect::<Result<Vec<_>, _>>()?;
        sources.push(PatchSource::inline(&own.patches));
        let list = self.accumulated.resources.list_mut();
        patches::apply(list, &sources, &self.build.schema, &|_, error| error)
    }

    fn affixes(&mut self, own: &AffixTransformer) -> Result<(), Error> {
        let specs = own.field_specs.as_deref().unwrap_or_default();
        for (side, text) in [(Side::Prefix, &own.prefix), (Side::Suffix, &own.suffix)] {
            if !text.is_empty() {
                self.affix(side, text, specs)?;
            }
        }
        Ok(())
    }

    fn value_add(&mut self, own: &ValueAddTransformer) -> Result<(), Error> {
        let mut more = ValueAddTransformer::default();
        if !own.target_file_path.is_empty() {
            let file = self.build.loader.load(&self.layer.root, &own.target_file_path)?;
            more = document(&file.content, file.number)
                .and_then(|node| decode(&node, Rules::Object, &mut self.build.warnings))
                .map_err(|error| error.in_file(&file.name, 0))?;
        }
        let (list, folder) = (self.accumulated.resources.list_mut(), &self.layer.root.folder);
        value_add::apply(list, own, &more.targets, folder, &self.build.schema)
    }
}
