//! The files in which two commits differ, found by comparing their trees: folders that are the same are not read.

use std::collections::HashMap;

use git2::{ObjectType, Oid};

use super::{Reader, raw};
use crate::git::error::Error;
use crate::git::rawtree::{self, Kind, RawEntry};
use crate::git::tree::{DEPTH_MAX, ENTRIES_MAX, join};
use crate::tree::FILE_BYTES_MAX;

/// At most this many files of one commit are compared.
const FILES_MAX: usize = 10_000;

/// Files that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    pub files: Vec<FileChange>,
    /// True when there are more than were looked for.
    pub is_cut: bool,
}

/// One path at which two commits differ; at least one side is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    pub path: String,
    pub before: Option<Oid>,
    pub after: Option<Oid>,
}

impl Reader {
    /// The files accepted by `wanted` that differ between two commits. Links, submodules and impossible names are no
    /// files.
    pub fn changed(&self, before: Oid, after: Oid, wanted: &dyn Fn(&str) -> bool) -> Result<Changed, Error> {
        let trees = (Some(self.tree(before)?), Some(self.tree(after)?));
        let mut comparison = Comparison { reader: self, wanted, changed: Changed::default(), seen: 0 };
        comparison.run(trees)?;
        comparison.changed.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(comparison.changed)
    }

    /// The content of a file.
    pub fn blob(&self, id: Oid) -> Result<Vec<u8>, Error> {
        let odb = self.repository.odb().map_err(Error::git("opening the object database"))?;
        let (bytes, _) = odb.read_header(id).map_err(Error::git("reading a file"))?;
        if bytes as u64 > FILE_BYTES_MAX {
            return Err(wrong("a file is too large to be a manifest"));
        }
        Ok(odb.read(id).map_err(Error::git("reading a file"))?.data().to_vec())
    }

    /// The bytes of a commit as they are, for the check of its signature.
    pub fn raw_commit(&self, commit: Oid) -> Result<Vec<u8>, Error> {
        self.object(commit, ObjectType::Commit)
    }

    fn tree(&self, commit: Oid) -> Result<Oid, Error> {
        raw::tree(&self.object(commit, ObjectType::Commit)?).ok_or_else(|| wrong("a commit names no tree"))
    }

    fn object(&self, id: Oid, kind: ObjectType) -> Result<Vec<u8>, Error> {
        let odb = self.repository.odb().map_err(Error::git("opening the object database"))?;
        let object = odb.read(id).map_err(Error::git("reading an object"))?;
        if object.kind() == kind {
            Ok(object.data().to_vec())
        } else {
            Err(wrong("an object is of another kind than is said"))
        }
    }

    fn entries(&self, tree: Option<Oid>) -> Result<Vec<u8>, Error> {
        tree.map_or_else(|| Ok(Vec::new()), |id| self.object(id, ObjectType::Tree))
    }
}

fn wrong(what: &'static str) -> Error {
    let source = git2::Error::new(git2::ErrorCode::Invalid, git2::ErrorClass::Object, what);
    Error::git("comparing two commits")(source)
}

/// The two sides of a folder.
type Trees = (Option<Oid>, Option<Oid>);

struct Comparison<'r> {
    reader: &'r Reader,
    wanted: &'r dyn Fn(&str) -> bool,
    changed: Changed,
    seen: usize,
}

impl Comparison<'_> {
    /// With a stack of its own: a hostile tree is deeper than the thread's.
    fn run(&mut self, root: Trees) -> Result<(), Error> {
        let mut folders = vec![(String::new(), root)];
        while let Some((folder, (before, after))) = folders.pop() {
            if self.is_full() {
                self.changed.is_cut = true;
                return Ok(());
            }
            let (before, after) = (self.reader.entries(before)?, self.reader.entries(after)?);
            let malformed = || wrong("a folder is malformed");
            let before = rawtree::parse(&before).ok_or_else(malformed)?;
            let after = rawtree::parse(&after).ok_or_else(malformed)?;
            self.seen += before.len() + after.len();
            for (name, pair) in differing(&before, &after) {
                self.entry(join(&folder, name), pair, &mut folders);
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.changed.files.len() >= FILES_MAX || self.seen > ENTRIES_MAX
    }

    fn entry(&mut self, path: String, (before, after): Pair<'_>, folders: &mut Vec<(String, Trees)>) {
        let of = |entry: Option<&RawEntry<'_>>, kind| entry.filter(|entry| entry.kind() == kind).map(|entry| entry.id);
        let trees = (of(before, Kind::Tree), of(after, Kind::Tree));
        let (before, after) = (of(before, Kind::File), of(after, Kind::File));
        if trees.0 != trees.1 && path.split('/').count() < DEPTH_MAX {
            folders.push((path.clone(), trees));
        }
        if before != after && (self.wanted)(&path) {
            match self.is_full() {
                true => self.changed.is_cut = true,
                false => self.changed.files.push(FileChange { path, before, after }),
            }
        }
    }
}

type Pair<'e> = (Option<&'e RawEntry<'e>>, Option<&'e RawEntry<'e>>);

/// The names at which two folders differ. Of a name that a folder holds twice the last entry counts.
fn differing<'e>(before: &'e [RawEntry<'e>], after: &'e [RawEntry<'e>]) -> Vec<(&'e str, Pair<'e>)> {
    let ahead = before.iter().zip(after).take_while(|(old, new)| old == new).count();
    let (before, after) = (&before[ahead..], &after[ahead..]);
    let behind = before.iter().rev().zip(after.iter().rev()).take_while(|(old, new)| old == new).count();
    let (before, after) = (&before[..before.len() - behind], &after[..after.len() - behind]);
    let mut pairs: HashMap<&str, Pair<'e>> = HashMap::new();
    for entry in before {
        entry.safe_name().into_iter().for_each(|name| pairs.entry(name).or_default().0 = Some(entry));
    }
    for entry in after {
        entry.safe_name().into_iter().for_each(|name| pairs.entry(name).or_default().1 = Some(entry));
    }
    pairs.retain(|_, (before, after)| before != after);
    pairs.into_iter().collect()
}
