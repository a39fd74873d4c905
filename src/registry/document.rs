//! The JSON of manifests, indexes and image configs: takes bytes that were checked against their digest, gives what is
//! needed of them. Both OCI's and Docker's forms; unknown fields are passed over.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::image::Digest;
use crate::registry::platform::Platform;
use crate::registry::text::shown;

/// An index or the manifest of one image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    #[serde(default, deserialize_with = "descriptors")]
    manifests: Option<Vec<Descriptor>>,
    pub(super) config: Option<Descriptor>,
    annotations: Option<Annotations>,
}

/// What a manifest says of another document.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    media_type: Option<String>,
    artifact_type: Option<String>,
    #[serde(deserialize_with = "digest")]
    pub(super) digest: Digest,
    platform: Option<PlatformField>,
    annotations: Option<Annotations>,
}

/// Those that matter.
#[derive(Debug, Deserialize)]
struct Annotations {
    #[serde(rename = "org.opencontainers.image.created")]
    created: Option<String>,
    /// BuildKit marks attestations with it.
    #[serde(rename = "vnd.docker.reference.type")]
    reference_type: Option<IgnoredAny>,
    /// Sigstore says of a bundle what is attested by it; a signature has none.
    #[serde(rename = "dev.sigstore.bundle.predicateType")]
    predicate_type: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PlatformField {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
}

#[derive(Deserialize)]
struct Config {
    created: Option<String>,
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
}

/// An index lists the platforms of one image, not a whole registry.
const MANIFESTS_MAX: usize = 1000;
/// How many platforms an error names.
const NAMED_MAX: usize = 10;
const CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

impl Document {
    pub(super) fn read(json: &[u8]) -> Result<Self, String> {
        read(json, "a manifest")
    }

    /// The manifests of an index.
    pub(super) fn index(&self) -> Option<&[Descriptor]> {
        self.manifests.as_deref()
    }

    /// When the image was built, as its annotation says.
    pub(super) fn created(&self) -> Option<Timestamp> {
        // People write annotations: what is no time is no reason not to look into the config.
        self.annotations.as_ref()?.created.as_deref()?.trim().parse().ok()
    }
}

impl Descriptor {
    /// What the artifact is, where it is one.
    pub(super) fn kind(&self) -> Option<String> {
        self.artifact_type.clone().filter(|kind| !kind.is_empty())
    }

    /// What the artifact states, where it is an attestation.
    pub(super) fn predicate(&self) -> Option<String> {
        self.annotations.as_ref()?.predicate_type.clone().filter(|kind| !kind.is_empty())
    }

    pub(super) fn platform(&self) -> Option<Platform> {
        let field = self.platform.as_ref()?;
        Some(Platform::new(&field.os, &field.architecture, field.variant.as_deref().unwrap_or_default()))
    }

    pub(super) fn is_index(&self) -> bool {
        self.media_type.as_deref().is_some_and(|kind| INDEXES.contains(&kind))
    }

    /// Whether it is the config of an image, and not of a chart or other artifact.
    pub(super) fn is_image_config(&self) -> bool {
        self.media_type.as_deref().is_none_or(|kind| CONFIGS.contains(&kind))
    }

    fn is_attestation(&self) -> bool {
        let is_marked = self.annotations.as_ref().is_some_and(|annotations| annotations.reference_type.is_some());
        is_marked || self.platform().is_some_and(|platform| platform.is_unknown())
    }
}

/// The manifest for a machine, the best of those that run there; without a machine, the first image.
pub(super) fn choose<'a>(index: &'a [Descriptor], wanted: Option<&Platform>) -> Option<&'a Descriptor> {
    let mut images = index.iter().filter(|descriptor| !descriptor.is_attestation());
    let Some(wanted) = wanted else { return images.next() };
    let runs = wanted.runs();
    let ranked = images.filter_map(|descriptor| {
        // Who does not say what it is for may be for anything, after all that do.
        let rank = match descriptor.platform() {
            Some(platform) => runs.iter().position(|other| *other == platform)?,
            None => runs.len(),
        };
        Some((rank, descriptor))
    });
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, descriptor)| descriptor)
}

/// The platforms of an index, as an error names them.
pub(super) fn named(index: &[Descriptor]) -> String {
    let images = index.iter().filter(|descriptor| !descriptor.is_attestation());
    let mut names: Vec<String> =
        images.filter_map(Descriptor::platform).map(|platform| shown(&platform.to_string())).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    let more = names.len().saturating_sub(NAMED_MAX);
    names.truncate(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// When an image was built and for which machine, as its config says.
pub(super) fn config(json: &[u8]) -> Result<(Option<Timestamp>, Option<Platform>), String> {
    let config: Config = read(json, "an image config")?;
    let is_told = !config.os.is_empty() && !config.architecture.is_empty();
    let variant = config.variant.as_deref().unwrap_or_default();
    let platform = is_told.then(|| Platform::new(&config.os, &config.architecture, variant));
    Ok((time(config.created.as_deref())?, platform))
}

fn time(text: Option<&str>) -> Result<Option<Timestamp>, String> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| format!("{} is no time of creation", shown(text))),
    }
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8], what: &str) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| format!("expected {what} as JSON: {}", shown(&error.to_string())))
}

fn digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// A list that ends before it is too long to be kept.
fn descriptors<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Descriptor>>, D::Error> {
    struct List;
    impl<'de> Visitor<'de> for List {
        type Value = Option<Vec<Descriptor>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MANIFESTS_MAX} manifests")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut list = Vec::new();
            while let Some(descriptor) = entries.next_element()? {
                if list.len() == MANIFESTS_MAX {
                    return Err(A::Error::invalid_length(list.len() + 1, &self));
                }
                list.push(descriptor);
            }
            Ok(Some(list))
        }
    }
    deserializer.deserialize_any(List)
}
