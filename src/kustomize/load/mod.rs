//! Files and folders of a build: what an entry of a kustomization file leads to.
//!
//! Takes a root and an entry, gives a file's content or the next root. Follows symbolic links over the tree, holds
//! kustomize's restriction (files at or below the own root, folders anywhere in the tree), refuses cycles, and bounds
//! what a build may read. Writes down everything that was asked for.

mod closure;
mod files;
mod remote;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use self::remote::{is_file_url, names_a_folder};
use super::Options;
use super::error::Error;
use crate::tree::{Entry, FileTree, Look, TreeError};

pub use self::closure::Closure;
pub use self::files::Files;
pub use self::remote::{Remote, RemoteFolder, Repository, remote_folder};

/// Roots over roots. kustomize has no such bound; a thread's stack has.
const DEPTH_MAX: usize = 100;
/// Links that lead to links.
const HOPS_MAX: usize = 40;
const TWO_ENTRIES: &str = "is the list indented wrongly, so that two entries became one?";
const FILES_MAX: usize = 200_000;
const BYTES_MAX: u64 = 1 << 30;

/// Whose files a kustomization may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadRestrictor {
    /// Those at or below its own folder.
    #[default]
    RootOnly,
    /// All of the tree.
    None,
}

/// Trees and files that were fetched.
#[derive(Default)]
pub struct Remotes {
    pub repositories: HashMap<Repository, Arc<dyn FileTree + Send + Sync>>,
    /// By URL; `None` where the server has no such file.
    pub files: HashMap<String, Option<Vec<u8>>>,
}

/// A folder with a kustomization file, and how the build came to it.
#[derive(Debug)]
pub(super) struct Root {
    /// 0 for the tree of the build, otherwise that of a remote.
    pub tree: usize,
    /// From the root of its tree, links resolved.
    pub folder: String,
    pub referrer: Option<Arc<Root>>,
    /// The entry that led here, where it named a repository.
    repository: Option<String>,
    depth: usize,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub number: u32,
    pub name: String,
    pub content: Arc<[u8]>,
}

/// What an entry led to.
pub(super) enum Entered {
    Root(Arc<Root>),
    /// It lies in a repository that has to be fetched, which is written down.
    Missing,
}

/// What an entry is when it is taken for a file.
pub(super) enum Opened {
    File(File),
    /// No file; perhaps a folder.
    NoFile,
    /// It has to be fetched, which is written down.
    Missing,
}

struct Tree<'b> {
    files: &'b dyn FileTree,
    /// The URL and revision in front of its paths; empty for the tree of the build.
    name: String,
}

/// A path with all links followed.
enum Resolved {
    File(Entry),
    Folder(String),
    Nothing,
}

pub(super) struct Loader<'b> {
    trees: Vec<Tree<'b>>,
    by_repository: HashMap<&'b Repository, usize>,
    options: &'b Options<'b>,
    looks: HashMap<(usize, String), Look>,
    pub closure: Closure,
    pub files: Files,
    /// What has to be fetched before the build can go on.
    pub missing: BTreeSet<Remote>,
    bytes: u64,
}

impl<'b> Loader<'b> {
    pub(super) fn new(tree: &'b dyn FileTree, options: &'b Options<'b>) -> Self {
        Self {
            trees: vec![Tree { files: tree, name: String::new() }],
            by_repository: HashMap::new(),
            options,
            looks: HashMap::new(),
            closure: Closure::default(),
            files: Files::default(),
            missing: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// The root that the build starts from.
    pub(super) fn start(&mut self, path: &str) -> Result<Arc<Root>, Error> {
        match self.resolve(0, &joined("", path)?)? {
            Resolved::Folder(folder) => {
                Ok(Arc::new(Root { tree: 0, folder, referrer: None, repository: None, depth: 0 }))
            }
            Resolved::File(file) => {
                let (name, folder) = (self.name(0, &file.path), self.name(0, parent(&file.path)));
                Err(Error::new(format!("{name} is a file; a build starts from a folder"))
                    .with_hint(format!("build {folder}")))
            }
            Resolved::Nothing => Err(Error::new(format!("the folder {path:?} does not exist"))),
        }
    }

    /// The root that `entry` of `from` names: a folder of a repository, or of the same tree.
    pub(super) fn enter(&mut self, from: &Arc<Root>, entry: &str) -> Result<Entered, Error> {
        if entry.is_empty() {
            return Err(Error::new("the entry is empty"));
        }
        if from.depth >= DEPTH_MAX {
            return Err(Error::new(format!(
                "{entry:?} is more than {DEPTH_MAX} bases deep, which is as deep as a build goes"
            )));
        }
        if let Some(remote) = remote_folder(entry) {
            return self.enter_repository(from, entry, remote);
        }
        let folder = self.folder(from, entry)?;
        self.refuse_cycle(from, &folder)?;
        Ok(Entered::Root(below(from, from.tree, folder, None)))
    }

    /// A root may not be entered from itself, nor from anything below it.
    fn refuse_cycle(&self, from: &Arc<Root>, folder: &str) -> Result<(), Error> {
        let chain: Vec<&Root> = ancestors(from).take_while(|root| root.tree == from.tree).collect();
        if !chain.iter().any(|root| is_at_or_below(&root.folder, folder)) {
            return Ok(());
        }
        let folders = chain.iter().rev().map(|root| &*root.folder).chain([folder]);
        let names: Vec<String> = folders.map(|folder| self.name(from.tree, folder)).collect();
        let name = self.name(from.tree, folder);
        Err(Error::new(format!("{name} is, or contains, a root that leads to it: {}", names.join(" -> "))))
    }

    fn folder(&mut self, from: &Root, entry: &str) -> Result<String, Error> {
        if entry.starts_with('/') {
            return Err(Error::new(format!("the folder {entry:?} is absolute")).with_hint("name it by a relative path"));
        }
        if entry.split('/').any(|part| part != ".." && part.contains("..")) {
            return Err(Error::new(format!("the path {entry:?} is ambiguous: it has `..` inside a name"))
                .with_hint(TWO_ENTRIES));
        }
        match self.resolve(from.tree, &joined(&from.folder, entry)?)? {
            Resolved::Folder(folder) => Ok(folder),
            Resolved::File(_) => Err(Error::new(format!("{entry:?} is a file, not a folder"))),
            Resolved::Nothing => Err(self.absent(from, entry)),
        }
    }

    /// The refusal of an entry that leads to nothing, with what may be the reason.
    fn absent(&mut self, from: &Root, entry: &str) -> Error {
        let submodule = joined(&from.folder, entry).ok().and_then(|path| self.submodule(from.tree, &path));
        if let Some(submodule) = submodule {
            return submodule_refused(entry, &submodule);
        }
        let error = Error::new(format!("there is neither a file nor a folder {entry:?}"));
        // What YAML makes of a second entry that is indented further than the first.
        if entry.contains(" - ") { error.with_hint(TWO_ENTRIES) } else { error }
    }

    /// The submodule of the tree that `path` would lie in.
    fn submodule(&mut self, tree: usize, path: &str) -> Option<String> {
        let Ok(Look::File(entry)) = self.look(tree, ".gitmodules") else { return None };
        let content = self.trees[tree].files.read(&entry).ok()?;
        let text = String::from_utf8_lossy(&content);
        let paths = text.lines().filter_map(|line| line.trim().strip_prefix("path")?.trim().strip_prefix('='));
        paths.map(str::trim).find(|submodule| is_at_or_below(path, submodule)).map(str::to_owned)
    }

    fn enter_repository(&mut self, from: &Arc<Root>, entry: &str, remote: RemoteFolder) -> Result<Entered, Error> {
        let entered = ancestors(from).filter_map(|root| root.repository.as_deref());
        if let Some(before) = entered.into_iter().find(|before| before.starts_with(entry)) {
            return Err(Error::new(format!("the repository {entry:?} leads back to itself by way of {before:?}")));
        }
        let Some(tree) = self.repository(&remote.repository) else {
            self.missing.insert(Remote::Repository(remote.repository));
            return Ok(Entered::Missing);
        };
        match self.resolve(tree, &remote.path)? {
            Resolved::Folder(folder) => Ok(Entered::Root(below(from, tree, folder, Some(entry.to_owned())))),
            Resolved::File(_) => Err(Error::new(format!("{entry:?} leads to a file; a folder is needed"))),
            Resolved::Nothing => {
                if let Some(submodule) = self.submodule(tree, &remote.path) {
                    return Err(submodule_refused(entry, &submodule));
                }
                let Repository { url, .. } = &remote.repository;
                Err(Error::new(format!("{url} has no folder {:?}", remote.path)))
            }
        }
    }

    fn repository(&mut self, wanted: &Repository) -> Option<usize> {
        if let Some(tree) = self.by_repository.get(wanted) {
            return Some(*tree);
        }
        let (key, files) = self.options.remotes?.repositories.get_key_value(wanted)?;
        let reference = key.reference.as_ref().map(|reference| format!("@{reference}")).unwrap_or_default();
        self.trees.push(Tree { files: &**files, name: format!("{}{reference}", key.url) });
        self.by_repository.insert(key, self.trees.len() - 1);
        Some(self.trees.len() - 1)
    }

    /// A file that has to be there.
    pub(super) fn load(&mut self, root: &Root, path: &str) -> Result<File, Error> {
        match self.open(root, path)? {
            Opened::File(file) => Ok(file),
            Opened::NoFile => Err(Error::new(format!("the file {path:?} does not exist"))),
            Opened::Missing => Err(Error::new(format!("{path} has to be fetched first"))),
        }
    }

    /// What `entry` names, taken for a file: one behind a URL, or one that `root` may read.
    pub(super) fn open(&mut self, root: &Root, entry: &str) -> Result<Opened, Error> {
        if is_file_url(entry) {
            return self.open_url(entry);
        }
        if entry.starts_with('/') && (root.tree != 0 || !self.options.is_whole_machine) {
            return Err(
                Error::new(format!("the path {entry:?} is absolute")).with_hint("name the file by a relative path")
            );
        }
        let base = if entry.starts_with('/') { "" } else { &root.folder };
        match self.resolve(root.tree, &joined(base, entry)?)? {
            Resolved::File(found) => {
                self.refuse_outside(root, entry, &found.path)?;
                self.read(root.tree, &found).map(Opened::File)
            }
            Resolved::Folder(_) | Resolved::Nothing => Ok(Opened::NoFile),
        }
    }

    fn open_url(&mut self, url: &str) -> Result<Opened, Error> {
        let folder = remote_folder(url);
        if folder.is_some() && names_a_folder(url) {
            return Ok(Opened::NoFile);
        }
        match self.options.remotes.and_then(|remotes| remotes.files.get(url)) {
            Some(Some(content)) => {
                self.count(content.len())?;
                let number = self.files.number(url);
                Ok(Opened::File(File { number, name: url.to_owned(), content: content.as_slice().into() }))
            }
            Some(None) if folder.is_some() => Ok(Opened::NoFile),
            Some(None) => Err(Error::new(format!("there is no file at {url}"))),
            None => {
                self.missing.insert(Remote::File(url.to_owned()));
                Ok(Opened::Missing)
            }
        }
    }

    fn refuse_outside(&self, root: &Root, entry: &str, path: &str) -> Result<(), Error> {
        // What was fetched never reads outside of its root, whatever the option says.
        let is_free = self.options.restrictor == LoadRestrictor::None && root.tree == 0;
        if is_free || is_at_or_below(parent(path), &root.folder) {
            return Ok(());
        }
        let own = self.name(root.tree, &root.folder);
        Err(Error::new(format!("the file {entry:?} is not in or below {own}"))
            .with_hint("a kustomization reads only files of its own folder; name the other folder as a base"))
    }

    fn read(&mut self, tree: usize, entry: &Entry) -> Result<File, Error> {
        let name = self.name(tree, &entry.path);
        let content = self.trees[tree].files.read(entry).map_err(|error| unreadable(&name, error))?;
        if tree == 0 {
            self.closure.read(&entry.path, entry.content_id, &content);
        }
        let content: Arc<[u8]> = content.into();
        self.count(content.len())?;
        let number = self.files.number(&name);
        Ok(File { number, name, content })
    }

    fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.bytes += bytes as u64;
        if self.bytes > BYTES_MAX || self.files.len() >= FILES_MAX {
            let (files, gibibytes) = (FILES_MAX, BYTES_MAX >> 30);
            return Err(Error::new(format!("the build reads more than {files} files or {gibibytes} GiB")));
        }
        Ok(())
    }

    /// How messages call a path.
    pub(super) fn name(&self, tree: usize, path: &str) -> String {
        match &self.trees[tree].name {
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
    fn resolve(&mut self, tree: usize, path: &str) -> Result<Resolved, Error> {
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
        if target.starts_with('/') && (tree != 0 || !self.options.is_whole_machine) {
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
        let look = self.trees[tree].files.look(path).map_err(|error| unreadable(&self.name(tree, path), error))?;
        if tree == 0 {
            self.closure.looked(path, &look);
        }
        self.looks.insert(key, look.clone());
        Ok(look)
    }
}

fn below(from: &Arc<Root>, tree: usize, folder: String, repository: Option<String>) -> Arc<Root> {
    Arc::new(Root { tree, folder, referrer: Some(from.clone()), repository, depth: from.depth + 1 })
}

fn submodule_refused(entry: &str, submodule: &str) -> Error {
    Error::new(format!("{entry:?} lies in the submodule {submodule}, and submodules are not fetched"))
        .with_hint("name the repository of the submodule as a remote base")
}

fn ancestors(root: &Arc<Root>) -> impl Iterator<Item = &Root> {
    std::iter::successors(Some(&**root), |root| root.referrer.as_deref())
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// `path` as seen from `folder`, without `.` and `..`; refused where it leaves the tree.
fn joined(folder: &str, path: &str) -> Result<String, Error> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return Err(Error::new(format!("the path {path:?} leaves the tree"))),
            ".." => {}
            _ => parts.push(part),
        }
    }
    Ok(parts.join("/"))
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
