//! The rule of redirects. No client follows any by itself; callers ask [`follow`] and decide with its answer.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use super::error::{Error, host};

/// Which redirects a request may follow. At most [`REDIRECTS_MAX`] of them in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// Only on the host that was asked; credentials go along.
    SameHost,
    /// To any https URL; a credential does not leave the host. For blobs, whose digest is checked. The server chooses
    /// the target, which is reached at addresses of the kind that the server has.
    Anywhere,
}

pub(super) const REDIRECTS_MAX: usize = 5;

/// Where an answer of `from` sends the client: `None` if it is no redirect, an error if the rule forbids it.
pub fn follow(from: &Url, status: StatusCode, headers: &HeaderMap, rule: Redirects) -> Result<Option<Url>, Error> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let refused = |to: &str, why| Error::Redirected { from: host(from), to: to.to_owned(), why };
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| refused("nowhere", "no Location header"))?;
    let to = from.join(location).map(without_login);
    let to = to.map_err(|_| refused("an unreadable place", "its Location is not a URL"))?;
    let name = host(&to);
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(refused(&name, "not https"));
    }
    match rule {
        Redirects::SameHost if !same_host(from, &to) => Err(refused(&name, "another host")),
        Redirects::Anywhere if to.scheme() != "https" && !same_host(from, &to) => Err(refused(&name, "not https")),
        _ => Ok(Some(to)),
    }
}

/// Whether `to` is the server of `from`: same name and port, where `http` on 80 may become `https` on 443.
/// Any other port is another server.
pub fn same_host(from: &Url, to: &Url) -> bool {
    let ports = (from.port_or_known_default(), to.port_or_known_default());
    let schemes = (from.scheme(), to.scheme());
    let plain_port = ports.0 == ports.1 && (schemes.0 == schemes.1 || schemes == ("http", "https"));
    let upgraded = schemes == ("http", "https") && ports == (Some(80), Some(443));
    from.host().is_some() && from.host() == to.host() && (plain_port || upgraded)
}

/// A name and password in a URL would be sent as a credential.
pub fn without_login(mut url: Url) -> Url {
    // Only URLs that cannot have a login refuse to be rid of it.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url
}

pub(super) fn never() -> reqwest::redirect::Policy {
    reqwest::redirect::Policy::none()
}
