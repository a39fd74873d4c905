//! The layers of a build: what a root's resources, generators and components come to once its own transformers have
//! seen them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::generators;
use super::settings::{Chosen, NO_CONFIG, add_config};
use super::{Layer, open};
use crate::kustomize::configuration::TransformerConfig;
use crate::kustomize::error::Error;
use crate::kustomize::finish::vars;
use crate::kustomize::kustomization::{Kustomization, Var};
use crate::kustomize::load::{Entered, File, Loader, Opened, Root};
use crate::kustomize::parallel;
use crate::kustomize::resource::{Resource, Resources};
use crate::kustomize::schema::Schema;
use crate::kustomize::transform;

/// Roots entered in one build. Bases that are listed twice at every layer double with each.
const LAYERS_MAX: usize = 20_000;

/// What a build has come to know, besides the resources.
pub(in crate::kustomize) struct Accumulation<'b> {
    pub loader: Loader<'b>,
    pub schema: Chosen,
    /// The first layer that names a schema says which it is, for the whole build.
    pub(super) is_schema_chosen: bool,
    /// Something asked for the built-in schema before a layer named another one; the build goes by both then.
    pub(super) is_builtin_read: bool,
    pub warnings: Vec<String>,
    /// Read once per file, however many layers have it for a base.
    pub kustomizations: HashMap<u32, Arc<Kustomization>>,
    /// By the number of their file: those that were read ahead, and those that were asked for twice. What is asked for
    /// once is not kept, so that layers change it where it is and nothing is there twice.
    objects: HashMap<u32, Arc<Vec<Resource>>>,
    taken: HashSet<u32>,
    layers: usize,
}

/// Resources, and what is to be done with them above.
pub(in crate::kustomize) struct Accumulated {
    pub resources: Resources,
    /// The tables of kustomize and of all layers so far; shared while nobody adds to them.
    pub config: Arc<TransformerConfig>,
    /// By name.
    pub vars: BTreeMap<String, Var>,
}

impl Default for Accumulated {
    fn default() -> Self {
        Self { resources: Resources::default(), config: NO_CONFIG.clone(), vars: BTreeMap::new() }
    }
}

impl<'b> Accumulation<'b> {
    pub(in crate::kustomize) fn new(loader: Loader<'b>) -> Self {
        Self {
            loader,
            schema: Chosen::Builtin(Schema::builtin()),
            is_schema_chosen: false,
            is_builtin_read: false,
            warnings: Vec::new(),
            kustomizations: HashMap::new(),
            objects: HashMap::new(),
            taken: HashSet::new(),
            layers: 0,
        }
    }

    /// Everything that a layer does with what is accumulated: nothing yet, or for a component what its parent has.
    pub(in crate::kustomize) fn accumulate(
        &mut self,
        layer: &Layer,
        mut accumulated: Accumulated,
    ) -> Result<Accumulated, Error> {
        self.layers += 1;
        if self.layers > LAYERS_MAX {
            return Err(Error::new(format!("the build enters more than {LAYERS_MAX} roots")).in_file(&layer.name, 0));
        }
        let kustomization = layer.kustomization.clone();
        self.resources(layer, "resources", entries(&kustomization.resources), &mut accumulated)?;
        self.configure(layer, &mut accumulated.config)?;
        generators::run(self, layer, &mut accumulated)?;
        for (at, entry) in kustomization.components.iter().enumerate() {
            accumulated = self
                .component(layer, entry, accumulated)
                .map_err(|error| layer.blame_entry(error, "components", at))?;
        }
        // Patches would not find what is still to be fetched.
        if self.loader.missing.is_empty() {
            transform::run(self, layer, &mut accumulated)?;
            transform::validate(self, layer, &mut accumulated)?;
            self.is_builtin_read |=
                !kustomization.patches.is_empty() || !kustomization.patches_strategic_merge.is_empty();
            vars::claim(accumulated.resources.list_mut(), &kustomization.vars, &self.schema)
                .and_then(|()| add_vars(&mut accumulated.vars, kustomization.vars.iter()))
                .map_err(|error| layer.blame(error, "vars"))?;
        }
        Ok(accumulated)
    }

    /// Adds what `entries` name: files, folders or remotes, in their order.
    pub(in crate::kustomize) fn resources(
        &mut self,
        layer: &Layer,
        field: &str,
        entries: Vec<(usize, &str)>,
        into: &mut Accumulated,
    ) -> Result<(), Error> {
        let opened = self.open_all(layer, &entries);
        for ((at, entry), opened) in entries.into_iter().zip(opened) {
            self.resource(layer, entry, opened, into).map_err(|error| layer.blame_entry(error, field, at))?;
        }
        Ok(())
    }

    /// Opens the entries that are files, and reads those that were not read before, in parallel.
    fn open_all(&mut self, layer: &Layer, entries: &[(usize, &str)]) -> Vec<Result<Opened, Error>> {
        let opened: Vec<_> = entries.iter().map(|(_, entry)| self.loader.open(&layer.root, entry)).collect();
        let unread = opened.iter().filter_map(|opened| match opened {
            Ok(Opened::File(file)) if !self.objects.contains_key(&file.number) => Some(file),
            _ => None,
        });
        let unread: Vec<&File> = unread.collect();
        let bytes = unread.iter().map(|file| file.content.len()).sum();
        let read = |file: &&File| Some((file.number, file.objects().ok()?));
        // What could not be read is read again when its turn comes, so that the first error in order is the one told.
        self.objects.extend(parallel::map_bytes(&unread, bytes, read).into_iter().flatten());
        opened
    }

    fn resource(
        &mut self,
        layer: &Layer,
        entry: &str,
        opened: Result<Opened, Error>,
        into: &mut Accumulated,
    ) -> Result<(), Error> {
        match opened? {
            Opened::Missing => Ok(()),
            Opened::File(file) => {
                let mut resources = Arc::unwrap_or_clone(self.objects(&file)?);
                // Whether kinds have namespaces is known without the schema, but for those that it does not have.
                self.is_builtin_read |=
                    resources.iter().any(|resource| !Schema::builtin().knows_scope(&resource.gvk()));
                if let Some(origins) = &layer.origins {
                    let origin = origins.of_entry(entry);
                    for resource in &mut resources {
                        (resource.origin, resource.is_annotated) = (Some(origin.clone()), true);
                    }
                }
                into.resources.append(resources, &self.schema, &self.loader.files)
            }
            Opened::NoFile => match self.loader.enter(&layer.root, entry)? {
                Entered::Missing => Ok(()),
                Entered::Root(root) => self.base(layer, entry, root, into),
            },
        }
    }

    fn objects(&mut self, file: &File) -> Result<Arc<Vec<Resource>>, Error> {
        let read = match self.objects.remove(&file.number) {
            Some(read) => read,
            None => file.objects().map_err(|error| error.in_file(&file.name, 0))?,
        };
        if !self.taken.insert(file.number) {
            self.objects.insert(file.number, read.clone());
        }
        Ok(read)
    }

    fn base(&mut self, above: &Layer, entry: &str, root: Arc<Root>, into: &mut Accumulated) -> Result<(), Error> {
        let layer = self.open(above, entry, root)?;
        if layer.kustomization.kind == "Component" {
            return Err(Error::new(format!("{} is a component", layer.name)).with_hint("list it under components"));
        }
        let Accumulated { resources, config, vars } = self.accumulate(&layer, Accumulated::default())?;
        into.resources.append(resources.into_list(), &self.schema, &self.loader.files)?;
        add_config(&mut into.config, &config)?;
        add_vars(&mut into.vars, vars.values())
    }

    fn component(&mut self, above: &Layer, entry: &str, accumulated: Accumulated) -> Result<Accumulated, Error> {
        let Entered::Root(root) = self.loader.enter(&above.root, entry)? else { return Ok(accumulated) };
        let layer = self.open(above, entry, root)?;
        if layer.kustomization.kind != "Component" {
            return Err(Error::new(format!("{} is no component", layer.name)).with_hint("list it under resources"));
        }
        let accumulated = self.accumulate(&layer, accumulated)?;
        accumulated.resources.check_unique(&self.schema)?;
        Ok(accumulated)
    }

    fn open(&mut self, above: &Layer, entry: &str, root: Arc<Root>) -> Result<Layer, Error> {
        let origins = above.origins.as_ref().map(|origins| origins.below(entry));
        let layer = open(self, root, Some(origins))?;
        self.set_schema(&layer)?;
        Ok(layer)
    }
}

/// Entries with their number in the list.
pub(in crate::kustomize) fn entries(list: &[String]) -> Vec<(usize, &str)> {
    list.iter().map(String::as_str).enumerate().collect()
}

/// A name of a var is there once.
fn add_vars<'v>(vars: &mut BTreeMap<String, Var>, more: impl Iterator<Item = &'v Var>) -> Result<(), Error> {
    for var in more {
        if vars.insert(var.name.clone(), var.clone()).is_some() {
            return Err(Error::new(format!("the var {:?} is defined twice", var.name)));
        }
    }
    Ok(())
}
