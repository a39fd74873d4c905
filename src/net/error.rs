//! What can go wrong between here and an HTTP server, each with a text that says what was being done, and to whom.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::Settings;
use super::address::OutOfReach;
use super::proxy::ProxyError;
use super::rate::Rate;

/// The text of each is whole: it names `host:port` and the cause; only that of a variable has a `source` to add.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("connecting to {host}: connection refused")]
    Refused { host: String },
    #[error("connecting to {host}: unknown host")]
    UnknownHost { host: String },
    #[error("connecting to {host}: {cause}")]
    Unreachable { host: String, cause: String },
    #[error("connecting to {host}: TLS failure: {cause}")]
    Tls { host: String, cause: String },
    #[error("connecting to {host}: {cause}, and only public addresses are allowed here")]
    OutOfReach { host: String, cause: String },
    #[error("{step} {host}: timed out after {}", Seconds(*after))]
    Timeout { host: String, step: Step, after: Duration },
    #[error("{step} {host}: {cause}")]
    Broken { host: String, step: Step, cause: String },
    #[error("reading the answer of {host}: larger than {max} bytes")]
    TooLarge { host: String, max: usize },
    #[error("connecting to {host} through the proxy {proxy}: {cause}")]
    Proxy { host: String, proxy: String, cause: String, passing: bool },
    #[error("reading the environment variable {name}")]
    ProxyVariable { name: &'static str, source: ProxyError },
    #[error("{from} redirects to {to}, which is not followed: {why}")]
    Redirected { from: String, to: String, why: &'static str },
    #[error("{host} answered {status}{}", asked(*retry_after))]
    Status { host: String, status: reqwest::StatusCode, retry_after: Option<Duration> },
    #[error("waiting for a turn at {host}, which is sent {rate}: timed out after {}", Seconds(*after))]
    Crowded { host: String, rate: Rate, after: Duration },
    #[error("{host} is not asked before {until:.0}: {why}")]
    Closed { host: String, until: Timestamp, why: &'static str },
    #[error("reading a CA certificate: {cause}")]
    Certificate { cause: String },
    #[error("reading the client certificate: {cause}")]
    ClientCertificate { cause: String },
    #[error("making an HTTP client: {cause}")]
    Client { cause: String },
}

/// How rustls begins what the other side says when it ends a connection.
const ALERT: &str = "received fatal alert";

/// Two texts of the errors of proxies.
const NO_LOGIN_METHOD: &str = "server does not support user/pass authentication";
const NO_CONNECTION: &str = "failed to create underlying connection";

/// How far an exchange had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Connect,
    Answer,
    Body,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting to",
            Self::Answer => "waiting for the answer of",
            Self::Body => "reading the answer of",
        })
    }
}

/// The way to a server, as errors tell it.
pub(super) struct Way {
    pub(super) host: String,
    /// To the server or to the proxy.
    pub(super) tls: bool,
    pub(super) proxy: Option<String>,
    /// Whether the proxy is given a login.
    pub(super) login: bool,
}

impl Way {
    pub(super) fn text(&self) -> String {
        match &self.proxy {
            Some(proxy) => format!("{} through the proxy {proxy}", self.host),
            None => self.host.clone(),
        }
    }
}

impl Error {
    /// Sorts the faults of a client. `step` is where the caller stood.
    pub(super) fn sort(error: &reqwest::Error, way: &Way, step: Step, settings: &Settings) -> Self {
        let host = way.text();
        if error.is_timeout() && error.is_connect() {
            return Self::Timeout { host, step: Step::Connect, after: settings.connect_timeout };
        }
        if error.is_timeout() {
            return Self::Timeout { host, step, after: settings.read_timeout };
        }
        if let Some(guard) = find::<OutOfReach>(error) {
            return Self::OutOfReach { host, cause: guard.to_string() };
        }
        if error.is_dns() {
            return Self::UnknownHost { host };
        }
        let cause = root(error).to_string();
        match Self::sort_proxy(error, way) {
            Some(sorted) => sorted,
            None if error.is_connect() => Self::sort_connect(error, host, way.tls),
            // A server of TLS 1.3 says after the handshake that it wanted another certificate of the client.
            None if cause.starts_with(ALERT) => Self::Tls { host, cause },
            None => Self::Broken { host, step, cause },
        }
    }

    fn sort_connect(error: &reqwest::Error, host: String, tls: bool) -> Self {
        let system = find::<io::Error>(error).filter(|io| io.raw_os_error().is_some());
        let cause = root(error).to_string();
        match system {
            Some(io) if io.kind() == io::ErrorKind::ConnectionRefused => Self::Refused { host },
            None if tls => Self::Tls { host, cause },
            _ => Self::Unreachable { host, cause },
        }
    }

    /// What a proxy said or did before the connection stood. The types of these errors are not ours to name.
    fn sort_proxy(error: &reqwest::Error, way: &Way) -> Option<Self> {
        let text = chain(error).map(ToString::to_string).find_map(|text| {
            text.strip_prefix("tunnel error: ").or_else(|| text.strip_prefix("SOCKS error: ")).map(str::to_owned)
        })?;
        let (cause, passing) = match text.as_str() {
            "proxy authorization required" | "credentials not accepted" => return Some(Self::proxy_login(way)),
            NO_LOGIN_METHOD if !way.login => return Some(Self::proxy_login(way)),
            NO_LOGIN_METHOD => ("it takes no login with user and password".to_owned(), false),
            // The causes of a tunnel's failure are told by themselves, those of SOCKS are hidden.
            NO_CONNECTION if root(error).to_string() != format!("SOCKS error: {NO_CONNECTION}") => return None,
            NO_CONNECTION => ("it is not reachable".to_owned(), true),
            "unexpected end of file" => ("it closed the connection".to_owned(), true),
            "unsuccessful" => ("it did not open a connection to the server".to_owned(), true),
            "failed parsing server response" => ("it does not speak SOCKS5".to_owned(), false),
            "failed serialize request" => ("user, password and host are longer than 249 bytes".to_owned(), false),
            text if text.starts_with("io error") => ("the connection to it broke".to_owned(), true),
            text => (format!("it says: {text}"), true),
        };
        let (host, proxy) = (way.host.clone(), way.proxy.clone().unwrap_or_default());
        Some(Self::Proxy { host, proxy, cause, passing })
    }

    pub(super) fn proxy_login(way: &Way) -> Self {
        let cause =
            if way.login { "it does not accept the login" } else { "it asks for a login and none is configured" };
        let (host, proxy) = (way.host.clone(), way.proxy.clone().unwrap_or_default());
        Self::Proxy { host, proxy, cause: cause.to_owned(), passing: false }
    }

    /// The text of the deepest cause, where the outer ones only say that something failed.
    pub(super) fn root_text(error: &reqwest::Error) -> String {
        root(error).to_string()
    }

    /// Advice for the user, where there is any.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Tls { cause, .. } if cause.contains("UnknownIssuer") => Some(
                "a certificate of an authority that this machine does not trust: \
                 SSL_CERT_FILE=FILE trusts those of a PEM file instead",
            ),
            Self::Tls { cause, .. } if cause.contains("InvalidContentType") => {
                Some("what listens there does not speak TLS: the URL may need http:// or another port")
            }
            Self::Tls { cause, .. } if cause.contains("CaUsedAsEndEntity") => Some(
                "the server shows the certificate of an authority as its own: list that very certificate in ca.crt, or give \
                 the server one that the authority issued",
            ),
            Self::Tls { cause, .. } if cause.contains("UnsupportedCertVersion") => {
                Some("the server shows a certificate of X.509 version 1: give it one of version 3, with its name in it")
            }
            Self::Tls { cause, .. } if cause.starts_with(ALERT) => {
                Some("the server may want a client certificate of an authority that it trusts")
            }
            Self::Proxy { passing: false, .. } => {
                Some("see the Secret of spec.proxySecretRef, or the variable of the environment that names the proxy")
            }
            Self::ProxyVariable { .. } => Some("expected a URL such as http://proxy.example.com:3128"),
            Self::Crowded { .. } => {
                Some("a limit in the --registries file, or a longer timeout, lets more requests through")
            }
            Self::Redirected { .. } => Some("if that is where it lies now, write the new address"),
            _ => None,
        }
    }

    /// Whether another attempt may end better: the connection failed or broke, as opposed to what was said on it.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::UnknownHost { .. } | Self::Unreachable { .. } | Self::Broken { .. } => true,
            Self::Timeout { step, .. } => *step == Step::Connect,
            Self::Proxy { passing, .. } => *passing,
            _ => false,
        }
    }
}

/// `host:port` as errors and counters name a server.
pub fn host(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

fn asked(retry_after: Option<Duration>) -> String {
    retry_after.map(|wait| format!(" and asks to wait {}", Seconds(wait))).unwrap_or_default()
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_millis() as f64 / 1000.0)
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn root(error: &reqwest::Error) -> &(dyn StdError + 'static) {
    chain(error).last().unwrap_or(error)
}

/// The deepest cause of type `E`; an `io::Error` also hides the causes that it wraps, hence `get_ref`.
fn find<E: StdError + 'static>(error: &reqwest::Error) -> Option<&E> {
    chain(error).filter_map(|cause| cause.downcast_ref::<E>()).last().or_else(|| {
        chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref::<E>()).last()
    })
}
