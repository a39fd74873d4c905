//! serde's way through a node: each value as the kind that the type asks for, with the field and the line in errors.

use std::borrow::Cow;

use serde::de::value::CowStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Context, Decoder, as_string};
use crate::kustomize::error::Error;
use crate::object::{Mapping, Node, Scalar, Tag};
use crate::yaml::{Number, boolean, number};

impl<'n> Deserializer<'n> for Decoder<'n, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            Node::Scalar(_) => self.deserialize_string(visitor),
            Node::Sequence(_) => self.deserialize_seq(visitor),
            Node::Mapping(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(&self.string()?)
    }

    fn deserialize_bool<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = match self.node {
            Node::Scalar(scalar) if scalar.tag == Tag::Null => Some(false),
            Node::Scalar(scalar) => boolean(scalar),
            _ => None,
        };
        visitor.visit_bool(value.ok_or_else(|| self.refuse("true or false"))?)
    }

    fn deserialize_i64<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = match self.node {
            Node::Scalar(scalar) if scalar.tag == Tag::Null => Some(0),
            Node::Scalar(scalar) => number(scalar).and_then(whole),
            _ => None,
        };
        visitor.visit_i64(value.ok_or_else(|| self.refuse("a whole number"))?)
    }

    fn deserialize_option<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Items { items: self.items()?.iter().enumerate(), context: self.context })
    }

    fn deserialize_map<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        let entry = |(key, value): (&'n Scalar, &'n Node)| {
            as_string(key).map(|name| (name, value)).ok_or_else(|| self.refuse("names of fields"))
        };
        let entries = self.mapping()?.into_iter().flat_map(Mapping::iter).map(entry).collect::<Result<Vec<_>, _>>()?;
        visitor.visit_map(Entries { entries: entries.into_iter(), value: None, context: self.context })
    }

    fn deserialize_struct<V: Visitor<'n>>(
        self,
        _name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let entries: Vec<_> = self.fields(known)?.into_iter().map(|(name, value)| (name.into(), value)).collect();
        visitor.visit_map(Entries { entries: entries.into_iter(), value: None, context: self.context })
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'n>>
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf unit unit_struct newtype_struct tuple
        tuple_struct enum identifier ignored_any
    }
}

/// `1e3` and `3.0` are whole numbers too.
fn whole(value: Number) -> Option<i64> {
    match value {
        Number::Int(value) => Some(value),
        Number::Uint(_) => None,
        // The bounds are powers of two, which floats hold exactly.
        Number::Float(value) if value.fract() == 0.0 && (-(2_f64.powi(63))..2_f64.powi(63)).contains(&value) => {
            Some(value as i64)
        }
        Number::Float(_) => None,
    }
}

struct Items<'n, 'c> {
    items: std::iter::Enumerate<std::slice::Iter<'n, Node>>,
    context: &'c Context,
}

impl<'n> SeqAccess<'n> for Items<'n, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((index, node)) = self.items.next() else { return Ok(None) };
        let item = seed.deserialize(Decoder { node, context: self.context });
        item.map(Some).map_err(|error| error.on_line(node.place().line).in_field(&format!("[{index}]")))
    }
}

struct Entries<'n, 'c> {
    entries: std::vec::IntoIter<(Cow<'n, str>, &'n Node)>,
    /// The entry whose name was given and whose value is next.
    value: Option<(Cow<'n, str>, &'n Node)>,
    context: &'c Context,
}

impl<'n> MapAccess<'n> for Entries<'n, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'n>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.value = self.entries.next();
        let name = self.value.as_ref().map(|(name, _)| seed.deserialize(CowStrDeserializer::new(name.clone())));
        name.transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'n>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (name, node) = self.value.take().ok_or_else(|| Error::custom("a value without a name"))?;
        let value = seed.deserialize(Decoder { node, context: self.context });
        value.map_err(|error| error.on_line(node.place().line).in_field(&name))
    }
}
