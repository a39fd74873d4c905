//! A folder of a commit as it is asked for names: parsed once, then looked up.

use std::ops::Range;

use git2::Oid;

use super::rawtree::{self, Kind};

/// The entries of a tree object by name.
#[derive(Debug)]
pub(super) struct Folder {
    /// All names, one behind the other.
    names: String,
    /// Sorted by name.
    children: Vec<Child>,
}

#[derive(Debug)]
struct Child {
    name: Range<usize>,
    kind: Kind,
    id: Oid,
}

impl Folder {
    /// Reads a tree object; `None` where it is not one. What has a name that no honest tree holds is left out.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let entries = rawtree::parse(data)?;
        let mut folder = Self { names: String::new(), children: Vec::with_capacity(entries.len()) };
        for entry in &entries {
            let Some(name) = entry.safe_name() else { continue };
            let start = folder.names.len();
            folder.names.push_str(name);
            folder.children.push(Child { name: start..folder.names.len(), kind: entry.kind(), id: entry.id });
        }
        let Self { names, children } = &mut folder;
        children.sort_by(|a, b| names[a.name.clone()].cmp(&names[b.name.clone()]));
        Some(folder)
    }

    /// What is called `name`, unless two entries are.
    pub(super) fn child(&self, name: &str) -> Option<(Kind, Oid)> {
        let from = self.children.partition_point(|child| &self.names[child.name.clone()] < name);
        let mut named = self.children[from..].iter().take_while(|child| &self.names[child.name.clone()] == name);
        match (named.next(), named.next()) {
            (Some(child), None) => Some((child.kind, child.id)),
            _ => None,
        }
    }

    /// The bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.names.capacity() + self.children.capacity() * size_of::<Child>()
    }
}
