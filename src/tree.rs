//! Read-only files by path: what a Git tree, a directory and a map in memory have in common.
//!
//! Paths are relative, with `/` between their parts, and never leave the root. Symbolic links are never
//! followed: an entry that is one is listed as such and cannot be read. Who wants to follow one asks
//! [`FileTree::look`] for its target, and answers for where that leads.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// One file below the path that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub path: String,
    /// Names the content where the tree knows it beforehand, so that a reader may skip it.
    pub content_id: Option<ContentId>,
}

/// The id of a Git blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub [u8; 20]);

/// Why a tree could not be read. Says the same for what is absent and for what lies outside.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    #[error("path {path:?} does not exist")]
    NotFound { path: String },
    #[error("path {path:?} is not followed: {reason}")]
    Elsewhere { path: String, reason: &'static str },
    #[error("reading {path:?}")]
    Read { path: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// What holds the whole tree is damaged: nothing that is read from it can be relied on.
    #[error("reading {path:?}")]
    Damaged { path: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{path:?} is larger than {limit} bytes")]
    TooLarge { path: String, limit: u64 },
}

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    File(Entry),
    Folder,
    /// A symbolic link stands at `path`: at the path that was asked for, or at a folder on the way to it.
    Link {
        path: String,
        target: String,
    },
    /// Nothing, or what is neither file, folder nor link.
    Nothing,
}

/// Files by path.
pub trait FileTree {
    /// The regular files at or below `under` (`""` is the root) whose path `wanted` accepts, sorted by path.
    fn files(&self, under: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>, TreeError>;

    /// What lies at `path`; links are told, not followed.
    fn look(&self, path: &str) -> Result<Look, TreeError>;

    /// The content of a file that `files` listed or `look` saw.
    fn read(&self, entry: &Entry) -> Result<Cow<'_, [u8]>, TreeError>;
}

/// `path` as the trees know it: no leading `./` or `/`, no empty, `.` or `..` parts; `..` stops at the root.
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// The larger a file, the less it is a manifest; what is above this is reported, not read.
pub const FILE_BYTES_MAX: u64 = 64 << 20;

/// A directory of this machine.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where the file `path` lies on this machine.
    pub fn locate(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }

    /// False where a part of `path` is a symbolic link: such a path could leave the root.
    fn is_plain(&self, path: &str) -> bool {
        let mut place = self.root.clone();
        path.split('/').filter(|part| !part.is_empty()).all(|part| {
            place.push(part);
            place.symlink_metadata().is_ok_and(|meta| !meta.is_symlink())
        })
    }
}

impl FileTree for Directory {
    fn files(&self, under: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>, TreeError> {
        let under = clean(under);
        let absent = || TreeError::NotFound { path: under.clone() };
        if !self.is_plain(&under) {
            return Err(absent());
        }
        let mut found = Vec::new();
        let start = fs::metadata(self.locate(&under)).map_err(|_| absent())?;
        if start.is_dir() {
            self.walk(&under, wanted, &mut found)?;
        } else if wanted(&under) {
            found.push(Entry { path: under, content_id: None });
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn look(&self, path: &str) -> Result<Look, TreeError> {
        let path = clean(path);
        let mut kind = fs::symlink_metadata(&self.root).map_err(|error| read_error(&path, error))?.file_type();
        let ends = path.match_indices('/').map(|(end, _)| end).chain((!path.is_empty()).then_some(path.len()));
        for end in ends {
            kind = match fs::symlink_metadata(self.locate(&path[..end])) {
                Ok(meta) => meta.file_type(),
                Err(error) if is_absence(&error) => return Ok(Look::Nothing),
                Err(error) => return Err(read_error(&path, error)),
            };
            if kind.is_symlink() {
                return self.link(&path[..end]);
            }
        }
        Ok(match () {
            () if kind.is_file() => Look::File(Entry { path, content_id: None }),
            // The root itself may be reached through a link.
            () if kind.is_dir() || path.is_empty() => Look::Folder,
            () => Look::Nothing,
        })
    }

    fn read(&self, entry: &Entry) -> Result<Cow<'_, [u8]>, TreeError> {
        if !self.is_plain(&entry.path) {
            return Err(TreeError::NotFound { path: entry.path.clone() });
        }
        let place = self.locate(&entry.path);
        let size = fs::metadata(&place).map_err(|error| read_error(&entry.path, error))?.len();
        if size > FILE_BYTES_MAX {
            return Err(TreeError::TooLarge { path: entry.path.clone(), limit: FILE_BYTES_MAX });
        }
        fs::read(place).map(Cow::Owned).map_err(|error| read_error(&entry.path, error))
    }
}

impl Directory {
    fn link(&self, path: &str) -> Result<Look, TreeError> {
        let target = fs::read_link(self.locate(path)).map_err(|error| read_error(path, error))?;
        let target = target.into_os_string().into_string();
        let target = target.map_err(|_| read_error(path, io::Error::other("the link's target is not UTF-8")))?;
        Ok(Look::Link { path: path.to_owned(), target })
    }

    fn walk(&self, folder: &str, wanted: &dyn Fn(&str) -> bool, found: &mut Vec<Entry>) -> Result<(), TreeError> {
        // A stack, not recursion: a hostile directory may be deeper than the thread's stack.
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(self.locate(&folder)).map_err(|error| read_error(&folder, error))?;
            for entry in entries {
                let entry = entry.map_err(|error| read_error(&folder, error))?;
                // A name that is not UTF-8 cannot be a manifest that anyone refers to.
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                let kind = entry.file_type().map_err(|error| read_error(&path, error))?;
                if kind.is_dir() && entry.file_name() != ".git" {
                    folders.push(path);
                } else if kind.is_file() && wanted(&path) {
                    found.push(Entry { path, content_id: None });
                }
            }
        }
        Ok(())
    }
}

/// Nothing is there: the name is free, or a file stands where a folder would have to be.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename)
}

fn read_error(path: &str, error: io::Error) -> TreeError {
    TreeError::Read { path: path.to_owned(), source: Box::new(error) }
}

/// Files in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory(BTreeMap<String, Vec<u8>>);

impl<P: AsRef<Path>, C: Into<Vec<u8>>> FromIterator<(P, C)> for Memory {
    fn from_iter<I: IntoIterator<Item = (P, C)>>(files: I) -> Self {
        Self(
            files
                .into_iter()
                .map(|(path, content)| (clean(&path.as_ref().to_string_lossy()), content.into()))
                .collect(),
        )
    }
}

impl FileTree for Memory {
    fn files(&self, under: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>, TreeError> {
        let under = clean(under);
        let below = |path: &str| {
            under.is_empty() || path == under || path.strip_prefix(&under).is_some_and(|rest| rest.starts_with('/'))
        };
        let mut paths = self.0.keys().filter(|path| below(path)).peekable();
        if paths.peek().is_none() && !under.is_empty() {
            return Err(TreeError::NotFound { path: under });
        }
        Ok(paths.filter(|path| wanted(path)).map(|path| Entry { path: path.clone(), content_id: None }).collect())
    }

    fn look(&self, path: &str) -> Result<Look, TreeError> {
        let path = clean(path);
        if self.0.contains_key(&path) {
            return Ok(Look::File(Entry { path, content_id: None }));
        }
        let below = format!("{path}/");
        let mut after = self.0.range::<str, _>((Bound::Included(below.as_str()), Bound::Unbounded));
        let is_folder = path.is_empty() || after.next().is_some_and(|(first, _)| first.starts_with(&below));
        Ok(if is_folder { Look::Folder } else { Look::Nothing })
    }

    fn read(&self, entry: &Entry) -> Result<Cow<'_, [u8]>, TreeError> {
        let content = self.0.get(&entry.path).ok_or_else(|| TreeError::NotFound { path: entry.path.clone() })?;
        Ok(Cow::Borrowed(content))
    }
}
