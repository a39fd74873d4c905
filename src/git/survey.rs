//! The files of a commit that are worth a look: folders where earlier runs found nothing are not even read.
//!
//! A note on a tree says which of its entries a walk must visit. It depends on nothing but the tree, so it holds for
//! every path and every commit. A file whose own note is empty is not worth a visit, nor is a folder of such files.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use git2::{ObjectType, Oid};

use super::memory::{Draft, Memory, Subject};
use super::rawtree::{self, Kind};
use super::tree::{DEPTH_MAX, GitTree, PassedOver, doubles, objection};
use crate::tree::{Entry, FileTree, Look, TreeError};

/// The tree of one commit with what is remembered of it.
pub struct Survey<'s> {
    tree: GitTree<'s>,
    memory: &'s RefCell<Memory>,
    wanted: fn(&str) -> bool,
    /// The trees that were read, each before those below it.
    visited: RefCell<Vec<Oid>>,
}

/// What a walk must know of a tree instead of reading it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TreeNote<'a> {
    /// The entries of the tree and of all folders below it that need no visit.
    pub(super) entries: u32,
    /// How many folders deep those are.
    pub(super) height: u16,
    /// What is to be visited, in the tree's order.
    pub(super) visits: Vec<Visit<'a>>,
}

/// An entry that is worth a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Visit<'a> {
    pub(super) is_folder: bool,
    pub(super) id: Oid,
    pub(super) name: &'a str,
}

impl<'s> Survey<'s> {
    /// The notes of one store are for one `wanted`, which looks at the last part of a path alone.
    pub(super) fn new(tree: GitTree<'s>, memory: &'s RefCell<Memory>, wanted: fn(&str) -> bool) -> Self {
        Self { tree, memory, wanted, visited: RefCell::default() }
    }

    /// As [`GitTree::passed_over`].
    pub fn passed_over(&self) -> Vec<PassedOver> {
        self.tree.passed_over()
    }

    /// Writes notes on the trees that were read, by the notes that their files have now.
    pub(super) fn conclude(&self, memory: &Memory) -> Draft {
        let mut notes = Notes { survey: self, memory, fresh: HashMap::new(), draft: Draft::default() };
        // Backwards: folders before what holds them.
        for id in self.visited.take().into_iter().rev() {
            if notes.fresh.contains_key(&id) {
                continue;
            }
            if let Some((note, encoded)) = notes.conclude(id) {
                notes.draft.add(Subject::Tree, id, &encoded);
                notes.fresh.insert(id, note);
            }
        }
        notes.draft
    }
}

impl FileTree for Survey<'_> {
    fn files(&self, under: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>, TreeError> {
        let both = |path: &str| (self.wanted)(path) && wanted(path);
        self.tree.walk(under, &both, Some(&self.memory.borrow()), &mut self.visited.borrow_mut())
    }

    fn look(&self, path: &str) -> Result<Look, TreeError> {
        self.tree.look(path)
    }

    fn read(&self, entry: &Entry) -> Result<Cow<'_, [u8]>, TreeError> {
        self.tree.read(entry)
    }
}

/// What is known of a tree whose files need no visit.
#[derive(Clone, Copy)]
struct Quiet {
    entries: u32,
    height: u16,
}

struct Notes<'n, 's> {
    survey: &'n Survey<'s>,
    memory: &'n Memory,
    fresh: HashMap<Oid, Option<Quiet>>,
    draft: Draft,
}

impl Notes<'_, '_> {
    /// The note on one tree; none on a tree with entries that every run must tell of.
    fn conclude(&self, id: Oid) -> Option<(Option<Quiet>, Vec<u8>)> {
        let object = self.survey.tree.object(id, "", ObjectType::Tree).ok()?;
        let entries = rawtree::parse(object.data())?;
        let doubles = doubles(&entries);
        let mut note = TreeNote { entries: u32::try_from(entries.len()).ok()?, ..TreeNote::default() };
        for entry in &entries {
            let is_elsewhere = matches!(entry.kind(), Kind::Symlink | Kind::Submodule);
            let is_wanted = (self.survey.wanted)(&String::from_utf8_lossy(entry.name));
            if objection("", entry, &doubles).is_some() {
                if !is_elsewhere || is_wanted {
                    return None;
                }
                continue;
            }
            let visit = Visit { is_folder: entry.kind() == Kind::Tree, id: entry.id, name: entry.safe_name()? };
            match (visit.is_folder, self.quiet(entry.id)) {
                (true, Some(below)) => {
                    note.entries = note.entries.saturating_add(below.entries);
                    note.height = note.height.max(below.height.saturating_add(1));
                }
                (true, None) => note.visits.push(visit),
                (false, _) if is_wanted && !self.is_empty(entry.id) => note.visits.push(visit),
                (false, _) => {}
            }
        }
        let quiet = note.visits.is_empty().then_some(Quiet { entries: note.entries, height: note.height });
        Some((quiet, note.encode()?))
    }

    fn quiet(&self, tree: Oid) -> Option<Quiet> {
        if let Some(known) = self.fresh.get(&tree) {
            return *known;
        }
        let note = TreeNote::decode(self.memory.note(Subject::Tree, tree)?)?;
        note.visits.is_empty().then_some(Quiet { entries: note.entries, height: note.height })
    }

    fn is_empty(&self, blob: Oid) -> bool {
        self.memory.note(Subject::Blob, blob).is_some_and(<[u8]>::is_empty)
    }
}

impl<'a> TreeNote<'a> {
    /// The note on a tree at `path`; none where what it passes by would be too deep there.
    pub(super) fn of(memory: &'a Memory, tree: Oid, path: &str) -> Option<Self> {
        let note = Self::decode(memory.note(Subject::Tree, tree)?)?;
        (path.split('/').count() + usize::from(note.height) < DEPTH_MAX).then_some(note)
    }

    /// `entries height (kind id length name)…`
    fn encode(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.entries.to_le_bytes());
        out.extend_from_slice(&self.height.to_le_bytes());
        for visit in &self.visits {
            out.push(u8::from(visit.is_folder));
            out.extend_from_slice(visit.id.as_bytes());
            out.extend_from_slice(&u16::try_from(visit.name.len()).ok()?.to_le_bytes());
            out.extend_from_slice(visit.name.as_bytes());
        }
        Some(out)
    }

    fn decode(note: &'a [u8]) -> Option<Self> {
        let (entries, rest) = note.split_first_chunk::<4>()?;
        let (height, mut rest) = rest.split_first_chunk::<2>()?;
        let mut visits = Vec::new();
        while !rest.is_empty() {
            let (head, tail) = rest.split_first_chunk::<23>()?;
            let (name, tail) = tail.split_at_checked(u16::from_le_bytes([head[21], head[22]]).into())?;
            let id = Oid::from_bytes(&head[1..21]).ok()?;
            visits.push(Visit { is_folder: head[0] == 1, id, name: std::str::from_utf8(name).ok()? });
            rest = tail;
        }
        Some(Self { entries: u32::from_le_bytes(*entries), height: u16::from_le_bytes(*height), visits })
    }
}
