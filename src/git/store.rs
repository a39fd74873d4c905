//! The bare object store behind a remote, and local repositories that are their own store.
//!
//! Under `STATE/git/HASH/` lie `lock` (held as long as the store is open), `remote` (whose store it is, for
//! people), `store.git` and what [`super::memory`] keeps. A store that a killed process or a bad disk
//! left damaged is thrown away and fetched anew: it is a cache, the remote is the truth.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use git2::{
    ErrorClass, ErrorCode, ObjectType, Odb, OdbObject, Oid, Repository, RepositoryInitOptions, RepositoryOpenFlags,
};
use sha2::{Digest, Sha256};
use tracing::warn;

use super::error::Error;
use super::folder::Folder;
use super::pack::NewObject;
use super::{allocation, health, repack, swap};
use crate::cache::Cache;

/// Higher than libgit2's own backends (1 and 2), so that commits stay in memory until they are pushed.
const MEMORY_PRIORITY: i32 = 1000;

/// What the folders that were looked into may take in memory.
const FOLDERS_BYTES_MAX: usize = 16 << 20;

/// Where references of the store are, which keep what was fetched.
const REMEMBERED: &str = "refs/branches/";

/// An object that is on the disk, or that was made here.
pub(super) enum Object<'o> {
    Stored(OdbObject<'o>),
    Made(Arc<NewObject>),
}

impl Object<'_> {
    pub(super) fn kind(&self) -> ObjectType {
        match self {
            Self::Stored(object) => object.kind(),
            Self::Made(object) => object.kind,
        }
    }

    pub(super) fn data(&self) -> &[u8] {
        match self {
            Self::Stored(object) => object.data(),
            Self::Made(object) => &object.data,
        }
    }
}

/// An open store and the lock on it.
pub(super) struct Store {
    repository: Repository,
    /// What was made here. libgit2 would look through all packs anew before it takes an object, so that it gets commits
    /// alone, which it walks.
    made: RefCell<HashMap<Oid, Arc<NewObject>>>,
    /// Who looks at paths asks for the same folders over and over.
    folders: RefCell<Cache<Oid, Arc<Folder>>>,
    /// `STATE/git/HASH`.
    home: PathBuf,
    own: bool,
    /// `None` where nothing is written.
    _lock: Option<File>,
}

impl Store {
    /// Opens the store of a remote, makes it where there is none, rebuilds it where it is damaged.
    pub(super) fn open(home: PathBuf, remote: &str, wait: Duration) -> Result<Self, Error> {
        let lock = lock(&home, wait)?;
        let path = home.join("store.git");
        repack::recover(&home).map_err(Error::io("clearing away what a repack left in", &home))?;
        let repository = match health::check(&home, &path) {
            Ok(Some(repository)) => repository,
            Ok(None) => create(&home, &path, remote)?,
            Err(reason) => {
                warn!(store = %path.display(), %reason, "the object store is damaged and is rebuilt");
                remove(&path).map_err(Error::io("removing the damaged store", &path))?;
                create(&home, &path, remote)?
            }
        };
        Self::with_memory(repository, home, true, lock)
    }

    /// Opens a bare repository of this machine as its own store.
    pub(super) fn open_local(path: &Path, home: PathBuf, wait: Duration) -> Result<Self, Error> {
        let repository = open_any(path)?;
        if !repository.is_bare() {
            return Err(Error::NotBare { path: repository.workdir().unwrap_or(path).to_path_buf() });
        }
        let lock = lock(&home, wait)?;
        swap::clean_up(&home, repository.path())?;
        Self::with_memory(repository, home, false, lock)
    }

    /// Opens any repository of this machine, bare or not, to read what is committed. Takes no lock.
    pub(super) fn open_to_read(path: &Path, home: PathBuf) -> Result<Self, Error> {
        let repository = open_any(path)?;
        Ok(Self::new(repository, home, false, None))
    }

    fn with_memory(repository: Repository, home: PathBuf, own: bool, lock: File) -> Result<Self, Error> {
        // The database owns the backend; the value that is dropped here is only a handle to it.
        let odb = repository.odb().map_err(Error::git("opening the object database"))?;
        odb.add_new_mempack_backend(MEMORY_PRIORITY).map_err(Error::git("adding objects in memory"))?;
        drop(odb);
        Ok(Self::new(repository, home, own, Some(lock)))
    }

    fn new(repository: Repository, home: PathBuf, own: bool, lock: Option<File>) -> Self {
        let folders = RefCell::new(Cache::new(FOLDERS_BYTES_MAX));
        Self { repository, made: RefCell::default(), folders, home, own, _lock: lock }
    }

    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    pub(super) fn odb(&self) -> Result<Odb<'_>, Error> {
        self.repository.odb().map_err(Error::git("opening the object database"))
    }

    /// Keeps an object in memory.
    pub(super) fn make(&self, object: NewObject) -> Arc<NewObject> {
        let object = Arc::new(object);
        self.made.borrow_mut().insert(object.id, Arc::clone(&object));
        object
    }

    pub(super) fn object<'o>(&self, odb: &'o Odb<'_>, id: Oid) -> Result<Object<'o>, git2::Error> {
        match self.made.borrow().get(&id) {
            Some(made) => Ok(Object::Made(Arc::clone(made))),
            None => odb.read(id).map(Object::Stored),
        }
    }

    /// The folder `id`, read with `read` unless it was looked into before.
    pub(super) fn folder<E>(&self, id: Oid, read: impl FnOnce() -> Result<Folder, E>) -> Result<Arc<Folder>, E> {
        if let Some(folder) = self.folders.borrow_mut().get(&id) {
            return Ok(folder);
        }
        let folder = Arc::new(read()?);
        self.folders.borrow_mut().put(id, Arc::clone(&folder), folder.bytes());
        Ok(folder)
    }

    /// How many bytes an object has, before it is inflated.
    pub(super) fn size(&self, odb: &Odb<'_>, id: Oid) -> Result<usize, git2::Error> {
        match self.made.borrow().get(&id) {
            Some(made) => Ok(made.data.len()),
            None => odb.read_header(id).map(|(size, _)| size),
        }
    }

    /// True when the commit is here, and with it all that it needs: objects arrive in whole packs.
    pub(super) fn holds(&self, commit: Oid) -> bool {
        self.odb()
            .and_then(|odb| odb.read_header(commit).map_err(Error::git("reading")))
            .is_ok_and(|(_, kind)| kind == ObjectType::Commit)
    }

    /// Remembers what the reference `name` is at, so that the next fetch can say what is here.
    pub(super) fn remember(&self, name: &str, tip: Oid) -> Result<(), Error> {
        let name = remembered_as(name);
        if self.repository.refname_to_id(&name).is_ok_and(|id| id == tip) {
            return Ok(());
        }
        self.repository
            .reference(&name, tip, true, "")
            .map(drop)
            .map_err(Error::git("remembering the tip of a reference"))
    }

    /// What [`Store::remember`] was told, while the commit is here.
    pub(super) fn remembered(&self, name: &str) -> Option<Oid> {
        self.repository.refname_to_id(&remembered_as(name)).ok().filter(|tip| self.holds(*tip))
    }

    /// The error of reading objects that must be here; marks our own store for rebuilding when they are not.
    pub(super) fn read_error(&self, doing: &'static str, source: git2::Error) -> Error {
        if self.own && is_damage(&source) {
            self.mark_damaged(&source);
            return Error::Damaged { path: self.repository.path().to_path_buf(), source: source.into() };
        }
        Error::Git { doing, source: source.into() }
    }

    fn mark_damaged(&self, reason: &git2::Error) {
        if let Err(error) = fs::write(health::mark(&self.home), reason.message()) {
            warn!(%error, store = %self.home.display(), "the damaged store could not be marked");
        }
    }

    /// The remembered references with their commits.
    pub(super) fn tips(&self) -> Result<Vec<(String, Oid)>, Error> {
        let listed = self.repository.references_glob(&format!("{REMEMBERED}*")).and_then(|references| {
            let tip = |reference: git2::Reference<'_>| Some((reference.name().ok()?.to_owned(), reference.target()?));
            references.map(|reference| reference.map(tip)).collect::<Result<Vec<_>, _>>()
        });
        Ok(listed.map_err(Error::git("reading the remembered tips"))?.into_iter().flatten().collect())
    }
}

/// Opens any repository of this machine for reading, bare or not.
pub(super) fn open_any(path: &Path) -> Result<Repository, Error> {
    allocation::bound();
    let no_ceilings: [&Path; 0] = [];
    let opened = Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, no_ceilings);
    opened.map_err(|source| match source.code() {
        ErrorCode::NotFound => Error::NotRepository { path: path.to_path_buf(), source: source.into() },
        ErrorCode::Owner => Error::ForeignOwner { path: path.to_path_buf() },
        _ => Error::Open { path: path.to_path_buf(), source: source.into() },
    })
}

/// Names the folder of a remote: one per address and identity, so that tenants share no objects.
pub(super) fn home(state: &Path, remote: &str, identity: &str) -> PathBuf {
    // With the length, so that no line feed in either makes two pairs one.
    state.join("git").join(hex(&Sha256::digest(format!("{}\n{remote}\n{identity}", remote.len())), 32))
}

/// A flat name: branches `a` and `a/b`, or `A` and `a` on some file systems, may follow each other here.
pub(super) fn remembered_as(name: &str) -> String {
    format!("{REMEMBERED}{}", hex(&Sha256::digest(name), 40))
}

fn hex(bytes: &[u8], digits: usize) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .take(digits)
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

/// One process, and in it one session, has a store at a time.
fn lock(home: &Path, wait: Duration) -> Result<File, Error> {
    let path = home.join("lock");
    let start = Instant::now();
    let mut file = lock_file(home, &path)?;
    loop {
        match file.try_lock() {
            // Removed while we waited: another process may hold the lock of the new one.
            Ok(()) if !is_at(&file, &path) => file = lock_file(home, &path)?,
            Ok(()) => return stamped(file).map_err(Error::io("writing", &path)),
            Err(TryLockError::WouldBlock) if start.elapsed() < wait => thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock) => return Err(Error::Busy { path: home.to_path_buf(), waited: wait }),
            Err(TryLockError::Error(source)) => return Err(Error::Io { doing: "locking", path, source }),
        }
    }
}

fn lock_file(home: &Path, path: &Path) -> Result<File, Error> {
    // What lies there is as private as the repository, and is trusted: nobody else reads it or puts anything there.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(home);
    made.and_then(|()| check_folder(home)).map_err(Error::io("creating", home))?;
    File::options().create(true).truncate(false).write(true).open(path).map_err(Error::io("opening", path))
}

/// What is cleared away in a store must not be cleared away elsewhere.
fn check_folder(home: &Path) -> io::Result<()> {
    match fs::symlink_metadata(home)?.is_symlink() {
        true => Err(io::Error::other("it is a symbolic link")),
        false => Ok(()),
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = file.metadata().and_then(|open| fs::metadata(path).map(|there| open.ino() == there.ino()));
    same.unwrap_or(false)
}

/// The time of the lock tells when the store was used last.
fn stamped(file: File) -> io::Result<File> {
    file.set_modified(SystemTime::now()).map(|()| file)
}

fn create(home: &Path, path: &Path, remote: &str) -> Result<Repository, Error> {
    let note = home.join("remote");
    fs::write(&note, format!("{remote}\n")).map_err(Error::io("writing", &note))?;
    let made = init(path)?;
    let mark = health::mark(home);
    if mark.exists() {
        fs::remove_file(&mark).map_err(Error::io("removing", &mark))?;
    }
    Ok(made)
}

/// An empty bare repository.
pub(super) fn init(path: &Path) -> Result<Repository, Error> {
    let mut options = RepositoryInitOptions::new();
    options.bare(true).external_template(false).initial_head("main");
    Repository::init_opts(path, &options)
        .map_err(|source| Error::Open { path: path.to_path_buf(), source: source.into() })
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// Objects that are absent, do not inflate or do not match their id.
fn is_damage(error: &git2::Error) -> bool {
    matches!(error.class(), ErrorClass::Odb | ErrorClass::Zlib)
}
