//! Platforms: which manifest of an index is for which machine, as containerd decides it.

use std::fmt;
use std::str::FromStr;

use crate::registry::text::shown;

/// An operating system, an architecture and, for some, a variant of it: `linux/amd64`, `linux/arm/v7`.
///
/// Other names of the same are read too (`x86_64`, `aarch64`, `arm64/v8`, `armhf`) and printed as containerd names them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    os: String,
    architecture: String,
    /// Empty for the least one.
    variant: String,
}

/// A text that names no platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no platform, expected OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, such as linux/arm64")]
pub struct PlatformError(String);

const PART_BYTES_MAX: usize = 32;
/// Beyond any that there are.
const MINOR_MAX: u8 = 20;

impl Platform {
    /// Of the fields of a descriptor or config.
    pub(super) fn new(os: &str, architecture: &str, variant: &str) -> Self {
        let (architecture, variant) = normal(&architecture.to_lowercase(), &variant.to_lowercase());
        let os = match os.to_lowercase().as_str() {
            "macos" => "darwin".to_owned(),
            other => other.to_owned(),
        };
        Self { os, architecture, variant }
    }

    /// What images for this machine may be made for, best first.
    pub(super) fn runs(&self) -> Vec<Self> {
        let with = |architecture: &str, variants: Vec<String>| {
            variants.into_iter().map(|variant| Self::new(&self.os, architecture, &variant)).collect::<Vec<_>>()
        };
        match self.architecture.as_str() {
            "amd64" => [with("amd64", down_to(1, &self.variant)), with("386", vec![String::new()])].concat(),
            "arm" => with("arm", down_to(5, &self.variant)),
            "arm64" => [with("arm64", arm64(&self.variant)), with("arm", down_to(5, "v8"))].concat(),
            _ => vec![self.clone()],
        }
    }

    /// Of what is no image: attestations stand beside the images of an index like this.
    pub(super) fn is_unknown(&self) -> bool {
        self.os == "unknown" || self.architecture == "unknown"
    }
}

/// `v3` and all variants below it, down to `least`; another variant is only itself.
fn down_to(least: u8, variant: &str) -> Vec<String> {
    let version = if variant.is_empty() { Some(least) } else { number(variant.strip_prefix('v')) };
    match version {
        Some(version) => (least..=version.max(least)).rev().map(|version| format!("v{version}")).collect(),
        None => vec![variant.to_owned()],
    }
}

/// `v9.2` runs `v9.2`, `v9.1`, `v9` and, since `v9` has all of `v8.5`, `v8.7` and down.
fn arm64(variant: &str) -> Vec<String> {
    let (major, minor) = match variant.split_once('.') {
        Some((major, minor)) => (major, number(Some(minor))),
        None => (if variant.is_empty() { "v8" } else { variant }, Some(0)),
    };
    let down = |major: &str, minor: u8| (0..=minor).rev().map(|minor| dotted(major, minor)).collect::<Vec<_>>();
    match (major, minor) {
        ("v8", Some(minor)) => down("v8", minor),
        ("v9", Some(minor)) => [down("v9", minor), down("v8", minor + 5)].concat(),
        _ => vec![variant.to_owned()],
    }
}

fn dotted(major: &str, minor: u8) -> String {
    if minor == 0 { major.to_owned() } else { format!("{major}.{minor}") }
}

fn number(text: Option<&str>) -> Option<u8> {
    text?.parse().ok().filter(|number| *number <= MINOR_MAX)
}

fn normal(architecture: &str, variant: &str) -> (String, String) {
    let (architecture, variant) = match (architecture, variant) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "" | "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", "" | "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        other => other,
    };
    (architecture.to_owned(), variant.to_owned())
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let is_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let is_part = |part: &&str| !part.is_empty() && part.len() <= PART_BYTES_MAX && part.bytes().all(is_word);
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            parts if !parts.iter().all(is_part) => Err(PlatformError(shown(text))),
            [os, architecture] => Ok(Self::new(os, architecture, "")),
            [os, architecture, variant] => Ok(Self::new(os, architecture, variant)),
            _ => Err(PlatformError(shown(text))),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if !self.variant.is_empty() {
            write!(f, "/{}", self.variant)?;
        }
        Ok(())
    }
}
