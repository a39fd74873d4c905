//! Secrets from outside the manifests: `NS/NAME=DIR` and `NS/NAME=env:PREFIX`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::object::NamespacedName;
use crate::secret::{Secret, SecretData};

/// A Secret value is small; the API server takes at most this many bytes.
const VALUE_BYTES_MAX: u64 = 1 << 20;

/// The keys that Secrets for Git, registries and webhooks have. An environment variable cannot be named `ca.crt`, so the
/// rest of its name is compared with these without case and punctuation.
const KEYS: &[&str] = &[
    "username",
    "password",
    "bearerToken",
    "identity",
    "identity.pub",
    "known_hosts",
    "git.asc",
    "passphrase",
    "ca.crt",
    "tls.crt",
    "tls.key",
    "caFile",
    "certFile",
    "keyFile",
    "address",
    "githubAppID",
    "githubAppInstallationID",
    "githubAppInstallationOwner",
    "githubAppPrivateKey",
    "githubAppBaseURL",
    ".dockerconfigjson",
    ".dockercfg",
    "token",
    "github",
    "ghcr",
    "ghcr.io",
    "gitlab",
    "gitea",
    "forgejo",
    "harbor",
    "distribution",
    "acr",
    "eventgrid",
    "ecr",
    "cloudevents",
    "nexus",
    "artifactory",
    "jfrog",
    "generic",
    "pubsub-audience",
    "pubsub-email",
    "pubsub-keys-url",
];

/// Advice where a Secret is missing.
pub const SECRETS_FROM_OUTSIDE: &str =
    "a Secret that is not among the objects comes with --secret NS/NAME=DIR or =env:PREFIX";

/// Where one Secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSource {
    pub secret: NamespacedName,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A file per key, as Kubernetes mounts a Secret.
    Directory(PathBuf),
    /// A variable per key: `PREFIX_USERNAME` is the key `username`.
    Environment(String),
}

/// Why a Secret from outside cannot be read. Names the place, never the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretSourceError {
    #[error("reading Secret {secret} from {}", path.display())]
    Read { secret: NamespacedName, path: PathBuf, source: std::io::Error },
    #[error("reading Secret {secret}: {} is larger than {VALUE_BYTES_MAX} bytes", path.display())]
    TooLarge { secret: NamespacedName, path: PathBuf },
    #[error("reading Secret {secret}: no environment variable starts with {prefix}_")]
    NoVariable { secret: NamespacedName, prefix: String },
}

impl FromStr for SecretSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (secret, place) = text.split_once('=').ok_or("expected NS/NAME=DIR or NS/NAME=env:PREFIX")?;
        let (namespace, name) = secret.split_once('/').ok_or("expected NS/NAME before the =")?;
        let place = match place.strip_prefix("env:") {
            Some("") => return Err("expected a PREFIX after env:".to_owned()),
            Some(prefix) => Place::Environment(prefix.trim_end_matches('_').to_owned()),
            None => Place::Directory(PathBuf::from(place)),
        };
        Ok(Self { secret: NamespacedName::new(namespace, name), place })
    }
}

impl SecretSource {
    /// Where its files are, if it has any.
    pub(super) fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Directory(folder) => Some(folder),
            Place::Environment(_) => None,
        }
    }

    /// Reads the values as they are now: a mounted Secret may have been renewed.
    pub fn read(&self) -> Result<SecretData, SecretSourceError> {
        match &self.place {
            Place::Directory(folder) => self.read_directory(folder),
            Place::Environment(prefix) => self.read_environment(prefix),
        }
    }

    fn read_directory(&self, folder: &PathBuf) -> Result<SecretData, SecretSourceError> {
        let failed = |path: &PathBuf, source| SecretSourceError::Read {
            secret: self.secret.clone(),
            path: path.clone(),
            source,
        };
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
            let path = entry.map_err(|error| failed(folder, error))?.path();
            let Some(key) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
            // `..data` and its like are how Kubernetes swaps a mount in one step.
            if key.starts_with("..") || !path.is_file() {
                continue;
            }
            if path.metadata().map_err(|error| failed(&path, error))?.len() > VALUE_BYTES_MAX {
                return Err(SecretSourceError::TooLarge { secret: self.secret.clone(), path });
            }
            entries.push((key, Secret::new(fs::read(&path).map_err(|error| failed(&path, error))?)));
        }
        Ok(entries.into_iter().collect())
    }

    fn read_environment(&self, prefix: &str) -> Result<SecretData, SecretSourceError> {
        let start = format!("{prefix}_");
        let entry = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            let key = key_of(name.to_str()?.strip_prefix(&start)?);
            Some((key, Secret::new(value.into_encoded_bytes())))
        };
        let entries: Vec<_> = env::vars_os().filter_map(entry).collect();
        if entries.is_empty() {
            return Err(SecretSourceError::NoVariable { secret: self.secret.clone(), prefix: prefix.to_owned() });
        }
        Ok(entries.into_iter().collect())
    }
}

fn key_of(rest: &str) -> String {
    let folded = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let known = KEYS.iter().find(|key| folded(key) == folded(rest));
    known.map_or_else(|| rest.to_owned(), |key| (*key).to_owned())
}
