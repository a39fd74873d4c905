//! What a scalar is once it is JSON: kustomize takes each object there before it writes it.
//!
//! Takes scalars; gives nulls, booleans, numbers and texts. Timestamps and decoded binaries are texts.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::object::{Scalar, Style, Tag};

use super::emit::{EmitError, Problem};
use super::refold;
use super::scalar::{self, Number};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    /// A finite one.
    Number(Number),
    Text(Cow<'a, str>),
}

pub(super) fn value(scalar: &Scalar) -> Result<Value<'_>, EmitError> {
    let value = match scalar.tag {
        Tag::Str if scalar.style == Style::Folded => Some(Value::Text(refold::refolded(&scalar.text))),
        Tag::Str => Some(Value::Text(Cow::Borrowed(&scalar.text))),
        Tag::Null if is_absent_in_flow(scalar) => Some(Value::Text(Cow::Borrowed(""))),
        Tag::Null => Some(Value::Null),
        Tag::Bool => scalar::boolean(scalar).map(Value::Bool),
        Tag::Int | Tag::Float => match scalar::number(scalar) {
            Some(Number::Float(float)) if !float.is_finite() => {
                return Err(Problem::NotFinite(scalar.text.to_string()).at(scalar));
            }
            number => number.map(Value::Number),
        },
        Tag::Timestamp => scalar::timestamp(scalar).map(|text| Value::Text(text.into())),
        Tag::Binary => binary(&scalar.text).map(|text| Value::Text(text.into())),
    };
    value.ok_or_else(|| Problem::Invalid(scalar.text.to_string()).at(scalar))
}

/// A value that was not written in a flow mapping: kustomize writes it in quotes on its way to JSON.
pub(super) fn absent_in_flow() -> Scalar {
    Scalar { style: Style::SingleQuoted, ..Scalar::new("", Tag::Null) }
}

/// What is made without a type and without a text: a null, but in flow collections the same as what is not written.
pub fn empty(is_in_flow: bool) -> Scalar {
    let empty = if is_in_flow { absent_in_flow() } else { Scalar::new("", Tag::Null) };
    Scalar { is_untyped: true, ..empty }
}

fn is_absent_in_flow(scalar: &Scalar) -> bool {
    scalar.style == Style::SingleQuoted && scalar.text.is_empty()
}

/// The text of a key. At the root of an object every key is taken as it is written; below, Go's reader makes a mapping
/// with keys of other types into something that JSON does not have.
pub(super) fn key(key: &Scalar, is_root: bool) -> Result<&str, EmitError> {
    if is_root || key.tag == Tag::Str {
        Ok(&key.text)
    } else {
        Err(Problem::KeyNotString(key.text.to_string()).at(key))
    }
}

/// Go's JSON has a replacement character for each byte that is not UTF-8.
pub(super) fn binary(text: &str) -> Option<String> {
    let written: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    STANDARD.decode(written).ok().map(|bytes| lossy(&bytes))
}

fn lossy(bytes: &[u8]) -> String {
    let chunks = bytes.utf8_chunks();
    chunks.fold(String::new(), |text, chunk| text + chunk.valid() + &"\u{fffd}".repeat(chunk.invalid().len()))
}
