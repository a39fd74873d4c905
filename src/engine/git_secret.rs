//! From the Secrets of a GitRepository to credentials and a way to its server. Reads entries, touches nothing else.

use crate::api::GitProvider;
use crate::cloud::{GithubApp, GithubSettings, Installation, SettingError};
use crate::git::{Auth, SshAuth};
use crate::net::{ClientCertificate, Connection, Flaw, Part, Proxy, ProxyError};
use crate::secret::{Secret, SecretData, SecretError};

/// What a Secret says about a remote.
#[derive(Debug, Default)]
pub(super) struct GitSecret {
    pub(super) auth: Auth,
    /// Without the proxy, which has a Secret of its own.
    pub(super) connection: Connection,
    /// What was passed over, and why.
    pub(super) warnings: Vec<String>,
}

/// Why a Secret cannot be used for Git. Names keys, never values.
#[derive(Debug, thiserror::Error)]
pub enum GitSecretError {
    #[error(transparent)]
    Entry(#[from] SecretError),
    #[error("key {missing} is missing, which belongs to {present}")]
    Half { present: &'static str, missing: &'static str },
    #[error("expected username and password, bearerToken, or certificates, and found {found}")]
    Nothing { found: String },
    #[error("expected identity and known_hosts for an ssh URL, and found {found}")]
    NoIdentity { found: String },
    #[error("expected ca.crt, or tls.crt and tls.key, and found {found}")]
    NoCertificate { found: String },
    #[error("key {key}")]
    Certificate { key: &'static str, source: Flaw },
    #[error("spec.url names a user and the Secret has {key}: a server takes one of them")]
    TwoUsers { key: &'static str },
    #[error("it belongs to a GitHub App, and spec.provider is not github")]
    AppWithoutProvider,
    #[error("one of githubAppInstallationID and githubAppInstallationOwner is missing")]
    NoInstallation,
    #[error("{key}")]
    Setting { key: &'static str, source: SettingError },
    #[error("address")]
    Proxy(#[from] ProxyError),
}

impl GitSecretError {
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::AppWithoutProvider => Some("set spec.provider: github in the GitRepository"),
            Self::TwoUsers { .. } => Some("leave the user out of spec.url"),
            Self::Certificate { source, .. } => Some(match source.part {
                Part::Authorities => "expected PEM text of certificates, `-----BEGIN CERTIFICATE-----` and so on",
                Part::Certificate => {
                    "expected the client's own certificate as PEM text, then those that lead to its authority"
                }
                Part::Key => "expected the key of the certificate as PEM text: PKCS#8, PKCS#1 or SEC1, not encrypted",
            }),
            _ => None,
        }
    }
}

/// Reads the Secret of `spec.secretRef` of a remote over http or https; `user` is the one that the URL names.
pub(super) fn git_secret(
    entries: &SecretData,
    provider: GitProvider,
    user: Option<&str>,
) -> Result<GitSecret, GitSecretError> {
    let mut read = GitSecret { connection: connection(entries)?, ..GitSecret::default() };
    read.auth = match provider {
        GitProvider::Github => app(entries, user, &mut read.warnings)?,
        _ if entries.get("githubAppID").is_some() => return Err(GitSecretError::AppWithoutProvider),
        _ => login(entries, user, &mut read.warnings)?,
    };
    check(entries, &read.connection)?;
    match (&read.auth, read.connection == Connection::default()) {
        (Auth::None, true) => Err(GitSecretError::Nothing { found: found(entries) }),
        _ => Ok(read),
    }
}

/// Reads the Secret of `spec.secretRef` of a remote over ssh.
pub(super) fn ssh_secret(entries: &SecretData) -> Result<GitSecret, GitSecretError> {
    let (Some(identity), Some(known_hosts)) = (entries.get("identity"), entries.get("known_hosts")) else {
        return Err(GitSecretError::NoIdentity { found: found(entries) });
    };
    let auth = Auth::Ssh(SshAuth {
        identity: identity.clone(),
        password: entries.get("password").cloned(),
        known_hosts: known_hosts.expose().to_vec(),
    });
    Ok(GitSecret { auth, ..GitSecret::default() })
}

fn found(entries: &SecretData) -> String {
    let found = entries.keys().collect::<Vec<_>>().join(", ");
    if found.is_empty() { "nothing".to_owned() } else { found }
}

/// Reads the Secret of `spec.proxySecretRef`.
pub(super) fn proxy(entries: &SecretData) -> Result<Proxy, GitSecretError> {
    let address = entries.required_text("address")?;
    let login = match (text(entries, "username")?, entries.get("password").filter(|value| !is_empty(value))) {
        (Some(username), password) => Some((username.to_owned(), password.cloned().unwrap_or_default())),
        (None, Some(_)) => return Err(GitSecretError::Half { present: "password", missing: "username" }),
        (None, None) => None,
    };
    Ok(Proxy::new(address, login)?)
}

/// As Flux reads it: a bearer token wins over user and password.
fn login(entries: &SecretData, user: Option<&str>, warnings: &mut Vec<String>) -> Result<Auth, GitSecretError> {
    let (username, password) = (entries.text("username")?, entries.text("password")?);
    for key in ["username", "password", "bearerToken"] {
        if entries.get(key).is_some_and(|value| value.expose().ends_with(b"\n")) {
            warnings.push(format!("key {key} of the Secret ends with a line break, which is sent with it"));
        }
    }
    match (text(entries, "bearerToken")?, username, password) {
        (Some(_), ..) if user.is_some() => Err(GitSecretError::TwoUsers { key: "bearerToken" }),
        (Some(token), username, password) => {
            if username.is_some() || password.is_some() {
                warnings.push("bearerToken is used, username and password of the same Secret are not".to_owned());
            }
            Ok(Auth::Bearer(Secret::new(token)))
        }
        (None, Some(other), _) if user.is_some_and(|user| user != other) => {
            Err(GitSecretError::TwoUsers { key: "another username" })
        }
        (None, username, Some(password)) => match username.or(user) {
            Some(username) => Ok(Auth::Basic { username: username.to_owned(), password: Secret::new(password) }),
            None => Err(GitSecretError::Half { present: "password", missing: "username" }),
        },
        (None, Some(_), None) => Err(GitSecretError::Half { present: "username", missing: "password" }),
        (None, None, None) if user.is_some() => Err(SecretError::Missing { key: "password".to_owned() }.into()),
        (None, None, None) => Ok(Auth::None),
    }
}

fn app(entries: &SecretData, user: Option<&str>, warnings: &mut Vec<String>) -> Result<Auth, GitSecretError> {
    if user.is_some() {
        return Err(GitSecretError::TwoUsers { key: "a GitHub App" });
    }
    let unused: Vec<&str> =
        entries.keys().filter(|key| ["username", "password", "bearerToken"].contains(key)).collect();
    if !unused.is_empty() {
        warnings.push(format!("the GitHub App is used, {} of the same Secret not", unused.join(", ")));
    }
    let app_id = entries.required_text("githubAppID")?;
    let (id, owner) = (text(entries, "githubAppInstallationID")?, text(entries, "githubAppInstallationOwner")?);
    if id.is_some() && owner.is_some() {
        warnings.push("githubAppInstallationID is used, githubAppInstallationOwner is not".to_owned());
    }
    let id = id.map(|id| Installation::Id(id.to_owned()));
    let installation = id.or_else(|| Some(Installation::Owner(owner?.to_owned())));
    let missing = || SecretError::Missing { key: "githubAppPrivateKey".to_owned() };
    let settings = GithubSettings {
        app_id,
        installation: installation.ok_or(GitSecretError::NoInstallation)?,
        base_url: text(entries, "githubAppBaseURL")?,
        private_key: entries.get("githubAppPrivateKey").ok_or_else(missing)?.clone(),
    };
    let app = GithubApp::new(settings).map_err(|source| GitSecretError::Setting { key: key_of(&source), source })?;
    Ok(Auth::GithubApp(Box::new(app)))
}

fn key_of(error: &SettingError) -> &'static str {
    match error {
        SettingError::AppId => "githubAppID",
        SettingError::InstallationId => "githubAppInstallationID",
        SettingError::Owner => "githubAppInstallationOwner",
        SettingError::BaseUrl(_) | SettingError::NotHttps => "githubAppBaseURL",
        SettingError::Key => "githubAppPrivateKey",
    }
}

/// Reads the Secret of `spec.certSecretRef`.
pub(super) fn certificates(entries: &SecretData) -> Result<Connection, GitSecretError> {
    match connection(entries)? {
        none if none == Connection::default() => Err(GitSecretError::NoCertificate { found: found(entries) }),
        some => check(entries, &some).map(|()| some),
    }
}

/// Finds now what the first request would fail by, while the key that it stands under is known.
fn check(entries: &SecretData, connection: &Connection) -> Result<(), GitSecretError> {
    let named = |part| match part {
        Part::Authorities => ["ca.crt", "caFile"],
        Part::Certificate => ["tls.crt", "certFile"],
        Part::Key => ["tls.key", "keyFile"],
    };
    connection.check().map_err(|source| {
        let [key, older] = named(source.part);
        let is_set = entries.get(key).is_some_and(|value| !is_empty(value));
        GitSecretError::Certificate { key: if is_set { key } else { older }, source }
    })
}

/// The names of Kubernetes win over the older ones of Flux, as a pair.
fn connection(entries: &SecretData) -> Result<Connection, GitSecretError> {
    let value = |key| entries.get(key).filter(|value| !is_empty(value));
    let ca = value("ca.crt").or_else(|| value("caFile")).map(|ca| ca.expose().to_vec());
    let pair = |certificate: &'static str, key: &'static str| match (value(certificate), value(key)) {
        (Some(chain), Some(key)) => {
            Ok(Some(ClientCertificate { certificate: chain.expose().to_vec(), key: key.clone() }))
        }
        (Some(_), None) => Err(GitSecretError::Half { present: certificate, missing: key }),
        (None, Some(_)) => Err(GitSecretError::Half { present: key, missing: certificate }),
        (None, None) => Ok(None),
    };
    let client_certificate = match pair("tls.crt", "tls.key")? {
        Some(found) => Some(found),
        None => pair("certFile", "keyFile")?,
    };
    Ok(Connection { ca, client_certificate, proxy: None })
}

/// The text under `key`; an empty one counts as absent.
fn text<'a>(entries: &'a SecretData, key: &str) -> Result<Option<&'a str>, SecretError> {
    entries.text(key).map(|text| text.filter(|text| !text.trim().is_empty()))
}

/// A `kubernetes.io/tls` Secret must have its keys, also where there is nothing to say.
fn is_empty(value: &Secret) -> bool {
    value.expose().iter().all(u8::is_ascii_whitespace)
}
