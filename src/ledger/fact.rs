//! A fact of the ledger as a line of JSON: for exports, imports and the socket.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LastLatest, View};
use crate::image::{Digest, Repository, Tag};
use crate::object::NamespacedName;

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The last scan of a view; `fingerprint` is that of its tags.
    Scan {
        view: View,
        at: Timestamp,
        fingerprint: u128,
        etag: Option<String>,
    },
    Tag {
        view: View,
        tag: Tag,
        first_seen: Timestamp,
        vanished: Option<Timestamp>,
    },
    /// What a tag named from then on.
    Digest {
        view: View,
        tag: Tag,
        digest: Digest,
        since: Timestamp,
    },
    Created {
        digest: Digest,
        created: Timestamp,
    },
    Latest {
        policy: NamespacedName,
        latest: Box<LastLatest>,
    },
}

/// Which facts: all, those of one repository, or those of one tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The canonical name.
    pub repository: Option<String>,
    pub tag: Option<String>,
}

/// Why a line is no fact.
#[derive(Debug, thiserror::Error)]
pub enum FactError {
    #[error("expected a fact in JSON, as `tagwright ledger export` writes it (column {column})")]
    NoJson { column: usize },
    #[error("{0}")]
    NoFact(String),
    #[error("{field} {value:?} is not {expected}")]
    Field { field: &'static str, value: String, expected: &'static str },
}

/// Text of a field that has no grammar of its own.
const TEXT_BYTES_MAX: usize = 2048;
const QUOTED_CHARS_MAX: usize = 120;

/// A fact as it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[serde(expecting = "a fact")]
pub(super) enum Line {
    Scan { repository: String, access: String, at: String, fingerprint: String, etag: Option<String> },
    Tag { repository: String, access: String, tag: String, first_seen: String, vanished: Option<String> },
    Digest { repository: String, access: String, tag: String, digest: String, since: String },
    Created { digest: String, created: String },
    Latest { namespace: String, name: String, image: String, previous: Option<String>, specs: String, since: String },
}

impl From<&Fact> for Line {
    fn from(fact: &Fact) -> Self {
        match fact.clone() {
            Fact::Scan { view: View { repository, access }, at, fingerprint, etag } => {
                Self::Scan { repository, access, at: at.to_string(), fingerprint: format!("{fingerprint:032x}"), etag }
            }
            Fact::Tag { view: View { repository, access }, tag, first_seen, vanished } => Self::Tag {
                repository,
                access,
                tag: tag.to_string(),
                first_seen: first_seen.to_string(),
                vanished: vanished.map(|time| time.to_string()),
            },
            Fact::Digest { view: View { repository, access }, tag, digest, since } => Self::Digest {
                repository,
                access,
                tag: tag.to_string(),
                digest: digest.to_string(),
                since: since.to_string(),
            },
            Fact::Created { digest, created } => {
                Self::Created { digest: digest.to_string(), created: created.to_string() }
            }
            Fact::Latest { policy: NamespacedName { namespace, name }, latest } => {
                let LastLatest { image, previous, specs, since } = *latest;
                let (image, previous) = (image.written(), previous.map(|image| image.written()));
                Self::Latest { namespace, name, image, previous, specs, since: since.to_string() }
            }
        }
    }
}

impl TryFrom<Line> for Fact {
    type Error = FactError;

    fn try_from(line: Line) -> Result<Self, FactError> {
        match line {
            Line::Scan { repository, access, at, fingerprint, etag } => Ok(Self::Scan {
                view: view(repository, access)?,
                at: time("at", &at)?,
                fingerprint: fingerprint_of(&fingerprint)?,
                etag: etag.map(|etag| text("etag", etag)).transpose()?,
            }),
            Line::Tag { repository, access, tag, first_seen, vanished } => Ok(Self::Tag {
                view: view(repository, access)?,
                tag: parsed("tag", &tag, "a tag")?,
                first_seen: time("firstSeen", &first_seen)?,
                vanished: vanished.map(|vanished| time("vanished", &vanished)).transpose()?,
            }),
            Line::Digest { repository, access, tag, digest, since } => Ok(Self::Digest {
                view: view(repository, access)?,
                tag: parsed("tag", &tag, "a tag")?,
                digest: parsed("digest", &digest, "a digest")?,
                since: time("since", &since)?,
            }),
            Line::Created { digest, created } => Ok(Self::Created {
                digest: parsed("digest", &digest, "a digest")?,
                created: time("created", &created)?,
            }),
            Line::Latest { namespace, name, image, previous, specs, since } => Ok(Self::Latest {
                policy: NamespacedName::new(text("namespace", namespace)?, text("name", name)?),
                latest: Box::new(LastLatest {
                    image: parsed("image", &image, "an image")?,
                    previous: previous.map(|image| parsed("previous", &image, "an image")).transpose()?,
                    specs: text("specs", specs)?,
                    since: time("since", &since)?,
                }),
            }),
        }
    }
}

impl FromStr for Fact {
    type Err = FactError;

    fn from_str(line: &str) -> Result<Self, FactError> {
        serde_json::from_str::<Line>(line).map_err(no_line)?.try_into()
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&Line::from(self)).map_err(|_| fmt::Error)?)
    }
}

/// A fact is one line: that it is the first says nothing.
fn no_line(error: serde_json::Error) -> FactError {
    if error.is_syntax() || error.is_eof() {
        return FactError::NoJson { column: error.column() };
    }
    let text = error.to_string();
    let said = text.rsplit_once(" at line ").map_or(text.as_str(), |(said, _)| said);
    FactError::NoFact(said.chars().take(QUOTED_CHARS_MAX * 2).collect())
}

fn view(repository: String, access: String) -> Result<View, FactError> {
    let is_canonical = repository.parse::<Repository>().is_ok_and(|parsed| parsed.to_string() == repository);
    if !is_canonical {
        return Err(wrong("repository", &repository, "the whole name of an image repository"));
    }
    Ok(View { repository, access: text("access", access)? })
}

fn fingerprint_of(text: &str) -> Result<u128, FactError> {
    let is_hash = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| is_hash);
    number.ok_or_else(|| wrong("fingerprint", text, "32 hexadecimal digits"))
}

fn parsed<T: FromStr>(field: &'static str, value: &str, expected: &'static str) -> Result<T, FactError> {
    value.parse().map_err(|_| wrong(field, value, expected))
}

fn time(field: &'static str, value: &str) -> Result<Timestamp, FactError> {
    parsed(field, value, "a time (RFC 3339)")
}

fn text(field: &'static str, value: String) -> Result<String, FactError> {
    if value.len() > TEXT_BYTES_MAX {
        return Err(wrong(field, &value, "at most 2048 bytes"));
    }
    if value.contains(char::is_control) {
        return Err(wrong(field, &value, "text without control characters"));
    }
    Ok(value)
}

fn wrong(field: &'static str, value: &str, expected: &'static str) -> FactError {
    FactError::Field { field, value: value.chars().take(QUOTED_CHARS_MAX).collect(), expected }
}
