//! Remembers blobs that hold no marker, so that the next run reads only what is new.
//!
//! A file of 20-byte blob ids that only grows. It is a cache: a torn end is cut off, and the file carries the
//! program's version in its name, since another version may see markers where this one sees none.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use git2::Oid;
use tracing::warn;

const ID_BYTES: usize = 20;
/// Above this, 40 MB, the file starts afresh.
const IDS_MAX: usize = 2_000_000;
const PREFIX: &str = "unmarked-";

pub(super) struct Unmarked {
    path: PathBuf,
    ids: HashSet<Oid>,
}

impl Unmarked {
    /// Loads what is remembered below `home`. Whatever is wrong with it costs a slow run, nothing else.
    pub(super) fn load(home: &Path) -> Self {
        let path = home.join(format!("{PREFIX}{}", env!("CARGO_PKG_VERSION")));
        let ids = read(&path).unwrap_or_else(|error| {
            warn!(path = %path.display(), %error, "the list of blobs without markers cannot be read");
            HashSet::new()
        });
        Self { path, ids }
    }

    pub(super) fn contains(&self, id: Oid) -> bool {
        self.ids.contains(&id)
    }

    pub(super) fn insert(&mut self, ids: &[Oid]) -> io::Result<()> {
        let mut records = Vec::new();
        for id in ids {
            if self.ids.insert(*id) {
                records.extend_from_slice(id.as_bytes());
            }
        }
        if records.is_empty() {
            return Ok(());
        }
        File::options().create(true).append(true).open(&self.path)?.write_all(&records)
    }
}

fn read(path: &Path) -> io::Result<HashSet<Oid>> {
    if !path.exists() {
        remove_other_versions(path)?;
        return Ok(HashSet::new());
    }
    let length = usize::try_from(fs::metadata(path)?.len()).unwrap_or(usize::MAX);
    if length > IDS_MAX * ID_BYTES {
        fs::remove_file(path)?;
        return Ok(HashSet::new());
    }
    // Cut where a killed process stopped, or every record behind it would be out of step.
    let whole = length - length % ID_BYTES;
    if whole != length {
        File::options().write(true).open(path)?.set_len(whole as u64)?;
    }
    let bytes = fs::read(path)?;
    Ok(bytes.chunks_exact(ID_BYTES).filter_map(|id| Oid::from_bytes(id).ok()).collect())
}

fn remove_other_versions(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
