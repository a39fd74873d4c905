//! `ImageRepository`: which tags to list, how often, with which credentials.

use std::collections::BTreeMap;
use std::time;

use schemars::JsonSchema;
use serde::Deserialize;

use super::duration::{self, Duration};
use super::labels::AccessFrom;
use super::meta::{Kind, LocalReference, Object, Spec, Version};
use super::objects::Objects;
use super::problem::{FieldError, Report};
use crate::goregex;
use crate::image;
use crate::object::NamespacedName;

pub type ImageRepository = Object<ImageRepositorySpec>;

const EXCLUSIONS_MAX: usize = 25;
const SERVICE_ACCOUNT_NAME_MAX: usize = 253;
const TIMEOUT_MIN: time::Duration = time::Duration::from_secs(1);

/// Which image repository is scanned, how often, and with which credentials.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageRepositorySpec {
    /// The image repository, such as ghcr.io/acme/web: without scheme, tag and digest.
    // As written; `repository` reads it.
    pub image: String,
    /// How often the tags are listed.
    pub interval: Duration,
    /// How long one scan may take; the interval without it, never less than a second.
    #[serde(default, deserialize_with = "duration::timeout")]
    #[schemars(extend("pattern" = duration::TIMEOUT_PATTERN))]
    pub timeout: Option<Duration>,
    /// A Secret with the registry's credentials, of type kubernetes.io/dockerconfigjson.
    pub secret_ref: Option<LocalReference>,
    /// A Secret with the address of a proxy, and its username and password.
    pub proxy_secret_ref: Option<LocalReference>,
    /// A ServiceAccount whose imagePullSecrets are used; with a cloud's provider, whose workload identity.
    #[schemars(extend("maxLength" = SERVICE_ACCOUNT_NAME_MAX))]
    pub service_account_name: Option<String>,
    /// A Secret with a client certificate (tls.crt, tls.key) and a certificate authority (ca.crt).
    pub cert_secret_ref: Option<LocalReference>,
    /// No scan is made while this is true.
    #[serde(default)]
    pub suspend: bool,
    /// From which other namespaces policies may refer to this object; from none without it.
    pub access_from: Option<AccessFrom>,
    /// Go regular expressions, not anchored: tags that match one are dropped before anything else.
    #[serde(default = "signatures")]
    #[schemars(extend("default" = signatures(), "maxItems" = EXCLUSIONS_MAX))]
    pub exclusion_list: Vec<String>,
    /// Whose credentials are used for the registry.
    #[serde(default)]
    #[schemars(extend("default" = "generic"))]
    pub provider: RegistryProvider,
    /// The registry is asked over plain http.
    #[serde(default)]
    pub insecure: bool,
}

/// Whose credentials are used for a registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RegistryProvider {
    #[default]
    Generic,
    Aws,
    Azure,
    Gcp,
}

impl ImageRepositorySpec {
    /// The image repository that `image` names.
    pub fn repository(&self) -> Result<image::Repository, FieldError> {
        if let Some((scheme, _)) = self.image.split_once("://") {
            let message = format!("has a scheme, expected the name without {scheme}://");
            return Err(FieldError::new("spec.image", message));
        }
        self.image.parse().map_err(|error: image::ParseError| FieldError::from_error("spec.image", &error))
    }

    /// How long one scan may take: `timeout`, else `interval`, never less than a second.
    pub fn timeout(&self) -> time::Duration {
        self.timeout.unwrap_or(self.interval).get().max(TIMEOUT_MIN)
    }
}

/// Cosign's signatures, the schema's default.
fn signatures() -> Vec<String> {
    vec![r"^.*\.sig$".to_owned()]
}

impl Spec for ImageRepositorySpec {
    const KIND: Kind = Kind::ImageRepository;
    const REQUIRED: &[(&str, &str)] = &[("spec.image", r#""ghcr.io/acme/web""#), ("spec.interval", r#""5m""#)];
    const ONLY_IN: &[(&str, Version, Version)] = &[
        ("spec.proxySecretRef", Version::V1Beta2, Version::V1),
        ("spec.provider", Version::V1Beta2, Version::V1),
        ("spec.insecure", Version::V1Beta2, Version::V1),
    ];

    fn shelf(objects: &mut Objects) -> &mut BTreeMap<NamespacedName, Object<Self>> {
        &mut objects.image_repositories
    }

    fn check(&self, report: &mut Report) {
        report.take(self.repository());
        for (at, pattern) in self.exclusion_list.iter().enumerate() {
            let field = format!("spec.exclusionList[{at}]");
            report.take(goregex::Regex::new(pattern).map_err(|error| FieldError::from_error(field, &error)));
        }
        let count = self.exclusion_list.len();
        if count > EXCLUSIONS_MAX {
            report.error("spec.exclusionList", format!("has {count} entries, expected at most {EXCLUSIONS_MAX}"));
        }
        let length = self.service_account_name.as_deref().unwrap_or_default().len();
        if length > SERVICE_ACCOUNT_NAME_MAX {
            let message = format!("has {length} characters, expected at most {SERVICE_ACCOUNT_NAME_MAX}");
            report.error("spec.serviceAccountName", message);
        }
    }
}
