//! What the files say: reads paths into objects.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::secrets::{SecretSource, SecretSourceError};
use crate::api::{self, Kind, Objects, Problem, Severity, SourceText};
use crate::registry::DockerConfig;

/// A file of objects is text for people; what is larger is none.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// A file that was written this long ago and is written again shows a later time.
const SETTLED: Duration = Duration::from_secs(1);
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

/// Where the objects and Secrets come from.
#[derive(Clone, Debug)]
pub struct Inputs {
    pub paths: Vec<PathBuf>,
    pub secrets: Vec<SecretSource>,
    /// Where objects without a namespace go.
    pub namespace: String,
}

impl Inputs {
    /// Reads all objects below the paths, and the Secrets from outside, which win over those in files.
    pub fn read(&self) -> Result<World, InputError> {
        let mut texts = Vec::new();
        for path in &self.paths {
            let files = files(path)?;
            if files.is_empty() {
                return Err(InputError::Empty { path: path.clone() });
            }
            for file in files {
                texts.extend(text_of(&file)?.map(|text| (file.display().to_string(), text)));
            }
        }
        let sources = texts.iter().map(|(file, text)| SourceText { file, text });
        let loaded = api::load(sources, &self.namespace);
        let mut world = World { objects: loaded.objects, problems: loaded.problems, docker: None };
        for source in &self.secrets {
            world.objects.secrets.insert(source.secret.clone(), source.read()?);
        }
        Ok(world)
    }

    /// A number that is another one when a file is, one of `more` included. `None` when something cannot be looked at, or was written a moment ago:
    /// it may be written again without showing a later time.
    pub fn stamp(&self, more: Option<&PathBuf>) -> Option<u64> {
        let secrets = self.secrets.iter().filter_map(SecretSource::folder);
        let mut files = self.paths.iter().map(|path| files(path).ok()).collect::<Option<Vec<_>>>()?.concat();
        for folder in secrets {
            files.extend(fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())));
        }
        let mut hasher = DefaultHasher::new();
        for file in files.iter().chain(more) {
            let meta = fs::metadata(file).ok();
            let of = |meta: &fs::Metadata| (meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ctime_nsec(), meta.ino());
            if meta.as_ref().and_then(|meta| meta.modified().ok()?.elapsed().ok()).is_some_and(|age| age < SETTLED) {
                return None;
            }
            (file, meta.as_ref().map(of)).hash(&mut hasher);
        }
        Some(hasher.finish())
    }
}

/// What a file holds, if it may hold objects of ours.
fn text_of(file: &Path) -> Result<Option<String>, InputError> {
    let failed = |source| InputError::Read { path: file.to_owned(), source };
    if fs::metadata(file).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(InputError::TooLarge { path: file.to_owned() });
    }
    let bytes = fs::read(file).map_err(failed)?;
    Ok(may_hold_objects(&bytes).then(|| String::from_utf8_lossy(&bytes).into_owned()))
}

/// The YAML files at or below `path`, by name. Links are followed here: Kubernetes mounts ConfigMaps as links.
fn files(path: &Path) -> Result<Vec<PathBuf>, InputError> {
    let mut found = Vec::new();
    collect(path, 0, &mut found)?;
    Ok(found)
}

fn collect(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    if depth == DEPTH_MAX {
        return Err(InputError::TooDeep { path: path.to_owned() });
    }
    let entries = fs::read_dir(path).map_err(failed)?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    entries.sort();
    entries.iter().filter(|entry| is_object_file(entry)).try_for_each(|entry| collect(entry, depth + 1, found))
}

/// What a file must mention to be worth a parse: one of our API groups or kinds. A forgotten `apiVersion` is told.
fn may_hold_objects(text: &[u8]) -> bool {
    let mentions = |word: &str| memchr::memmem::find(text, word.as_bytes()).is_some();
    mentions("toolkit.fluxcd.io") || Kind::ALL.iter().any(|kind| mentions(kind.as_str()))
}

/// YAML files and folders, but not `.git` and the `..data` of Kubernetes' mounts.
fn is_object_file(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    name != ".git" && !name.starts_with("..") && (yaml || path.is_dir())
}
