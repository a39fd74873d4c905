//! Where a Git repository is: parsed and checked once, at the border.
//!
//! Takes the text of an object or an argument; gives a [`RemoteUrl`] that holds no password, no control
//! character and nothing that could be read as an option. Touches neither network nor disk.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;

use super::ssh::SshPlace;
use crate::net::{host, without_login};

/// Longer addresses are refused; RFC 9110 §4.1 asks for at least 8,000 octets, no forge comes near it.
const URL_BYTES_MAX: usize = 2048;

/// The address of a Git repository: `https://…`, `http://…`, `ssh://…`, `user@host:path`, `file://…` or a path of
/// this machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteUrl {
    text: String,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    Http(Url),
    Ssh(SshPlace),
    Local(PathBuf),
}

/// How a repository is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Http,
    Https,
    Ssh,
    /// A repository of this machine, opened in place.
    Local,
}

/// Why a text is not the address of a repository. Never repeats the text: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("the Git URL is empty")]
    Empty,
    #[error("the Git URL is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    #[error("the Git URL holds a control character")]
    ControlCharacter,
    #[error("the Git URL starts with \"-\"")]
    LeadingDash,
    #[error("the Git URL holds a user name or a password; credentials belong in a Secret")]
    Credentials,
    #[error("the Git URL holds a password; credentials belong in a Secret")]
    Password,
    #[error("the {part} of the Git URL {reason}")]
    Part { part: &'static str, reason: &'static str },
    #[error("{scheme} remotes are not supported; https, http, ssh, file and local paths are")]
    Scheme { scheme: String },
    #[error("the Git URL has a query or a fragment")]
    Query,
    #[error("the Git URL names no host")]
    NoHost,
    #[error("the Git URL is malformed: {reason}")]
    Malformed { reason: String },
}

impl RemoteUrl {
    /// Reads an address over http or https that may name its user (`https://bot@example.com/app.git`), and gives that
    /// user apart: for callers that have the password from elsewhere.
    pub fn with_user(text: &str) -> Result<(Self, Option<String>), UrlError> {
        let named = |url: &Url| {
            let is_http = matches!(url.scheme(), "http" | "https");
            is_http && !url.username().is_empty() && url.password().is_none() && !text.contains(char::is_whitespace)
        };
        check_text(text)?;
        let Some(url) = Url::parse(text).ok().filter(named) else { return Ok((text.parse()?, None)) };
        let user = percent_decode_str(url.username()).decode_utf8_lossy().into_owned();
        Ok((without_login(url).as_str().parse()?, Some(user)))
    }

    pub fn transport(&self) -> Transport {
        match &self.place {
            Place::Http(url) if url.scheme() == "https" => Transport::Https,
            Place::Http(_) => Transport::Http,
            Place::Ssh(_) => Transport::Ssh,
            Place::Local(_) => Transport::Local,
        }
    }

    /// The host; `None` for a repository of this machine.
    pub fn host(&self) -> Option<&str> {
        match &self.place {
            Place::Http(url) => url.host_str(),
            Place::Ssh(place) => Some(&place.host),
            Place::Local(_) => None,
        }
    }

    /// `host:port` of the server; `None` for a repository of this machine.
    pub fn server(&self) -> Option<String> {
        match &self.place {
            Place::Http(url) => Some(host(url)),
            Place::Ssh(place) => Some(format!("{}:{}", place.host, place.port)),
            Place::Local(_) => None,
        }
    }

    /// What the repository is called on its server; `None` for a repository of this machine.
    pub fn path(&self) -> Option<String> {
        match &self.place {
            Place::Http(url) => Some(url.path().to_owned()),
            Place::Ssh(place) => Some(place.path().to_owned()),
            Place::Local(_) => None,
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

impl FromStr for RemoteUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        check_text(text)?;
        let place = match text.split_once("://") {
            Some((scheme, _)) => place_of_url(&scheme.to_ascii_lowercase(), text)?,
            None if is_scp_like(text) => Place::Ssh(SshPlace::from_scp(text)?),
            None => Place::Local(PathBuf::from(text)),
        };
        let text = match &place {
            Place::Http(url) => url.as_str().trim_end_matches('/').to_owned(),
            Place::Ssh(_) => text.trim_end_matches('/').to_owned(),
            Place::Local(_) => text.to_owned(),
        };
        Ok(Self { text, place })
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn check_text(text: &str) -> Result<(), UrlError> {
    if text.trim().is_empty() {
        return Err(UrlError::Empty);
    }
    if text.len() > URL_BYTES_MAX {
        return Err(UrlError::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(UrlError::ControlCharacter);
    }
    if text.starts_with('-') {
        return Err(UrlError::LeadingDash);
    }
    Ok(())
}

fn place_of_url(scheme: &str, text: &str) -> Result<Place, UrlError> {
    match scheme {
        "http" | "https" => http_place(parse(text)?),
        "file" => local_place(&parse(text)?),
        "ssh" | "git+ssh" | "ssh+git" => ssh_place(text),
        _ => Err(UrlError::Scheme { scheme: scheme.chars().take(20).collect() }),
    }
}

/// Parsers would silently drop or encode blanks; an address with one is a mistake.
fn check_blanks(text: &str) -> Result<(), UrlError> {
    match text.contains(char::is_whitespace) {
        true => Err(UrlError::Malformed { reason: "it holds a blank".to_owned() }),
        false => Ok(()),
    }
}

fn parse(text: &str) -> Result<Url, UrlError> {
    if !text.to_ascii_lowercase().starts_with("file:") {
        check_blanks(text)?;
    }
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::EmptyHost => UrlError::NoHost,
        error => UrlError::Malformed { reason: error.to_string() },
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlError::Query);
    }
    Ok(url)
}

fn ssh_place(text: &str) -> Result<Place, UrlError> {
    check_blanks(text)?;
    let (_, rest) = text.split_once("://").unwrap_or_default();
    SshPlace::from_url(rest).map(Place::Ssh)
}

fn http_place(mut url: Url) -> Result<Place, UrlError> {
    if url.host_str().is_none_or(str::is_empty) {
        return Err(UrlError::NoHost);
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(Place::Http(url))
}

fn local_place(url: &Url) -> Result<Place, UrlError> {
    let foreign =
        || UrlError::Malformed { reason: "file:// names a path of this machine, not another host".to_owned() };
    url.to_file_path().map(Place::Local).map_err(|()| foreign())
}

/// `host:path` and `user@host:path`, as `git help clone` defines them: a colon before the first slash.
fn is_scp_like(text: &str) -> bool {
    text.split('/').next().is_some_and(|head| head.contains(':'))
}
