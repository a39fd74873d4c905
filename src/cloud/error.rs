//! What can go wrong on the way to a token.

use std::io;

use super::clouds::Provider;
use crate::net::{self, StatusCode};

/// A setting of a GitHub App that cannot be right. Never repeats a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    #[error("the id of a GitHub App is its number or its client id, without other characters")]
    AppId,
    #[error("the id of an installation is a number")]
    InstallationId,
    #[error("the owner of an installation is a user or an organization, by its name on GitHub")]
    Owner,
    #[error("the base URL of GitHub's API is malformed: {0}")]
    BaseUrl(String),
    #[error("the base URL of GitHub's API must be https")]
    NotHttps,
    #[error("the private key is not an RSA key in PEM (PKCS#1 or PKCS#8)")]
    Key,
}

/// Of what a server says in a refusal, an error shows this much.
const MESSAGE_CHARS_MAX: usize = 300;

/// Why there is no token. Never repeats one, nor a key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("asking {host} for {what}")]
    Net { host: String, what: String, source: Box<net::Error>, hint: Option<&'static str> },
    #[error("{host} refuses {what}: {status}{}", said(.message))]
    Refused {
        host: String,
        what: String,
        status: StatusCode,
        /// The server's own name for its reason, empty without one; the message begins with it.
        code: String,
        message: String,
        hint: Option<&'static str>,
    },
    #[error("{host} does not answer as {expected} does ({what})")]
    Answer { host: String, expected: &'static str, what: &'static str, hint: Option<&'static str> },
    #[error("signing as {who}")]
    Sign { who: String, source: jsonwebtoken::errors::Error },
    #[error("{host} is no server of provider {provider}, expected {expected}")]
    Stranger { host: String, provider: Provider, expected: &'static str },
    /// `name` is a variable of the environment, or a field of the file that one names.
    #[error("{name} {why}")]
    Setting { name: &'static str, why: String, hint: Option<&'static str> },
    #[error("reading {path}, which {name} names")]
    File { name: &'static str, path: String, source: io::Error },
}

impl Error {
    /// Advice for the user, to be shown behind `hint:`.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Net { source, hint, .. } => hint.or_else(|| source.hint()),
            Self::Refused { hint, .. } | Self::Answer { hint, .. } | Self::Setting { hint, .. } => *hint,
            Self::Stranger { .. } => Some("with spec.provider: generic, credentials come from a Secret"),
            Self::File { .. } => Some("the file is mounted into the pod by the cloud's admission webhook"),
            Self::Sign { .. } => None,
        }
    }
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" ({message})") }
}

/// What a server says, without what would move a terminal's cursor, and not too much of it.
pub(super) fn fit_for_terminal(text: &str) -> String {
    let is_mark = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !c.is_control() && !is_mark(*c)).take(MESSAGE_CHARS_MAX).collect()
}
