//! What can go wrong with the ledger, and what is told when a damaged one was set aside.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why the ledger cannot be used. The work goes on without it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("{doing} {}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: Arc<io::Error> },
    #[error("the memory in {} is in use by another run", path.display())]
    Busy { path: PathBuf },
    #[error("{} was written by a newer tagwright (version {found} of its tables; this one knows {known})", path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("{doing} in {}", path.display())]
    Storage { doing: &'static str, path: PathBuf, source: Arc<redb::Error> },
    #[error("{doing} in {}: the file is damaged ({reason})", path.display())]
    Damaged { doing: &'static str, path: PathBuf, reason: String },
    #[error("the memory in {} is off after an error, and tried again in a while", path.display())]
    Off { path: PathBuf, source: Option<Box<LedgerError>> },
    #[error("the service at {} cannot: {message}", path.display())]
    Service { path: PathBuf, message: String },
    #[error("remembering {repository}: more than {max} {what}")]
    TooMany { what: &'static str, repository: String, max: usize },
    #[error("remembering {repository}: {max} tags of all repositories are remembered already")]
    Full { repository: String, max: u64 },
}

/// A damaged ledger was set aside and a new one begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub path: PathBuf,
    pub set_aside: PathBuf,
    pub reason: String,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, set_aside, reason } = self;
        let (path, set_aside) = (path.display(), set_aside.display());
        write!(f, "the memory {path} is damaged ({reason}): it begins anew; the damaged file is kept as {set_aside}")
    }
}

impl LedgerError {
    /// Advice for the user, to be shown behind `hint:`.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Busy { .. } => Some("one run at a time remembers: let the other end, or use another --state"),
            Self::Newer { .. } => Some("use the newer tagwright, or move the file away to begin anew"),
            Self::Damaged { .. } => Some("the next run sets the file aside and begins anew"),
            Self::Storage { source, .. } => match source.as_ref() {
                redb::Error::Io(error) => hint_of(error),
                _ => None,
            },
            Self::Io { source, .. } => hint_of(source),
            Self::Full { .. } => Some("what no object uses goes after 90 days; removing the file begins a new memory"),
            Self::Off { source, .. } => source.as_ref()?.hint(),
            Self::Service { .. } | Self::TooMany { .. } => None,
        }
    }

    /// True when another process has the ledger open.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}

fn hint_of(error: &io::Error) -> Option<&'static str> {
    use io::ErrorKind::{AlreadyExists, NotADirectory};
    use io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => Some("make room on the disk of the state directory"),
        AlreadyExists | NotADirectory => Some("--state names a directory"),
        PermissionDenied | ReadOnlyFilesystem => {
            Some("the state directory must be writable; name another with --state")
        }
        _ => None,
    }
}

/// What a step inside a transaction met.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    Storage(Arc<redb::Error>),
    /// A row that no version of ours wrote.
    Row(&'static str),
    /// Nothing of it was recorded, and what others record is not concerned.
    Refused(LedgerError),
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Storage(Arc::new(error.into()))
    }
}
