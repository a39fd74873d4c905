//! From objects to what the edges need: registry access of an ImageRepository, the remote of a GitRepository.
//!
//! A field that is not supported makes the object fail with the field's name; nothing is passed over.

use std::error::Error;

use crate::api::{FieldError, GitProvider, GitRepository, ImageRepository, Kind, Objects, RegistryProvider};
use crate::git::{Auth, Remote, RemoteUrl, SshAuth, Transport, UrlError};
use crate::image::Repository;
use crate::object::NamespacedName;
use crate::registry::{Access, Credentials, DockerConfig, DockerConfigError, docker_config};
use crate::secret::{Secret, SecretData, SecretError};

/// Why an object cannot be used as it stands.
#[derive(Debug, thiserror::Error)]
pub(super) enum AccessError {
    #[error("{object}: {field} is not supported here yet")]
    Unsupported { object: String, field: &'static str },
    #[error("{object}: {why}")]
    NoSecret { object: String, why: String },
    #[error("secret {secret}")]
    Secret { secret: NamespacedName, source: Box<dyn Error + Send + Sync> },
    #[error("secret {secret}: key {key} is not supported for Git yet")]
    SecretKey { secret: NamespacedName, key: &'static str },
    #[error("secret {secret}: expected username and password, or bearerToken, and found {found}")]
    NoCredentials { secret: NamespacedName, found: String },
    #[error("secret {secret}: key {key}")]
    SigningKey { secret: NamespacedName, key: &'static str, source: Box<dyn Error + Send + Sync> },
    #[error("secret {secret}: an ssh URL needs identity and known_hosts, and the keys found are {found}")]
    NoIdentity { secret: NamespacedName, found: String },
    #[error("{object}: an ssh URL needs a Secret with identity and known_hosts, and spec.secretRef names none")]
    NoSshSecret { object: String },
    #[error("{object}: spec.url")]
    Url { object: String, source: UrlError },
    #[error("{object}")]
    Field { object: String, source: FieldError },
    #[error("the user's Docker credentials")]
    Docker(#[source] DockerConfigError),
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
    Ok(Access { credentials, insecure: spec.insecure, timeout: Some(spec.timeout()) })
}

/// What a Secret with a Docker config holds for `image`.
fn credentials(entries: &SecretData, image: &Repository) -> Result<Option<Credentials>, Box<dyn Error + Send + Sync>> {
    let json = entries.get(".dockerconfigjson").or_else(|| entries.get(".dockercfg"));
    let json = json.ok_or_else(|| SecretError::Missing { key: ".dockerconfigjson".to_owned() })?;
    Ok(docker_config(json.expose())?.credentials(image)?)
}

/// The remote of `repository` with its credentials.
pub(super) fn remote(repository: &GitRepository, objects: &Objects) -> Result<Remote, AccessError> {
    let (id, spec) = (repository.name(), &repository.spec);
    let object = format!("GitRepository {id}");
    refuse(
        &object,
        &[
            ("spec.proxySecretRef", spec.proxy_secret_ref.is_some()),
            ("spec.provider", spec.provider != GitProvider::Generic),
        ],
    )?;
    let url: RemoteUrl = spec.url.parse().map_err(|source| AccessError::Url { object: object.clone(), source })?;
    let (identity, auth) = match &spec.secret_ref {
        None if url.transport() == Transport::Ssh => return Err(AccessError::NoSshSecret { object }),
        None => (String::new(), Auth::None),
        Some(reference) => {
            let (secret, entries) = find(objects, &object, reference.within(&id.namespace))?;
            let auth = match url.transport() {
                Transport::Ssh => ssh_auth(&secret, entries)?,
                _ => git_auth(&secret, entries)?,
            };
            (secret.to_string(), auth)
        }
    };
    Ok(Remote { url, identity, auth, connection: Default::default(), insecure: spec.insecure, timeout: spec.timeout() })
}

fn ssh_auth(secret: &NamespacedName, entries: &SecretData) -> Result<Auth, AccessError> {
    match (entries.get("identity"), entries.get("known_hosts")) {
        (Some(identity), Some(known_hosts)) => Ok(Auth::Ssh(SshAuth {
            identity: identity.clone(),
            password: entries.get("password").cloned(),
            known_hosts: known_hosts.expose().to_vec(),
        })),
        _ => Err(AccessError::NoIdentity { secret: secret.clone(), found: found(entries) }),
    }
}

fn found(entries: &SecretData) -> String {
    entries.keys().collect::<Vec<_>>().join(", ")
}

/// As Flux reads it: a bearer token wins over user and password.
fn git_auth(secret: &NamespacedName, entries: &SecretData) -> Result<Auth, AccessError> {
    for key in ["ca.crt", "caFile", "tls.crt", "certFile", "githubAppID"] {
        if entries.get(key).is_some() {
            return Err(AccessError::SecretKey { secret: secret.clone(), key });
        }
    }
    let text = |key| {
        entries.text(key).map_err(|source| AccessError::Secret { secret: secret.clone(), source: Box::new(source) })
    };
    match (text("bearerToken")?, text("username")?, text("password")?) {
        (Some(token), _, _) => Ok(Auth::Bearer(Secret::new(token))),
        (None, Some(username), Some(password)) => {
            Ok(Auth::Basic { username: username.to_owned(), password: Secret::new(password) })
        }
        _ => Err(AccessError::NoCredentials { secret: secret.clone(), found: found(entries) }),
    }
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
pub(super) fn refuse(object: &str, fields: &[(&'static str, bool)]) -> Result<(), AccessError> {
    match fields.iter().find(|(_, set)| *set) {
        Some((field, _)) => Err(AccessError::Unsupported { object: object.to_owned(), field }),
        None => Ok(()),
    }
}
