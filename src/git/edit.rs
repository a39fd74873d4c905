//! New trees from an old one: files replaced or added in memory, all else byte for byte as it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use git2::{ObjectType, Odb, Oid};

use super::error::Error;
use super::pack::NewObject;
use super::rawtree::{self, Kind, MODE_FILE, MODE_TREE, RawEntry};
use super::store::Store;
use super::tree::{DEPTH_MAX, join};

/// A file's new content. A file that is there keeps its mode; one that is not is made, with its folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// From the root of the repository, with `/` between the parts.
    pub path: String,
    pub content: Vec<u8>,
}

/// Makes blobs and trees; collects what it made.
pub(super) struct TreeEditor<'s> {
    store: &'s Store,
    odb: Odb<'s>,
    pub(super) made: Vec<Arc<NewObject>>,
}

/// The edits below one folder, by name.
#[derive(Default)]
struct Folder<'e>(BTreeMap<&'e str, Node<'e>>);

enum Node<'e> {
    File(&'e [u8]),
    Folder(Folder<'e>),
}

impl<'s> TreeEditor<'s> {
    pub(super) fn new(store: &'s Store) -> Result<Self, Error> {
        Ok(Self { store, odb: store.odb()?, made: Vec::new() })
    }

    /// The tree that `root` becomes.
    pub(super) fn apply(&mut self, root: Oid, edits: &[Edit]) -> Result<Oid, Error> {
        let mut top = Folder::default();
        for edit in edits {
            top.add(edit)?;
        }
        self.folder("", Some(root), &top)
    }

    pub(super) fn make(&mut self, kind: ObjectType, data: Vec<u8>) -> Result<Oid, Error> {
        self.make_near(kind, data, None)
    }

    /// Makes what is nearly the same as `base`.
    fn make_near(&mut self, kind: ObjectType, data: Vec<u8>, base: Option<(Oid, Vec<u8>)>) -> Result<Oid, Error> {
        let id = Oid::hash_object(kind, &data).map_err(Error::git("hashing an object"))?;
        self.made.push(self.store.make(NewObject { id, kind, data, base }));
        Ok(id)
    }

    fn folder(&mut self, path: &str, old: Option<Oid>, folder: &Folder<'_>) -> Result<Oid, Error> {
        let data = self.tree_data(old)?;
        let mut entries = rawtree::parse(&data).ok_or_else(|| refused(path, "the tree object is malformed"))?;
        let known = entries.len();
        let mut ids = Vec::with_capacity(folder.0.len());
        for (name, node) in &folder.0 {
            let path = join(path, name);
            let at = position(&entries, name).map_err(|reason| refused(&path, reason))?;
            let id = self.node(&path, at.map(|at| entries[at]), node)?;
            ids.push((at, *name, id));
        }
        for (at, name, id) in ids {
            match at {
                Some(at) => entries[at].id = id,
                None => entries.push(RawEntry { mode: mode_of(&folder.0[name]), name: name.as_bytes(), id }),
            }
        }
        // Only a folder that got a new entry is put in order; the sort is stable and keeps the rest.
        if entries.len() > known {
            entries.sort_by(RawEntry::order);
        }
        let new = rawtree::write(&entries);
        self.make_near(ObjectType::Tree, new, old.map(|old| (old, data)))
    }

    fn node(&mut self, path: &str, old: Option<RawEntry<'_>>, node: &Node<'_>) -> Result<Oid, Error> {
        match (node, old.map(|old| (old.kind(), old.id))) {
            (Node::File(content), None | Some((Kind::File, _))) => self.make(ObjectType::Blob, content.to_vec()),
            (Node::Folder(folder), None) => self.folder(path, None, folder),
            (Node::Folder(folder), Some((Kind::Tree, id))) => self.folder(path, Some(id), folder),
            (Node::File(_), Some(_)) => Err(refused(path, "what is there is not a file")),
            (Node::Folder(_), Some(_)) => Err(refused(path, "what is there is not a folder")),
        }
    }

    fn tree_data(&self, id: Option<Oid>) -> Result<Vec<u8>, Error> {
        let Some(id) = id else { return Ok(Vec::new()) };
        let object = self.store.object(&self.odb, id);
        let object = object.map_err(|error| self.store.read_error("reading a tree", error))?;
        Ok(object.data().to_vec())
    }
}

impl<'e> Folder<'e> {
    fn add(&mut self, edit: &'e Edit) -> Result<(), Error> {
        let parts: Vec<&str> = edit.path.split('/').collect();
        if parts.len() > DEPTH_MAX || !parts.iter().all(|part| rawtree::is_safe(part)) {
            return Err(refused(&edit.path, "it is not the path of a file in a repository"));
        }
        let (name, folders) = parts.split_last().expect("split gives at least one part");
        let mut folder = self;
        for part in folders {
            folder = match folder.0.entry(part).or_insert_with(|| Node::Folder(Folder::default())) {
                Node::Folder(folder) => folder,
                Node::File(_) => return Err(refused(&edit.path, "another edit makes a file of its folder")),
            };
        }
        match folder.0.insert(name, Node::File(&edit.content)) {
            None => Ok(()),
            Some(_) => Err(refused(&edit.path, "it is edited twice")),
        }
    }
}

fn position(entries: &[RawEntry<'_>], name: &str) -> Result<Option<usize>, &'static str> {
    let mut places = entries.iter().enumerate().filter(|(_, entry)| entry.name == name.as_bytes()).map(|(at, _)| at);
    match (places.next(), places.next()) {
        (at, None) => Ok(at),
        _ => Err("the folder holds this name twice"),
    }
}

fn mode_of(node: &Node<'_>) -> &'static [u8] {
    match node {
        Node::File(_) => MODE_FILE,
        Node::Folder(_) => MODE_TREE,
    }
}

fn refused(path: &str, reason: &'static str) -> Error {
    Error::Edit { path: path.to_owned(), reason }
}
