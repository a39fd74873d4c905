//! A root with its kustomization file read: one layer of a build.

mod accumulate;
mod generate;
mod generators;
pub(super) mod plugins;
mod settings;

use std::sync::Arc;

use super::error::Error;
use super::kustomization::Kustomization;
use super::load::{Opened, Root};
use super::resource::Origin;
use super::resource::origin::Origins;

pub(super) use self::accumulate::{Accumulated, Accumulation};
pub(super) use self::settings::Chosen;

/// The names of a kustomization file; a folder has one of them.
pub(super) const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A root, what its file says, and where its resources come from in the eyes of `buildMetadata`.
pub(super) struct Layer {
    pub root: Arc<Root>,
    pub kustomization: Arc<Kustomization>,
    /// The number of the kustomization file.
    pub file: u32,
    /// As messages call it.
    pub name: String,
    /// `None` where nobody asked.
    pub origins: Option<Origins>,
}

impl Layer {
    /// An error of the entry `field` of this layer, unless it knows better where it is from.
    pub(super) fn blame(&self, error: Error, field: &str) -> Error {
        if error.file().is_some() {
            return error;
        }
        let error = error.in_field(field);
        let line = self.kustomization.written.line(error.field().unwrap_or(field));
        error.in_file(&self.name, line)
    }

    /// An error of entry `at` of the list `field`.
    pub(super) fn blame_entry(&self, error: Error, field: &str, at: usize) -> Error {
        self.blame(error, &format!("{field}[{at}]"))
    }

    /// The origin of what the field for `kind` makes or changes, where origins are asked for.
    pub(super) fn builtin(&self, kind: &str) -> Option<Origin> {
        self.origins.as_ref().map(|origins| origins.of_builtin(kind))
    }
}

/// Reads the kustomization file of `root`. What is built for is told about origins by the layer above; the top one
/// asks its own file.
pub(super) fn open(
    build: &mut Accumulation<'_>,
    root: Arc<Root>,
    above: Option<Option<Origins>>,
) -> Result<Layer, Error> {
    let folder = build.loader.name(root.tree, &root.folder);
    let mut found = Vec::new();
    for file_name in FILE_NAMES {
        if let Opened::File(file) = build.loader.open(&root, file_name)? {
            found.push((file_name, file));
        }
    }
    let (file_name, file) = match <[_; 1]>::try_from(found) {
        Ok([found]) => found,
        Err(found) if found.is_empty() => return Err(none(&folder)),
        Err(found) => {
            let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
            let message = format!("the folder {folder} has several kustomization files: {}", names.join(", "));
            return Err(Error::new(message).with_hint("keep one of them"));
        }
    };
    let kustomization = match build.kustomizations.get(&file.number) {
        Some(kustomization) => kustomization.clone(),
        None => {
            let read = file.kustomization()?;
            build.warnings.extend(read.warnings.iter().map(|warning| format!("{}: {warning}", file.name)));
            build.kustomizations.entry(file.number).or_insert(read).clone()
        }
    };
    let origins = above.unwrap_or_else(|| (!kustomization.build_metadata.is_empty()).then(Origins::default));
    let origins = origins.map(|origins| origins.of_file(file_name));
    Ok(Layer { root, kustomization, file: file.number, name: file.name, origins })
}

fn none(folder: &str) -> Error {
    Error::new(format!("the folder {folder} has no kustomization file"))
        .with_hint(format!("name it {} and list something under resources", FILE_NAMES[0]))
}
