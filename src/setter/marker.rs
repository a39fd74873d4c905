//! The marker: `# {"$imagepolicy": "namespace:name[:tag|:name|:digest]"}`.
//!
//! Takes the text of a comment; gives which policy it names and which part of the image it wants, nothing
//! if the comment is about something else, or what is wrong with it. The long form of kyaml,
//! `{"$ref": "#/definitions/io.k8s.cli.setters.namespace:name"}`, means the same.

use std::fmt;

use memchr::memmem;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::object::NamespacedName;

/// The bytes by which a marker is found, as the incumbent finds it.
pub(super) const KEY: &str = "\"$imagepolicy\"";
const LONG_FORM: &str = "#/definitions/io.k8s.cli.setters.";

/// A marker that is well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) policy: NamespacedName,
    pub(super) part: Part,
    /// The name as written: `namespace:name[:tag|:name|:digest]`.
    pub(super) setter: String,
}

/// The part of the latest image that a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Reference,
    Tag,
    Name,
    Digest,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reference => "reference",
            Self::Tag => "tag",
            Self::Name => "name",
            Self::Digest => "digest",
        })
    }
}

/// What is wrong with a marker.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the comment is not one JSON object and nothing else: {0}")]
    Json(serde_json::Error),
    #[error("the value of `{0}` in the marker is not a string")]
    NotText(String),
    #[error("the marker gives `{0}` twice")]
    Twice(String),
    #[error("the comment has no key `$imagepolicy`")]
    Missing,
    #[error("`{0}` is not of the form `namespace:name[:tag|:name|:digest]`")]
    Setter(String),
    #[error("the suffix `:{0}` is none of `:tag`, `:name`, `:digest`")]
    Suffix(String),
}

/// Whether `text` holds the bytes of a marker in either form, in UTF-8 or, behind a byte order mark, UTF-16.
pub(super) fn is_in(text: &[u8]) -> bool {
    [KEY, LONG_FORM].iter().any(|form| memmem::find(text, form.as_bytes()).is_some()) || is_in_utf16(text)
}

/// Whether `text` is UTF-16 and holds the bytes of a marker.
pub(super) fn is_in_utf16(text: &[u8]) -> bool {
    utf16(text).is_some_and(|encode| memmem::find(text, &encode(KEY)).is_some())
}

/// Where the bytes of markers are, in rising order, the first on each line; in UTF-16 if `text` is.
pub(super) fn offsets(text: &[u8]) -> Vec<usize> {
    let find = |form: &[u8]| memmem::find_iter(text, form).collect::<Vec<_>>();
    let mut offsets = match utf16(text) {
        Some(encode) if is_in_utf16(text) => find(&encode(KEY)),
        _ => [KEY, LONG_FORM].iter().flat_map(|form| find(form.as_bytes())).collect(),
    };
    offsets.sort_unstable();
    first_on_lines(text, offsets.into_iter()).collect()
}

/// Of rising `offsets`, those that are the first on their line.
pub(super) fn first_on_lines(text: &[u8], offsets: impl Iterator<Item = usize>) -> impl Iterator<Item = usize> {
    let mut last = None;
    offsets.filter(move |&at| {
        let between = &text[last.replace(at).unwrap_or(at)..at];
        between.is_empty() || memchr::memchr2(b'\n', b'\r', between).is_some()
    })
}

/// How text is put into the UTF-16 of `text`, if the byte order mark says that it is UTF-16.
fn utf16(text: &[u8]) -> Option<impl Fn(&str) -> Vec<u8>> {
    let bytes: fn(u16) -> [u8; 2] = match text {
        [0xff, 0xfe, ..] => u16::to_le_bytes,
        [0xfe, 0xff, ..] => u16::to_be_bytes,
        _ => return None,
    };
    Some(move |form: &str| form.encode_utf16().flat_map(bytes).collect())
}

/// Reads a comment, `#` included.
pub(super) fn parse(comment: &str) -> Option<Result<Marker, Malformed>> {
    let is_short = comment.contains(KEY);
    if !is_short && !comment.contains(LONG_FORM) {
        return None;
    }
    match entries(trimmed(comment)) {
        // Long forms that name no `namespace:name` are setters of other tools.
        Err(_) if !is_short => None,
        Err(malformed) => Some(Err(malformed)),
        Ok(entries) => match setter(&entries) {
            None => is_short.then_some(Err(Malformed::Missing)),
            Some(setter) => Some(parse_setter(setter)),
        },
    }
}

/// The comment without its number signs and the blanks around what it says.
pub(super) fn trimmed(comment: &str) -> &str {
    comment.trim_start_matches('#').trim_matches([' ', '\t', '\r', '\n'])
}

fn setter(entries: &[(String, String)]) -> Option<&str> {
    let value = |key: &str| entries.iter().find(|entry| entry.0 == key).map(|entry| entry.1.as_str());
    let long = || value("$ref").and_then(|name| name.strip_prefix(LONG_FORM)).filter(|name| name.contains(':'));
    value("$imagepolicy").or_else(long)
}

fn parse_setter(setter: &str) -> Result<Marker, Malformed> {
    let malformed = || Malformed::Setter(setter.to_owned());
    let (namespace, rest) = setter.split_once(':').ok_or_else(malformed)?;
    let (name, suffix) = rest.split_once(':').map_or((rest, None), |(name, suffix)| (name, Some(suffix)));
    if namespace.is_empty() || name.is_empty() {
        return Err(malformed());
    }
    let part = match suffix {
        None => Part::Reference,
        Some("tag") => Part::Tag,
        Some("name") => Part::Name,
        Some("digest") => Part::Digest,
        Some(other) => return Err(Malformed::Suffix(other.to_owned())),
    };
    Ok(Marker { policy: NamespacedName::new(namespace, name), part, setter: setter.to_owned() })
}

fn entries(json: &str) -> Result<Vec<(String, String)>, Malformed> {
    let Entries(entries) = serde_json::from_str(json).map_err(Malformed::Json)?;
    let mut texts: Vec<(String, String)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        if texts.iter().any(|(known, _)| *known == key) {
            return Err(Malformed::Twice(key));
        }
        match value {
            Value::String(text) => texts.push((key, text)),
            _ => return Err(Malformed::NotText(key)),
        }
    }
    Ok(texts)
}

/// A JSON object with all its entries, those of equal keys too.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Entries;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
