//! What the files say: reads paths into objects.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::secrets::{SecretSource, SecretSourceError};
use crate::api::{self, Objects, Problem, Severity, SourceText};
use crate::registry::DockerConfig;

/// A file of objects is text for people; what is larger is none.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Folders below folders, at most.
const DEPTH_MAX: usize = 64;

/// What one round works on, and what is wrong with the files.
#[derive(Debug, Default)]
pub struct World {
    pub objects: Objects,
    pub problems: Vec<Problem>,
    /// The user's own registry credentials, for repositories without a `secretRef`.
    pub docker: Option<DockerConfig>,
}

impl World {
    /// True when an object is left out, since its file is wrong.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

/// Why the inputs cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("reading objects from {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("reading objects from {}: the file is larger than {FILE_BYTES_MAX} bytes", path.display())]
    TooLarge { path: PathBuf },
    #[error("reading objects from {}: folders are nested deeper than {DEPTH_MAX}", path.display())]
    TooDeep { path: PathBuf },
    #[error("no .yaml or .yml file at {}", path.display())]
    Empty { path: PathBuf },
    #[error(transparent)]
    Secret(#[from] SecretSourceError),
}

/// Reads all objects below `paths`, and the Secrets from outside, which win over those in files.
///
/// Objects without a namespace go to `namespace`.
pub fn read(paths: &[PathBuf], secrets: &[SecretSource], namespace: &str) -> Result<World, InputError> {
    let mut texts = Vec::new();
    for path in paths {
        if collect(path, 0, &mut texts)? == 0 {
            return Err(InputError::Empty { path: path.clone() });
        }
    }
    let sources = texts.iter().map(|(file, text)| SourceText { file, text });
    let loaded = api::load(sources, namespace);
    let mut world = World { objects: loaded.objects, problems: loaded.problems, docker: None };
    for source in secrets {
        world.objects.secrets.insert(source.secret.clone(), source.read()?);
    }
    Ok(world)
}

/// Adds the YAML files at or below `path` that may hold objects of ours, by name; gives how many YAML files there are.
/// Links are followed here: Kubernetes mounts ConfigMaps as links.
fn collect(path: &Path, depth: usize, texts: &mut Vec<(String, String)>) -> Result<usize, InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    let meta = fs::metadata(path).map_err(failed)?;
    if !meta.is_dir() {
        if meta.len() > FILE_BYTES_MAX {
            return Err(InputError::TooLarge { path: path.to_owned() });
        }
        let bytes = fs::read(path).map_err(failed)?;
        if may_hold_objects(&bytes) {
            texts.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
        return Ok(1);
    }
    if depth == DEPTH_MAX {
        return Err(InputError::TooDeep { path: path.to_owned() });
    }
    let entries = fs::read_dir(path).map_err(failed)?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    entries.sort();
    let mut found = 0;
    for entry in entries.iter().filter(|entry| is_object_file(entry)) {
        found += collect(entry, depth + 1, texts)?;
    }
    Ok(found)
}

/// What a file must mention to be worth a parse: one of our API groups, a Secret or a ServiceAccount.
fn may_hold_objects(text: &[u8]) -> bool {
    let mentions = |word: &str| memchr::memmem::find(text, word.as_bytes()).is_some();
    mentions("toolkit.fluxcd.io") || mentions("Secret") || mentions("ServiceAccount")
}

/// YAML files and folders, but not `.git` and the `..data` of Kubernetes' mounts.
fn is_object_file(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    name != ".git" && !name.starts_with("..") && (yaml || path.is_dir())
}
