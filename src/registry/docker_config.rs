//! Docker's file of credentials: `config.json`, `.dockerconfigjson` and the older `.dockercfg`.
//!
//! Entries are matched as Kubernetes matches image pull secrets: host with globs, port, prefix of the path, the most
//! specific first. Credential helpers are programs, and none is run: a registry that only they know is asked anonymously.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::DecodePaddingMode::Indifferent;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::Value;

use crate::image::Repository;
use crate::registry::text::shown;
use crate::registry::{Credentials, glob};
use crate::secret::Secret;

/// The entries of one file, most specific first.
#[derive(Clone, Debug, Default)]
pub struct DockerConfig {
    entries: Vec<Entry>,
    store: Option<String>,
    /// Program by host.
    helpers: BTreeMap<String, String>,
}

/// Why a file cannot be read, or gives no credential where one was meant. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum DockerConfigError {
    #[error("expected Docker's configuration as JSON: line {line}, column {column}")]
    NotJson { line: usize, column: usize },
    #[error("{place}: {expected}")]
    Shape { place: String, expected: &'static str },
}

/// Parses a file of any of the three shapes. A broken entry is only an error for the registry that it is for.
pub fn docker_config(json: &[u8]) -> Result<DockerConfig, DockerConfigError> {
    let root: Value = serde_json::from_slice(json)
        .map_err(|error| DockerConfigError::NotJson { line: error.line(), column: error.column() })?;
    let root = root.as_object().ok_or_else(|| shape("the file", "expected an object"))?;
    let modern = ["auths", "credHelpers", "credsStore"].iter().any(|key| root.contains_key(*key));
    if !modern {
        return Ok(DockerConfig { entries: entries(root), ..DockerConfig::default() });
    }
    let auths = object(root, "auths")?.map(entries).unwrap_or_default();
    let store = root.get("credsStore").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned);
    let helpers = object(root, "credHelpers")?.into_iter().flatten();
    let helpers = helpers.filter_map(|(host, name)| Some((host_of(host), name.as_str()?.to_owned()))).collect();
    Ok(DockerConfig { entries: auths, store, helpers })
}

impl DockerConfig {
    /// The credentials for the repository, most specific first; none if the file has none for it.
    pub fn credentials(&self, repository: &Repository) -> Result<Vec<Credentials>, DockerConfigError> {
        let matching: Vec<&Entry> = self.entries.iter().filter(|entry| entry.matches(repository)).collect();
        let mut found = Vec::new();
        for entry in &matching {
            match entry.credentials() {
                Ok(credentials) => found.extend(credentials.filter(|credentials| !found.contains(credentials))),
                // Behind a good entry nobody may need it.
                Err(_) if !found.is_empty() => {}
                Err(error) => return Err(error),
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
        let hosts = hosts(repository);
        let helper = hosts.iter().find_map(|host| self.helpers.get(*host));
        // With a store, Docker leaves an empty entry behind for every registry that it logged in to.
        let store = self.store.as_ref().filter(|_| !matching.is_empty());
        Ok(helper.or(store).map(|helper| Credentials::Kept { helper: helper.clone() }).into_iter().collect())
    }
}

/// One registry, or a part of it.
#[derive(Clone, Debug)]
struct Entry {
    /// As written in the file.
    key: String,
    /// Host pattern, with the port if the key has one.
    host: String,
    /// Starts with a slash, or is empty.
    path: String,
    value: Secret,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Login {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl Entry {
    fn new(key: &str, value: &Value) -> Self {
        let (host, path) = split(key);
        let (host, path, key) = (host.to_owned(), path.to_owned(), shown(key));
        Self { key, host, path, value: Secret::new(value.to_string()) }
    }

    fn matches(&self, repository: &Repository) -> bool {
        let path = format!("/{}", repository.path());
        path.starts_with(&self.path) && hosts(repository).iter().any(|host| host_matches(&self.host, host))
    }

    /// `None` for an entry without a credential in it.
    fn credentials(&self) -> Result<Option<Credentials>, DockerConfigError> {
        let place = || format!("auths[\"{}\"]", self.key);
        let login: Login = serde_json::from_slice(self.value.expose())
            .map_err(|_| shape(place(), "expected an object whose fields are strings"))?;
        let set = |field: Option<String>| field.filter(|text| !text.is_empty());
        if let Some(token) = set(login.identitytoken) {
            return Ok(Some(Credentials::IdentityToken { token: Secret::new(token) }));
        }
        if let Some(token) = set(login.registrytoken) {
            return Ok(Some(Credentials::RegistryToken { token: Secret::new(token) }));
        }
        if let Some(auth) = set(login.auth) {
            let bad = || shape(place() + ".auth", "expected USER:PASSWORD in base64");
            return decode(&auth).ok_or_else(bad).map(Some);
        }
        let password = Secret::new(login.password.unwrap_or_default());
        Ok(set(login.username).map(|username| Credentials::Basic { username, password }))
    }
}

/// The names under which a registry's credentials are kept: Docker Hub has several.
fn hosts(repository: &Repository) -> Vec<&str> {
    match repository.registry() {
        "docker.io" => vec!["docker.io", "index.docker.io", "registry-1.docker.io"],
        other => vec![other],
    }
}

fn host_matches(pattern: &str, host: &str) -> bool {
    let ((pattern, pattern_port), (host, port)) = (split_port(pattern), split_port(host));
    let (patterns, labels): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), host.split('.').collect());
    let pairs = || patterns.iter().zip(&labels);
    pattern_port == port
        && patterns.len() == labels.len()
        && pairs().all(|(pattern, label)| glob::matches(pattern.as_bytes(), label.as_bytes()))
}

fn split_port(host: &str) -> (&str, &str) {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port),
        _ => (host, ""),
    }
}

/// Host and path of a key. The scheme is dropped, and so is Docker's `/v1/` or `/v2/` before the path.
fn split(key: &str) -> (&str, &str) {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = bare.find('/').map_or((bare, ""), |at| bare.split_at(at));
    let versioned = |version| path.strip_prefix(version).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let path = versioned("/v1").or_else(|| versioned("/v2")).unwrap_or(path);
    (host, if path == "/" { "" } else { path })
}

fn host_of(key: &str) -> String {
    split(key).0.to_owned()
}

/// Reverse byte order puts the longer path before the shorter, and a name before a pattern that starts with `*`.
fn entries(auths: &serde_json::Map<String, Value>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = auths.iter().map(|(key, value)| Entry::new(key, value)).collect();
    entries.sort_by(|a, b| (&b.host, &b.path).cmp(&(&a.host, &a.path)));
    entries
}

/// Padding is optional, and Docker's own files end some passwords with NUL bytes.
fn decode(auth: &str) -> Option<Credentials> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(Indifferent);
    let bytes = GeneralPurpose::new(&base64::alphabet::STANDARD, lenient).decode(auth.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(Credentials::Basic { username: username.to_owned(), password: Secret::new(password.trim_matches('\0')) })
}

fn object<'a>(
    root: &'a serde_json::Map<String, Value>,
    key: &str,
) -> Result<Option<&'a serde_json::Map<String, Value>>, DockerConfigError> {
    match root.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(shape(key, "expected an object")),
    }
}

fn shape(place: impl Into<String>, expected: &'static str) -> DockerConfigError {
    DockerConfigError::Shape { place: place.into(), expected }
}
