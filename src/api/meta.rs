//! What the objects have in common: metadata, references to other objects, and the versions they are written in.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::labels::Labels;
use super::objects::Objects;
use super::problem::Report;
use crate::object::NamespacedName;

/// An object of one of our kinds. Its status is not read: the drivers keep it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Object<S> {
    pub metadata: Metadata,
    pub spec: S,
}

impl<S> Object<S> {
    pub fn name(&self) -> NamespacedName {
        NamespacedName::new(&self.metadata.namespace, &self.metadata.name)
    }
}

/// The parts of an object's metadata that people write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    pub name: String,
    /// Never empty in a loaded object.
    #[serde(default)]
    pub namespace: String,
    #[serde(default)]
    pub labels: Labels,
    #[serde(default)]
    pub annotations: Labels,
}

impl Metadata {
    pub(super) fn check(&self, report: &mut Report) {
        if !is_dns_name(&self.name) {
            report.error("metadata.name", not_a_name(&self.name));
        }
        if !is_dns_name(&self.namespace) || self.namespace.contains('.') {
            report.error("metadata.namespace", not_a_name(&self.namespace));
        }
    }
}

/// RFC 1123: labels of lower-case letters, digits and dashes, joined by dots.
fn is_dns_name(name: &str) -> bool {
    let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(is_inner)
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

fn not_a_name(name: &str) -> String {
    format!("{name:?} is not a valid name, expected lower-case letters, digits and dashes")
}

/// An object of the referrer's own namespace, such as a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct LocalReference {
    /// The name of the object.
    pub name: String,
}

impl LocalReference {
    pub fn within(&self, namespace: &str) -> NamespacedName {
        NamespacedName::new(namespace, &self.name)
    }
}

/// An object that may lie in another namespace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Reference {
    /// The name of the object.
    pub name: String,
    /// The namespace of the object; that of the referrer without it.
    pub namespace: Option<String>,
}

impl Reference {
    /// The name meant by a referrer in `own_namespace`.
    pub fn within(&self, own_namespace: &str) -> NamespacedName {
        NamespacedName::new(self.namespace.as_deref().unwrap_or(own_namespace), &self.name)
    }
}

/// The kinds that are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    ImageRepository,
    ImagePolicy,
    ImageUpdateAutomation,
    GitRepository,
    Secret,
    ServiceAccount,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::ImageRepository,
        Self::ImagePolicy,
        Self::ImageUpdateAutomation,
        Self::GitRepository,
        Self::Secret,
        Self::ServiceAccount,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImageRepository => "ImageRepository",
            Self::ImagePolicy => "ImagePolicy",
            Self::ImageUpdateAutomation => "ImageUpdateAutomation",
            Self::GitRepository => "GitRepository",
            Self::Secret => "Secret",
            Self::ServiceAccount => "ServiceAccount",
        }
    }

    /// The API group; empty for the core one.
    pub fn group(self) -> &'static str {
        match self {
            Self::ImageRepository | Self::ImagePolicy | Self::ImageUpdateAutomation => IMAGE_GROUP,
            Self::GitRepository => SOURCE_GROUP,
            Self::Secret | Self::ServiceAccount => "",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

pub(super) const IMAGE_GROUP: &str = "image.toolkit.fluxcd.io";
pub(super) const SOURCE_GROUP: &str = "source.toolkit.fluxcd.io";

/// The versions of a custom resource, oldest first; all four kinds have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    V1Beta1,
    V1Beta2,
    V1,
}

impl Version {
    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::V1Beta1, Self::V1Beta2, Self::V1].into_iter().find(|version| version.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1Beta1 => "v1beta1",
            Self::V1Beta2 => "v1beta2",
            Self::V1 => "v1",
        }
    }
}

/// What a kind tells the decoder about itself. Its type holds the fields of all versions. Other rooms name it as a bound
/// and leave the rest to [`read`](super::read::read).
pub trait Spec: DeserializeOwned {
    const KIND: Kind;

    /// Fields that must be there, each with a value as people write it, in JSON. The value is shown when the field is
    /// missing or wrong, and stands in for it while the rest of the object is looked at.
    const REQUIRED: &[(&str, &str)];

    /// Fields that not every version has: path, first version, last version.
    const ONLY_IN: &[(&str, Version, Version)];

    /// Where objects of this kind are kept.
    fn shelf(objects: &mut Objects) -> &mut BTreeMap<NamespacedName, Object<Self>>;

    /// What the schema cannot say: references, patterns, rules over several fields.
    fn check(&self, report: &mut Report);
}
