//! Which remotes a build may ask for.

use std::fmt;
use std::str::FromStr;

use crate::git::RemoteUrl;
use crate::net::Url;

/// A kustomization file names its remotes, and so whoever writes one chooses whom the service calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// As `kustomize build` has it: whoever starts it wrote the files, or read them.
    Any,
    /// Nothing but what is at or below one of these places.
    Listed(Vec<Place>),
}

/// A host, and perhaps a path below which all is meant: `github.com/acme`, `https://git.example.com:8443/team/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// With the port, which each scheme has one of.
    server: String,
    path: Vec<String>,
}

/// A text that names no place on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a host and a path, such as github.com/acme or https://git.example.com:8443/team")]
pub struct UnreadablePlace;

impl Allowed {
    /// Whether a repository may be fetched. Those of this machine are no matter of places: only `Any` admits them.
    pub fn repository(&self, url: &RemoteUrl) -> bool {
        self.admits(url.server().and_then(|server| Place::new(&server, &url.path()?)))
    }

    /// Whether a file may be fetched.
    pub fn file(&self, url: &Url) -> bool {
        self.admits(of_url(url))
    }

    fn admits(&self, place: Option<Place>) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(places) => place.is_some_and(|place| places.iter().any(|listed| listed.holds(&place))),
        }
    }
}

impl Place {
    /// `None` for a path that another reader could take to lead elsewhere.
    fn new(server: &str, path: &str) -> Option<Self> {
        let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(without_git).collect();
        let is_plain = |part: &String| part != "." && part != ".." && !part.contains(['%', '\\']);
        let server = server.to_ascii_lowercase();
        parts.iter().all(is_plain).then_some(Self { server, path: parts })
    }

    fn holds(&self, other: &Self) -> bool {
        // A place without a port is meant for all that Git is spoken over.
        let is_same = self.server == other.server
            || other.server.rsplit_once(':').is_some_and(|(host, port)| host == self.server && is_usual(port));
        is_same && other.path.starts_with(&self.path)
    }
}

fn of_url(url: &Url) -> Option<Place> {
    let port = url.port_or_known_default()?;
    Place::new(&format!("{}:{port}", url.host_str()?), url.path())
}

fn is_usual(port: &str) -> bool {
    matches!(port, "443" | "80" | "22")
}

/// `app.git` and `app` are one repository.
fn without_git(part: &str) -> String {
    part.strip_suffix(".git").unwrap_or(part).to_owned()
}

impl FromStr for Place {
    type Err = UnreadablePlace;

    fn from_str(text: &str) -> Result<Self, UnreadablePlace> {
        let place = match text.contains("://") {
            true => Url::parse(text).ok().filter(|url| url.query().is_none()).as_ref().and_then(of_url),
            false => {
                let (server, path) = text.split_once('/').unwrap_or((text, ""));
                let is_server = !server.is_empty() && !server.contains(['@', '?', ' ']);
                is_server.then(|| Place::new(server, path)).flatten()
            }
        };
        place.ok_or(UnreadablePlace)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.server, self.path.join("/"))
    }
}
