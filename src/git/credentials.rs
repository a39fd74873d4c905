//! How a remote is told who asks; over http that becomes one header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;

use super::error::Fault;
use crate::cloud::{GithubApp, Provider};
use crate::secret::Secret;

/// How a remote is told who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    #[default]
    None,
    Basic {
        username: String,
        password: Secret,
    },
    Bearer(Secret),
    Ssh(SshAuth),
    /// A token of the app, asked for when the server is.
    GithubApp(Box<GithubApp>),
    /// A login by the identity that this process has in a cloud.
    Cloud(Provider),
}

/// What an ssh connection needs: our key, and the keys that the server may show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshAuth {
    /// A private key, in OpenSSH's or a PEM form.
    pub identity: Secret,
    /// Of the private key.
    pub password: Option<Secret>,
    /// In the format of `known_hosts` (`man sshd`).
    pub known_hosts: Vec<u8>,
}

/// The `Authorization` header (RFC 7617, RFC 6750), marked as sensitive so that no log prints it.
pub(super) fn authorization(auth: &Auth) -> Result<Option<HeaderValue>, Fault> {
    let text = match auth {
        Auth::None | Auth::Ssh(_) | Auth::GithubApp(_) | Auth::Cloud(_) => return Ok(None),
        Auth::Basic { username, password } => {
            // A colon in the name would shift the border to the password (RFC 7617 §2).
            if username.contains(':') {
                return Err(Fault::CredentialText);
            }
            let pair = [username.as_bytes(), b":", password.expose()].concat();
            [b"Basic ", STANDARD.encode(pair).as_bytes()].concat()
        }
        Auth::Bearer(token) => [b"Bearer ", token.expose()].concat(),
    };
    let mut value = HeaderValue::from_bytes(&text).map_err(|_| Fault::CredentialText)?;
    value.set_sensitive(true);
    Ok(Some(value))
}
