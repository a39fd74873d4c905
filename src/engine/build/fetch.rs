//! Fetches the remotes that a build lacks: repositories through the Git edge, files over http.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::allowed::Allowed;
use crate::engine::cause::Cause;
use crate::git::{self, Auth, Git, RemoteUrl, Snapshot, Transport, UrlError};
use crate::kustomize::{Failed, Remote, Remotes, Repository};
use crate::net::{self, Connection, Deadline, Http, Method, Redirects, Request, StatusCode, Url};

/// Keeps what was read without credentials apart from what a source's login brought.
const IDENTITY: &str = "remotes of builds";
/// A file is read up to this size.
const FILE_BYTES_MAX: usize = 16 << 20;
const FILE_TIMEOUT: Duration = Duration::from_secs(60);
/// However long an entry asks to wait.
const TIMEOUT_MAX: Duration = Duration::from_secs(600);

/// How remotes are reached. What a source is read with is never used for them: a kustomization file must not be able to
/// send a credential anywhere.
pub struct Fetcher<'a> {
    pub git: &'a Git,
    pub http: &'a Http,
    pub runtime: &'a Handle,
    pub allowed: &'a Allowed,
    /// For ssh remotes, which no server reads without a key.
    pub ssh: Auth,
}

/// What a build has fetched so far.
#[derive(Default)]
pub(super) struct Fetched {
    pub remotes: Remotes,
    /// The commit that each remote was read at.
    pub pinned: BTreeMap<Repository, String>,
    /// A snapshot of each repository, whose store stays open.
    opened: BTreeMap<RemoteUrl, Arc<Snapshot>>,
}

impl Fetched {
    fn note(&mut self, remote: Remote, cause: &Cause) {
        let Cause { message, hint } = cause.clone();
        self.remotes.failed.insert(remote, Failed { message, hint });
    }
}

/// Why a remote was not fetched.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("remote {url} is not allowed")]
    Denied { url: String },
    #[error("reading the address of remote {url}")]
    Address { url: String, source: UrlError },
    #[error("fetching remote {url}")]
    Git { url: String, source: Box<git::Error> },
    #[error("{url} is no URL of a file")]
    Url { url: String },
    #[error("fetching {url}")]
    File { url: String, source: net::Error },
}

impl FetchError {
    /// What to do about it.
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Denied { .. } => "--allow-remote PLACE allows what is at or below a place, such as github.com/acme",
            Self::Git { source, .. } if source.wants_login() => {
                "remotes are read without a login, and over ssh with --ssh-key; name a clone of it by its path instead, \
                 or build it by itself with --username"
            }
            Self::Git { source, .. } => return source.hint(),
            Self::Address { .. } => "no login is taken from a URL; name a clone by its path instead",
            Self::Url { .. } | Self::File { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

fn cause(error: FetchError) -> Cause {
    let hint = error.hint();
    Cause { hint, ..Cause::from(error) }
}

impl Fetcher<'_> {
    /// Brings all of `missing`, or notes why not. Revisions of one repository share its store and its listing.
    pub(super) fn fetch(&self, missing: impl IntoIterator<Item = Remote>, fetched: &mut Fetched) {
        let mut by_url: BTreeMap<RemoteUrl, Vec<Repository>> = BTreeMap::new();
        for remote in missing {
            let found = match &remote {
                Remote::Repository(repository) => self.address(&repository.url).map(|url| {
                    by_url.entry(url).or_default().push(repository.clone());
                }),
                Remote::File(url) => self.file(url).map(|content| {
                    fetched.remotes.files.insert(url.clone(), content);
                }),
            };
            found.unwrap_or_else(|error| fetched.note(remote, &cause(error)));
        }
        for (url, repositories) in by_url {
            if let Err(error) = self.repositories(url, &repositories, fetched) {
                let cause = cause(error);
                repositories.into_iter().for_each(|one| fetched.note(Remote::Repository(one), &cause));
            }
        }
    }

    fn address(&self, text: &str) -> Result<RemoteUrl, FetchError> {
        let url: RemoteUrl = text.parse().map_err(|source| FetchError::Address { url: text.to_owned(), source })?;
        match self.allowed.repository(&url) {
            true => Ok(url),
            false => Err(FetchError::Denied { url: text.to_owned() }),
        }
    }

    fn repositories(
        &self,
        url: RemoteUrl,
        repositories: &[Repository],
        fetched: &mut Fetched,
    ) -> Result<(), FetchError> {
        let revisions: Vec<&str> =
            repositories.iter().map(|repository| repository.reference.as_deref().unwrap_or("HEAD")).collect();
        let snapshots = match fetched.opened.get(&url) {
            Some(opened) => opened.others(&revisions),
            None => self.git.snapshots(&self.remote(&url, repositories), &revisions),
        };
        let snapshots = snapshots.map_err(|source| FetchError::Git { url: url.to_string(), source: source.into() })?;
        for (repository, snapshot) in repositories.iter().zip(snapshots) {
            let snapshot = Arc::new(snapshot);
            fetched.opened.entry(url.clone()).or_insert_with(|| Arc::clone(&snapshot));
            fetched.pinned.insert(repository.clone(), snapshot.commit().to_string());
            fetched.remotes.repositories.insert(repository.clone(), snapshot);
        }
        Ok(())
    }

    fn remote(&self, url: &RemoteUrl, repositories: &[Repository]) -> git::Remote {
        let timeout = repositories.iter().map(|repository| repository.timeout).max().unwrap_or(FILE_TIMEOUT);
        git::Remote {
            url: url.clone(),
            identity: IDENTITY.to_owned(),
            auth: if url.transport() == Transport::Ssh { self.ssh.clone() } else { Auth::None },
            connection: Connection::default(),
            insecure: false,
            timeout: timeout.min(TIMEOUT_MAX),
        }
    }

    /// The file at `url`; `None` where its server has none.
    fn file(&self, text: &str) -> Result<Option<Vec<u8>>, FetchError> {
        let url = Url::parse(text).map_err(|_| FetchError::Url { url: text.to_owned() })?;
        if !self.allowed.file(&url) {
            return Err(FetchError::Denied { url: text.to_owned() });
        }
        let mut request = Request::new(Method::GET, net::without_login(url), FILE_BYTES_MAX);
        request.redirects = Redirects::Anywhere;
        let answer = self.runtime.block_on(self.http.fetch(&request, Deadline::after(FILE_TIMEOUT)));
        let failed = |source| FetchError::File { url: text.to_owned(), source };
        let answer = answer.map_err(failed)?;
        match answer.status {
            status if status.is_success() => Ok(Some(answer.body.to_vec())),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(failed(answer.status_error())),
        }
    }
}
