//! Files of ours that are no Kubernetes objects: read with the same care, and stricter.

use serde::de::DeserializeOwned;

use super::problem::FieldError;
use super::value;
use crate::object::Value;

/// Reads `value` as a `T`; a field that the type does not know is an error here, since nobody else may have put it there.
pub fn strict<T: DeserializeOwned>(value: &Value) -> Result<T, Vec<FieldError>> {
    let (read, unknown) = value::read::<T>(value);
    let mut errors: Vec<FieldError> = unknown
        .iter()
        .map(|field| match field.suggestion {
            Some(suggestion) => {
                FieldError::new(field.path.to_string(), format!("unknown field; did you mean {suggestion}?"))
            }
            None => FieldError::new(field.path.to_string(), "unknown field"),
        })
        .collect();
    match read {
        Ok(read) if errors.is_empty() => Ok(read),
        Ok(_) => Err(errors),
        Err(fault) => {
            errors.push(FieldError::new(fault.path().to_string(), &fault));
            Err(errors)
        }
    }
}
