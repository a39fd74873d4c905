//! The rules about addresses: what is asked where, what is followed, and where credentials may go.

use super::error::{Fault, printable};
use super::link::Service;
use crate::net::{Proxy, Redirects, StatusCode, Url, follow, header::HeaderMap, host, is_loopback};

/// `BASE/info/refs?service=…` (`gitprotocol-http`).
pub(super) fn info_refs(base: &Url, service: Service) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/info/refs", base.path().trim_end_matches('/')));
    url.set_query(Some(&format!("service={}", service.name())));
    url
}

/// The repository's address that an address of [`info_refs`] belongs to.
pub(super) fn base_of(info_refs: &Url) -> Result<Url, Fault> {
    let path = info_refs.path().strip_suffix("/info/refs").ok_or_else(|| Fault::Redirect { to: shown(info_refs) })?;
    let mut base = info_refs.clone();
    base.set_path(path);
    base.set_query(None);
    Ok(base)
}

/// `BASE/git-…` (`gitprotocol-http`).
pub(super) fn endpoint(base: &Url, service: Service) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{}", base.path().trim_end_matches('/'), service.name()));
    url
}

/// Where an answer sends a listing: to another repository of the same host; nowhere else.
pub(super) fn redirected(from: &Url, status: StatusCode, headers: &HeaderMap) -> Result<Option<Url>, Fault> {
    let Some(to) = follow(from, status, headers, Redirects::SameHost)? else { return Ok(None) };
    if !to.username().is_empty() || to.password().is_some() {
        return Err(Fault::Redirect { to: shown(&to) });
    }
    // A login page and its like: the answer would be HTML, and the message a riddle.
    base_of(&to).map(|_| Some(to))
}

/// Over https always; over plain http to this machine, or where the user says so. What a proxy takes leaves this machine.
pub(super) fn may_carry_credentials(url: &Url, insecure: bool, proxy: Option<&Proxy>) -> bool {
    url.scheme() == "https" || insecure || (is_loopback(url) && proxy.is_none_or(Proxy::is_local))
}

/// An address without what may be secret in it.
fn shown(url: &Url) -> String {
    printable(format!("{}://{}{}", url.scheme(), host(url), url.path()).as_bytes(), 300)
}
