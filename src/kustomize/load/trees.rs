//! The trees of a build, its own and those of remotes: what a path leads to once its links are followed, and what a
//! file holds. Writes down what was asked of the build's own tree.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::Repository;
use super::closure::Closure;
use super::path::{is_at_or_below, joined, parent};
use crate::kustomize::Options;
use crate::kustomize::error::Error;
use crate::tree::{Entry, FileTree, Look, TreeError};

/// Links that lead to links.
const HOPS_MAX: usize = 40;

/// The number of the tree that the build is of.
pub(super) const OWN: usize = 0;

pub(super) struct Trees<'b> {
    list: Vec<Tree<'b>>,
    by_repository: HashMap<&'b Repository, usize>,
    options: &'b Options<'b>,
    looks: HashMap<(usize, String), Look>,
    pub(super) closure: Closure,
}

struct Tree<'b> {
    files: &'b dyn FileTree,
    /// The URL and revision in front of its paths; empty for the tree of the build.
    name: String,
}

/// A path with all links followed.
pub(super) enum Resolved {
    File(Entry),
    Folder(String),
    Nothing,
}

impl<'b> Trees<'b> {
    pub(super) fn new(own: &'b dyn FileTree, options: &'b Options<'b>) -> Self {
        Self {
            list: vec![Tree { files: own, name: String::new() }],
            by_repository: HashMap::new(),
            options,
            looks: HashMap::new(),
            closure: Closure::default(),
        }
    }

    /// The number of the tree of `wanted`, where that was fetched.
    pub(super) fn of(&mut self, wanted: &Repository) -> Option<usize> {
        if let Some(tree) = self.by_repository.get(wanted) {
            return Some(*tree);
        }
        let (key, files) = self.options.remotes?.repositories.get_key_value(wanted)?;
        let reference = key.reference.as_ref().map(|reference| format!("@{reference}")).unwrap_or_default();
        self.list.push(Tree { files: &**files, name: format!("{}{reference}", key.url) });
        self.by_repository.insert(key, self.list.len() - 1);
        Some(self.list.len() - 1)
    }

    /// Whether a path that begins with `/` means something in the tree.
    pub(super) fn has_absolute(&self, tree: usize) -> bool {
        tree == OWN && self.options.is_whole_machine
    }

    pub(super) fn read(&mut self, tree: usize, entry: &Entry) -> Result<Arc<[u8]>, Error> {
        let read = || match self.list[tree].files.read(entry) {
            Ok(content) => Ok(content.into()),
            Err(error) => Err(unreadable(&self.name(tree, &entry.path), error)),
        };
        let content: Arc<[u8]> = match self.options.documents.zip(entry.content_id) {
            Some((documents, id)) => documents.content(id, read)?,
            None => read()?,
        };
        if tree == OWN {
            self.closure.read(&entry.path, entry.content_id, &content);
        }
        Ok(content)
    }

    /// What a file holds that may be missing; for messages alone.
    pub(super) fn peek(&mut self, tree: usize, path: &str) -> Option<Cow<'_, [u8]>> {
        let Ok(Look::File(entry)) = self.look(tree, path) else { return None };
        self.list[tree].files.read(&entry).ok()
    }

    /// How messages call a path.
    pub(super) fn name(&self, tree: usize, path: &str) -> String {
        match &self.list[tree].name {
            own if own.is_empty() => self.own_name(path),
            remote => format!("{remote}//{path}"),
        }
    }

    /// As seen from where the user stands; what lies elsewhere on the machine has its full path.
    fn own_name(&self, path: &str) -> String {
        let Options { is_whole_machine, seen_from, .. } = self.options;
        if *is_whole_machine && (seen_from.is_empty() || !is_at_or_below(path, seen_from)) {
            return format!("/{path}");
        }
        let below = path.strip_prefix(seen_from).unwrap_or(path).trim_start_matches('/');
        if below.is_empty() { "." } else { below }.to_owned()
    }

    /// Follows links until there are none.
    pub(super) fn resolve(&mut self, tree: usize, path: &str) -> Result<Resolved, Error> {
        let mut at = path.to_owned();
        for _ in 0..HOPS_MAX {
            match self.look(tree, &at)? {
                Look::File(entry) => return Ok(Resolved::File(entry)),
                Look::Folder => return Ok(Resolved::Folder(at)),
                Look::Nothing => return Ok(Resolved::Nothing),
                Look::Link { path, target } => at = self.follow(tree, &at, &path, &target)?,
            }
        }
        let name = self.name(tree, path);
        Err(Error::new(format!("{name} leads over more than {HOPS_MAX} symbolic links")))
    }

    /// Where `path` leads, of which the part `link` is a link to `target`.
    fn follow(&self, tree: usize, path: &str, link: &str, target: &str) -> Result<String, Error> {
        let refused = |why: &str| {
            let link = self.name(tree, link);
            Error::new(format!("the symbolic link {link} is not followed: its target {target:?} {why}"))
        };
        if target.starts_with('/') && !self.has_absolute(tree) {
            return Err(refused("is absolute"));
        }
        let base = if target.starts_with('/') { "" } else { parent(link) };
        let led = joined(base, target).map_err(|_| refused("lies outside"))?;
        joined(&led, path[link.len()..].trim_start_matches('/'))
    }

    fn look(&mut self, tree: usize, path: &str) -> Result<Look, Error> {
        let key = (tree, path.to_owned());
        if let Some(look) = self.looks.get(&key) {
            return Ok(look.clone());
        }
        let look = self.list[tree].files.look(path).map_err(|error| unreadable(&self.name(tree, path), error))?;
        if tree == OWN {
            self.closure.looked(path, &look);
        }
        self.looks.insert(key, look.clone());
        Ok(look)
    }
}

/// A tree names its paths in its own way; here they have their name already.
fn unreadable(name: &str, error: TreeError) -> Error {
    let refused = |why: &str| Error::new(why).in_file(name, 0);
    match error {
        TreeError::NotFound { .. } => refused("the file is gone"),
        TreeError::TooLarge { limit, .. } => refused(&format!("the file is larger than {} MiB", limit >> 20)),
        TreeError::Read { source, .. } => refused("reading the file").caused_by(source),
        other => refused("reading the file").caused_by(other),
    }
}
