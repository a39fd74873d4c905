//! What a webhook makes due: a repository, as the sender named it, and the queue to the driver.
//!
//! Takes the names of senders, gives [`Due`]s; whoever scans asks [`due_matches`] which of its repositories are meant.

use std::collections::BTreeSet;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::image::{ImageRef, Repository};

/// Longer names are none: a host has at most 253 bytes, a path 255, a tag 128 and a digest 135.
const NAME_BYTES_MAX: usize = 1024;
/// More different names that nobody has taken yet make everything due.
const WAITING_MAX: usize = 1000;
const HUB: &str = "docker.io";
/// Docker Hub under the names that clients are told to use.
const HUB_HOSTS: &[&str] = &["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// A repository whose tags may have changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Due {
    /// `host[:port]` of the registry; a sender that does not name its own means this path at any host.
    pub host: Option<String>,
    /// The path in the registry, such as `acme/web`.
    pub repository: String,
    pub scope: Scope,
}

/// Which repositories a path means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The one with this path.
    #[default]
    Exact,
    /// That one and all below it: a project, whose repositories the sender does not tell apart.
    Below,
    /// That one, also in a folder whose name the sender does not know: Artifactory and Nexus give an image under the
    /// names of several of their own repositories.
    InFolder,
}

/// What became due since it was last asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dues {
    These(BTreeSet<Due>),
    /// More was named than is kept.
    Everything,
}

impl Due {
    /// Reads a name as senders write it: `acme/web`, `ghcr.io/acme/web:1.2`, `https://index.docker.io/library/nginx`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > NAME_BYTES_MAX {
            return None;
        }
        let text = text.trim().to_ascii_lowercase();
        let url = ["https://", "http://", "oci://", "docker://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let name = match url {
            // A host that no reference to an image can name (no dot, no port) tells nothing.
            Some(url) if !names_host(url) => url.split_once('/')?.1,
            Some(url) => url,
            None => &text,
        };
        let names_host = names_host(name);
        // Any host makes a whole name of a path, which is then read by the one grammar there is.
        let whole = if names_host { name.to_owned() } else { format!("any.invalid/{name}") };
        let repository = whole.parse::<ImageRef>().ok()?.repository;
        let host = names_host.then(|| canonical_host(repository.registry()).to_owned());
        Some(Self { host, repository: repository.path().to_owned(), scope: Scope::Exact })
    }

    /// A path at a host that the sender names elsewhere, or not at all.
    pub fn at(host: Option<&str>, path: &str) -> Option<Self> {
        match host {
            Some(host) => Self::parse(&format!("https://{host}/{path}")),
            None => Self::parse(&format!("https://any.invalid/{path}")).map(|due| Self { host: None, ..due }),
        }
    }

    pub fn with_scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }
}

/// Whether `due` means `repository`.
pub fn due_matches(due: &Due, repository: &Repository) -> bool {
    let registry = repository.registry().to_ascii_lowercase();
    let host = canonical_host(&registry);
    due.host.as_deref().is_none_or(|due| due == host) && path_fits(due, host, repository.path())
}

fn path_fits(due: &Due, host: &str, path: &str) -> bool {
    // A sender without a host says `nginx` where Docker Hub's whole name is `library/nginx`.
    let official = path.strip_prefix("library/").filter(|_| host == HUB);
    fits(due, path) || official.is_some_and(|path| fits(due, path))
}

fn fits(due: &Due, path: &str) -> bool {
    let named = due.repository.as_str();
    match due.scope {
        Scope::Exact => path == named,
        Scope::Below => path.strip_prefix(named).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        Scope::InFolder => path == named || path.split_once('/').is_some_and(|(_, rest)| rest == named),
    }
}

/// As in references to images: a first part with a dot or a port, or `localhost`.
fn names_host(name: &str) -> bool {
    let first = name.split_once('/').map(|(first, _)| first);
    first.is_some_and(|first| first.contains(['.', ':']) || first == "localhost")
}

/// One name for hosts that are the same: without the port that https has anyway, and Docker Hub under its own.
fn canonical_host(host: &str) -> &str {
    let bare = host.strip_suffix(":443").unwrap_or(host);
    if HUB_HOSTS.contains(&bare) { HUB } else { bare }
}

/// Makes the queue between the server and who scans. Neither side ever blocks the other: what is named twice waits
/// once, and what would not fit makes everything due.
pub fn due_queue() -> (DueSender, DueReceiver) {
    let queue = Arc::new(Queue { waiting: Mutex::new(Dues::nothing()), news: Notify::new() });
    (DueSender(queue.clone()), DueReceiver(queue))
}

#[derive(Clone, Debug)]
pub struct DueSender(Arc<Queue>);

#[derive(Debug)]
pub struct DueReceiver(Arc<Queue>);

#[derive(Debug)]
struct Queue {
    waiting: Mutex<Dues>,
    news: Notify,
}

impl Dues {
    fn nothing() -> Self {
        Self::These(BTreeSet::new())
    }

    fn is_nothing(&self) -> bool {
        matches!(self, Self::These(dues) if dues.is_empty())
    }

    fn add(&mut self, due: Due) {
        let Self::These(dues) = self else { return };
        dues.insert(due);
        if dues.len() > WAITING_MAX {
            *self = Self::Everything;
        }
    }
}

impl DueSender {
    pub fn send(&self, due: Due) {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).add(due);
        self.0.news.notify_one();
    }
}

impl DueReceiver {
    /// What has become due, at once when there is something. May be dropped while it waits: nothing is lost.
    pub async fn recv(&mut self) -> Dues {
        loop {
            let dues = self.take();
            if !dues.is_nothing() {
                return dues;
            }
            self.0.news.notified().await;
        }
    }

    /// What is due now, perhaps nothing.
    pub fn take(&mut self) -> Dues {
        mem::replace(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner), Dues::nothing())
    }
}
