//! Replaces files as a whole: whoever reads, or kills us, finds the old content or the new one, never half of it.
//!
//! Renaming a fresh file over an old one does that too, but some file systems (ext4) write the new one to the disk first:
//! half a millisecond for each of 20,000 files. Here one scratch file changes places with each of them in turn.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempPath;

/// Replaces files below one folder.
pub(super) struct Replacer {
    folder: PathBuf,
    scratch: Option<TempPath>,
}

impl Replacer {
    /// The scratch file lies in `folder` while it is needed.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), scratch: None }
    }

    /// Gives the file at `place` a new content; mode and owner stay.
    pub(super) fn replace(&mut self, place: &Path, content: &[u8]) -> io::Result<()> {
        let scratch = match &self.scratch {
            Some(scratch) => scratch,
            None => self.scratch.insert(scratch_in(&self.folder)?),
        };
        fill(scratch, place, content)?;
        match renameat_with(CWD, &**scratch, CWD, place, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(()),
            // Another file system, or one that cannot exchange.
            Err(_) => rename_over(place, content),
        }
    }
}

fn rename_over(place: &Path, content: &[u8]) -> io::Result<()> {
    let scratch = scratch_in(place.parent().unwrap_or(Path::new(".")))?;
    fill(&scratch, place, content)?;
    Ok(scratch.persist(place)?)
}

fn scratch_in(folder: &Path) -> io::Result<TempPath> {
    Ok(tempfile::Builder::new().prefix(".tagwright-").tempfile_in(folder)?.into_temp_path())
}

/// Writes `content` into the scratch file and makes it look like the file at `place`.
fn fill(scratch: &Path, place: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(scratch)?;
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    dress(&file, &fs::symlink_metadata(place)?)
}

fn dress(file: &File, like: &fs::Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        fchown(file, Some(like.uid()), Some(like.gid()))?;
    }
    if own.mode() != like.mode() {
        file.set_permissions(like.permissions())?;
    }
    Ok(())
}
