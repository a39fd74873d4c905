//! Proxies: what they are, and which one the environment prescribes for a URL.
//!
//! The variables and the rules of `NO_PROXY` are those of Go's `golang.org/x/net/http/httpproxy`, so that what works for
//! Flux works here. Touches no network.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use reqwest::header::HeaderValue;
use url::{Host, Url};

use super::address::is_loopback;
use super::error::Error;
use crate::secret::Secret;

/// RFC 1929: each part of a login has one byte for its length.
const SOCKS_LOGIN_BYTES_MAX: usize = 255;

/// A proxy and the login it wants.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    /// `http`, `https`, `socks5` or `socks5h`, without user and password.
    pub url: Url,
    pub login: Option<(String, Secret)>,
}

/// Why a text is no proxy. Never repeats the text: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    #[error("the proxy's address is malformed: {0}")]
    Malformed(url::ParseError),
    #[error("the proxy's address names no host")]
    NoHost,
    #[error("proxies of scheme {0:?} are not supported; http, https, socks5 and socks5h are")]
    Scheme(String),
    #[error("the proxy's {0}")]
    Login(&'static str),
}

impl Proxy {
    /// `login` wins over one in the address. An address without a scheme is one of http, as in Go.
    pub fn new(address: &str, login: Option<(String, Secret)>) -> Result<Self, ProxyError> {
        let address = address.trim();
        let full = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let mut url = Url::parse(&full).map_err(|error| match error {
            url::ParseError::EmptyHost => ProxyError::NoHost,
            error => ProxyError::Malformed(error),
        })?;
        if !matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") {
            return Err(ProxyError::Scheme(url.scheme().chars().take(20).collect()));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(ProxyError::NoHost);
        }
        let login = login.or_else(|| login_of(&url));
        url = super::without_login(url);
        url.set_path("");
        url.set_query(None);
        url.set_fragment(None);
        let proxy = Self { url, login };
        proxy.check_login().map(|()| proxy)
    }

    fn check_login(&self) -> Result<(), ProxyError> {
        let Some((username, password)) = &self.login else { return Ok(()) };
        let parts = [username.as_bytes(), password.expose()];
        match self.is_socks() {
            true if parts.iter().any(|part| part.len() > SOCKS_LOGIN_BYTES_MAX) => {
                Err(ProxyError::Login("username or password is longer than SOCKS5 allows (255 bytes)"))
            }
            true if password.expose_text().is_none() => Err(ProxyError::Login("password is not UTF-8 text")),
            // A colon would shift the border to the password (RFC 7617 §2).
            false if username.contains(':') => Err(ProxyError::Login("username holds a colon")),
            _ => Ok(()),
        }
    }

    pub(super) fn is_socks(&self) -> bool {
        self.url.scheme().starts_with("socks")
    }

    /// Whether it stands on this machine by its very name.
    pub fn is_local(&self) -> bool {
        // The host of a URL whose scheme is not of the web is not looked into.
        format!("http://{}", self.name()).parse().is_ok_and(|url| is_loopback(&url))
    }

    /// `host:port`, as errors name it.
    pub(super) fn name(&self) -> String {
        let port = self.url.port_or_known_default().unwrap_or(1080);
        format!("{}:{port}", self.url.host_str().unwrap_or_default())
    }

    /// As the client wants it. It goes direct where it cannot read a proxy's address, hence everything odd is encoded.
    pub(super) fn of_client(&self) -> Result<reqwest::Proxy, Error> {
        let made = |url: &Url| {
            reqwest::Proxy::all(url.clone()).map_err(|error| Error::Client { cause: error.without_url().to_string() })
        };
        match &self.login {
            // The proxy resolves names, as with Go, also where the scheme does not say so with an `h`.
            _ if self.is_socks() => made(&self.socks_url()),
            None => made(&self.url),
            Some((username, password)) => {
                let pair = [username.as_bytes(), b":", password.expose()].concat();
                let mut header = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
                    .expect("base64 is made of characters that headers may hold");
                header.set_sensitive(true);
                Ok(made(&self.url)?.custom_http_auth(header))
            }
        }
    }

    fn socks_url(&self) -> Url {
        let login = self.login.as_ref().map_or(String::new(), |(username, password)| {
            let encoded = |part: &[u8]| percent_encode(part, NON_ALPHANUMERIC).to_string();
            format!("{}:{}@", encoded(username.as_bytes()), encoded(password.expose()))
        });
        let text = format!("socks5h://{login}{}", self.name());
        text.parse().expect("a URL stays one with a login of letters, digits and %")
    }
}

/// The address is no secret, the login is.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}://{})", self.url.scheme(), self.name())
    }
}

fn login_of(url: &Url) -> Option<(String, Secret)> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let username = percent_decode_str(url.username()).decode_utf8_lossy().into_owned();
    let password: Vec<u8> = percent_decode_str(url.password().unwrap_or_default()).collect();
    Some((username, Secret::new(password)))
}

/// The proxies of the environment.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Variable>,
    https: Option<Variable>,
    bypass: Vec<Bypass>,
}

/// The name of a variable and what it holds.
type Variable = (&'static str, Result<Proxy, ProxyError>);

/// What `NO_PROXY` exempts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Bypass {
    Everything,
    Network {
        address: IpAddr,
        prefix: u8,
    },
    Address {
        address: IpAddr,
        port: Option<u16>,
    },
    /// All names below `domain`, and `domain` itself unless it was written with a dot in front.
    Domain {
        domain: String,
        itself: bool,
        port: Option<u16>,
    },
}

impl Proxies {
    /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` for what these leave open, and `NO_PROXY`; of each the name in
    /// capitals wins over the one in small letters.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let text = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| Some((name, variable(name).filter(|text| !text.trim().is_empty())?)))
        };
        let proxy = |names| text(names).map(|(name, text)| (name, Proxy::new(&text, None)));
        let all = proxy(["ALL_PROXY", "all_proxy"]);
        let exempt = text(["NO_PROXY", "no_proxy"]).map(|(_, text)| text).unwrap_or_default();
        Self {
            http: proxy(["HTTP_PROXY", "http_proxy"]).or_else(|| all.clone()),
            https: proxy(["HTTPS_PROXY", "https_proxy"]).or(all),
            bypass: exempt.split(',').filter_map(Bypass::read).collect(),
        }
    }

    /// The proxy for requests to `url`. Loopback is never asked through one, as in Go's programs. A variable that cannot
    /// be read is an error where it would be used: going direct instead would show others what should be hidden.
    pub fn proxy_for(&self, url: &Url) -> Result<Option<&Proxy>, Error> {
        let variable = if url.scheme() == "https" { &self.https } else { &self.http };
        match variable {
            Some((name, proxy)) if !is_loopback(url) && !self.bypass.iter().any(|rule| rule.covers(url)) => {
                proxy.as_ref().map(Some).map_err(|source| Error::ProxyVariable { name, source: source.clone() })
            }
            _ => Ok(None),
        }
    }
}

impl Bypass {
    /// One entry of the list: `*`, a network, an address or a name, the last two with a port or without.
    fn read(entry: &str) -> Option<Self> {
        let entry = entry.trim().to_lowercase();
        if entry == "*" {
            return Some(Self::Everything);
        }
        if let Some((address, prefix)) = network(&entry) {
            return Some(Self::Network { address, prefix });
        }
        let (host, port) = split_port(&entry)?;
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return Some(Self::Address { address: address.to_canonical(), port });
        }
        let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        let domain = host.strip_prefix('.').unwrap_or(host).trim_end_matches('.');
        let Ok(Host::Domain(domain)) = Host::parse(domain) else { return None };
        Some(Self::Domain { domain, itself: !host.starts_with('.'), port })
    }

    fn covers(&self, url: &Url) -> bool {
        let address = match url.host() {
            Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6).to_canonical()),
            _ => None,
        };
        let on = |port: &Option<u16>| port.is_none() || *port == url.port_or_known_default();
        match self {
            Self::Everything => true,
            Self::Network { address: base, prefix } => address.is_some_and(|found| lies_in(found, *base, *prefix)),
            Self::Address { address: exempt, port } => address == Some(*exempt) && on(port),
            Self::Domain { domain, itself, port } => {
                let name = url.domain().unwrap_or_default().trim_end_matches('.');
                let below = name.strip_suffix(domain.as_str());
                on(port) && below.is_some_and(|rest| if rest.is_empty() { *itself } else { rest.ends_with('.') })
            }
        }
    }
}

fn network(entry: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = entry.split_once('/')?;
    let (address, prefix) = (address.parse::<IpAddr>().ok()?, prefix.parse::<u8>().ok()?);
    let bits = if address.is_ipv4() { 32 } else { 128 };
    (prefix <= bits).then_some((address, prefix))
}

fn lies_in(address: IpAddr, base: IpAddr, prefix: u8) -> bool {
    let same = |a: u128, b: u128, bits: u32| {
        a.checked_shr(bits - u32::from(prefix)) == b.checked_shr(bits - u32::from(prefix))
    };
    match (address, base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), 128),
        _ => false,
    }
}

/// Host and port; brackets around the host stay. `None` where the port is none: such an entry covers nothing.
fn split_port(entry: &str) -> Option<(&str, Option<u16>)> {
    let bracketed = entry.starts_with('[');
    match entry.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || (!bracketed && !host.contains(':')) => {
            let port = if port.is_empty() { None } else { Some(port.parse().ok()?) };
            Some((host, port))
        }
        _ => Some((entry, None)),
    }
}
