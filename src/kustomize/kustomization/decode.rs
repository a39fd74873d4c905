//! Reads a node into a type, as Go reads JSON into a struct: fields in any letter case, null for absent.
//!
//! Takes a node and the rules of the file it is from; gives the value, or an error with the field and the line.

use std::borrow::Cow;
use std::cell::RefCell;

use serde::de::value::CowStrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::kustomize::error::Error;
use crate::nearest::nearest;
use crate::object::{Mapping, Node, Scalar, Tag};
use crate::yaml::{self, Number, boolean, number};

/// How strictly a file is read; kustomize has a way of its own for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kustomize) enum Rules {
    /// A kustomization file: every field is known, and a string is written as one.
    Kustomization,
    /// A file of `configurations`: every field is known; numbers and booleans become strings.
    Configuration,
    /// The object of a plugin, a file of replacements: numbers and booleans become strings, and a field that is not
    /// known is passed over with a warning.
    Object,
}

/// The first document of a file that is read by the rules of YAML 1.1; places in it call the file `file`.
pub(in crate::kustomize) fn document(text: &[u8], file: u32) -> Result<Node, Error> {
    match yaml::nodes(text, file, yaml::Dialect::Kustomization) {
        Ok(nodes) => Ok(nodes.into_iter().next().unwrap_or_else(Node::null)),
        Err(error) => Err(Error::new(error.message).on_line(error.line.try_into().unwrap_or(u32::MAX))),
    }
}

/// The field of that name in any letter case; of several, the last, which is the one that counts.
pub(in crate::kustomize) fn field<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let mut entries = node.as_mapping()?.iter().rev();
    entries.find(|(key, _)| key.text.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Reads `node`. What was passed over is added to `warnings`.
pub(in crate::kustomize) fn decode<'n, T: Deserialize<'n>>(
    node: &'n Node,
    rules: Rules,
    warnings: &mut Vec<String>,
) -> Result<T, Error> {
    let context = Context { rules, passed_over: RefCell::default() };
    let value = T::deserialize(Decoder { node, context: &context });
    warnings.append(&mut context.passed_over.into_inner());
    value.map_err(|error| error.on_line(node.place().line))
}

struct Context {
    rules: Rules,
    passed_over: RefCell<Vec<String>>,
}

struct Decoder<'n, 'c> {
    node: &'n Node,
    context: &'c Context,
}

impl<'n, 'c> Decoder<'n, 'c> {
    fn string(&self) -> Result<Cow<'n, str>, Error> {
        match self.node {
            Node::Scalar(scalar) if self.context.rules == Rules::Kustomization => written_string(scalar),
            Node::Scalar(scalar) => as_string(scalar),
            _ => None,
        }
        .ok_or_else(|| self.refuse("a string"))
    }

    fn items(&self) -> Result<&'n [Node], Error> {
        if self.node.is_null() {
            return Ok(&[]);
        }
        self.node.as_sequence().ok_or_else(|| self.refuse("a list"))
    }

    fn mapping(&self) -> Result<Option<&'n Mapping>, Error> {
        if self.node.is_null() {
            return Ok(None);
        }
        self.node.as_mapping().map(Some).ok_or_else(|| self.refuse("a mapping of fields"))
    }

    /// The fields of a struct under the names it knows; of a field that stands twice, the last.
    fn fields(&self, known: &'static [&'static str]) -> Result<Vec<(&'static str, &'n Node)>, Error> {
        let mut fields: Vec<(&'static str, &'n Scalar, &'n Node)> = Vec::new();
        for (key, value) in self.mapping()?.into_iter().flat_map(Mapping::iter) {
            let Some(name) = known.iter().find(|name| name.eq_ignore_ascii_case(&key.text)) else {
                self.unknown(key, known)?;
                continue;
            };
            match fields.iter_mut().find(|(earlier, ..)| earlier == name) {
                Some(earlier) if earlier.1 == key => earlier.2 = value,
                // Go takes the fields in the order of their bytes, and fills lists and mappings of two into one.
                Some((_, other, _)) if !is_plain(value) => return Err(twice(other, key)),
                Some((_, other, known)) if other.text < key.text => (*other, *known) = (key, value),
                Some(_) => {}
                None => fields.push((name, key, value)),
            }
        }
        Ok(fields.into_iter().filter(|(.., value)| !value.is_null()).map(|(name, _, value)| (name, value)).collect())
    }

    fn unknown(&self, key: &Scalar, known: &'static [&'static str]) -> Result<(), Error> {
        let hint = nearest(&key.text, known.iter().copied()).map(|name| format!("did you mean {name}?"));
        let line = key.place.line;
        if self.context.rules == Rules::Object {
            let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            let warning = format!("line {line}: unknown field {}, ignored{hint}", key.text);
            self.context.passed_over.borrow_mut().push(warning);
            return Ok(());
        }
        let error = Error::new("unknown field").in_field(&key.text).on_line(line);
        Err(hint.into_iter().fold(error, Error::with_hint))
    }

    fn refuse(&self, wanted: &str) -> Error {
        let error = Error::new(format!("expected {wanted}, found {}", describe(self.node)));
        let error = error.on_line(self.node.place().line);
        match self.node.as_scalar() {
            Some(scalar) if wanted == "a string" && scalar.tag == Tag::Bool => {
                error.with_hint("write it in quotes, as y, n, yes, no, on and off too")
            }
            Some(_) if wanted == "a string" => error.with_hint("write it in quotes"),
            _ => error,
        }
    }
}

/// A scalar, or a list of such.
fn is_plain(node: &Node) -> bool {
    let is_scalar = |node: &Node| node.as_scalar().is_some();
    is_scalar(node) || node.as_sequence().is_some_and(|items| items.iter().all(is_scalar))
}

fn twice(earlier: &Scalar, key: &Scalar) -> Error {
    let error = Error::new("stands here twice").in_field(&key.text).on_line(key.place.line);
    error.with_hint(format!("{} is the same field", earlier.text))
}

/// The text of a scalar that was written as a string.
fn written_string(scalar: &Scalar) -> Option<Cow<'_, str>> {
    match scalar.tag {
        Tag::Str | Tag::Binary | Tag::Timestamp => Some(Cow::Borrowed(&scalar.text)),
        Tag::Null => Some(Cow::Borrowed("")),
        Tag::Bool | Tag::Int | Tag::Float => None,
    }
}

/// The string that a scalar becomes where one is wanted, and as the name of a field.
fn as_string(scalar: &Scalar) -> Option<Cow<'_, str>> {
    match scalar.tag {
        Tag::Bool => boolean(scalar).map(|value| value.to_string().into()),
        // As Go writes the number, not as the file does.
        Tag::Int | Tag::Float => yaml::emit(&scalar.clone().into()).ok().map(|text| text.trim_end().to_owned().into()),
        _ => written_string(scalar),
    }
}

/// What `node` is, in a few words.
pub(in crate::kustomize) fn describe(node: &Node) -> String {
    const TEXT_MAX: usize = 40;
    let Some(scalar) = node.as_scalar() else {
        return if node.as_mapping().is_some() { "a mapping".into() } else { "a list".into() };
    };
    let text: String = scalar.text.chars().take(TEXT_MAX).collect();
    match scalar.tag {
        Tag::Null => "null".into(),
        Tag::Bool => format!("the boolean {text}"),
        Tag::Int | Tag::Float => format!("the number {text}"),
        Tag::Str | Tag::Binary | Tag::Timestamp => format!("the string {text:?}"),
    }
}

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
