//! What the operator of this process says about registries: limits, addresses, token servers, authorities.
//!
//! Takes the rules of the `--registries` file; answers questions about a host, an image repository or a realm. Where
//! no rule speaks, the defaults do.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;

use crate::image::Repository;
use crate::net::{Rate, Url, is_loopback};
use crate::object::NamespacedName;
use crate::registry::Credentials;
use crate::secret::Secret;

/// What is sent to Docker Hub in a second; its limits are the tightest of all public registries, and Argo CD Image Updater
/// stays below the same number.
const HUB_PER_SECOND: u32 = 10;
/// What is sent to any other registry in a second, as Argo CD Image Updater documents it. A round over 1,000 repositories
/// takes less than a minute with it, and no public registry is known to mind.
const PER_SECOND: u32 = 20;

/// The rules of the operator. Cheap to ask; made once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registries {
    rules: Vec<RegistryRule>,
    /// By the host that is asked, of a rule's registry or of a token server.
    rates: HashMap<String, Rate>,
}

/// One entry of the `--registries` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryRule {
    pub name: String,
    /// Where the registry's API is: `v2/` is joined to it.
    pub api: Url,
    /// What images of this registry begin with: a host, or a host and a part of the path. Without it, the host of `api`.
    pub prefix: Option<String>,
    /// Serves images that are written without a host.
    pub is_default: bool,
    /// What is put before the names of such images when they have one part only.
    pub default_namespace: Option<String>,
    pub credentials: Option<CredentialsSource>,
    /// Credentials may go there over plain HTTP.
    pub insecure: bool,
    /// A PEM bundle of authorities that are trusted besides the system's.
    pub ca: Option<Vec<u8>>,
    pub limits: LimitRule,
    /// Hosts that may be shown a credential as this registry's token servers, over https.
    pub token_hosts: Vec<String>,
}

/// Where a rule takes its credential from; the driver reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialsSource {
    /// A Secret with a Docker config.
    PullSecret(NamespacedName),
    /// A Secret whose field is `user:password`.
    Field { secret: NamespacedName, field: String },
    /// A variable of the environment that is `user:password`.
    Variable(String),
}

impl fmt::Display for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PullSecret(secret) => write!(f, "Secret {secret}"),
            Self::Field { secret, field } => write!(f, "Secret {secret}, key {field}"),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
        }
    }
}

impl CredentialsSource {
    /// As the `--registries` file names it.
    pub fn name(&self) -> String {
        match self {
            Self::PullSecret(secret) => format!("pullsecret:{secret}"),
            Self::Field { secret, field } => format!("secret:{secret}#{field}"),
            Self::Variable(name) => format!("env:{name}"),
        }
    }
}

/// The credential that a Secret's field or a variable holds as `user:password`; `None` for other text. A line end behind it
/// is none of the password's.
pub fn user_password(value: &Secret) -> Option<Credentials> {
    let (username, password) = value.expose_text()?.trim_end_matches(['\r', '\n']).split_once(':')?;
    let password = Secret::new(password);
    (!username.is_empty()).then(|| Credentials::Basic { username: username.to_owned(), password })
}

/// The limits that a rule names; the others are derived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitRule {
    pub per_second: Option<NonZeroU32>,
    pub burst: Option<NonZeroU32>,
    pub connections: Option<NonZeroU32>,
}

impl Registries {
    /// Rules that speak of the same host share its limits: the tightest of each kind holds.
    pub fn new(rules: Vec<RegistryRule>) -> Self {
        let mut limits: HashMap<&str, LimitRule> = HashMap::new();
        for rule in &rules {
            for host in rule.api.host_str().into_iter().chain(rule.token_hosts.iter().map(String::as_str)) {
                let known = limits.entry(host).or_default();
                *known = known.tightest(rule.limits);
            }
        }
        let rates = limits.into_iter().map(|(host, limits)| (host.to_owned(), limits.rate(default_rate(host))));
        let rates = rates.collect();
        Self { rules, rates }
    }

    /// What `host` (a name or address, with or without a port) is sent at most.
    pub fn rate(&self, host: &str) -> Rate {
        let name = without_port(host);
        self.rates.get(name).copied().unwrap_or_else(|| default_rate(name))
    }

    /// The rule for an image repository: that with the longest prefix, or the one for images without a host.
    pub fn rule(&self, repository: &Repository) -> Option<&RegistryRule> {
        let default = self.rules.iter().find(|rule| rule.is_default).filter(|_| !names_registry(repository));
        default.or_else(|| {
            let fitting = self.rules.iter().filter(|rule| rule.serves(repository));
            fitting.max_by_key(|rule| rule.prefix.as_ref().map_or(0, String::len))
        })
    }

    /// Whether the operator lists the host of `realm` as a token server of this repository's registry.
    pub fn is_token_host(&self, repository: &Repository, realm: &Url) -> bool {
        let listed = |rule: &RegistryRule| rule.token_hosts.iter().any(|host| Some(host.as_str()) == realm.host_str());
        realm.scheme() == "https" && self.rule(repository).is_some_and(listed)
    }
}

impl RegistryRule {
    /// A prefix ends where a part of the name does: `gcr.io` is not the beginning of `gcr.io.example.com/web`.
    fn serves(&self, repository: &Repository) -> bool {
        let name = repository.to_string();
        match &self.prefix {
            Some(prefix) => {
                let rest = name.strip_prefix(prefix.trim_end_matches('/'));
                rest.is_some_and(|rest| rest.starts_with('/'))
            }
            None => same_host(&self.api, repository.host()),
        }
    }
}

impl LimitRule {
    fn tightest(self, other: Self) -> Self {
        let least = |one: Option<NonZeroU32>, other: Option<NonZeroU32>| one.into_iter().chain(other).min();
        Self {
            per_second: least(self.per_second, other.per_second),
            burst: least(self.burst, other.burst),
            connections: least(self.connections, other.connections),
        }
    }

    fn rate(self, default: Rate) -> Rate {
        let rate = self.per_second.map_or(default, Rate::per_second);
        let burst = self.burst.unwrap_or(rate.burst);
        Rate { burst, connections: self.connections.unwrap_or(rate.connections), ..rate }
    }
}

/// A server of this machine is the operator's own, and needs no protection from him.
fn default_rate(host: &str) -> Rate {
    let is_local = Url::parse(&format!("http://{host}/")).is_ok_and(|url| is_loopback(&url));
    let is_hub = host == "docker.io" || host.ends_with(".docker.io");
    match (is_local, is_hub) {
        (true, _) => Rate::FREE,
        (_, true) => Rate::per_second(NonZeroU32::new(HUB_PER_SECOND).unwrap_or(NonZeroU32::MIN)),
        _ => Rate::per_second(NonZeroU32::new(PER_SECOND).unwrap_or(NonZeroU32::MIN)),
    }
}

/// Whether the image was written with its registry.
pub(super) fn names_registry(repository: &Repository) -> bool {
    let written = repository.written().split_once('/').map(|(first, _)| first);
    repository.registry() != "docker.io" || matches!(written, Some("docker.io" | "index.docker.io"))
}

fn same_host(api: &Url, host: &str) -> bool {
    let port = host.strip_prefix(without_port(host)).and_then(|port| port.strip_prefix(':'));
    let port = port.map_or(Some(443), |port| port.parse().ok());
    api.host_str() == Some(without_port(host)) && api.port_or_known_default() == port
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}
