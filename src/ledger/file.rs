//! The file of the ledger: opened by one process at a time, set aside when it is damaged, migrated when it is old,
//! refused when it is newer than this program; closed after an error and tried again later.
//!
//! Every page is checked against its checksum when the file is opened, since the database may panic on pages that were
//! altered. What it meets later all the same is caught, and costs the memory alone.

use std::any::Any;
use std::cmp::Ordering;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, Durability, ReadableDatabase as _, StorageError};
use tracing::warn;

use super::batch::Batch;
use super::error::{Fault, LedgerError, Warning};
use super::reading::Reading;
use super::{Ledger, schema};

pub(super) const NAME: &str = "ledger.redb";
const LOCK: &str = "ledger.lock";

/// How long to wait for another run to let go: verbs of the command line hold the file for moments.
const WAIT: Duration = Duration::from_secs(2);
/// After an error the file is tried again when so much time has passed.
const OFF: Duration = Duration::from_secs(30);
/// That nothing was new is brought to the disk once in so much time: a thousand scans cost a few syncs.
const SYNC: Duration = Duration::from_secs(1);
/// Of pages in memory; the default is a thousand times as much. What rounds without news read of a thousand views fits in;
/// the tags themselves do not, which are read only when there is news, and then from the system's cache.
const CACHE_BYTES: usize = 1 << 20;
const SET_ASIDE_MAX: usize = 3;
/// A smaller file is never compacted.
const COMPACT_BYTES_MIN: u64 = 8 << 20;

/// Whether the file is open.
pub(super) enum Slot {
    Open(Database),
    Closed { since: Instant, cause: Box<LedgerError> },
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Open(_)) { "Open" } else { "Closed" })
    }
}

impl Ledger {
    /// Where the file was closed after an error, only who records opens it again: that checks the whole file, and who
    /// reads may not wait.
    pub(super) fn read<T>(
        &self,
        doing: &'static str,
        now: Timestamp,
        work: impl FnOnce(&Reading) -> Result<T, Fault>,
    ) -> Result<T, LedgerError> {
        self.with(doing, |database| work(&Reading::begin(database.begin_read()?, now)))
    }

    /// One transaction: all that `work` records is on the disk when this returns, or nothing of it. Only that a scan
    /// found nothing new may wait a little: a kill then costs a scan.
    pub(super) fn transact(
        &self,
        synced: &mut Option<Instant>,
        work: impl FnOnce(&mut Batch<'_>) -> Result<(), Fault>,
    ) -> Result<(), LedgerError> {
        self.reopen()?;
        self.with("recording", |database| {
            let mut transaction = database.begin_write()?;
            let mut batch = Batch::begin(&transaction)?;
            work(&mut batch)?;
            batch.end()?;
            let may_wait = !batch.has_news();
            if may_wait && synced.is_some_and(|synced| synced.elapsed() < SYNC) {
                transaction.set_durability(Durability::None)?;
                transaction.commit()?;
            } else {
                transaction.commit()?;
                *synced = Some(Instant::now());
            }
            Ok(())
        })
    }

    fn with<T>(&self, doing: &'static str, work: impl FnOnce(&Database) -> Result<T, Fault>) -> Result<T, LedgerError> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        let database = match &*slot {
            Slot::Open(database) => database,
            Slot::Closed { cause, .. } => return Err(self.off(cause)),
        };
        let done = catch_unwind(AssertUnwindSafe(|| work(database)));
        drop(slot);
        let path = self.path.to_path_buf();
        match done {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(Fault::Refused(error))) => Err(error),
            Ok(Err(Fault::Storage(source))) => Err(self.close(LedgerError::Storage { doing, path, source })),
            Ok(Err(Fault::Row(what))) => {
                let error = self.close(LedgerError::Damaged { doing, path, reason: what.to_owned() });
                self.put_aside(what);
                Err(error)
            }
            Err(panic) => Err(self.close(LedgerError::Damaged { doing, path, reason: said(&*panic) })),
        }
    }

    /// The database writes nothing more after an error, so it is closed, and checked when it is opened again.
    fn close(&self, error: LedgerError) -> LedgerError {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        let closed = Slot::Closed { since: Instant::now(), cause: Box::new(error.clone()) };
        let open = std::mem::replace(&mut *slot, closed);
        // Dropping writes, and may panic on a page that is damaged.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(open)));
        error
    }

    /// Rows that no version of ours wrote have good checksums: no check at the next opening would find them.
    fn put_aside(&self, what: &str) {
        let opening = lock(&self.state().join(LOCK), &self.path);
        match opening.map(|_opening| set_aside(&self.path, what.to_owned())) {
            Ok(Ok(warning)) => warn!("{warning}"),
            Ok(Err(error)) => warn!(%error, "the damaged memory cannot be set aside"),
            Err(error) => warn!(%error, "the damaged memory cannot be set aside"),
        }
    }

    /// One thread at a time does this, the one that records.
    fn reopen(&self) -> Result<(), LedgerError> {
        if matches!(&*self.slot.read().unwrap_or_else(PoisonError::into_inner), Slot::Open(_)) {
            return Ok(());
        }
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        match &mut *slot {
            Slot::Open(_) => return Ok(()),
            Slot::Closed { since, cause } if since.elapsed() < OFF => return Err(self.off(cause)),
            Slot::Closed { since, .. } => *since = Instant::now(),
        }
        drop(slot);
        let (database, warning) = open(self.state()).map_err(|error| self.close(error))?;
        warning.iter().for_each(|warning| warn!("{warning}"));
        *self.slot.write().unwrap_or_else(PoisonError::into_inner) = Slot::Open(database);
        Ok(())
    }

    fn off(&self, cause: &LedgerError) -> LedgerError {
        LedgerError::Off { path: self.path.to_path_buf(), source: Some(Box::new(cause.clone())) }
    }
}

/// Opens the file below `state`; makes it where there is none, or where a damaged one was set aside.
pub(super) fn open(state: &Path) -> Result<(Database, Option<Warning>), LedgerError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(state);
    made.map_err(|error| failed("creating", state, error))?;
    let path = state.join(NAME);
    // Only one at a time may find the file damaged, or half made.
    let _opening = lock(&state.join(LOCK), &path)?;
    match attempt(&path) {
        Ok(database) => Ok((database, None)),
        Err(Refusal::Error(error)) => Err(error),
        Err(Refusal::Damaged(reason)) => {
            let is_unborn = is_unborn(&path);
            let warning = set_aside(&path, reason).map_err(|error| failed("setting aside", &path, error))?;
            if is_unborn {
                // A process was killed while it made the file: nothing was in it.
                let _ = fs::remove_file(&warning.set_aside);
            }
            let database = attempt(&path).map_err(|refusal| refusal.into_error(&path))?;
            Ok((database, (!is_unborn).then_some(warning)))
        }
    }
}

fn failed(doing: &'static str, path: &Path, error: io::Error) -> LedgerError {
    LedgerError::Io { doing, path: path.to_path_buf(), source: Arc::new(error) }
}

fn lock(path: &Path, ledger: &Path) -> Result<File, LedgerError> {
    let error = |error| failed("locking", path, error);
    let file = private(path).map_err(error)?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if start.elapsed() < WAIT * 2 => thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock) => return Err(LedgerError::Busy { path: ledger.to_path_buf() }),
            Err(TryLockError::Error(cause)) => return Err(error(cause)),
        }
    }
}

/// A file of ours alone, which is no symbolic link.
fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path)
}

/// Why the file did not open.
enum Refusal {
    Damaged(String),
    Error(LedgerError),
}

impl Refusal {
    fn into_error(self, path: &Path) -> LedgerError {
        match self {
            Self::Error(error) => error,
            Self::Damaged(reason) => LedgerError::Damaged { doing: "opening", path: path.to_path_buf(), reason },
        }
    }
}

fn attempt(path: &Path) -> Result<Database, Refusal> {
    let start = Instant::now();
    loop {
        let opened = catch_unwind(AssertUnwindSafe(|| database(path)));
        match opened.unwrap_or_else(|panic| Err(Refusal::Damaged(said(&*panic)))) {
            Err(Refusal::Error(LedgerError::Busy { .. })) if start.elapsed() < WAIT => {
                thread::sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
}

fn database(path: &Path) -> Result<Database, Refusal> {
    let file = private(path).map_err(|error| Refusal::Error(failed("opening", path, error)))?;
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    let opened = FileBackend::new(file).and_then(|file| builder.create_with_backend(file));
    let mut database = opened.map_err(|error| refusal(path, error))?;
    migrate(path, &database)?;
    compact(path, &mut database);
    Ok(database)
}

fn refusal(path: &Path, error: DatabaseError) -> Refusal {
    let path = path.to_path_buf();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            Refusal::Error(LedgerError::Busy { path })
        }
        // The layout of the file itself, which is the library's: it was 3 when we began.
        DatabaseError::UpgradeRequired(found @ 4..=9) => {
            Refusal::Error(LedgerError::Newer { path, found: found.into(), known: schema::VERSION })
        }
        DatabaseError::UpgradeRequired(_) | DatabaseError::Storage(StorageError::Corrupted(_)) => {
            Refusal::Damaged(error.to_string())
        }
        DatabaseError::Storage(StorageError::Io(error))
            if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
        {
            Refusal::Damaged(error.to_string())
        }
        error => Refusal::Error(storage(path, Arc::new(error.into()))),
    }
}

fn storage(path: PathBuf, source: Arc<redb::Error>) -> LedgerError {
    LedgerError::Storage { doing: "opening the memory", path, source }
}

/// Brings the tables to the version of this program.
fn migrate(path: &Path, database: &Database) -> Result<(), Refusal> {
    let found = schema::found(database).map_err(|fault| faulty(path, fault))?;
    match found.cmp(&schema::VERSION) {
        Ordering::Less => schema::step_up(database, found).map_err(|fault| faulty(path, fault)),
        Ordering::Equal => Ok(()),
        Ordering::Greater => {
            let (path, known) = (path.to_path_buf(), schema::VERSION);
            Err(Refusal::Error(LedgerError::Newer { path, found, known }))
        }
    }
}

fn faulty(path: &Path, fault: Fault) -> Refusal {
    match fault {
        Fault::Storage(error) => match *error {
            redb::Error::Corrupted(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TypeDefinitionChanged { .. } => Refusal::Damaged(error.to_string()),
            _ => Refusal::Error(storage(path.to_path_buf(), error)),
        },
        Fault::Row(what) => Refusal::Damaged(what.to_owned()),
        Fault::Refused(error) => Refusal::Error(error),
    }
}

/// Gives back the space of a file that is mostly free.
fn compact(path: &Path, database: &mut Database) {
    let length = fs::metadata(path).map_or(0, |file| file.len());
    if length < COMPACT_BYTES_MIN {
        return;
    }
    let compacted = used(database).and_then(|used| match used < length / 2 {
        true => database.compact().map_err(redb::Error::from),
        false => Ok(false),
    });
    if let Err(error) = compacted {
        warn!(path = %path.display(), %error, "the memory cannot be compacted");
    }
}

fn used(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_write()?;
    let stats = transaction.stats()?;
    transaction.abort()?;
    Ok(stats.allocated_pages() * stats.page_size() as u64)
}

/// True for what a process leaves that was killed before its new file had a magic number.
fn is_unborn(path: &Path) -> bool {
    use std::io::Read as _;
    let mut magic = [1; 9];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == [0; 9]
}

/// Renames a damaged file, and removes the oldest of those that were renamed before.
fn set_aside(path: &Path, reason: String) -> io::Result<Warning> {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ");
    let set_aside = PathBuf::from(format!("{}.damaged-{time}", path.display()));
    fs::rename(path, &set_aside)?;
    let mut all = earlier(path)?;
    all.sort();
    for old in all.iter().rev().skip(SET_ASIDE_MAX) {
        fs::remove_file(old)?;
    }
    Ok(Warning { path: path.to_path_buf(), set_aside, reason })
}

fn earlier(path: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = fs::read_dir(path.parent().unwrap_or(Path::new(".")))?;
    let paths = folder.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    let prefix = format!("{NAME}.damaged-");
    let is_ours = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix));
    Ok(paths.into_iter().filter(is_ours).collect())
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("the database panicked").to_owned()
}
