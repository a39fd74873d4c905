//! Serde's view of an object's value that knows where it is.
//!
//! Takes a value, feeds it to a type's `Deserialize`, and gives the first fault with the path of its field in words for
//! users, together with every field that the type does not know. Fields that are `null` count as absent, as in the API
//! server. Serde tells `deserialize_struct` the names of a type's fields: that is where suggestions come from.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::field_path::{FieldPath, Step, shortened};
use crate::object::Value;

/// The fields of a larger type are not listed.
const FIELDS_SHOWN_MAX: usize = 5;

/// How alike two names are when one is offered for the other; 1 is the same.
const LIKENESS_MIN: f32 = 0.7;

/// After so many unknown fields no further ones are noted.
pub(super) const UNKNOWN_MAX: usize = 64;

/// A field that the type does not know.
#[derive(Debug)]
pub(super) struct UnknownField {
    pub(super) path: FieldPath,
    /// The name of a known field beside it that it is probably meant to be.
    pub(super) suggestion: Option<&'static str>,
}

/// Why a value does not fit its type.
#[derive(Debug)]
pub(super) struct Fault {
    /// `None` until the innermost value that is concerned has put its path here.
    path: Option<FieldPath>,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    /// The name of the field, which is not yet part of the path.
    Missing(&'static str),
    Wrong(String),
}

/// Reads `value` as a `T`; also gives the unknown fields that were met on the way.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> (Result<T, Fault>, Vec<UnknownField>) {
    let unknown = RefCell::default();
    let result = T::deserialize(Node { value, path: FieldPath::default(), unknown: &unknown });
    (result, unknown.into_inner())
}

impl Fault {
    pub(super) fn is_missing(&self) -> bool {
        matches!(self.cause, Cause::Missing(_))
    }

    pub(super) fn path(&self) -> FieldPath {
        let path = self.path.clone().unwrap_or_default();
        match &self.cause {
            Cause::Missing(field) => path.then(Step::Key((*field).to_owned())),
            Cause::Wrong(_) => path,
        }
    }

    fn at(mut self, path: &FieldPath) -> Self {
        self.path.get_or_insert_with(|| path.clone());
        self
    }

    fn wrong(message: String) -> Self {
        Self { path: None, cause: Cause::Wrong(message) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Missing(_) => f.write_str("is required"),
            Cause::Wrong(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::wrong(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self { path: None, cause: Cause::Missing(field) }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let variant = shortened(variant);
        Self::wrong(match expected {
            [only] => format!("{variant} is not supported, expected {only}"),
            _ => format!("{variant} is not one of {}", expected.join(", ")),
        })
    }
}

/// A value with its path.
struct Node<'a> {
    value: &'a Value,
    path: FieldPath,
    unknown: &'a RefCell<Vec<UnknownField>>,
}

impl<'a> Node<'a> {
    fn child(&self, value: &'a Value, step: Step) -> Self {
        Self { value, path: self.path.then(step), unknown: self.unknown }
    }

    /// The entries of a map without those that are null.
    fn entries(&self) -> Option<impl Iterator<Item = (&'a str, &'a Value)> + use<'a>> {
        let entries = self.value.as_object()?.iter();
        Some(entries.map(|(key, value)| (key.as_str(), value)).filter(|(_, value)| !value.is_null()))
    }

    fn mismatch(&self, expected: &dyn fmt::Display) -> Fault {
        Fault::wrong(format!("expected {expected}, found {}", found(self.value))).at(&self.path)
    }

    fn note_unknown(&self, known: &'static [&'static str]) {
        let mut unknown = self.unknown.borrow_mut();
        let room = UNKNOWN_MAX.saturating_sub(unknown.len());
        let keys = self.entries().into_iter().flatten().map(|(key, _)| key).filter(|key| !known.contains(key));
        unknown.extend(keys.take(room).map(|key| {
            let path = self.path.then(Step::Key(key.to_owned()));
            UnknownField { path, suggestion: closest(key, known) }
        }));
    }

    fn visit_entries<V: Visitor<'a>>(self, visitor: V, expected: &str) -> Result<V::Value, Fault> {
        let Some(entries) = self.entries() else { return Err(self.mismatch(&expected)) };
        let children = entries.map(|(key, value)| (key, self.child(value, Step::Key(key.to_owned()))));
        visitor.visit_map(MapDeserializer::new(children)).map_err(|fault| fault.at(&self.path))
    }
}

/// The name among `known` that `name` is probably meant to be.
fn closest(name: &str, known: &'static [&'static str]) -> Option<&'static str> {
    let same_letters = known.iter().find(|known| known.eq_ignore_ascii_case(name));
    same_letters.copied().or_else(|| similar::get_close_matches(name, known, 1, LIKENESS_MIN).first().copied())
}

fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {}", shortened(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Node<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let path = self.path.clone();
        match self.value {
            Value::Array(_) => return self.deserialize_seq(visitor),
            Value::Object(_) => return self.deserialize_map(visitor),
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Number(number) => visit_number(number, visitor),
        }
        .map_err(|fault: Fault| fault.at(&path))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            _ => Err(self.mismatch(&"true or false")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::String(text) => visitor.visit_borrowed_str(text).map_err(|fault: Fault| fault.at(&self.path)),
            Value::Bool(_) | Value::Number(_) => {
                let expected = (&visitor as &dyn de::Expected).to_string();
                // Quotes make any text of a number, but no duration.
                let hint = if expected == "a string" { "; put it in quotes" } else { "" };
                Err(Fault::wrong(format!("expected {expected}, found {}{hint}", found(self.value))).at(&self.path))
            }
            _ => Err(self.mismatch(&(&visitor as &dyn de::Expected))),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    /// An empty text is an absent one: that is how Go's types, which the objects come from, see it.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_none(),
            Value::String(text) if text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Value::Array(items) = self.value else { return Err(self.mismatch(&"a list")) };
        let children = items.iter().enumerate().map(|(at, item)| self.child(item, Step::Index(at)));
        visitor.visit_seq(SeqDeserializer::new(children)).map_err(|fault| fault.at(&self.path))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit_entries(visitor, "a map")
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.note_unknown(fields);
        match fields.len() {
            ..=FIELDS_SHOWN_MAX => self.visit_entries(visitor, &format!("a map with {}", fields.join(", "))),
            _ => self.visit_entries(visitor, "a map"),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Value::String(text) = self.value else { return Err(self.mismatch(&variants.join(" or "))) };
        visitor.visit_enum(StrDeserializer::new(text)).map_err(|fault: Fault| fault.at(&self.path))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: &serde_json::Number, visitor: V) -> Result<V::Value, Fault> {
    if let Some(number) = number.as_u64() {
        visitor.visit_u64(number)
    } else if let Some(number) = number.as_i64() {
        visitor.visit_i64(number)
    } else {
        visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
    }
}
