//! All stores of a state folder: what they take together is bounded, and those go first that were not used for longest.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tracing::{info, warn};

use super::swap;

/// One store of the shelf.
struct Kept {
    home: PathBuf,
    used: SystemTime,
    bytes: u64,
}

/// Removes stores, but the one `in_use` and any that is locked, until all that are left take at most `limit` bytes.
pub(super) fn trim(in_use: &Path, limit: u64) {
    if let Some(shelf) = in_use.parent()
        && let Err(error) = trim_shelf(shelf, in_use, limit)
    {
        warn!(path = %shelf.display(), %error, "the size of the stores could not be bounded");
    }
}

fn trim_shelf(shelf: &Path, in_use: &Path, limit: u64) -> io::Result<()> {
    // No symbolic link is a store of ours.
    let folders = fs::read_dir(shelf)?.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut kept: Vec<Kept> = folders.filter_map(|entry| look(entry.path())).collect();
    let mut sum: u64 = kept.iter().map(|store| store.bytes).sum();
    kept.sort_by_key(|store| store.used);
    for store in kept.iter().filter(|store| store.home != in_use) {
        if sum <= limit {
            return Ok(());
        }
        if remove(&store.home)? {
            sum -= store.bytes;
            info!(store = %store.home.display(), bytes = store.bytes, limit, "removed a store to keep the state small");
        }
    }
    if sum > limit {
        warn!(bytes = sum, limit, "the stores in use are larger than the state may be");
    }
    Ok(())
}

fn look(home: PathBuf) -> Option<Kept> {
    let used = fs::metadata(home.join("lock")).and_then(|lock| lock.modified()).ok()?;
    // Another process may remove it meanwhile.
    let bytes = size(&home).unwrap_or_default();
    Some(Kept { home, used, bytes })
}

fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { size(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}

/// False where the store is in use, or speaks of a lock that its next user must clear away.
fn remove(home: &Path) -> io::Result<bool> {
    let lock = File::options().write(true).open(home.join("lock"))?;
    if lock.try_lock().is_err() || swap::is_announced(home) {
        return Ok(false);
    }
    fs::remove_dir_all(home).map(|()| true)
}
