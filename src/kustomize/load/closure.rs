//! What a build looked at: enough to tell later, from the tree alone, that it would come out the same.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::tree::{ContentId, FileTree, Look};

/// Every path of the tree that a build asked for, and what was there, be it nothing.
///
/// Whoever keeps what a build gave asks [`Closure::is_current`] of a newer tree before building again. Two things are
/// not in it, and belong beside it in the key: the options of the build, and the remotes, which are pinned by whoever
/// fetched them (`engine::build::Build::pinned`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closure(BTreeMap<String, Seen>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    /// A file; its content where it was read.
    File(Option<Fingerprint>),
    Folder,
    Link {
        path: String,
        target: String,
    },
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fingerprint {
    Id(ContentId),
    Hash([u8; 32]),
}

impl Closure {
    /// The paths that were asked for, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether `tree` has at every path what the build saw there. Contents are read only where the tree does not know
    /// their ids.
    pub fn is_current(&self, tree: &dyn FileTree) -> bool {
        self.0.iter().all(|(path, seen)| is_as_seen(tree, path, seen).unwrap_or(false))
    }

    pub(in crate::kustomize) fn looked(&mut self, path: &str, look: &Look) {
        let seen = match look {
            Look::File(_) => Seen::File(None),
            Look::Folder => Seen::Folder,
            Look::Link { path, target } => Seen::Link { path: path.clone(), target: target.clone() },
            Look::Nothing => Seen::Nothing,
        };
        self.0.entry(path.to_owned()).or_insert(seen);
    }

    pub(in crate::kustomize) fn read(&mut self, path: &str, id: Option<ContentId>, content: &[u8]) {
        let fingerprint = id.map_or_else(|| Fingerprint::Hash(hash(content)), Fingerprint::Id);
        self.0.insert(path.to_owned(), Seen::File(Some(fingerprint)));
    }
}

/// `None` where the tree cannot tell.
fn is_as_seen(tree: &dyn FileTree, path: &str, seen: &Seen) -> Option<bool> {
    let look = tree.look(path).ok()?;
    Some(match (seen, &look) {
        (Seen::File(None), Look::File(_)) | (Seen::Folder, Look::Folder) | (Seen::Nothing, Look::Nothing) => true,
        (Seen::File(Some(Fingerprint::Id(then))), Look::File(entry)) if entry.content_id.is_some() => {
            entry.content_id == Some(*then)
        }
        (Seen::File(Some(Fingerprint::Hash(then))), Look::File(entry)) => hash(&tree.read(entry).ok()?) == *then,
        (Seen::Link { path, target }, Look::Link { path: path_now, target: target_now }) => {
            (path, target) == (path_now, target_now)
        }
        _ => false,
    })
}

fn hash(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}
