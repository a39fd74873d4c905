//! Rewrite: the setter over all manifests of a tree.
//!
//! Takes a [`FileTree`], a path in it and the latest images; gives the new text of each changed file, the
//! changes and the markers that were not applied, each with its file. Writes nothing.

use std::error::Error as _;

use rayon::prelude::*;

use crate::setter::{self, Change, Current, Ignored, Latest, Rewrite};
use crate::tree::{ContentId, Entry, FileTree, TreeError};

/// Files are read one after the other and rewritten in parallel, this many bytes at a time: what bounds memory.
const BATCH_BYTES: usize = 8 << 20;

/// Something about one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFile<T> {
    pub file: String,
    pub what: T,
}

/// What a rewrite of a tree found, without the texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub changes: Vec<InFile<Change>>,
    pub ignored: Vec<InFile<Ignored>>,
    /// The values of all markers that are right now or were made so, before the rewrite.
    pub current: Vec<InFile<Current>>,
}

/// A file with its content before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    pub path: String,
    pub before: String,
    pub after: String,
}

/// What rewrites of earlier runs found in files that they did not change; what a warm run need not read.
pub trait MarkerIndex {
    /// What a rewrite of this content would find now, where it is known.
    fn recall(&self, content: ContentId) -> Option<Rewrite>;
    fn remember(&mut self, content: ContentId, rewrite: &Rewrite);
}

/// Knows nothing: every file is read.
pub struct NoIndex;

impl MarkerIndex for NoIndex {
    fn recall(&self, _: ContentId) -> Option<Rewrite> {
        None
    }

    fn remember(&mut self, _: ContentId, _: &Rewrite) {}
}

/// A file of a batch.
struct Read {
    entry: Entry,
    content: Content,
}

enum Content {
    Text(Vec<u8>),
    /// What a rewrite finds is known without the text.
    Known(Rewrite),
}

/// Rewrites the manifests at or below `under`; `changed` receives each changed file as soon as it is known.
///
/// A file that cannot be read or does not parse is among the ignored ones; a missing `under` and damage are errors.
pub fn rewrite(
    tree: &dyn FileTree,
    under: &str,
    latest: &Latest,
    index: &mut dyn MarkerIndex,
    mut changed: impl FnMut(ChangedFile),
) -> Result<Findings, TreeError> {
    let mut findings = Findings::default();
    let mut entries = tree.files(under, &setter::is_manifest)?.into_iter().peekable();
    while entries.peek().is_some() {
        let batch = read_batch(tree, &mut entries, index)?;
        let rewritten: Vec<(Entry, Rewrite, Vec<u8>)> =
            batch.into_par_iter().map(|read| read.rewrite(latest)).collect();
        for (entry, mut rewrite, before) in rewritten {
            findings.add(&entry.path, &rewrite);
            if let Some(after) = rewrite.text.take() {
                let before = String::from_utf8(before).expect("the setter changes UTF-8 only");
                changed(ChangedFile { path: entry.path, before, after });
            } else if let Some(content) = entry.content_id.filter(|_| !before.is_empty()) {
                index.remember(content, &rewrite);
            }
        }
    }
    Ok(findings)
}

impl Read {
    fn rewrite(self, latest: &Latest) -> (Entry, Rewrite, Vec<u8>) {
        match self.content {
            Content::Text(text) if is_lfs_pointer(&text) => (self.entry, ignored(LFS.to_owned()), text),
            Content::Text(text) => (self.entry, setter::rewrite(&text, latest), text),
            Content::Known(rewrite) => (self.entry, rewrite, Vec::new()),
        }
    }
}

impl Findings {
    fn add(&mut self, file: &str, rewrite: &Rewrite) {
        self.changes.extend(located(file, &rewrite.changes));
        self.ignored.extend(located(file, &rewrite.ignored));
        self.current.extend(located(file, &rewrite.current));
    }
}

fn located<'a, T: Clone>(file: &'a str, found: &'a [T]) -> impl Iterator<Item = InFile<T>> + 'a {
    found.iter().map(|what| InFile { file: file.to_owned(), what: what.clone() })
}

/// Reads entries until enough bytes with markers are together.
fn read_batch(
    tree: &dyn FileTree,
    entries: &mut impl Iterator<Item = Entry>,
    index: &mut dyn MarkerIndex,
) -> Result<Vec<Read>, TreeError> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for entry in entries {
        if let Some(known) = entry.content_id.and_then(|content| index.recall(content)) {
            batch.push(Read { entry, content: Content::Known(known) });
            continue;
        }
        let content = match tree.read(&entry) {
            Ok(text) if setter::has_marker(&text) || is_lfs_pointer(&text) => {
                bytes += text.len();
                Content::Text(text.into_owned())
            }
            Ok(_) => {
                entry.content_id.into_iter().for_each(|content| index.remember(content, &Rewrite::default()));
                continue;
            }
            Err(error @ TreeError::Damaged { .. }) => return Err(error),
            Err(error) => Content::Known(ignored(unreadable(&error))),
        };
        batch.push(Read { entry, content });
        if bytes >= BATCH_BYTES {
            break;
        }
    }
    Ok(batch)
}

/// The findings name the file already.
fn unreadable(error: &TreeError) -> String {
    let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    format!("the file cannot be read: {why}")
}

const LFS: &str = "the file is a Git LFS pointer: its content is not in the repository";

/// What Git LFS leaves in the place of a file (`git-lfs/docs/spec.md`).
fn is_lfs_pointer(text: &[u8]) -> bool {
    text.starts_with(b"version https://git-lfs.github.com/spec/")
}

/// A file that was not rewritten as a whole.
fn ignored(reason: String) -> Rewrite {
    Rewrite { ignored: vec![Ignored { line: 0, marker: String::new(), reason }], ..Rewrite::default() }
}
