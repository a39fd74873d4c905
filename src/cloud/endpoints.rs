//! Where the servers of the clouds stand: where they say, unless others stand in for them.

use std::collections::BTreeMap;

use url::Url;

/// Where other servers stand in for those of the clouds.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// What is asked of `https://HOST/PATH` is asked of `BASE/HOST/PATH` instead, whatever the host.
    pub base: Option<Url>,
    /// Hosts that count as others: `127.0.0.1:5000` as `123456789012.dkr.ecr.eu-west-1.amazonaws.com`.
    pub known_as: BTreeMap<String, String>,
}

impl Endpoints {
    pub(super) fn place(&self, url: Url) -> Url {
        let Some(base) = &self.base else { return url };
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let mut placed = base.clone();
        placed.set_path(&format!("{}/{host}{port}{}", base.path().trim_end_matches('/'), url.path()));
        placed.set_query(url.query());
        placed
    }

    pub(super) fn true_name<'a>(&'a self, host: &'a str) -> &'a str {
        self.known_as.get(host).map_or(host, String::as_str)
    }
}

/// Nothing that would end a host in a URL.
pub(super) fn is_host_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
}
