//! Names of images: repositories, tags, digests and references to images.
//!
//! Takes text as people write it (`nginx`, `ghcr.io/acme/web:1.2@sha256:…`), gives parsed parts that
//! the rest of the code trusts. The grammar is the one of the OCI distribution specification and of
//! Docker's references; `docs/differences.md` says where the incumbents' libraries disagree.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::sync::Arc;

/// A repository of images in a registry, such as `ghcr.io/acme/web`.
///
/// `Display` prints the normalised name (`nginx` is `docker.io/library/nginx`); [`Repository::written`]
/// keeps what the user wrote, since that is what goes into manifests. Compared by the normalised name.
#[derive(Clone, Debug)]
pub struct Repository {
    registry: String,
    path: String,
    written: String,
}

/// A tag: at most 128 of letters, digits, `_`, `.`, `-`, not starting with `.` or `-`.
///
/// Cloning is cheap: a registry's 100,000 tags are held once, by whoever has a list of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

/// What a tag is for, by its name: an image, or something about one that tools keep beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagKind {
    Image,
    /// `sha256-….sig`, of cosign.
    Signature,
    /// `sha256-….att`, of cosign.
    Attestation,
    /// `sha256-….sbom`, of cosign.
    Sbom,
    /// `sha256-…`: the list of what refers to an image, in registries without the API for it (OCI distribution 1.1).
    Referrers,
}

/// A content digest, `sha256:…` (also sha384 and sha512), lower-case hex of the exact length.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

/// A repository with a tag, a digest, both or neither.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    pub repository: Repository,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

/// How a registry is spoken to when nothing else is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

/// Text that names no image: which part of it is wrong, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} {text:?}: {expected}")]
pub struct ParseError {
    part: Part,
    text: String,
    expected: &'static str,
}

/// The part of an image's name that a [`ParseError`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Reference,
    Registry,
    Repository,
    Tag,
    Digest,
}

const HUB: &str = "docker.io";
/// The other name of Docker Hub, read as [`HUB`].
const HUB_INDEX: &str = "index.docker.io";
/// Where Docker Hub answers the distribution API.
const HUB_HOST: &str = "registry-1.docker.io";
const PATH_BYTES_MAX: usize = 255;
const TAG_BYTES_MAX: usize = 128;
/// Wrong text is quoted in the error up to this length.
const QUOTED_CHARS_MAX: usize = 120;

impl Repository {
    /// The registry's normalised name, with its port if it has one: `docker.io`, `localhost:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path in the registry: `library/nginx`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The name as the user wrote it: `nginx`.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The `host[:port]` to connect to.
    pub fn host(&self) -> &str {
        if self.registry == HUB { HUB_HOST } else { &self.registry }
    }

    /// Plain http for loopback and private IPv4 addresses, https for all others, as go-containerregistry does.
    pub fn scheme(&self) -> Scheme {
        if is_spoken_to_over_http(&self.registry) { Scheme::Http } else { Scheme::Https }
    }

    /// The whole name as Flux writes it into `status.canonicalImageName`: Docker Hub is `index.docker.io` there.
    pub fn canonical_name(&self) -> String {
        let registry = if self.registry == HUB { HUB_INDEX } else { &self.registry };
        format!("{registry}/{}", self.path)
    }

    fn name(&self) -> (&str, &str) {
        (&self.registry, &self.path)
    }
}

impl FromStr for Repository {
    type Err = ParseError;

    /// Reads a name without tag and digest.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let split = Split::new(text)?;
        if let Some(digest) = split.digest {
            return Err(ParseError::new(Part::Digest, digest, "an image repository is named without a digest"));
        }
        if let Some(tag) = split.tag {
            return Err(ParseError::new(Part::Tag, tag, "an image repository is named without a tag"));
        }
        split.repository()
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

impl PartialEq for Repository {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Repository {}

impl PartialOrd for Repository {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Repository {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(&other.name())
    }
}

impl Hash for Repository {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl Tag {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn kind(&self) -> TagKind {
        TagKind::of(self.as_str())
    }
}

impl TagKind {
    /// The kind of a tag of this text.
    pub fn of(tag: &str) -> Self {
        let (digest, suffix) = tag.split_once('.').map_or((tag, None), |(digest, suffix)| (digest, Some(suffix)));
        match suffix {
            _ if !is_digest_in_a_tag(digest) => Self::Image,
            None => Self::Referrers,
            Some("sig") => Self::Signature,
            Some("att") => Self::Attestation,
            Some("sbom") => Self::Sbom,
            Some(_) => Self::Image,
        }
    }
}

/// `sha256-` and 64 hexadecimal digits. Of a longer digest the list of referrers has the first 64.
fn is_digest_in_a_tag(text: &str) -> bool {
    let hex = text.split_once('-').filter(|(algorithm, _)| matches!(*algorithm, "sha256" | "sha384" | "sha512"));
    hex.is_some_and(|(_, hex)| matches!(hex.len(), 64 | 96 | 128) && hex.bytes().all(is_lower_hex))
}

/// With its article: `a signature`.
impl fmt::Display for TagKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Image => "an image",
            Self::Signature => "a signature",
            Self::Attestation => "an attestation",
            Self::Sbom => "a bill of materials (SBOM)",
            Self::Referrers => "a list of referrers",
        })
    }
}

impl FromStr for Tag {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = |expected| Err(ParseError::new(Part::Tag, text, expected));
        let is_allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        match text.as_bytes() {
            [] => error("expected at least one character"),
            [b'.' | b'-', ..] => error("expected a letter, a digit or `_` at the start"),
            bytes if !bytes.iter().all(is_allowed) => error("expected only letters, digits, `_`, `.` and `-`"),
            bytes if bytes.len() > TAG_BYTES_MAX => error("expected at most 128 characters"),
            _ => Ok(Self(text.into())),
        }
    }
}

impl AsRef<str> for Tag {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Digest {
    /// The digest whose algorithm gave `hash`, as bytes.
    pub fn of_hash(algorithm: &str, hash: &[u8]) -> Result<Self, ParseError> {
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{algorithm}:{hex}").parse()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `sha256`, `sha384` or `sha512`.
    pub fn algorithm(&self) -> &str {
        self.halves().0
    }

    /// The hash in lower-case hexadecimal digits.
    pub fn hex(&self) -> &str {
        self.halves().1
    }

    fn halves(&self) -> (&str, &str) {
        self.0.split_once(':').expect("checked by from_str")
    }
}

impl FromStr for Digest {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = |expected| Err(ParseError::new(Part::Digest, text, expected));
        let Some((algorithm, hex)) = text.split_once(':') else {
            return error("expected an algorithm, a colon and the hash, as in `sha256:…`");
        };
        let (length, expected) = match algorithm {
            "sha256" => (64, "expected 64 lower-case hexadecimal digits after `sha256:`"),
            "sha384" => (96, "expected 96 lower-case hexadecimal digits after `sha384:`"),
            "sha512" => (128, "expected 128 lower-case hexadecimal digits after `sha512:`"),
            _ => return error("expected the algorithm `sha256`, `sha384` or `sha512`"),
        };
        if hex.len() == length && hex.bytes().all(is_lower_hex) { Ok(Self(text.to_owned())) } else { error(expected) }
    }
}

impl AsRef<str> for Digest {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ImageRef {
    /// The repository as the user wrote it, then `:tag` and `@digest`.
    pub fn written(&self) -> String {
        self.printed(&self.repository.written())
    }

    fn printed(&self, name: &dyn fmt::Display) -> String {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = self.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
        format!("{name}{tag}{digest}")
    }
}

impl FromStr for ImageRef {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let split = Split::new(text)?;
        let digest = split.digest.map(str::parse).transpose()?;
        let tag = split.tag.map(str::parse).transpose()?;
        Ok(Self { repository: split.repository()?, tag, digest })
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.printed(&self.repository))
    }
}

impl ParseError {
    /// The part that is wrong.
    pub fn part(&self) -> Part {
        self.part
    }

    fn new(part: Part, text: &str, expected: &'static str) -> Self {
        let text = match text.char_indices().nth(QUOTED_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_owned(),
        };
        Self { part, text, expected }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reference => "image reference",
            Self::Registry => "registry",
            Self::Repository => "repository",
            Self::Tag => "tag",
            Self::Digest => "digest",
        })
    }
}

/// The parts of a reference before they are checked.
struct Split<'a> {
    /// The whole name, as written.
    name: &'a str,
    registry: Option<&'a str>,
    path: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Split<'a> {
    fn new(text: &'a str) -> Result<Self, ParseError> {
        check_whole(text)?;
        let (tagged, digest) = split_once_or_none(text, '@');
        let (registry, rest) = match tagged.split_once('/') {
            Some((first, rest)) if is_registry(first) => (Some(first), rest),
            _ => (None, tagged),
        };
        let (path, tag) = split_once_or_none(rest, ':');
        let name = &tagged[..tagged.len() - tag.map_or(0, |tag| tag.len() + 1)];
        Ok(Self { name, registry, path, tag, digest })
    }

    fn repository(&self) -> Result<Repository, ParseError> {
        check_path(self.path)?;
        let registry = match self.registry {
            None | Some(HUB | HUB_INDEX) => HUB,
            Some(registry) => check_registry(registry)?,
        };
        let is_official = registry == HUB && !self.path.contains('/');
        let path = if is_official { format!("library/{}", self.path) } else { self.path.to_owned() };
        // Docker's library counts a host that it reads as a part of the path.
        let counted = path.len() + if is_host_like_a_path(registry) { registry.len() + 1 } else { 0 };
        if counted > PATH_BYTES_MAX {
            let expected = "expected at most 255 characters, `library/` included";
            return Err(ParseError::new(Part::Repository, self.path, expected));
        }
        Ok(Repository { registry: registry.to_owned(), path, written: self.name.to_owned() })
    }
}

/// What is wrong with the text as a whole gets a better explanation than its parts could give.
fn check_whole(text: &str) -> Result<(), ParseError> {
    let error = |expected| Err(ParseError::new(Part::Reference, text, expected));
    if text.is_empty() {
        return error("expected a name");
    }
    if text.contains(char::is_whitespace) {
        return error("expected no blanks");
    }
    if text.contains("://") {
        return error("expected a name without a scheme such as `https://`");
    }
    if text.len() == 64 && text.bytes().all(is_lower_hex) {
        return error("64 hexadecimal digits are an image id, expected a name");
    }
    Ok(())
}

fn split_once_or_none(text: &str, delimiter: char) -> (&str, Option<&str>) {
    text.split_once(delimiter).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Whether the part before the first slash names a registry; otherwise it belongs to a path on Docker Hub.
fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(|c: char| c == '.' || c == ':' || c.is_uppercase())
}

fn check_registry(registry: &str) -> Result<&str, ParseError> {
    let (host, port) = match registry.rfind(']') {
        Some(end) => (&registry[..=end], registry[end + 1..].strip_prefix(':')),
        None => split_once_or_none(registry, ':'),
    };
    let error = |expected| Err(ParseError::new(Part::Registry, registry, expected));
    if port.is_some_and(|port| port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit())) {
        return error("expected a port of digits after the colon");
    }
    let is_readable = is_host(host) || is_host_like_a_path(registry);
    if !is_readable {
        return error("expected a host name, an IPv4 address or an IPv6 address in brackets");
    }
    if host.len() + port.map_or(0, |port| port.len() + 1) != registry.len() {
        return error("expected nothing but a port after the bracket");
    }
    Ok(registry)
}

/// Both incumbents accept `my_registry.example/app`, one of them as a path without a registry. No port can follow.
fn is_host_like_a_path(registry: &str) -> bool {
    is_path_component(registry) && !is_host(registry)
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(ipv6) => !ipv6.is_empty() && ipv6.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
        None => host.split('.').all(is_host_label),
    }
}

fn is_host_label(label: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !label.is_empty() && label.bytes().all(is_allowed) && !label.starts_with('-') && !label.ends_with('-')
}

fn check_path(path: &str) -> Result<(), ParseError> {
    let error = |expected| Err(ParseError::new(Part::Repository, path, expected));
    if path.contains(char::is_uppercase) {
        return error("expected lower-case letters");
    }
    if !path.split('/').all(is_path_component) {
        return error("expected lower-case letters and digits, joined by `/`, `.`, `_`, `__` or `-`");
    }
    Ok(())
}

/// Runs of lower-case letters and digits, joined by one period, one or two underscores, or any number of dashes.
fn is_path_component(component: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_separator = |s: &str| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|b| b == b'-');
    let ends_in_word = |mut bytes: std::str::Bytes<'_>| bytes.next_back().is_some_and(is_word);
    component.bytes().next().is_some_and(is_word)
        && ends_in_word(component.bytes())
        && component.split(|c: char| c.is_ascii() && is_word(c as u8)).all(is_separator)
}

fn is_lower_hex(b: u8) -> bool {
    matches!(b, b'0'..=b'9' | b'a'..=b'f')
}

fn is_spoken_to_over_http(registry: &str) -> bool {
    let (host, port) = match registry.strip_prefix("[::1]") {
        Some(port) => ("[::1]", port.strip_prefix(':')),
        None => split_once_or_none(registry, ':'),
    };
    let is_private = host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_private());
    // Longer ports name no port at all; the incumbent takes such a name for a foreign one.
    let is_short = port.is_none_or(|port| port.len() <= 5);
    let is_loopback = host == "127.0.0.1" || host == "[::1]" || host.ends_with(".localhost");
    is_private || (host == "localhost" && port.is_some()) || (is_loopback && is_short)
}
