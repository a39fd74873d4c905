//! Whether an object store is whole: what a killed process may leave behind is cleared away, what cannot be
//! trusted is named.
//!
//! Looks at names, at the two ends of each pack and at the commits that are remembered; it does not read
//! objects. What it cannot see shows when an object is read, and leaves the mark that is found here.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

/// Opens the store at `path`; `None` where there is none, an error says why it must be rebuilt.
pub(super) fn check(home: &Path, path: &Path) -> Result<Option<Repository>, String> {
    if !path.exists() {
        return Ok(None);
    }
    if let Ok(reason) = fs::read_to_string(mark(home)) {
        return Err(reason);
    }
    remove_locks(path).map_err(|error| error.to_string())?;
    check_packs(&path.join("objects").join("pack"))?;
    // Not `open`: whose files these are does not matter below our own state directory (mounted volumes).
    let repository = Repository::open_bare(path).map_err(|error| error.message().to_owned())?;
    check_tips(&repository, &path.join("refs").join("branches"))?;
    Ok(Some(repository))
}

/// Present when a run found objects of the store missing or broken.
pub(super) fn mark(home: &Path) -> PathBuf {
    home.join("damaged")
}

/// Lock files of a process that was killed: the store is ours alone while we are here.
fn remove_locks(path: &Path) -> io::Result<()> {
    for folder in [path.to_path_buf(), path.join("refs"), path.join("refs").join("branches")] {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?.path();
            if entry.extension().is_some_and(|extension| extension == "lock") {
                fs::remove_file(entry)?;
            }
        }
    }
    Ok(())
}

fn check_packs(folder: &Path) -> Result<(), String> {
    let shown = |error: io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(shown)? {
        let path = entry.map_err(shown)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension {
            "pack" | "idx" if name.starts_with("pack-") => {
                check_pack(&path).map_err(|reason| format!("{name}: {reason}"))?
            }
            // Half a pack, under the name that libgit2 gives it until it is whole.
            _ => fs::remove_file(&path).map_err(shown)?,
        }
    }
    Ok(())
}

/// A pack and its index belong together: the index ends with the pack's checksum and its own (`gitformat-pack`).
fn check_pack(path: &Path) -> Result<(), String> {
    let of_index = checksum_at(&path.with_extension("idx"), 40).map_err(|error| format!("its index: {error}"))?;
    let of_pack = checksum_at(&path.with_extension("pack"), 20).map_err(|error| format!("its pack: {error}"))?;
    if of_index == of_pack { Ok(()) } else { Err("pack and index do not belong together".to_owned()) }
}

fn checksum_at(path: &Path, before_end: i64) -> io::Result<[u8; 20]> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-before_end))?;
    let mut checksum = [0; 20];
    file.read_exact(&mut checksum)?;
    Ok(checksum)
}

/// Each remembered tip, read by hand: libgit2 passes over references that it cannot parse.
fn check_tips(repository: &Repository, folder: &Path) -> Result<(), String> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let tip = text.trim_end().parse::<Oid>().and_then(|id| repository.find_commit(id).map(drop));
        tip.map_err(|error| format!("a remembered tip: {}", error.message()))?;
    }
    Ok(())
}
