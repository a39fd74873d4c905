//! The `--registries` file: rules of ours, and all fields of Argo CD Image Updater's `registries.conf`.
//!
//! Takes its text and a way to read the files that it names; gives the rules with what should be known about them, or
//! everything that is wrong. A ConfigMap with the key `registries.conf` is read as that key.

use std::collections::HashSet;
use std::io;
use std::num::NonZeroU32;

use serde::Deserialize;

use super::registries::{CredentialsSource, LimitRule, Registries, RegistryRule};
use crate::api::{Duration, FieldError, strict};
use crate::net::{Connection, Url, without_login};
use crate::object::{NamespacedName, Value};
use crate::yaml;

/// A text larger than this lists no registries.
pub const REGISTRIES_BYTES_MAX: usize = 1 << 20;
/// More requests than these are sent to no server in a second.
const PER_SECOND_MAX: u32 = 10_000;
const CONNECTIONS_MAX: u32 = 1_000;
const KEY: &str = "registries.conf";

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistriesFile {
    pub registries: Registries,
    pub warnings: Vec<String>,
}

#[derive(Deserialize)]
struct File {
    registries: Vec<Entry>,
}

/// Argo CD's fields as it spells them, then ours.
#[derive(Deserialize)]
struct Entry {
    name: String,
    api_url: String,
    prefix: Option<String>,
    default: Option<bool>,
    defaultns: Option<String>,
    /// There is no ping to be left out.
    #[serde(rename = "ping")]
    _ping: Option<bool>,
    credentials: Option<String>,
    /// Secrets are read anew each time.
    #[serde(rename = "credsexpire")]
    _credsexpire: Option<Duration>,
    tagsortmode: Option<TagSortMode>,
    insecure: Option<bool>,
    limit: Option<u32>,
    ca_file: Option<String>,
    ca_data: Option<String>,
    burst: Option<u32>,
    connections: Option<u32>,
    #[serde(rename = "tokenHosts", default)]
    token_hosts: Vec<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum TagSortMode {
    None,
    LatestFirst,
    LatestLast,
}

/// Reads the text of a `--registries` file; `read` gives the bytes of a file that it names (`ca_file`).
pub fn registries_file(
    text: &str,
    read: impl Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<RegistriesFile, Vec<FieldError>> {
    let file: File = strict(&value(text)?)?;
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    for (at, entry) in file.registries.iter().enumerate() {
        match entry.rule(&read) {
            Ok(rule) => rules.push(rule),
            Err(error) => errors.push(error.within(at)),
        }
    }
    errors.extend(clashes(&file.registries));
    match errors.is_empty() {
        true => Ok(RegistriesFile { registries: Registries::new(rules), warnings: warnings(&file.registries) }),
        false => Err(errors),
    }
}

/// The document, taken out of its ConfigMap if it lies in one.
fn value(text: &str) -> Result<Value, Vec<FieldError>> {
    let outer = document(text).map_err(|error| vec![error])?;
    if outer.get("kind").and_then(Value::as_str) != Some("ConfigMap") {
        return Ok(outer);
    }
    let field = format!("data[{KEY:?}]");
    let inner = outer.get("data").and_then(|data| data.get(KEY)).and_then(Value::as_str);
    let inner = inner.ok_or_else(|| vec![wrong(&field, "is required in this ConfigMap, as text")])?;
    document(inner).map_err(|error| vec![wrong(&field, error.message)])
}

fn document(text: &str) -> Result<Value, FieldError> {
    if text.len() > REGISTRIES_BYTES_MAX {
        return Err(wrong("", format!("is larger than {REGISTRIES_BYTES_MAX} bytes")));
    }
    let mut documents = yaml::documents(text).map_err(|error| wrong("", error))?.into_iter();
    match (documents.next(), documents.next()) {
        (Some(document), None) => Ok(document.value),
        (None, _) => Err(wrong("", "is empty, expected `registries:` with a list")),
        _ => Err(wrong("", "has several YAML documents, expected one")),
    }
}

fn wrong(field: &str, message: impl ToString) -> FieldError {
    FieldError { field: field.to_owned(), message: message.to_string() }
}

trait Within {
    fn within(self, at: usize) -> Self;
}

impl Within for FieldError {
    fn within(self, at: usize) -> Self {
        Self { field: format!("registries[{at}].{}", self.field), ..self }
    }
}

impl Entry {
    fn rule(&self, read: impl Fn(&str) -> io::Result<Vec<u8>>) -> Result<RegistryRule, FieldError> {
        let api = self.api()?;
        let credentials = self.credentials.as_deref().map(credentials).transpose();
        Ok(RegistryRule {
            name: self.name.clone(),
            prefix: self.prefix.clone(),
            is_default: self.default == Some(true),
            default_namespace: self.defaultns.clone(),
            credentials: credentials.map_err(|message| wrong("credentials", message))?,
            insecure: self.insecure(&api)?,
            ca: self.ca(read)?,
            limits: self.limits()?,
            token_hosts: self.token_hosts()?,
            api,
        })
    }

    /// What is wrong is not repeated: there may be a password in it.
    fn api(&self) -> Result<Url, FieldError> {
        let expected = "expected a URL such as https://registry.example.com";
        let refused = |_| wrong("api_url", format!("is not a URL, {expected}"));
        let mut url = without_login(self.api_url.parse::<Url>().map_err(refused)?);
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.has_host();
        if !matches!(url.scheme(), "http" | "https") || !is_plain {
            return Err(wrong("api_url", format!("is not the address of a registry, {expected}")));
        }
        if matches!(url.host_str(), Some("docker.io" | "index.docker.io")) {
            // Where Docker Hub's API is. Only URLs without a host refuse one.
            let _ = url.set_host(Some("registry-1.docker.io"));
        }
        let path = url.path().trim_end_matches('/').trim_end_matches("/v2").to_owned();
        url.set_path(&format!("{path}/"));
        Ok(url)
    }

    /// Argo CD leaves out the check of certificates. That check is what keeps a credential from a stranger, so it stays.
    fn insecure(&self, api: &Url) -> Result<bool, FieldError> {
        let is_wanted = self.insecure == Some(true);
        match is_wanted && api.scheme() == "https" {
            true => Err(wrong(
                "insecure",
                "certificates are always checked, expected the authority of this registry in ca_file or ca_data (or \
                 http:// in api_url, where `insecure: true` lets credentials go over plain http)",
            )),
            false => Ok(is_wanted),
        }
    }

    fn ca(&self, read: impl Fn(&str) -> io::Result<Vec<u8>>) -> Result<Option<Vec<u8>>, FieldError> {
        let file = self.ca_file.as_deref().map(|file| {
            read(file).map_err(|error| wrong("ca_file", format!("reading {file}: {error}"))).map(|pem| ("ca_file", pem))
        });
        let data = self.ca_data.as_ref().map(|pem| Ok(("ca_data", pem.clone().into_bytes())));
        let mut bundle = Vec::new();
        for source in file.into_iter().chain(data) {
            let (field, pem) = source?;
            let way = Connection { ca: Some(pem), ..Connection::default() };
            way.check().map_err(|flaw| wrong(field, flaw.cause))?;
            bundle.extend(way.ca.into_iter().flatten());
            bundle.push(b'\n');
        }
        Ok((!bundle.is_empty()).then_some(bundle))
    }

    fn limits(&self) -> Result<LimitRule, FieldError> {
        let number = |field: &str, number: Option<u32>, max: u32| match number {
            None => Ok(None),
            Some(number @ 1..) if number <= max => Ok(NonZeroU32::new(number)),
            Some(number) => Err(wrong(field, format!("expected a number from 1 to {max}, found {number}"))),
        };
        Ok(LimitRule {
            per_second: number("limit", self.limit, PER_SECOND_MAX)?,
            burst: number("burst", self.burst, PER_SECOND_MAX)?,
            connections: number("connections", self.connections, CONNECTIONS_MAX)?,
        })
    }

    fn token_hosts(&self) -> Result<Vec<String>, FieldError> {
        let host = |(at, text): (usize, &String)| {
            // A host that is read as itself is a host and nothing more.
            let url = format!("https://{text}/").parse::<Url>().ok();
            let host = url.and_then(|url| url.host_str().map(str::to_owned));
            host.filter(|host| host.eq_ignore_ascii_case(text)).ok_or_else(|| {
                wrong(
                    &format!("tokenHosts[{at}]"),
                    format!("{text:?} is not a host, expected one such as auth.example.com"),
                )
            })
        };
        self.token_hosts.iter().enumerate().map(host).collect()
    }
}

/// `pullsecret:NS/NAME`, `secret:NS/NAME#FIELD` or `env:NAME`; a `REGISTRY=` in front means nothing, as in Argo CD.
fn credentials(text: &str) -> Result<CredentialsSource, &'static str> {
    const EXPECTED: &str = "expected pullsecret:NAMESPACE/NAME, secret:NAMESPACE/NAME#FIELD or env:VARIABLE";
    let text = text.split_once('=').map_or(text, |(_, source)| source);
    let (kind, rest) = text.split_once(':').ok_or(EXPECTED)?;
    let secret = |text: &str| {
        let (namespace, name) = text.split_once('/')?;
        let is_whole = !namespace.is_empty() && !name.is_empty() && !name.contains('/');
        is_whole.then(|| NamespacedName::new(namespace, name))
    };
    match kind {
        "pullsecret" => secret(rest).map(CredentialsSource::PullSecret).ok_or(EXPECTED),
        "secret" => {
            let (name, field) = rest.split_once('#').filter(|(_, field)| !field.is_empty()).ok_or(EXPECTED)?;
            let secret = secret(name).ok_or(EXPECTED)?;
            Ok(CredentialsSource::Field { secret, field: field.to_owned() })
        }
        "env" if !rest.is_empty() => Ok(CredentialsSource::Variable(rest.to_owned())),
        "ext" => Err("ext: would run a program, and none is run here: have it write a Secret, or use env:VARIABLE"),
        _ => Err(EXPECTED),
    }
}

/// Two entries of which nobody can say which one is meant.
fn clashes(entries: &[Entry]) -> Vec<FieldError> {
    let (mut prefixes, mut has_default, mut errors) = (HashSet::new(), false, Vec::new());
    for (at, entry) in entries.iter().enumerate() {
        let prefix = entry.prefix.as_deref().map(|prefix| prefix.trim_end_matches('/'));
        if prefix.is_some_and(|prefix| !prefixes.insert(prefix)) {
            errors.push(wrong("prefix", "another entry has the same").within(at));
        }
        if entry.default == Some(true) && std::mem::replace(&mut has_default, true) {
            errors.push(wrong("default", "another entry is the default").within(at));
        }
    }
    errors
}

fn warnings(entries: &[Entry]) -> Vec<String> {
    let is_sorting = |entry: &&Entry| entry.tagsortmode.is_some_and(|mode| mode != TagSortMode::None);
    let text = |entry: &Entry| format!("registry {}: tagsortmode has no effect here yet", entry.name.escape_debug());
    entries.iter().filter(is_sorting).map(text).collect()
}
