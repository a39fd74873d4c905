//! The layers of a build: what a root's resources, generators and components come to once its own transformers have
//! seen them.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::error::Error;
use super::kustomization::Kustomization;
use super::layer::{self, Layer};
use super::load::{Entered, File, Loader, Opened, Root};
use super::objects;
use super::resource::Resource;
use super::resources::Resources;
use super::schema::Schema;

/// Roots entered in one build. Bases that are listed twice at every layer double with each.
const LAYERS_MAX: usize = 20_000;

/// What a build has come to know, besides the resources.
pub(super) struct Accumulation<'b> {
    pub loader: Loader<'b>,
    pub schema: Arc<Schema>,
    pub warnings: Vec<String>,
    /// Read once per file, however many layers have it for a base.
    pub kustomizations: HashMap<u32, Arc<Kustomization>>,
    objects: HashMap<u32, Arc<Vec<Resource>>>,
    layers: usize,
}

/// Resources, and what is to be done with them above.
#[derive(Default)]
pub(super) struct Accumulated {
    pub resources: Resources,
}

impl<'b> Accumulation<'b> {
    pub fn new(loader: Loader<'b>) -> Self {
        Self {
            loader,
            schema: Arc::new(Schema::default()),
            warnings: Vec::new(),
            kustomizations: HashMap::new(),
            objects: HashMap::new(),
            layers: 0,
        }
    }

    /// Everything that a layer does with what is accumulated: nothing yet, or for a component what its parent has.
    pub fn accumulate(&mut self, layer: &Layer, mut accumulated: Accumulated) -> Result<Accumulated, Error> {
        self.layers += 1;
        if self.layers > LAYERS_MAX {
            return Err(Error::new(format!("the build enters more than {LAYERS_MAX} roots")).in_file(&layer.name, 0));
        }
        let kustomization = layer.kustomization.clone();
        self.resources(layer, "resources", entries(&kustomization.resources), &mut accumulated)?;
        for (at, entry) in entries(&kustomization.components) {
            let field = format!("components[{at}]");
            accumulated = self.component(layer, entry, accumulated).map_err(|error| layer.blame(error, &field))?;
        }
        Ok(accumulated)
    }

    /// Adds what `entries` name: files, folders or remotes, in their order.
    pub fn resources(
        &mut self,
        layer: &Layer,
        field: &str,
        entries: Vec<(usize, &str)>,
        into: &mut Accumulated,
    ) -> Result<(), Error> {
        let opened = self.open_all(layer, &entries);
        for ((at, entry), opened) in entries.into_iter().zip(opened) {
            let field = format!("{field}[{at}]");
            self.resource(layer, entry, opened, into).map_err(|error| layer.blame(error, &field))?;
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
        // What could not be read is read again when its turn comes, so that the first error in order is the one told.
        let read =
            unread.par_iter().filter_map(|file| Some((file.number, objects::read(&file.content, file.number).ok()?)));
        let read: Vec<_> = read.collect();
        self.objects.extend(read.into_iter().map(|(number, objects)| (number, Arc::new(objects))));
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
                let read = self.objects(&file)?;
                let mut resources = Vec::clone(&read);
                if let Some(origins) = &layer.origins {
                    let origin = origins.of_entry(entry);
                    for resource in &mut resources {
                        (resource.origin, resource.is_annotated) = (Some(origin.clone()), true);
                    }
                }
                into.resources.append(resources, &self.schema).map_err(|error| error.in_file(&file.name, 0))
            }
            Opened::NoFile => match self.loader.enter(&layer.root, entry)? {
                Entered::Missing => Ok(()),
                Entered::Root(root) => self.base(layer, entry, root, into),
            },
        }
    }

    fn objects(&mut self, file: &File) -> Result<Arc<Vec<Resource>>, Error> {
        if let Some(read) = self.objects.get(&file.number) {
            return Ok(read.clone());
        }
        let read = objects::read(&file.content, file.number).map_err(|error| error.in_file(&file.name, 0))?;
        Ok(self.objects.entry(file.number).or_insert(Arc::new(read)).clone())
    }

    fn base(&mut self, above: &Layer, entry: &str, root: Arc<Root>, into: &mut Accumulated) -> Result<(), Error> {
        let layer = self.open(above, entry, root)?;
        if layer.kustomization.kind == "Component" {
            return Err(Error::new(format!("{} is a component", layer.name)).with_hint("list it under components"));
        }
        let Accumulated { resources } = self.accumulate(&layer, Accumulated::default())?;
        into.resources.append(resources.into_list(), &self.schema)
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
        let layer = layer::open(self, root, Some(origins))?;
        Ok(layer)
    }
}

/// Entries with their number in the list.
pub(super) fn entries(list: &[String]) -> Vec<(usize, &str)> {
    list.iter().map(String::as_str).enumerate().collect()
}
