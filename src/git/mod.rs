//! Git without a work tree: branches are listed and fetched, files read, commits made in memory, signed and pushed.
//!
//! In: a [`Remote`] over http, over ssh or on this machine, and the folder that keeps the stores. Out: a [`Session`] to
//! work in, or a [`Log`] of the past. The calls block; a task calls them through `spawn_blocking`. Branches move by
//! compare-and-swap alone, no child process runs, no hook runs here, nothing is checked out, and credentials stay with
//! their host.

mod address;
mod advertisement;
mod allocation;
mod branch;
mod commit;
mod credentials;
mod difference;
mod edit;
mod error;
mod folder;
mod health;
mod http;
mod link;
mod log;
mod login;
mod memory;
mod pack;
mod pktline;
mod private_key;
mod push;
mod rawtree;
mod refspec;
mod repack;
mod report;
mod seed;
mod session;
mod shelf;
mod sign;
mod snapshot;
mod ssh;
mod store;
mod survey;
mod swap;
mod transport;
mod tree;
mod url;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

pub use self::advertisement::Refs;
pub use self::commit::{Author, CommitMeta};
pub use self::credentials::{Auth, SshAuth};
pub use self::edit::Edit;
pub use self::error::{Error, PushError};
pub use self::log::{Changed, Commits, FileChange, Log, LogEntry, Objects, Reader};
pub use self::push::{Expected, Move};
pub use self::refspec::{PushOptionError, PushOptions, RefName, Refspec, RefspecError, Source};
pub use self::seed::create_bare;
pub use self::session::Session;
pub use self::sign::{Keyring, KeyringError, Signature, SignatureKind, Signer, SigningError};
pub use self::snapshot::Snapshot;
pub use self::ssh::{HostVerdict, KnownHosts, SshAlgorithms, UnknownAlgorithm};
pub use self::survey::Survey;
pub use self::tree::{GitTree, PassedOver};
pub use self::url::{RemoteUrl, Transport, UrlError};
pub use git2::Oid;

use self::error::Fault;
use self::link::Link;
use self::session::Place;
use self::store::Store;
use crate::cloud::{Clouds, GithubTokens};
use crate::metrics::Metrics;
use crate::net::{Connection, Http};

/// The door: opens remotes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Git {
    state: PathBuf,
    http: Http,
    runtime: Handle,
    limits: Limits,
    metrics: Metrics,
    ssh: SshAlgorithms,
    tokens: GithubTokens,
    clouds: Clouds,
}

/// What one exchange may bring at most, and what is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub refs_bytes: u64,
    pub pack_bytes: u64,
    /// All stores together.
    pub state_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { refs_bytes: 64 << 20, pack_bytes: 4 << 30, state_bytes: 10 << 30 }
    }
}

/// A repository to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    pub url: RemoteUrl,
    /// Names the Secret that the credentials are from, empty without one. Never its value: tokens that change
    /// hourly must not clone hourly.
    pub identity: String,
    pub auth: Auth,
    /// Whom to trust, who to be, which proxy to take.
    pub connection: Connection,
    /// Credentials may travel over plain http to any host.
    pub insecure: bool,
    /// For each listing, fetch and push, as a whole.
    pub timeout: Duration,
}

impl Git {
    /// `state` is where stores are kept; `runtime` drives `http`; the calls block, so they are not made on its tasks.
    pub fn new(state: impl Into<PathBuf>, http: Http, runtime: Handle, limits: Limits) -> Self {
        allocation::bound();
        Self {
            state: state.into(),
            http,
            runtime,
            limits,
            metrics: Metrics::default(),
            ssh: SshAlgorithms::default(),
            tokens: GithubTokens::default(),
            clouds: Clouds::from_env(),
        }
    }

    /// Counts through these metrics from now on.
    pub fn with_metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// Uses these algorithms for ssh from now on.
    pub fn with_ssh(self, ssh: SshAlgorithms) -> Self {
        Self { ssh, ..self }
    }

    /// Gets its logins for the Git servers of clouds there from now on.
    pub fn with_clouds(self, clouds: Clouds) -> Self {
        Self { clouds, ..self }
    }

    /// Opens the store of a remote, waiting for another run that uses it at most [`Remote::timeout`]. No request yet.
    pub fn open(&self, remote: &Remote) -> Result<Session, Error> {
        match remote.url.place() {
            url::Place::Local(path) => self.open_local(remote, path),
            url::Place::Http(base) => self.open_remote(remote, Link::http(self, base, remote)),
            url::Place::Ssh(place) => self.open_remote(remote, Link::ssh(self, place, remote)),
        }
    }

    /// Opens a remote to read what is committed; a repository of this machine may be any clone, bare or not.
    fn open_to_read(&self, remote: &Remote) -> Result<Session, Error> {
        let url::Place::Local(path) = remote.url.place() else { return self.open(remote) };
        let home = store::home(&self.state, &path.to_string_lossy(), &remote.identity);
        let store = Store::open_to_read(path, home)?;
        Ok(Session::new(remote.url.clone(), Place::Local, store, self.metrics.clone()))
    }

    /// Ends a session: puts its store in order, and bounds what all stores take.
    pub fn close(&self, session: Session) {
        session.tidy(self.limits.state_bytes);
    }

    fn open_remote(&self, remote: &Remote, link: Result<Link, Fault>) -> Result<Session, Error> {
        let refused = |source| Error::Remote { doing: "connecting to", url: Box::new(remote.url.clone()), source };
        let link = Arc::new(link.map_err(refused)?);
        let name = remote.url.to_string();
        let store = Store::open(store::home(&self.state, &name, &remote.identity), &name, remote.timeout)?;
        Ok(Session::new(remote.url.clone(), Place::Remote(link), store, self.metrics.clone()))
    }

    fn open_local(&self, remote: &Remote, path: &Path) -> Result<Session, Error> {
        // One home for all spellings of the path; a path that is absent is named by `open_local`.
        let full = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let home = store::home(&self.state, &full.to_string_lossy(), &remote.identity);
        let store = Store::open_local(path, home, remote.timeout)?;
        Ok(Session::new(remote.url.clone(), Place::Local, store, self.metrics.clone()))
    }
}
