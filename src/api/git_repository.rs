//! `GitRepository`: where a repository lies and how it is reached.
//!
//! Automations use the URL, the reference, the Secrets, the provider and the timeout. The other fields steer what Flux's
//! source-controller packs into an artifact; they are read so that nothing in a manifest is unknown.

use std::collections::BTreeMap;
use std::time;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::duration::{self, Duration};
use super::labels::AccessFrom;
use super::meta::{Kind, LocalReference, Object, Spec, Version};
use super::objects::Objects;
use super::problem::{FieldError, Report};
use crate::object::{NamespacedName, Value};

pub type GitRepository = Object<GitRepositorySpec>;

const TIMEOUT_DEFAULT: time::Duration = time::Duration::from_secs(60);
const URL_BYTES_MAX: usize = 2048;

/// Flux's words.
const ACCOUNT_UNWANTED: &str = "can only be set when provider is 'azure' or 'aws'";

/// Where a Git repository lies and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = account_rules()))]
pub struct GitRepositorySpec {
    /// The address of the repository: https, http or ssh.
    // Without a cluster an scp-like address or a local path too. May carry credentials.
    #[schemars(extend("pattern" = "^(http|https|ssh)://.*$"))]
    pub url: String,
    /// How often the repository is asked for changes.
    pub interval: Duration,
    /// What is checked out; the branch master without it.
    #[serde(rename = "ref")]
    pub reference: Option<GitReference>,
    /// A Secret with credentials: username and password or bearerToken, or identity and known_hosts.
    pub secret_ref: Option<LocalReference>,
    /// A Secret with the address of a proxy, and its username and password.
    pub proxy_secret_ref: Option<LocalReference>,
    /// Whose credentials are used for the Git server; generic without it.
    #[serde(default)]
    pub provider: GitProvider,
    /// A ServiceAccount whose workload identity is used, with provider azure or aws.
    pub service_account_name: Option<String>,
    /// How long one exchange with the Git server may take.
    #[serde(default, deserialize_with = "duration::timeout")]
    #[schemars(extend("pattern" = duration::TIMEOUT_PATTERN, "default" = "60s"))]
    pub timeout: Option<Duration>,
    /// Nothing is fetched for this object while this is true.
    #[serde(default)]
    pub suspend: bool,
    /// Which signatures are verified.
    pub verify: Option<Verification>,
    /// Which files are left out of the artifact, in the syntax of .gitignore.
    pub ignore: Option<String>,
    /// Artifacts of other repositories that are placed into that of this one.
    #[serde(default)]
    pub include: Vec<Include>,
    /// Submodules are fetched too.
    #[serde(default)]
    pub recurse_submodules: bool,
    /// The only directories that are checked out.
    #[serde(default)]
    pub sparse_checkout: Vec<String>,
    /// Credentials may go over plain http to any host. Tagwright's own.
    #[serde(default)]
    pub insecure: bool,
    /// Which Git library is used, in v1beta1 and v1beta2. Without effect.
    pub git_implementation: Option<GitImplementation>,
    /// From which other namespaces this object may be referred to, in v1beta1 and v1beta2. Without effect.
    pub access_from: Option<AccessFrom>,
}

/// What is checked out. The first that is set decides: commit, name, tag, semver, branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
pub struct GitReference {
    /// A branch.
    pub branch: Option<String>,
    /// A tag; goes before branch.
    pub tag: Option<String>,
    /// A range of versions, of which the highest tag is taken; goes before tag.
    pub semver: Option<String>,
    /// A full reference, such as refs/heads/main; goes before semver.
    pub name: Option<String>,
    /// A commit; goes before all others.
    pub commit: Option<String>,
}

/// Whose credentials are used for a Git server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GitProvider {
    #[default]
    Generic,
    Aws,
    Azure,
    Github,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Which objects are verified: the commit at HEAD, the tag, or both.
    #[serde(default)]
    #[schemars(extend("default" = "HEAD"))]
    pub mode: VerificationMode,
    /// A Secret with the public keys of the authors that are trusted.
    pub secret_ref: Option<LocalReference>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[schemars(extend("enum" = ["head", "HEAD", "Tag", "TagAndHEAD"]))]
pub enum VerificationMode {
    // `head` is the word of the older versions.
    #[default]
    #[serde(rename = "HEAD", alias = "head")]
    Head,
    Tag,
    #[serde(rename = "TagAndHEAD")]
    TagAndHead,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Include {
    /// The GitRepository that is included.
    pub repository: LocalReference,
    /// The folder that is taken; all of it without it.
    pub from_path: Option<String>,
    /// The folder that it goes to; one with the name of the repository without it.
    pub to_path: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
pub enum GitImplementation {
    #[serde(rename = "go-git")]
    GoGit,
    #[serde(rename = "libgit2")]
    Libgit2,
}

/// Flux's rule over two fields, for the API server; `check` has the same words.
fn account_rules() -> Value {
    json!([{
        "message": format!("serviceAccountName {ACCOUNT_UNWANTED}"),
        "rule": "!has(self.serviceAccountName) || (has(self.provider) && \
            (self.provider == 'azure' || self.provider == 'aws'))",
    }])
}

impl GitRepositorySpec {
    /// How long one exchange with the server may take.
    pub fn timeout(&self) -> time::Duration {
        self.timeout.map_or(TIMEOUT_DEFAULT, Duration::get)
    }

    /// The message never shows the URL: it may hold a password.
    fn check_url(&self) -> Result<(), FieldError> {
        let error = |message: &str| Err(FieldError::new("spec.url", message));
        match self.url.as_str() {
            "" => error("is empty, expected a URL such as https://github.com/acme/infrastructure"),
            url if url.len() > URL_BYTES_MAX => error("is too long, expected at most 2048 bytes"),
            url if url.chars().any(char::is_control) => error("holds a control character, expected a URL"),
            // Nothing of an object may be taken for an option.
            url if url.starts_with('-') => error("starts with a dash, expected a URL"),
            _ => Ok(()),
        }
    }
}

impl Spec for GitRepositorySpec {
    const KIND: Kind = Kind::GitRepository;
    const REQUIRED: &[(&str, &str)] =
        &[("spec.url", r#""https://github.com/acme/infrastructure""#), ("spec.interval", r#""5m""#)];
    const ONLY_IN: &[(&str, Version, Version)] = &[
        ("spec.ref.name", Version::V1Beta2, Version::V1),
        ("spec.proxySecretRef", Version::V1, Version::V1),
        ("spec.provider", Version::V1, Version::V1),
        ("spec.serviceAccountName", Version::V1, Version::V1),
        ("spec.sparseCheckout", Version::V1, Version::V1),
        ("spec.gitImplementation", Version::V1Beta1, Version::V1Beta2),
        ("spec.accessFrom", Version::V1Beta1, Version::V1Beta2),
    ];

    fn shelf(objects: &mut Objects) -> &mut BTreeMap<NamespacedName, Object<Self>> {
        &mut objects.git_repositories
    }

    fn check(&self, report: &mut Report) {
        report.take(self.check_url());
        let takes_account = matches!(self.provider, GitProvider::Aws | GitProvider::Azure);
        if self.service_account_name.is_some() && !takes_account {
            report.error("spec.serviceAccountName", ACCOUNT_UNWANTED);
        }
    }
}
