//! Reads a node into a type, as Go reads JSON into a struct: fields in any letter case, null for absent.
//!
//! Takes a node and the rules of the file it is from; gives the value, or an error with the field and the line. What
//! counts as a string, and which entries of a mapping are the fields of a struct, is decided here; `deserializer` is
//! serde's way through the node.

mod deserializer;

use std::borrow::Cow;
use std::cell::RefCell;

use serde::Deserialize;

use crate::kustomize::error::Error;
use crate::nearest::nearest;
use crate::object::{Mapping, Node, Scalar, Tag};
use crate::yaml::{self, boolean};

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
