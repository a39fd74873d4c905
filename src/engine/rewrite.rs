//! Rewrite: the setter over all manifests of a tree.
//!
//! Takes a [`FileTree`], a path in it and the latest images; gives the new text of each changed file, the
//! changes and the markers that were not applied, each with its file. Writes nothing.

use rayon::prelude::*;

use crate::setter::{self, Change, Current, Ignored, Latest, Rewrite};
use crate::tree::{Entry, FileTree, TreeError};

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

/// Which files are known to hold no marker, by content; what a warm run need not read.
pub trait MarkerIndex {
    fn is_unmarked(&self, content_id: &str) -> bool;
    fn remember_unmarked(&mut self, content_id: &str);
}

/// Knows nothing: every file is read.
pub struct NoIndex;

impl MarkerIndex for NoIndex {
    fn is_unmarked(&self, _: &str) -> bool {
        false
    }

    fn remember_unmarked(&mut self, _: &str) {}
}

/// Rewrites the manifests at or below `under`; `changed` receives each changed file as soon as it is known.
///
/// A file that cannot be read or does not parse is among the ignored ones; a missing `under` is an error.
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
        let batch = read_batch(tree, &mut entries, index, &mut findings.ignored);
        let rewritten: Vec<(String, Vec<u8>, Rewrite)> = batch
            .into_par_iter()
            .map(|(path, text)| {
                let rewrite = setter::rewrite(&text, latest);
                (path, text, rewrite)
            })
            .collect();
        for (path, before, rewrite) in rewritten {
            findings.add(&path, &rewrite);
            if let Some(after) = rewrite.text {
                let before = String::from_utf8(before).expect("the setter changes UTF-8 only");
                changed(ChangedFile { path, before, after });
            }
        }
    }
    Ok(findings)
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
    ignored: &mut Vec<InFile<Ignored>>,
) -> Vec<(String, Vec<u8>)> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for entry in entries {
        let content_id = entry.content_id.as_deref();
        if content_id.is_some_and(|id| index.is_unmarked(id)) {
            continue;
        }
        match tree.read(&entry) {
            Ok(text) if setter::has_marker(&text) => {
                bytes += text.len();
                batch.push((entry.path, text.into_owned()));
            }
            Ok(_) => content_id.into_iter().for_each(|id| index.remember_unmarked(id)),
            Err(error) => ignored.push(unreadable(entry.path, &error)),
        }
        if bytes >= BATCH_BYTES {
            break;
        }
    }
    batch
}

fn unreadable(file: String, error: &TreeError) -> InFile<Ignored> {
    InFile {
        file,
        what: Ignored { line: 0, marker: String::new(), reason: format!("the file cannot be read: {error}") },
    }
}
