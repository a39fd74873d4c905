//! From objects to what the edges need: registry access of an ImageRepository, the remote of a GitRepository.
//!
//! A field that is not supported makes the object fail with the field's name; nothing is passed over.

use std::error::Error;

use super::git_secret::{GitSecret, GitSecretError, git_secret, proxy, ssh_secret};
use crate::api::{FieldError, GitProvider, GitRepository, ImageRepository, Kind, Objects, RegistryProvider};
use crate::engine::cause::Cause;
use crate::git::{Remote, RemoteUrl, Transport, UrlError};
use crate::image::Repository;
use crate::net::Connection;
use crate::object::NamespacedName;
use crate::registry::{Access, Credentials, DockerConfig, DockerConfigError, docker_config};
use crate::secret::{SecretData, SecretError};

/// Why an object cannot be used as it stands.
#[derive(Debug, thiserror::Error)]
pub(super) enum AccessError {
    #[error("{object}: {field} is not supported here yet")]
    Unsupported { object: String, field: &'static str },
    #[error("{object}: {why}")]
    NoSecret { object: String, why: String },
    #[error("secret {secret}")]
    Secret { secret: NamespacedName, source: Box<dyn Error + Send + Sync> },
    #[error("secret {secret}: key {key}")]
    SigningKey { secret: NamespacedName, key: &'static str, source: Box<dyn Error + Send + Sync> },
    #[error("{object}: an ssh URL needs a Secret with identity and known_hosts, and spec.secretRef names none")]
    NoSshSecret { object: String },
    #[error("secret {secret}")]
    GitSecret { secret: NamespacedName, source: GitSecretError },
    #[error("{object}: spec.url names a user, and there is no Secret with the password")]
    NoPassword { object: String },
    #[error("{object}: spec.provider is github, and there is no Secret with the app's key")]
    NoApp { object: String },
    #[error("{object}: spec.provider github needs an https URL")]
    GithubUrl { object: String },
    #[error("{object}: spec.provider {provider} is not supported for Git yet")]
    Provider { object: String, provider: &'static str },
    #[error("{object}: spec.url")]
    Url { object: String, source: UrlError },
    #[error("{object}")]
    Field { object: String, source: FieldError },
    #[error("the user's Docker credentials")]
    Docker(#[source] DockerConfigError),
}

impl AccessError {
    /// As it is told, with advice where there is any.
    pub(super) fn cause(self) -> Cause {
        let hint = match &self {
            Self::GitSecret { source, .. } => source.hint(),
            Self::Url { source: UrlError::Credentials, .. } => {
                Some("put them into a Secret as username and password, and name that in spec.secretRef")
            }
            Self::NoSecret { .. } => {
                Some("a Secret that is not among the objects comes with --secret NS/NAME=DIR or =env:PREFIX")
            }
            Self::NoPassword { .. } => Some("name a Secret with the key password in spec.secretRef"),
            Self::NoApp { .. } => Some(
                "name a Secret in spec.secretRef with githubAppID, githubAppInstallationID and githubAppPrivateKey",
            ),
            Self::Provider { .. } => Some(
                "use a token of the service as password in the Secret of spec.secretRef, and leave spec.provider out",
            ),
            _ => None,
        };
        Cause { hint: hint.map(str::to_owned), ..Cause::from(self) }
    }
}

/// How the registry of `repository` is spoken to; without a `secretRef` with the user's Docker credentials.
pub(super) fn registry(
    repository: &ImageRepository,
    objects: &Objects,
    user: Option<&DockerConfig>,
) -> Result<Access, AccessError> {
    let (id, spec) = (repository.name(), &repository.spec);
    let object = format!("ImageRepository {id}");
    refuse(
        &object,
        &[
            ("spec.certSecretRef", spec.cert_secret_ref.is_some()),
            ("spec.proxySecretRef", spec.proxy_secret_ref.is_some()),
            ("spec.serviceAccountName", spec.service_account_name.is_some()),
            ("spec.provider", spec.provider != RegistryProvider::Generic),
        ],
    )?;
    let image = spec.repository().map_err(|source| AccessError::Field { object: object.clone(), source })?;
    let credentials = match &spec.secret_ref {
        Some(reference) => {
            let (secret, entries) = find(objects, &object, reference.within(&id.namespace))?;
            credentials(entries, &image).map_err(|source| AccessError::Secret { secret, source })?
        }
        None => user.map(|config| config.credentials(&image)).transpose().map_err(AccessError::Docker)?.flatten(),
    };
    let credentials = credentials.into_iter().collect();
    Ok(Access { credentials, insecure: spec.insecure, timeout: Some(spec.timeout()), ..Access::default() })
}

/// What a Secret with a Docker config holds for `image`.
fn credentials(entries: &SecretData, image: &Repository) -> Result<Option<Credentials>, Box<dyn Error + Send + Sync>> {
    let json = entries.get(".dockerconfigjson").or_else(|| entries.get(".dockercfg"));
    let json = json.ok_or_else(|| SecretError::Missing { key: ".dockerconfigjson".to_owned() })?;
    Ok(docker_config(json.expose())?.credentials(image)?)
}

/// A remote, and what a user should know about the way to it.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) remote: Remote,
    pub(super) warnings: Vec<String>,
}

/// The remote of `repository` with its credentials.
pub(super) fn remote(repository: &GitRepository, objects: &Objects) -> Result<Reached, AccessError> {
    let (id, spec) = (repository.name(), &repository.spec);
    let object = format!("GitRepository {id}");
    let refused = |source| AccessError::Url { object: object.clone(), source };
    let (url, user) = RemoteUrl::with_user(&spec.url).map_err(refused)?;
    check_provider(&object, spec.provider, &url)?;
    let is_ssh = url.transport() == Transport::Ssh;
    refuse(&object, &[("spec.proxySecretRef with an ssh URL", is_ssh && spec.proxy_secret_ref.is_some())])?;
    let (mut identity, mut read) = match &spec.secret_ref {
        None if spec.provider == GitProvider::Github => return Err(AccessError::NoApp { object }),
        None if is_ssh => return Err(AccessError::NoSshSecret { object }),
        None if user.is_some() => return Err(AccessError::NoPassword { object }),
        None => (String::new(), GitSecret::default()),
        Some(reference) => {
            let (secret, entries) = find(objects, &object, reference.within(&id.namespace))?;
            let read = match is_ssh {
                true => ssh_secret(entries),
                false => git_secret(entries, spec.provider, user.as_deref()),
            };
            let read = read.map_err(|source| AccessError::GitSecret { secret: secret.clone(), source })?;
            (secret.to_string(), read)
        }
    };
    if let Some(user) = user {
        // Two users of one Secret's password see two repositories.
        identity = format!("{identity} as {user}");
    }
    read.warnings.extend(tls_warning(&url, &read.connection));
    if let Some(reference) = &spec.proxy_secret_ref {
        let (secret, entries) = find(objects, &object, reference.within(&id.namespace))?;
        let proxy = proxy(entries).map_err(|source| AccessError::GitSecret { secret, source })?;
        read.connection.proxy = Some(proxy);
    }
    let GitSecret { auth, connection, warnings } = read;
    let remote = Remote { url, identity, auth, connection, insecure: spec.insecure, timeout: spec.timeout() };
    Ok(Reached { remote, warnings: warnings.into_iter().map(|text| format!("{object}: {text}")).collect() })
}

fn check_provider(object: &str, provider: GitProvider, url: &RemoteUrl) -> Result<(), AccessError> {
    let object = object.to_owned();
    let is_http = matches!(url.transport(), Transport::Http | Transport::Https);
    match provider {
        GitProvider::Azure => Err(AccessError::Provider { object, provider: "azure" }),
        GitProvider::Aws => Err(AccessError::Provider { object, provider: "aws" }),
        GitProvider::Github if !is_http => Err(AccessError::GithubUrl { object }),
        GitProvider::Github | GitProvider::Generic => Ok(()),
    }
}

/// One Secret may serve several repositories, and http may redirect to https: no reason to fail.
fn tls_warning(url: &RemoteUrl, connection: &Connection) -> Option<String> {
    let has_tls = connection.ca.is_some() || connection.client_certificate.is_some();
    (has_tls && url.transport() == Transport::Http)
        .then(|| "the certificates of its Secret protect nothing, since spec.url is plain http".to_owned())
}

pub(super) fn find<'a>(
    objects: &'a Objects,
    object: &str,
    secret: NamespacedName,
) -> Result<(NamespacedName, &'a SecretData), AccessError> {
    match objects.secrets.get(&secret) {
        Some(entries) => Ok((secret, entries)),
        None => {
            Err(AccessError::NoSecret { object: object.to_owned(), why: objects.why_absent(Kind::Secret, &secret) })
        }
    }
}

/// The first of `fields` that is set is the error.
fn refuse(object: &str, fields: &[(&'static str, bool)]) -> Result<(), AccessError> {
    match fields.iter().find(|(_, set)| *set) {
        Some((field, _)) => Err(AccessError::Unsupported { object: object.to_owned(), field }),
        None => Ok(()),
    }
}
