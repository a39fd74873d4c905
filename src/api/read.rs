//! One object as the API server holds it.
//!
//! Takes its value, in any version that is served; gives the object, or everything that is wrong with it. Warnings are
//! for those who write files: what the server's schema does not know, the server has taken out.

use super::decode::decode;
use super::meta::{Object, Spec, Version};
use super::problem::FieldError;
use crate::object::Value;

/// Reads an object of kind `S`. A server may hold objects that its schema would refuse today, so the errors are as many
/// and as plain as those of a file.
pub fn read<S: Spec>(object: &Value) -> Result<Object<S>, Vec<FieldError>> {
    let (read, report) = decode::<S>(object, Version::V1, "");
    match read {
        Some(read) if report.errors.is_empty() => Ok(read),
        _ => Err(report.errors),
    }
}
