//! Which token servers a registry may name. The registry chooses the URL, so it is the way by which a hostile or
//! broken one would make us send a credential to a stranger, or a request into the network that we stand in
//! (CVE-2026-48978, CVE-2026-33540).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::net::{Url, is_loopback};

/// Whose the token server is. A stranger's may only be asked anonymously, over https, at public addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealmOwner {
    Registry,
    Stranger,
}

/// Judges the realm that `registry` named (its own URL). `credential`: whether one would be sent along; `insecure`:
/// whether its user allows that over plain HTTP. The error says why the realm is not asked.
pub fn judge_realm(realm: &Url, registry: &Url, credential: bool, insecure: bool) -> Result<RealmOwner, &'static str> {
    let owner = if is_own(realm, registry) { RealmOwner::Registry } else { RealmOwner::Stranger };
    let plain = realm.scheme() != "https";
    let harmless = is_loopback(realm) || insecure || (!credential && registry.scheme() == "http");
    match owner {
        RealmOwner::Stranger if credential => Err("it is outside of the registry's domain"),
        RealmOwner::Stranger if plain => Err("it is outside of the registry's domain and not https"),
        RealmOwner::Registry if plain && !harmless => Err("it is not https"),
        _ => Ok(owner),
    }
}

/// The same host on any port, or two names of this machine, or the same registrable domain. Docker Hub's pair (`registry-1.docker.io`,
/// `auth.docker.io`) is of the second kind.
fn is_own(realm: &Url, registry: &Url) -> bool {
    let (Some(realm), Some(registry)) = (realm.host(), registry.host()) else { return false };
    if realm == registry || (is_this_machine(&realm) && is_this_machine(&registry)) {
        return true;
    }
    match (realm, registry) {
        (url::Host::Domain(realm), url::Host::Domain(registry)) => {
            registrable(realm).is_some_and(|domain| registrable(registry) == Some(domain))
        }
        _ => false,
    }
}

/// The names of one host: a registry started for a try is often asked as `localhost` and names `127.0.0.1`.
fn is_this_machine(host: &url::Host<&str>) -> bool {
    match host {
        url::Host::Domain(name) => name.trim_end_matches('.') == "localhost",
        url::Host::Ipv4(address) => *address == Ipv4Addr::LOCALHOST,
        url::Host::Ipv6(address) => *address == Ipv6Addr::LOCALHOST,
    }
}

/// The domain that one owner registered: the public suffix and one label more. `None` for names of one label.
///
/// Only suffixes under which registries are found are known here. An unknown suffix of two labels makes two of
/// its customers look like one, hence the generous rule for country codes; a suffix too many only asks for the same host.
fn registrable(name: &str) -> Option<&str> {
    let name = name.trim_end_matches('.');
    let labels: Vec<usize> = std::iter::once(0).chain(name.match_indices('.').map(|(at, _)| at + 1)).collect();
    let suffix = labels.iter().position(|&at| is_public_suffix(&name[at..]))?;
    suffix.checked_sub(1).map(|label| &name[labels[label]..])
}

fn is_public_suffix(name: &str) -> bool {
    let Some((second, country)) = name.rsplit_once('.') else { return true };
    (country.len() == 2 && SECOND_LEVEL.contains(&second)) || SHARED.iter().any(|suffix| suffix_matches(suffix, name))
}

/// `*` in a suffix stands for one label.
fn suffix_matches(suffix: &str, name: &str) -> bool {
    let (mut suffix, mut name) = (suffix.rsplit('.'), name.rsplit('.'));
    loop {
        match (suffix.next(), name.next()) {
            (None, None) => return true,
            (Some(pattern), Some(label)) if pattern == "*" || pattern == label => {}
            _ => return false,
        }
    }
}

/// Second-level names below which country codes are registered (`co.uk`, `com.au`, …).
const SECOND_LEVEL: &[&str] = &[
    "ac", "co", "com", "edu", "firm", "gen", "gob", "gouv", "gov", "govt", "gv", "id", "ind", "info", "ltd", "me",
    "mil", "ne", "net", "nhs", "nom", "or", "org", "plc", "sch", "school", "web",
];

/// Domains whose customers get a name below them.
const SHARED: &[&str] = &[
    "*.amazonaws.com",
    "*.*.amazonaws.com",
    "*.*.*.amazonaws.com",
    "*.*.*.amazonaws.com.cn",
    "amazonaws.com",
    "azurecr.cn",
    "azurecr.io",
    "azurecr.us",
    "azurewebsites.net",
    "cloudapp.azure.com",
    "*.cloudapp.azure.com",
    "cloudfront.net",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "jfrog.io",
    "netlify.app",
    "ngrok.app",
    "ngrok.io",
    "ngrok-free.app",
    "pages.dev",
    "pkg.dev",
    "run.app",
    "*.run.app",
    "svc.cluster.local",
    "cluster.local",
    "trycloudflare.com",
    "vercel.app",
    "workers.dev",
];
