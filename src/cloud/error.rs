//! What can go wrong on the way to a token.

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

/// Why there is no token. `app` names a GitHub App and its installation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("asking {host} for a token of {app}")]
    Net { host: String, app: String, source: Box<net::Error> },
    #[error("{host} refuses a token of {app}: {status}{}", said(.message))]
    Refused { host: String, app: String, status: StatusCode, message: String },
    #[error("{host} does not answer as GitHub's API does ({what})")]
    Answer { host: String, what: &'static str },
    #[error("signing as {app}")]
    Sign { app: String, source: jsonwebtoken::errors::Error },
}

impl Error {
    /// Advice for the user, to be shown behind `hint:`.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Net { source, .. } => source.hint(),
            Self::Refused { status, .. } => match *status {
                StatusCode::UNAUTHORIZED => {
                    Some("check githubAppID, that githubAppPrivateKey is of this app, and the clock of this machine")
                }
                StatusCode::NOT_FOUND => Some(
                    "check that the app is installed there: githubAppInstallationID or githubAppInstallationOwner, \
                     and githubAppBaseURL",
                ),
                StatusCode::FORBIDDEN => Some("the installation may be suspended, or GitHub limits the rate"),
                _ => None,
            },
            Self::Answer { .. } => Some("githubAppBaseURL of GitHub Enterprise Server ends with /api/v3"),
            Self::Sign { .. } => None,
        }
    }
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" ({message})") }
}
