//! From a GitRepository to its remote: the address, the credentials and the way there, and the store that is its own.
//!
//! A field that is not supported makes the object fail with the field's name; nothing is passed over.

use super::access::{AccessError, find, refuse};
use super::git_secret::{GitSecret, git_secret, proxy, ssh_secret};
use crate::api::{GitProvider, GitRepository, ImageUpdateAutomation, Objects};
use crate::cloud::Provider;
use crate::git::{Auth, Remote, RemoteUrl, Transport};
use crate::net::{Connection, LaneKey};

/// A remote, and what a user should know about the way to it.
#[derive(Debug)]
pub struct Reached {
    pub remote: Remote,
    pub warnings: Vec<String>,
}

/// What names the store of a remote: its address, and who sees it so. Work in one store is done in sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Store {
    url: String,
    identity: String,
}

/// Where the commits of an automation go, and how.
#[derive(Clone, Debug, Default)]
pub struct Place {
    pub store: Store,
    pub way: LaneKey,
}

impl Store {
    pub fn of(remote: &Remote) -> Self {
        Self { url: remote.url.to_string(), identity: remote.identity.clone() }
    }
}

/// The place of `automation`. What is suspended or wrong reaches no remote, and its place is none.
pub fn place(automation: &ImageUpdateAutomation, objects: &Objects) -> Place {
    let source = automation.spec.source_ref.within(&automation.metadata.namespace);
    let source = objects.git_repositories.get(&source).filter(|_| !automation.spec.suspend);
    let Some(Ok(Reached { remote, .. })) = source.map(|source| remote(source, objects)) else {
        return Place::default();
    };
    let way = remote.connection.lane(&remote.url.server().unwrap_or_default());
    Place { store: Store::of(&remote), way }
}

/// The remote of `repository` with its credentials.
pub fn remote(repository: &GitRepository, objects: &Objects) -> Result<Reached, AccessError> {
    let spec = &repository.spec;
    let object = format!("GitRepository {}", repository.name());
    let refused = |source| AccessError::Url { object: object.clone(), source };
    let (url, user) = RemoteUrl::with_user(&spec.url).map_err(refused)?;
    check_provider(&object, spec.provider, &url)?;
    let has_proxy_for_ssh = url.transport() == Transport::Ssh && spec.proxy_secret_ref.is_some();
    refuse(&object, &[("spec.proxySecretRef with an ssh URL", has_proxy_for_ssh)])?;
    let (identity, mut read) = match git_cloud(spec.provider) {
        Some(provider) => (format!("provider {provider}"), of_cloud(repository, &object, provider)?),
        None => of_secret(repository, &object, &url, user.as_deref(), objects)?,
    };
    read.warnings.extend(tls_warning(&url, &read.connection));
    if let Some(reference) = &spec.proxy_secret_ref {
        let (secret, entries) = find(objects, &object, reference.within(&repository.metadata.namespace))?;
        let unusable = |source| AccessError::GitSecret { object: object.clone(), secret, source };
        read.connection.proxy = Some(proxy(entries).map_err(unusable)?);
    }
    let GitSecret { auth, connection, warnings } = read;
    let remote = Remote { url, identity, auth, connection, insecure: spec.insecure, timeout: spec.timeout() };
    Ok(Reached { remote, warnings: warnings.into_iter().map(|text| format!("{object}: {text}")).collect() })
}

/// The identity of this process, and nothing of the object's Secret, neither its credentials nor its authorities: a token
/// of this machine is for the cloud's own servers.
fn of_cloud(repository: &GitRepository, object: &str, provider: Provider) -> Result<GitSecret, AccessError> {
    let (object, spec) = (object.to_owned(), &repository.spec);
    if spec.service_account_name.is_some() {
        return Err(AccessError::CloudAccount { object });
    }
    if spec.proxy_secret_ref.is_some() && spec.insecure {
        return Err(AccessError::CloudWay { object, provider, field: "spec.insecure" });
    }
    let unused = || format!("spec.provider {provider} is used, spec.secretRef is not");
    let warnings = spec.secret_ref.is_some().then(unused).into_iter().collect();
    Ok(GitSecret { auth: Auth::Cloud(provider), warnings, ..GitSecret::default() })
}

/// What the object's Secret holds, and the identity that it gives: two users of one Secret's password see two
/// repositories.
fn of_secret(
    repository: &GitRepository,
    object: &str,
    url: &RemoteUrl,
    user: Option<&str>,
    objects: &Objects,
) -> Result<(String, GitSecret), AccessError> {
    let (spec, is_ssh) = (&repository.spec, url.transport() == Transport::Ssh);
    let Some(reference) = &spec.secret_ref else {
        let object = object.to_owned();
        return match user {
            _ if spec.provider == GitProvider::Github => Err(AccessError::NoApp { object }),
            _ if is_ssh => Err(AccessError::NoSshSecret { object }),
            Some(_) => Err(AccessError::NoPassword { object }),
            None => Ok((String::new(), GitSecret::default())),
        };
    };
    let (secret, entries) = find(objects, object, reference.within(&repository.metadata.namespace))?;
    let read = match is_ssh {
        true => ssh_secret(entries),
        false => git_secret(entries, spec.provider, user),
    };
    let unusable = |source| AccessError::GitSecret { object: object.to_owned(), secret: secret.clone(), source };
    let read = read.map_err(unusable)?;
    let identity = user.map_or_else(|| secret.to_string(), |user| format!("{secret} as {user}"));
    Ok((identity, read))
}

fn check_provider(object: &str, provider: GitProvider, url: &RemoteUrl) -> Result<(), AccessError> {
    let object = object.to_owned();
    let is_http = matches!(url.transport(), Transport::Http | Transport::Https);
    match (provider, git_cloud(provider)) {
        (GitProvider::Github, _) if !is_http => Err(AccessError::GithubUrl { object }),
        (_, Some(provider)) if !is_http => Err(AccessError::CloudUrl { object, provider }),
        _ => Ok(()),
    }
}

/// Whose identity of this process a Git server is shown.
fn git_cloud(provider: GitProvider) -> Option<Provider> {
    match provider {
        GitProvider::Aws => Some(Provider::Aws),
        GitProvider::Azure => Some(Provider::Azure),
        GitProvider::Generic | GitProvider::Github => None,
    }
}

/// One Secret may serve several repositories, and http may redirect to https: no reason to fail.
fn tls_warning(url: &RemoteUrl, connection: &Connection) -> Option<String> {
    let has_tls = connection.ca.is_some() || connection.client_certificate.is_some();
    (has_tls && url.transport() == Transport::Http)
        .then(|| "the certificates of its Secret protect nothing, since spec.url is plain http".to_owned())
}
