//! From an ImageRepository to what the registry room needs: credentials and the way there.
//!
//! A field that is not supported makes the object fail with the field's name; nothing is passed over.

use std::error::Error;

use super::git_secret::{GitSecretError, certificates, proxy};
use super::view::name_of_others;
use crate::api::{FieldError, ImageRepository, Kind, LocalReference, Objects, RegistryProvider};
use crate::cloud::Provider;
use crate::git::UrlError;
use crate::image::Repository;
use crate::net::Connection;
use crate::object::NamespacedName;
use crate::registry::{
    Access, Credentials, CredentialsSource, DockerConfig, DockerConfigError, Registries, RegistryRule, docker_config,
    user_password,
};
use crate::secret::{Secret, SecretData, SecretError};

const DOCKER: &str = "the user's Docker credentials";

/// A credential and where it is from, in words; empty where it is none that could be shown.
type Sourced = (Credentials, String);

/// Why an object cannot be used as it stands.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("{object}: {field} is not supported")]
    Unsupported { object: String, field: &'static str },
    #[error("{object}: {why}")]
    NoSecret { object: String, why: String },
    #[error("{object}: {why}")]
    NoAccount { object: String, why: String },
    #[error("{object}: spec.serviceAccountName with a cloud's spec.provider needs a cluster, which gives tokens of it")]
    CloudAccount { object: String },
    #[error("{object}: spec.provider {provider} with spec.proxySecretRef and {field}")]
    CloudWay { object: String, provider: Provider, field: &'static str },
    #[error("Secret {secret}")]
    Secret { secret: NamespacedName, source: Box<dyn Error + Send + Sync> },
    #[error("Secret {secret}: key {key}")]
    SigningKey { secret: NamespacedName, key: &'static str, source: Box<dyn Error + Send + Sync> },
    #[error("{object}: an ssh URL needs a Secret with identity and known_hosts, and spec.secretRef names none")]
    NoSshSecret { object: String },
    #[error("{object}: Secret {secret}")]
    GitSecret { object: String, secret: NamespacedName, source: GitSecretError },
    #[error("{object}: spec.url names a user, and there is no Secret with the password")]
    NoPassword { object: String },
    #[error("{object}: spec.provider is github, and there is no Secret with the app's key")]
    NoApp { object: String },
    #[error("{object}: spec.provider github needs an https URL")]
    GithubUrl { object: String },
    #[error("{object}: spec.provider {provider} needs an https URL")]
    CloudUrl { object: String, provider: Provider },
    #[error("{object}: spec.url")]
    Url { object: String, source: UrlError },
    #[error("{object}")]
    Field { object: String, source: FieldError },
    #[error("credentials of the --registries file: {from} does not hold USER:PASSWORD")]
    RuleCredentials { from: String },
    #[error("credentials of the --registries file: {from} is not set")]
    RuleVariable { from: String },
    #[error("the user's Docker credentials")]
    Docker(#[source] DockerConfigError),
}

impl AccessError {
    /// What to do about it, wherever the objects are from.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::GitSecret { source, .. } => source.hint(),
            Self::Url { source: UrlError::Credentials, .. } => {
                Some("put them into a Secret as username and password, and name that in spec.secretRef")
            }
            Self::CloudAccount { .. } => Some("without spec.serviceAccountName the identity of this process is used"),
            Self::CloudWay { .. } => Some(
                "whoever runs the proxy could read the login that the cloud gives this process: leave out one of the two",
            ),
            Self::NoPassword { .. } => Some("name a Secret with the key password in spec.secretRef"),
            Self::NoApp { .. } => Some(
                "name a Secret in spec.secretRef with githubAppID, githubAppInstallationID and githubAppPrivateKey",
            ),
            Self::CloudUrl { .. } => {
                Some("over ssh, a key in the Secret of spec.secretRef serves without spec.provider")
            }
            _ => None,
        }
    }
}

/// How the registry of `repository` is spoken to: with the credentials of `secretRef`, then with those of the service
/// account; where neither is named, with those of the operator's rule for it, or the user's Docker credentials; with those
/// of a cloud alone where one is named.
pub fn registry(
    repository: &ImageRepository,
    objects: &Objects,
    user: Option<&DockerConfig>,
    registries: &Registries,
) -> Result<Access, AccessError> {
    let spec = &repository.spec;
    let named = spec.repository().map_err(|source| AccessError::Field { object: object_of(repository), source })?;
    let image = registries.asked_as(&named);
    let cloud = cloud(spec.provider);
    if cloud.is_some() && spec.service_account_name.is_some() {
        return Err(AccessError::CloudAccount { object: object_of(repository) });
    }
    let secrets = pull_secrets(repository, objects)?;
    let connection = connection(repository, objects)?;
    let rule = registries.rule(&named);
    let credentials = match cloud {
        Some(provider) => check_cloud_way(repository, provider, &connection).map(|()| Vec::new())?,
        None if has_no_credentials(repository) => {
            let field = telling_field(repository, &connection, rule);
            credentials_of_others(field, rule, user, objects, &image)?
        }
        None => credentials(&secrets, &image)?,
    };
    let (credentials, sources): (Vec<_>, Vec<_>) = credentials.into_iter().unzip();
    let (sources, timeout) = (sources.into(), Some(spec.timeout()));
    Ok(Access { credentials, sources, cloud, connection, insecure: spec.insecure, timeout })
}

/// A cloud's own registries need neither. With both, whoever runs the proxy can be the registry.
fn check_cloud_way(
    repository: &ImageRepository,
    provider: Provider,
    connection: &Connection,
) -> Result<(), AccessError> {
    let refused = |field| AccessError::CloudWay { object: object_of(repository), provider, field };
    match &connection.proxy {
        Some(_) if connection.ca.is_some() => Err(refused("ca.crt in the Secret of spec.certSecretRef")),
        Some(_) if repository.spec.insecure => Err(refused("spec.insecure")),
        _ => Ok(()),
    }
}

/// What of the object would let its owner read what others show to the registry, if anything: a proxy or authority of his
/// own, or leave for plain http that the operator does not give.
fn telling_field(
    repository: &ImageRepository,
    connection: &Connection,
    rule: Option<&RegistryRule>,
) -> Option<&'static str> {
    let is_insecure = repository.spec.insecure && !rule.is_some_and(|rule| rule.insecure);
    let fields = [
        (connection.proxy.is_some(), "spec.proxySecretRef"),
        (connection.ca.is_some(), "ca.crt in the Secret of spec.certSecretRef"),
        (is_insecure, "spec.insecure"),
    ];
    fields.into_iter().find(|(is_set, _)| *is_set).map(|(_, field)| field)
}

/// What the operator's rule or the user's Docker config shows to the registry of `image`, unless a field tells it on.
fn credentials_of_others(
    telling: Option<&'static str>,
    rule: Option<&RegistryRule>,
    user: Option<&DockerConfig>,
    objects: &Objects,
    image: &Repository,
) -> Result<Vec<Sourced>, AccessError> {
    let source = rule.and_then(|rule| rule.credentials.as_ref());
    let withheld = |whose, field| (Credentials::Withheld { whose, field }, String::new());
    match (source, user, telling) {
        (Some(_), _, Some(field)) => Ok(vec![withheld("the credentials of the --registries file", field)]),
        (Some(source), _, None) => rule_credentials(source, objects, image),
        (None, Some(config), telling) => {
            let found = config.credentials(image).map_err(AccessError::Docker)?;
            let is_shown = found.iter().any(Credentials::is_shown);
            Ok(match telling.filter(|_| is_shown) {
                Some(field) => vec![withheld(DOCKER, field)],
                None => found.into_iter().map(|found| (found, DOCKER.to_owned())).collect(),
            })
        }
        (None, None, _) => Ok(Vec::new()),
    }
}

/// What the operator's rule shows to the registry of `image`.
fn rule_credentials(
    source: &CredentialsSource,
    objects: &Objects,
    image: &Repository,
) -> Result<Vec<Sourced>, AccessError> {
    let object = "the --registries file";
    let malformed = || AccessError::RuleCredentials { from: source.to_string() };
    let of_value = |value: &Secret| Some((user_password(value)?, source.to_string()));
    match source {
        CredentialsSource::PullSecret(secret) => credentials(&[find(objects, object, secret.clone())?], image),
        CredentialsSource::Field { secret, field } => {
            let (_, entries) = find(objects, object, secret.clone())?;
            Ok(vec![entries.get(field).and_then(of_value).ok_or_else(malformed)?])
        }
        CredentialsSource::Variable(name) => {
            let value = std::env::var(name).map_err(|_| AccessError::RuleVariable { from: source.to_string() })?;
            Ok(vec![of_value(&Secret::new(value)).ok_or_else(malformed)?])
        }
    }
}

/// What tells views of a repository apart: the names of what its registry is shown and through what it is reached,
/// never a value. `access` is what [`registry`] gave, with the operator's `rule`. Empty for who asks anonymously over the
/// usual way.
pub fn access_name(repository: &ImageRepository, access: &Access, rule: Option<&RegistryRule>) -> String {
    let (namespace, spec) = (&repository.metadata.namespace, &repository.spec);
    let reference = |field: &str, reference: &Option<LocalReference>| {
        reference.as_ref().map(|named| format!("{field}={}", named.within(namespace)))
    };
    let is_generic = access.cloud.is_none();
    let account = spec.service_account_name.as_ref().map(|name| LocalReference { name: name.clone() });
    let parts = [
        access.cloud.map(|provider| format!("provider={provider}")),
        reference("secretRef", &spec.secret_ref).filter(|_| is_generic),
        reference("serviceAccountName", &account).filter(|_| is_generic),
        has_no_credentials(repository).then(|| name_of_others(access, rule)).flatten(),
        reference("certSecretRef", &spec.cert_secret_ref),
        reference("proxySecretRef", &spec.proxy_secret_ref),
        spec.insecure.then(|| "insecure".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(";")
}

fn object_of(repository: &ImageRepository) -> String {
    format!("ImageRepository {}", repository.name())
}

fn cloud(provider: RegistryProvider) -> Option<Provider> {
    match provider {
        RegistryProvider::Generic => None,
        RegistryProvider::Aws => Some(Provider::Aws),
        RegistryProvider::Azure => Some(Provider::Azure),
        RegistryProvider::Gcp => Some(Provider::Gcp),
    }
}

/// Whether the object names nothing that holds credentials.
fn has_no_credentials(repository: &ImageRepository) -> bool {
    repository.spec.secret_ref.is_none() && repository.spec.service_account_name.is_none()
}

/// The Secrets with Docker configs that may serve, in order.
fn pull_secrets<'a>(
    repository: &ImageRepository,
    objects: &'a Objects,
) -> Result<Vec<(NamespacedName, &'a SecretData)>, AccessError> {
    let (object, namespace) = (object_of(repository), &repository.metadata.namespace);
    let account = repository.spec.service_account_name.as_ref().map(|name| NamespacedName::new(namespace, name));
    let of_account = match &account {
        Some(id) => objects.service_accounts.get(id).map(|account| account.image_pull_secrets.as_slice()),
        None => Some(Default::default()),
    };
    let no_account =
        |id| AccessError::NoAccount { object: object.clone(), why: objects.why_absent(Kind::ServiceAccount, id) };
    let of_account = of_account.ok_or_else(|| no_account(account.as_ref().expect("one is named")))?;
    let references = repository.spec.secret_ref.iter().chain(of_account);
    references.map(|reference| find(objects, &object, reference.within(namespace))).collect()
}

/// What the Secrets hold for `image`, without what an earlier one holds too; with their names where none has anything.
fn credentials(secrets: &[(NamespacedName, &SecretData)], image: &Repository) -> Result<Vec<Sourced>, AccessError> {
    let mut all: Vec<Sourced> = Vec::new();
    for (secret, entries) in secrets {
        let found = docker_credentials(entries, image);
        let found = found.map_err(|source| AccessError::Secret { secret: secret.clone(), source })?;
        for credentials in found {
            if !all.iter().any(|(known, _)| *known == credentials) {
                all.push((credentials, format!("Secret {secret}")));
            }
        }
    }
    if all.is_empty() && !secrets.is_empty() {
        let names: Vec<String> = secrets.iter().map(|(secret, _)| secret.to_string()).collect();
        all.push((Credentials::Absent { secrets: names.join(", ") }, String::new()));
    }
    Ok(all)
}

/// What a Secret with a Docker config holds for `image`.
fn docker_credentials(
    entries: &SecretData,
    image: &Repository,
) -> Result<Vec<Credentials>, Box<dyn Error + Send + Sync>> {
    let json = entries.get(".dockerconfigjson").or_else(|| entries.get(".dockercfg"));
    let json = json.ok_or_else(|| SecretError::Missing { key: ".dockerconfigjson".to_owned() })?;
    Ok(docker_config(json.expose())?.credentials(image)?)
}

/// The certificates of `certSecretRef` and the proxy of `proxySecretRef`.
fn connection(repository: &ImageRepository, objects: &Objects) -> Result<Connection, AccessError> {
    let (object, namespace, spec) = (object_of(repository), &repository.metadata.namespace, &repository.spec);
    let mut connection = Connection::default();
    if let Some(reference) = &spec.cert_secret_ref {
        let (secret, entries) = find(objects, &object, reference.within(namespace))?;
        let unusable = |source| AccessError::GitSecret { object: object.clone(), secret, source };
        connection = certificates(entries).map_err(unusable)?;
    }
    if let Some(reference) = &spec.proxy_secret_ref {
        let (secret, entries) = find(objects, &object, reference.within(namespace))?;
        let unusable = |source| AccessError::GitSecret { object: object.clone(), secret, source };
        connection.proxy = Some(proxy(entries).map_err(unusable)?);
    }
    Ok(connection)
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
