//! Announcements of swaps of local references.
//!
//! A process that is killed while it moves a reference leaves `main.lock` behind, and nobody can push any more. What was
//! announced before, in the folder that one process of ours has at a time, tells such a lock from that of somebody else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use git2::{Oid, Reference};
use tracing::warn;

use super::error::Error;

/// Git writes the new id into a lock as soon as it has made it; one that stays empty for so long is nobody's.
const EMPTY_MAX: Duration = Duration::from_secs(1);

/// Says that `reference` is about to be locked and moved to `new`.
pub(super) fn announce(home: &Path, reference: &str, new: Oid) -> Result<(), Error> {
    let path = announcement(home);
    fs::write(&path, format!("{reference}\n{new}\n")).map_err(Error::io("writing", &path))
}

/// Takes an announcement back: the lock is gone.
pub(super) fn withdraw(home: &Path) -> Result<(), Error> {
    let path = announcement(home);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("removing", &path)(error)),
        _ => Ok(()),
    }
}

/// Removes the lock that a killed process of ours left in `repository`. To be called while the lock of `home` is held, so
/// that whoever announced is gone.
pub(super) fn clean_up(home: &Path, repository: &Path) -> Result<(), Error> {
    let announced = fs::read_to_string(announcement(home)).unwrap_or_default();
    if let Some((reference, new)) = announced.trim_end().split_once('\n')
        && Reference::is_valid_name(reference)
    {
        let lock = repository.join(format!("{reference}.lock"));
        if is_left_behind(&lock, new) {
            warn!(lock = %lock.display(), "an earlier run was killed and left this lock, which is removed");
            fs::remove_file(&lock).map_err(Error::io("removing", &lock))?;
        }
    }
    withdraw(home)
}

/// True where a process that had `home` may have left a lock behind.
pub(super) fn is_announced(home: &Path) -> bool {
    announcement(home).exists()
}

fn announcement(home: &Path) -> PathBuf {
    home.join("swap")
}

/// True for a lock that holds the id that only we knew, or nothing for longer than any live process needs.
fn is_left_behind(lock: &Path, new: &str) -> bool {
    let start = Instant::now();
    while let Ok(content) = fs::read_to_string(lock) {
        match content.trim_end() {
            "" if start.elapsed() < EMPTY_MAX => thread::sleep(Duration::from_millis(20)),
            content => return content.is_empty() || content == new,
        }
    }
    false
}
