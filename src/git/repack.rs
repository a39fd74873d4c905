//! Makes one pack of many: each fetch and each push leaves a pack in the store, and libgit2 has no gc.
//!
//! All that the remembered tips need is written into a store beside the old one, which is then swapped in by two
//! renames. A process may be killed at any point: [`recover`] puts back what the renames left, and removes the rest.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use git2::Oid;

use super::error::Error;
use super::store::{self, Store};

/// Lookups go through one pack after the other.
const PACKS_MAX: usize = 50;
/// A store that fills up with packs faster, or cannot be repacked, is left alone for so long.
const PAUSE: Duration = Duration::from_secs(3600);
/// The store is locked meanwhile: a repack that takes longer is given up.
const TIME_MAX: Duration = Duration::from_secs(60);

/// True when the store of `home` has many packs and was not repacked lately.
pub(super) fn is_due(home: &Path) -> bool {
    let packs = fs::read_dir(home.join("store.git/objects/pack")).map_or(0, |entries| {
        entries.flatten().filter(|entry| entry.path().extension().is_some_and(|name| name == "pack")).count()
    });
    let last = fs::metadata(stamp(home)).and_then(|stamp| stamp.modified());
    let is_recent = last.is_ok_and(|last| SystemTime::now().duration_since(last).is_ok_and(|age| age < PAUSE));
    packs > PACKS_MAX && !is_recent
}

/// Repacks what `tips`, references of the store with their commits, need; everything else goes. The open store is of no
/// use afterwards.
pub(super) fn repack(store: &Store, tips: &[(String, Oid)]) -> Result<(), Error> {
    let home = store.home();
    fs::write(stamp(home), "").map_err(Error::io("writing", stamp(home)))?;
    recover(home).map_err(Error::io("clearing away what a repack left in", home))?;
    let fresh = fresh(home);
    let made = write(store, tips, &fresh).and_then(|()| sync(&fresh).map_err(Error::io("writing", &fresh)));
    if let Err(error) = made {
        // What was written is in the way of nobody, and large.
        drop(fs::remove_dir_all(&fresh));
        return Err(error);
    }
    swap(home).map_err(Error::io("swapping in the repacked store in", home))
}

/// Puts a store in order that a repack was killed over. To be called under the lock of `home`.
pub(super) fn recover(home: &Path) -> io::Result<()> {
    let (current, old) = (home.join("store.git"), old(home));
    if !current.exists() && old.exists() {
        fs::rename(&old, &current)?;
    }
    for left in [old, fresh(home)] {
        if left.exists() {
            fs::remove_dir_all(left)?;
        }
    }
    Ok(())
}

fn swap(home: &Path) -> io::Result<()> {
    let current = home.join("store.git");
    fs::rename(&current, old(home))?;
    fs::rename(fresh(home), &current)?;
    File::open(home)?.sync_all()?;
    fs::remove_dir_all(old(home))
}

fn write(store: &Store, tips: &[(String, Oid)], fresh: &Path) -> Result<(), Error> {
    let made = store::init(fresh)?;
    pack(store, tips, fresh).map_err(|error| store.read_error("repacking the store", error))?;
    let odb = made.odb().and_then(|odb| odb.refresh());
    odb.map_err(Error::git("reading the repacked store"))?;
    for (name, tip) in tips {
        made.reference(name, *tip, true, "").map_err(Error::git("remembering the tip of a reference"))?;
    }
    Ok(())
}

fn pack(store: &Store, tips: &[(String, Oid)], fresh: &Path) -> Result<(), git2::Error> {
    let repository = store.repository();
    let mut walk = repository.revwalk()?;
    for (_, tip) in tips {
        walk.push(*tip)?;
    }
    let mut builder = repository.packbuilder()?;
    let start = Instant::now();
    builder.set_progress_callback(move |_, _, _| start.elapsed() < TIME_MAX)?;
    builder.insert_walk(&mut walk)?;
    builder.write(&fresh.join("objects/pack"), 0o444)
}

/// Brings all files of a folder to the disk.
fn sync(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { sync(&path)? } else { File::open(&path)?.sync_all()? }
    }
    File::open(folder)?.sync_all()
}

fn stamp(home: &Path) -> PathBuf {
    home.join("repacked")
}

fn fresh(home: &Path) -> PathBuf {
    home.join("fresh.git")
}

fn old(home: &Path) -> PathBuf {
    home.join("old.git")
}
