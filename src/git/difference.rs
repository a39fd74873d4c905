//! What differs between two trees: folders with the same id are not opened, so it costs what the difference is.

use std::collections::{BTreeMap, BTreeSet};

use git2::{ObjectType, Odb, Oid};

use super::rawtree::{self, Kind, RawEntry};
use super::store::Store;
use super::tree::{DEPTH_MAX, ENTRIES_MAX, content_id, join, malformed, unreadable};
use crate::tree::{ContentId, TreeError};

/// The paths whose entry is another in `to` than in `from`, with the id of the file in `to`; `None` where no file is
/// there. Names that are not UTF-8 are replaced, which makes no path that anybody edits.
pub(super) fn difference(store: &Store, from: Oid, to: Oid) -> Result<BTreeMap<String, Option<ContentId>>, TreeError> {
    let read_root = |commit: Oid| {
        let found = store.repository().find_commit(commit).map(|commit| commit.tree_id());
        found.map_err(|error| unreadable("", store.read_error("reading a commit", error)))
    };
    let odb = store.odb().map_err(|error| unreadable("", error))?;
    let mut walk = Walk { store, odb, found: BTreeMap::new(), seen: 0 };
    let mut folders = vec![(String::new(), Some(read_root(from)?), Some(read_root(to)?))];
    while let Some((path, from, to)) = folders.pop() {
        walk.folder(&path, from, to, &mut folders)?;
    }
    Ok(walk.found)
}

/// A folder that differs: its path, and its tree on either side.
type Pair = (String, Option<Oid>, Option<Oid>);

struct Walk<'s> {
    store: &'s Store,
    odb: Odb<'s>,
    found: BTreeMap<String, Option<ContentId>>,
    seen: usize,
}

impl Walk<'_> {
    fn folder(
        &mut self,
        path: &str,
        from: Option<Oid>,
        to: Option<Oid>,
        folders: &mut Vec<Pair>,
    ) -> Result<(), TreeError> {
        let (before, after) = (self.data(path, from)?, self.data(path, to)?);
        let (before, after) = (entries(path, &before)?, entries(path, &after)?);
        self.seen += before.len() + after.len();
        if self.seen > ENTRIES_MAX || path.split('/').count() > DEPTH_MAX {
            return Err(malformed(path, "the trees differ in too many folders"));
        }
        let names: BTreeSet<&[u8]> = before.keys().chain(after.keys()).copied().collect();
        for name in names {
            let (old, new) = (before.get(name), after.get(name));
            if old.map(|entry| (entry.mode, entry.id)) == new.map(|entry| (entry.mode, entry.id)) {
                continue;
            }
            let name = String::from_utf8_lossy(name);
            let path = join(path, &name);
            let folder = |entry: Option<&RawEntry<'_>>| entry.filter(|entry| entry.kind() == Kind::Tree).map(|e| e.id);
            let is_plain = |entry: Option<&RawEntry<'_>>| entry.is_some_and(|entry| entry.kind() != Kind::Tree);
            if is_plain(old) || is_plain(new) {
                let file = new.filter(|entry| entry.kind() == Kind::File).and_then(|e| content_id(e.id));
                self.found.insert(path.clone(), file);
            }
            if folder(old).is_some() || folder(new).is_some() {
                folders.push((path, folder(old), folder(new)));
            }
        }
        Ok(())
    }

    fn data(&self, path: &str, tree: Option<Oid>) -> Result<Vec<u8>, TreeError> {
        let Some(tree) = tree else { return Ok(Vec::new()) };
        let object = self.store.object(&self.odb, tree);
        let object = object.map_err(|error| unreadable(path, self.store.read_error("reading a tree", error)))?;
        match object.kind() {
            ObjectType::Tree => Ok(object.data().to_vec()),
            _ => Err(malformed(path, "the object is of another kind than its entry says")),
        }
    }
}

/// By name; of doubles the last.
fn entries<'d>(path: &str, data: &'d [u8]) -> Result<BTreeMap<&'d [u8], RawEntry<'d>>, TreeError> {
    let entries = rawtree::parse(data).ok_or_else(|| malformed(path, "the tree object is malformed"))?;
    Ok(entries.into_iter().map(|entry| (entry.name, entry)).collect())
}
