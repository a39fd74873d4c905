//! Fetches the remotes that a build lacks: repositories through the Git edge, files over http.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::allowed::Allowed;
use crate::git::{self, Auth, Git, RemoteUrl, Snapshot, Transport, UrlError};
use crate::kustomize::{Remote, Remotes, Repository};
use crate::net::{self, Connection, Deadline, Http, Method, Redirects, Request, StatusCode, Url};

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

/// Why a remote was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("remote {url} is not allowed")]
    Denied { url: String },
    #[error("reading the address of remote {url}")]
    Address { url: String, source: UrlError },
    #[error("fetching remote {url}")]
    Git { url: String, source: git::Error },
    #[error("{url} is no URL of a file")]
    Url { url: String },
    #[error("fetching {url}")]
    File { url: String, source: net::Error },
}

impl FetchError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Denied { .. } => {
                Some("--allow-remote PLACE allows what is at or below a place, such as github.com/acme")
            }
            _ => None,
        }
    }
}

impl Fetcher<'_> {
    /// Brings all of `missing`. Revisions of one repository share its store and its listing.
    pub(super) fn fetch(
        &self,
        missing: impl IntoIterator<Item = Remote>,
        remotes: &mut Remotes,
        pinned: &mut BTreeMap<Repository, String>,
    ) -> Result<(), FetchError> {
        let mut by_url: BTreeMap<String, Vec<Repository>> = BTreeMap::new();
        for remote in missing {
            match remote {
                Remote::Repository(repository) => by_url.entry(repository.url.clone()).or_default().push(repository),
                Remote::File(url) => {
                    let content = self.file(&url)?;
                    remotes.files.insert(url, content);
                }
            }
        }
        for (url, repositories) in by_url {
            for (repository, snapshot) in repositories.iter().zip(self.snapshots(&url, &repositories)?) {
                pinned.insert(repository.clone(), snapshot.commit().to_string());
                remotes.repositories.insert(repository.clone(), Arc::new(snapshot));
            }
        }
        Ok(())
    }

    fn snapshots(&self, text: &str, repositories: &[Repository]) -> Result<Vec<Snapshot>, FetchError> {
        let named = |source| FetchError::Address { url: text.to_owned(), source };
        let url: RemoteUrl = text.parse().map_err(named)?;
        if !self.allowed.repository(&url) {
            return Err(FetchError::Denied { url: text.to_owned() });
        }
        let timeout = repositories.iter().map(|repository| repository.timeout).max().unwrap_or(FILE_TIMEOUT);
        let auth = if url.transport() == Transport::Ssh { self.ssh.clone() } else { Auth::None };
        let remote = git::Remote {
            url,
            identity: String::new(),
            auth,
            connection: Connection::default(),
            insecure: false,
            timeout: timeout.min(TIMEOUT_MAX),
        };
        let revisions: Vec<&str> =
            repositories.iter().map(|repository| repository.reference.as_deref().unwrap_or("HEAD")).collect();
        let snapshots = self.git.snapshots(&remote, &revisions);
        snapshots.map_err(|source| FetchError::Git { url: text.to_owned(), source })
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
