//! The files of a commit, read from its trees: nothing is checked out.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use git2::{ObjectType, Odb, Oid};

use super::error::Error;
use super::folder::Folder;
use super::memory::Memory;
use super::rawtree::{self, Kind, RawEntry};
use super::store::{Object, Store};
use super::survey::TreeNote;
use crate::tree::{ContentId, Entry, FILE_BYTES_MAX, FileTree, Look, TreeError, clean};

/// A path is at most this many folders deep; what lies deeper is passed over.
pub(super) const DEPTH_MAX: usize = 128;
/// Trees may name each other many times over, and so hold more files than any disk: a walk ends here.
pub(super) const ENTRIES_MAX: usize = 2_000_000;
/// No system has longer paths.
const LINK_BYTES_MAX: usize = 4096;
/// That many passed-over entries are kept with their reason.
const PASSED_OVER_MAX: usize = 100;

/// The tree of one commit.
pub struct GitTree<'s> {
    store: &'s Store,
    odb: Odb<'s>,
    root: Oid,
    passed_over: RefCell<Vec<PassedOver>>,
}

/// An entry that was not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The folder's path and the entry's name, as far as it can be printed.
    pub path: String,
    pub reason: &'static str,
}

impl<'s> GitTree<'s> {
    pub(super) fn of_commit(store: &'s Store, commit: Oid) -> Result<Self, Error> {
        let found =
            store.repository().find_commit(commit).map_err(|error| store.read_error("reading a commit", error))?;
        Ok(Self { store, odb: store.odb()?, root: found.tree_id(), passed_over: RefCell::default() })
    }

    /// What `files` did not follow and why, at most the first hundred entries: symbolic links, submodules,
    /// names that cannot be, folders that are too deep.
    pub fn passed_over(&self) -> Vec<PassedOver> {
        self.passed_over.borrow().clone()
    }

    pub(super) fn object(&self, id: Oid, path: &str, kind: ObjectType) -> Result<Object<'_>, TreeError> {
        let object = self.store.object(&self.odb, id).map_err(|error| self.broken(path, error))?;
        if object.kind() == kind {
            Ok(object)
        } else {
            Err(malformed(path, "the object is of another kind than its entry says"))
        }
    }

    fn broken(&self, path: &str, error: git2::Error) -> TreeError {
        unreadable(path, self.store.read_error("reading an object", error))
    }

    /// The entry at `path`. Of what is no plain file or folder, only that much is told.
    fn find(&self, path: &str) -> Result<(Kind, Oid), TreeError> {
        match self.follow(path)? {
            Some((_, kind, id)) => match elsewhere(kind) {
                None => Ok((kind, id)),
                Some(reason) => Err(TreeError::Elsewhere { path: path.to_owned(), reason }),
            },
            None => Err(TreeError::NotFound { path: path.to_owned() }),
        }
    }

    /// The entry at `path`, or the first on the way that is neither file nor folder; and where it stands.
    fn follow<'p>(&self, path: &'p str) -> Result<Option<(&'p str, Kind, Oid)>, TreeError> {
        let (mut kind, mut id) = (Kind::Tree, self.root);
        let mut start = 0;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if kind != Kind::Tree {
                return Ok(None);
            }
            let Some(entry) = self.child(id, part, path)? else { return Ok(None) };
            (kind, id) = entry;
            start += part.len() + usize::from(start > 0);
            if elsewhere(kind).is_some() {
                return Ok(Some((&path[..start], kind, id)));
            }
        }
        Ok(Some((path, kind, id)))
    }

    /// What the folder `id` holds by `name`, unless it does so twice.
    fn child(&self, id: Oid, name: &str, path: &str) -> Result<Option<(Kind, Oid)>, TreeError> {
        let read = || {
            let object = self.object(id, path, ObjectType::Tree)?;
            Folder::parse(object.data()).ok_or_else(|| malformed(path, "the tree object is malformed"))
        };
        Ok(self.store.folder(id, read)?.child(name))
    }

    fn link(&self, path: &str, id: Oid) -> Result<Look, TreeError> {
        let size = self.store.size(&self.odb, id).map_err(|error| self.broken(path, error))?;
        if size > LINK_BYTES_MAX {
            return Err(malformed(path, "the symbolic link is longer than 4096 bytes"));
        }
        let object = self.object(id, path, ObjectType::Blob)?;
        let target = std::str::from_utf8(object.data());
        let target = target.map_err(|_| malformed(path, "the symbolic link's target is not UTF-8"))?;
        Ok(Look::Link { path: path.to_owned(), target: target.to_owned() })
    }

    fn pass_over(&self, path: String, reason: &'static str) {
        let mut passed_over = self.passed_over.borrow_mut();
        if passed_over.len() < PASSED_OVER_MAX {
            passed_over.push(PassedOver { path, reason });
        }
    }
}

impl GitTree<'_> {
    /// As [`FileTree::files`], but for what the notes of `memory` say need not be looked at. `visited` gets the trees
    /// that were read.
    pub(super) fn walk(
        &self,
        under: &str,
        wanted: &dyn Fn(&str) -> bool,
        memory: Option<&Memory>,
        visited: &mut Vec<Oid>,
    ) -> Result<Vec<Entry>, TreeError> {
        let under = clean(under);
        let mut walk = Walk { tree: self, wanted, memory, found: Vec::new(), seen: 0, folders: Vec::new(), visited };
        match self.find(&under)? {
            (Kind::Tree, id) => walk.run(under, id)?,
            (_, id) if wanted(&under) => walk.found.push(file(under, id)),
            _ => {}
        }
        walk.found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(walk.found)
    }
}

impl FileTree for GitTree<'_> {
    fn files(&self, under: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>, TreeError> {
        self.walk(under, wanted, None, &mut Vec::new())
    }

    fn look(&self, path: &str) -> Result<Look, TreeError> {
        let path = clean(path);
        Ok(match self.follow(&path)? {
            Some((_, Kind::Tree, _)) => Look::Folder,
            Some((at, Kind::File, id)) => Look::File(file(at.to_owned(), id)),
            Some((at, Kind::Symlink, id)) => self.link(at, id)?,
            Some((_, Kind::Submodule | Kind::Unknown, _)) | None => Look::Nothing,
        })
    }

    fn read(&self, entry: &Entry) -> Result<Cow<'_, [u8]>, TreeError> {
        let id = match entry.content_id.map(|ContentId(id)| Oid::from_bytes(&id)) {
            Some(Ok(id)) => id,
            _ => self.find(&entry.path)?.1,
        };
        // The size is known before the blob is inflated.
        let size = self.store.size(&self.odb, id).map_err(|error| self.broken(&entry.path, error))?;
        if size as u64 > FILE_BYTES_MAX {
            return Err(TreeError::TooLarge { path: entry.path.clone(), limit: FILE_BYTES_MAX });
        }
        let object = self.object(id, &entry.path, ObjectType::Blob)?;
        Ok(Cow::Owned(object.data().to_vec()))
    }
}

/// A walk over folders, with a stack of its own: a hostile tree is deeper than the thread's.
struct Walk<'w, 's> {
    tree: &'w GitTree<'s>,
    wanted: &'w dyn Fn(&str) -> bool,
    memory: Option<&'w Memory>,
    found: Vec<Entry>,
    seen: usize,
    folders: Vec<(String, Oid)>,
    visited: &'w mut Vec<Oid>,
}

impl Walk<'_, '_> {
    fn run(&mut self, path: String, id: Oid) -> Result<(), TreeError> {
        let top = path.clone();
        self.folders.push((path, id));
        while let Some((path, id)) = self.folders.pop() {
            self.folder(&path, id)?;
            if self.seen > ENTRIES_MAX {
                return Err(malformed(&top, "the tree has more than 2,000,000 entries"));
            }
        }
        Ok(())
    }

    fn folder(&mut self, path: &str, id: Oid) -> Result<(), TreeError> {
        if let Some(note) = self.memory.and_then(|memory| TreeNote::of(memory, id, path)) {
            self.by_note(path, &note);
            return Ok(());
        }
        let object = self.tree.object(id, path, ObjectType::Tree)?;
        let entries = rawtree::parse(object.data()).ok_or_else(|| malformed(path, "the tree object is malformed"))?;
        self.seen += entries.len();
        self.visited.push(id);
        let doubles = doubles(&entries);
        for entry in &entries {
            self.entry(path, entry, &doubles);
        }
        Ok(())
    }

    fn by_note(&mut self, folder: &str, note: &TreeNote<'_>) {
        self.seen += note.entries as usize;
        for visit in &note.visits {
            let path = join(folder, visit.name);
            if visit.is_folder {
                self.folders.push((path, visit.id));
            } else if (self.wanted)(&path) {
                self.found.push(file(path, visit.id));
            }
        }
    }

    fn entry(&mut self, folder: &str, entry: &RawEntry<'_>, doubles: &[&[u8]]) {
        if let Some(reason) = objection(folder, entry, doubles) {
            let path = join(folder, &String::from_utf8_lossy(entry.name));
            // Links and submodules are no files of this tree; worth a word only where a file was looked for.
            let is_elsewhere = matches!(entry.kind(), Kind::Symlink | Kind::Submodule);
            if !is_elsewhere || (self.wanted)(&path) {
                self.tree.pass_over(path, reason);
            }
            return;
        }
        let Some(name) = entry.safe_name() else { return };
        let path = join(folder, name);
        if entry.kind() == Kind::Tree {
            self.folders.push((path, entry.id));
        } else if (self.wanted)(&path) {
            self.found.push(file(path, entry.id));
        }
    }
}

/// Why an entry is not followed.
pub(super) fn objection(folder: &str, entry: &RawEntry<'_>, doubles: &[&[u8]]) -> Option<&'static str> {
    if let Some(reason) = elsewhere(entry.kind()) {
        return Some(reason);
    }
    if entry.kind() == Kind::Tree && folder.split('/').count() >= DEPTH_MAX {
        return Some("the folder is too deep");
    }
    if entry.safe_name().is_none() {
        return Some("its name cannot be that of a file");
    }
    doubles.contains(&entry.name).then_some("the folder holds this name twice")
}

/// Why what is neither file nor folder is none.
fn elsewhere(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Tree | Kind::File => None,
        Kind::Symlink => Some("it is a symbolic link"),
        Kind::Submodule => Some("it is a submodule"),
        Kind::Unknown => Some("its mode is not one of Git's"),
    }
}

/// Names that occur more than once: which of them a checkout would show is anyone's guess.
pub(super) fn doubles<'a>(entries: &[RawEntry<'a>]) -> Vec<&'a [u8]> {
    // In an honest tree names ascend, but for folders; the map is made only where they do not.
    if entries.is_sorted_by(|a, b| a.name < b.name) {
        return Vec::new();
    }
    let mut count: HashMap<&[u8], usize> = HashMap::new();
    for entry in entries {
        *count.entry(entry.name).or_default() += 1;
    }
    count.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
}

fn file(path: String, id: Oid) -> Entry {
    Entry { path, content_id: content_id(id) }
}

/// The id as the readers of trees know it.
pub(super) fn content_id(id: Oid) -> Option<ContentId> {
    id.as_bytes().try_into().ok().map(ContentId)
}

/// A path from the root, which is empty.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The error of reading what lies at `path`; damage of the store is no matter of one file.
pub(super) fn unreadable(path: &str, error: Error) -> TreeError {
    let (path, source) = (path.to_owned(), Box::new(error));
    if source.is_damage() { TreeError::Damaged { path, source } } else { TreeError::Read { path, source } }
}

pub(super) fn malformed(path: &str, reason: &'static str) -> TreeError {
    TreeError::Read { path: path.to_owned(), source: reason.into() }
}
