//! Files and folders of a build: what an entry of a kustomization file leads to.
//!
//! Takes a root and an entry; gives a file's content or the next root. Holds kustomize's restriction (files at or below
//! the own root, folders anywhere in the tree), refuses cycles, and bounds what a build may read. `trees` follows
//! symbolic links and writes down what was asked for; `remote` reads the names of what lies elsewhere.

mod closure;
mod files;
mod path;
mod remote;
mod trees;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use self::path::{is_at_or_below, joined, parent};
use self::remote::{is_file_url, names_a_folder};
use self::trees::{OWN, Resolved, Trees};
use super::Options;
use super::documents::Documents;
use super::error::Error;
use super::kustomization::{self, Kustomization};
use super::resource::{Resource, objects};
use crate::tree::{ContentId, Entry, FileTree};

pub use self::closure::Closure;
pub use self::files::Files;
pub use self::remote::{Remote, RemoteFolder, Repository, remote_folder};

/// Roots over roots. kustomize has no such bound; a thread's stack has.
const DEPTH_MAX: usize = 100;
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
    /// What could not be fetched. The build is refused at the entry that names it.
    pub failed: HashMap<Remote, Failed>,
}

/// Why a remote was not fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub message: String,
    pub hint: Option<String>,
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
    /// Where its documents are kept, and its id there.
    known: Option<(Documents, ContentId)>,
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

impl File {
    /// The objects in it. Whoever asks names the file in an error.
    pub(super) fn objects(&self) -> Result<Arc<Vec<Resource>>, Error> {
        let read = || objects::read(&self.content, self.number);
        match &self.known {
            Some((documents, id)) => documents.objects(*id, self.number, read),
            None => read().map(Arc::new),
        }
    }

    /// What it says as a kustomization file.
    pub(super) fn kustomization(&self) -> Result<Arc<Kustomization>, Error> {
        let read = || kustomization::read(&self.content, &self.name, self.number);
        match &self.known {
            Some((documents, id)) => documents.kustomization(*id, self.number, read),
            None => read().map(Arc::new),
        }
    }
}

pub(super) struct Loader<'b> {
    trees: Trees<'b>,
    options: &'b Options<'b>,
    pub files: Files,
    /// What has to be fetched before the build can go on.
    pub missing: BTreeSet<Remote>,
    bytes: u64,
}

impl<'b> Loader<'b> {
    pub(super) fn new(tree: &'b dyn FileTree, options: &'b Options<'b>) -> Self {
        Self { trees: Trees::new(tree, options), options, files: Files::default(), missing: BTreeSet::new(), bytes: 0 }
    }

    /// The root that the build starts from.
    pub(super) fn start(&mut self, path: &str) -> Result<Arc<Root>, Error> {
        match self.trees.resolve(OWN, &joined("", path)?)? {
            Resolved::Folder(folder) => {
                Ok(Arc::new(Root { tree: OWN, folder, referrer: None, repository: None, depth: 0 }))
            }
            Resolved::File(file) => {
                let (name, folder) = (self.name(OWN, &file.path), self.name(OWN, parent(&file.path)));
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
        match self.trees.resolve(from.tree, &joined(&from.folder, entry)?)? {
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
        let content = self.trees.peek(tree, ".gitmodules")?;
        let text = String::from_utf8_lossy(&content);
        let paths = text.lines().filter_map(|line| line.trim().strip_prefix("path")?.trim().strip_prefix('='));
        paths.map(str::trim).find(|submodule| is_at_or_below(path, submodule)).map(str::to_owned)
    }

    fn enter_repository(&mut self, from: &Arc<Root>, entry: &str, remote: RemoteFolder) -> Result<Entered, Error> {
        let entered = ancestors(from).filter_map(|root| root.repository.as_deref());
        if let Some(before) = entered.into_iter().find(|before| before.starts_with(entry)) {
            return Err(Error::new(format!("the repository {entry:?} leads back to itself by way of {before:?}")));
        }
        let Some(tree) = self.trees.of(&remote.repository) else {
            self.need(Remote::Repository(remote.repository))?;
            return Ok(Entered::Missing);
        };
        match self.trees.resolve(tree, &remote.path)? {
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

    /// Asks for a remote, unless that was tried already.
    fn need(&mut self, remote: Remote) -> Result<(), Error> {
        let failed = self.options.remotes.and_then(|remotes| remotes.failed.get(&remote));
        let Some(Failed { message, hint }) = failed else {
            self.missing.insert(remote);
            return Ok(());
        };
        let error = Error::new(message.clone());
        Err(hint.iter().fold(error, |error, hint| error.with_hint(hint.clone())))
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
        if entry.starts_with('/') && !self.trees.has_absolute(root.tree) {
            return Err(
                Error::new(format!("the path {entry:?} is absolute")).with_hint("name the file by a relative path")
            );
        }
        let base = if entry.starts_with('/') { "" } else { &root.folder };
        match self.trees.resolve(root.tree, &joined(base, entry)?)? {
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
                let content = content.as_slice().into();
                Ok(Opened::File(File { number, name: url.to_owned(), content, known: None }))
            }
            Some(None) if folder.is_some() => Ok(Opened::NoFile),
            Some(None) => Err(Error::new(format!("there is no file at {url}"))),
            None => {
                self.need(Remote::File(url.to_owned()))?;
                Ok(Opened::Missing)
            }
        }
    }

    fn refuse_outside(&self, root: &Root, entry: &str, path: &str) -> Result<(), Error> {
        // What was fetched never reads outside of its root, whatever the option says.
        let is_free = self.options.restrictor == LoadRestrictor::None && root.tree == OWN;
        if is_free || is_at_or_below(parent(path), &root.folder) {
            return Ok(());
        }
        let own = self.trees.name(root.tree, &root.folder);
        Err(Error::new(format!("the file {entry:?} is not in or below {own}"))
            .with_hint("a kustomization reads only files of its own folder; name the other folder as a base"))
    }

    fn read(&mut self, tree: usize, entry: &Entry) -> Result<File, Error> {
        let content = self.trees.read(tree, entry)?;
        let name = self.trees.name(tree, &entry.path);
        self.count(content.len())?;
        let number = self.files.number(&name);
        let known = self.options.documents.cloned().zip(entry.content_id);
        Ok(File { number, name, content, known })
    }

    /// How messages call a path.
    pub(super) fn name(&self, tree: usize, path: &str) -> String {
        self.trees.name(tree, path)
    }

    /// What was asked of the build's own tree.
    pub(super) fn take_closure(&mut self) -> Closure {
        std::mem::take(&mut self.trees.closure)
    }

    fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.bytes += bytes as u64;
        if self.bytes > BYTES_MAX || self.files.len() >= FILES_MAX {
            let (files, gibibytes) = (FILES_MAX, BYTES_MAX >> 30);
            return Err(Error::new(format!("the build reads more than {files} files or {gibibytes} GiB")));
        }
        Ok(())
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
