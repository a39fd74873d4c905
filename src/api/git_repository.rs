//! `GitRepository`: where a repository lies and how it is reached.
//!
//! Automations use the URL, the reference, the Secrets, the provider and the timeout. The other fields steer what Flux's
//! source-controller packs into an artifact; they are read so that nothing in a manifest is unknown.

use std::collections::BTreeMap;
use std::time;

use serde::Deserialize;

use super::duration::{self, Duration};
use super::labels::AccessFrom;
use super::meta::{Kind, LocalReference, Object, Spec, Version};
use super::objects::Objects;
use super::problem::{FieldError, Report};
use crate::object::NamespacedName;

pub type GitRepository = Object<GitRepositorySpec>;

const TIMEOUT_DEFAULT: time::Duration = time::Duration::from_secs(60);
const URL_BYTES_MAX: usize = 2048;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GitRepositorySpec {
    /// `https`, `http` or `ssh`, an scp-like address or, without a cluster, a local path. May carry credentials.
    pub url: String,
    pub interval: Duration,
    #[serde(rename = "ref")]
    pub reference: Option<GitReference>,
    pub secret_ref: Option<LocalReference>,
    pub proxy_secret_ref: Option<LocalReference>,
    #[serde(default)]
    pub provider: GitProvider,
    pub service_account_name: Option<String>,
    #[serde(default, deserialize_with = "duration::timeout")]
    pub timeout: Option<Duration>,
    #[serde(default)]
    pub suspend: bool,
    pub verify: Option<Verification>,
    pub ignore: Option<String>,
    #[serde(default)]
    pub include: Vec<Include>,
    #[serde(default)]
    pub recurse_submodules: bool,
    #[serde(default)]
    pub sparse_checkout: Vec<String>,
    /// Credentials may go over plain http to any host. A field of our own, in every version.
    #[serde(default)]
    pub insecure: bool,
    /// Of v1beta1 and v1beta2; there is one implementation here.
    pub git_implementation: Option<GitImplementation>,
    /// Of v1beta1 and v1beta2, where Flux never used it.
    pub access_from: Option<AccessFrom>,
}

/// What is checked out. The first that is set decides: commit, name, tag, semver, branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub struct GitReference {
    pub branch: Option<String>,
    pub tag: Option<String>,
    pub semver: Option<String>,
    /// A full reference, such as `refs/heads/main`.
    pub name: Option<String>,
    pub commit: Option<String>,
}

/// Whose credentials are used for a Git server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GitProvider {
    #[default]
    Generic,
    Aws,
    Azure,
    Github,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    #[serde(default)]
    pub mode: VerificationMode,
    pub secret_ref: Option<LocalReference>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum VerificationMode {
    /// `head` is the word of the older versions.
    #[default]
    #[serde(rename = "HEAD", alias = "head")]
    Head,
    Tag,
    #[serde(rename = "TagAndHEAD")]
    TagAndHead,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Include {
    pub repository: LocalReference,
    pub from_path: Option<String>,
    pub to_path: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum GitImplementation {
    #[serde(rename = "go-git")]
    GoGit,
    #[serde(rename = "libgit2")]
    Libgit2,
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
            report.error("spec.serviceAccountName", "can only be set when provider is 'azure' or 'aws'");
        }
    }
}
