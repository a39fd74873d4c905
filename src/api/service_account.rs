//! `ServiceAccount` of Kubernetes, of which only the Secrets for pulling images are read.

use super::meta::LocalReference;
use crate::object::Value;

/// Whose credentials an image repository may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceAccount {
    /// In the order in which they are tried.
    pub image_pull_secrets: Vec<LocalReference>,
}

impl ServiceAccount {
    /// The error says what is wrong with the field.
    pub fn from_object(object: &Value) -> Result<Self, &'static str> {
        let wrong = "expected a list of objects with a name";
        let listed = match object.get("imagePullSecrets") {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(listed) => listed.as_array().ok_or(wrong)?,
        };
        let name = |entry: &Value| entry.get("name").and_then(Value::as_str).map(str::to_owned);
        let references = listed.iter().map(|entry| name(entry).map(|name| LocalReference { name }).ok_or(wrong));
        Ok(Self { image_pull_secrets: references.collect::<Result<_, _>>()? })
    }
}
