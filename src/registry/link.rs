//! The `Link` header: where a list goes on (RFC 8288; OCI distribution 1.1, "Listing Tags").

use crate::net::header::{HeaderMap, LINK};
use crate::net::{Url, host};
use crate::registry::Fault;

/// No registry needs more for a place in a list.
const TARGET_BYTES_MAX: usize = 8 << 10;

/// The next page, if the answer of `here` names one. Always on the server that was asked, by the scheme that it was
/// asked: registries behind a proxy that ends TLS name themselves with `http`.
pub(super) fn next_page(here: &Url, headers: &HeaderMap) -> Result<Option<Url>, Fault> {
    let bad = |what: &str| Fault::NotUnderstood { host: host(here), cause: format!("its Link header is {what}") };
    for value in headers.get_all(LINK) {
        let text = value.to_str().map_err(|_| bad("not readable"))?;
        if let Some(target) = next_target(text) {
            if target.len() > TARGET_BYTES_MAX {
                return Err(bad("longer than 8 KiB"));
            }
            let next = here.join(target).map_err(|_| bad("not readable"))?;
            return on_this_server(here, next).map(Some);
        }
    }
    Ok(None)
}

fn on_this_server(here: &Url, next: Url) -> Result<Url, Fault> {
    let web = matches!(next.scheme(), "http" | "https");
    if !web || next.host() != here.host() || next.port() != here.port() {
        return Err(Fault::OtherHost { host: host(here), other: host(&next) });
    }
    let mut url = here.clone();
    url.set_path(next.path());
    url.set_query(next.query());
    Ok(url)
}

/// The target of the first link with `rel="next"`.
fn next_target(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (_, link) = rest.split_once('<')?;
        let (target, after) = link.split_once('>')?;
        let parameters = after.split('<').next().unwrap_or_default();
        if parameters.split([';', ',']).any(is_next) {
            return Some(target);
        }
        rest = after;
    }
}

fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let relations = value.trim().trim_matches('"');
    name.trim().eq_ignore_ascii_case("rel")
        && relations.split_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
}
