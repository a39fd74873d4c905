//! Values that must not be printed, and the reading of a Kubernetes Secret's data.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;

use crate::object::Value;

/// Bytes that print as `[redacted]`. The value leaves only through a method whose name says so.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self(value.into())
    }

    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The value as text, if it is UTF-8.
    pub fn expose_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The entries of one Secret, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretData(BTreeMap<String, Secret>);

/// Why a Secret's data cannot be read. Names the key, never the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("data.{key}: expected base64 text")]
    NotBase64 { key: String },
    #[error("stringData.{key}: expected a string")]
    NotText { key: String },
    #[error("key {key} is missing")]
    Missing { key: String },
    #[error("key {key} is not UTF-8 text")]
    NotUtf8 { key: String },
}

impl SecretData {
    /// Reads `data` (base64) and `stringData` of a Secret object; `stringData` wins, as in the API server.
    pub fn from_object(secret: &Value) -> Result<Self, SecretError> {
        let mut entries = BTreeMap::new();
        for (key, value) in fields(secret, "data") {
            let bytes = value.as_str().and_then(decode).ok_or_else(|| SecretError::NotBase64 { key: key.clone() })?;
            entries.insert(key.clone(), Secret::new(bytes));
        }
        for (key, value) in fields(secret, "stringData") {
            let text = value.as_str().ok_or_else(|| SecretError::NotText { key: key.clone() })?;
            entries.insert(key.clone(), Secret::new(text));
        }
        Ok(Self(entries))
    }

    pub fn get(&self, key: &str) -> Option<&Secret> {
        self.0.get(key)
    }

    /// The text under `key`, `None` when the key is absent.
    pub fn text(&self, key: &str) -> Result<Option<&str>, SecretError> {
        let Some(secret) = self.0.get(key) else { return Ok(None) };
        secret.expose_text().map(Some).ok_or_else(|| SecretError::NotUtf8 { key: key.to_owned() })
    }

    /// The text under `key`, which must be there.
    pub fn required_text(&self, key: &str) -> Result<&str, SecretError> {
        self.text(key)?.ok_or_else(|| SecretError::Missing { key: key.to_owned() })
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromIterator<(String, Secret)> for SecretData {
    fn from_iter<I: IntoIterator<Item = (String, Secret)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

fn fields<'a>(secret: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    secret.get(name).and_then(Value::as_object).into_iter().flatten()
}

/// Base64 as `kubectl` accepts it: line breaks inside are not part of the value.
fn decode(text: &str) -> Option<Vec<u8>> {
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(compact).ok()
}
