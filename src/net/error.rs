//! What can go wrong between here and an HTTP server, each with a text that says what was being done, and to whom.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use url::Url;

use super::Settings;
use super::address::OutOfReach;

/// The text of each is whole: it names `host:port` and the cause, so that there is no `source` to add.
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
    #[error("{from} redirects to {to}, which is not followed: {why}")]
    Redirected { from: String, to: String, why: &'static str },
    #[error("{host} answered {status}{}", asked(*retry_after))]
    Status { host: String, status: reqwest::StatusCode, retry_after: Option<Duration> },
    #[error("reading a CA certificate: {cause}")]
    Certificate { cause: String },
    #[error("making an HTTP client: {cause}")]
    Client { cause: String },
}

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

impl Error {
    /// Sorts the faults of a client. `step` is where the caller stood.
    pub(super) fn sort(error: &reqwest::Error, url: &Url, step: Step, settings: &Settings) -> Self {
        let host = host(url);
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
        if error.is_connect() {
            return Self::sort_connect(error, host, url.scheme() == "https");
        }
        Self::Broken { host, step, cause: root(error).to_string() }
    }

    fn sort_connect(error: &reqwest::Error, host: String, https: bool) -> Self {
        let system = find::<io::Error>(error).filter(|io| io.raw_os_error().is_some());
        let cause = root(error).to_string();
        match system {
            Some(io) if io.kind() == io::ErrorKind::ConnectionRefused => Self::Refused { host },
            None if https && !cause.contains("tunnel") && !cause.contains("proxy") => Self::Tls { host, cause },
            _ => Self::Unreachable { host, cause },
        }
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
            Self::Redirected { .. } => Some("if that is where it lies now, write the new address"),
            _ => None,
        }
    }

    /// Whether another attempt may end better: the connection failed or broke, as opposed to what was said on it.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::UnknownHost { .. } | Self::Unreachable { .. } | Self::Broken { .. } => true,
            Self::Timeout { step, .. } => *step == Step::Connect,
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
