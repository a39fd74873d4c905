//! Strategic merge of a patch into an object, as kustomize does it; it is not what the API server does.
//!
//! Takes the object, the patch and the schema; changes the object in place, or says that the patch deletes it. The
//! whole object is walked, not only what the patch names: a field without any text for its null goes, and items that
//! share a merge key become one. Recursion goes as deep as the documents do, which their reader bounds.

mod directive;
mod list;
mod loose;

use std::collections::HashMap;
use std::sync::Arc;

use self::directive::Directive;
use crate::kustomize::error::Error;
use crate::kustomize::field;
use crate::kustomize::resource::Gvk;
use crate::kustomize::schema::{Schema, Shape};
use crate::object::{Mapping, Node, Scalar, Style, Tag};

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    Kept,
    Deleted,
}

/// What becomes of the value at one place.
enum Outcome {
    /// The base's value, merged in place.
    Keep,
    /// The patch's value instead; it was made ready in place.
    Take,
    Drop,
}

/// A patch that cannot be merged, and the fields that lead to the reason.
#[derive(Debug)]
struct Refused {
    path: Vec<String>,
    what: String,
}

/// Merges `patch` into `base`.
pub fn merge(base: &mut Node, patch: &Node, schema: &Schema) -> Result<Merged, Error> {
    let mut patch = patch.clone();
    match (Walk { schema }).values(Some(base), Some(&mut patch), None) {
        Ok(Outcome::Drop) => Ok(Merged::Deleted),
        // `$patch: replace` at the root: kustomize replaces an object of which nobody takes notice.
        Ok(Outcome::Keep | Outcome::Take) => Ok(Merged::Kept),
        Err(refused) => Err(refused.into()),
    }
}

/// The walk through an object and its patch.
#[derive(Clone, Copy)]
struct Walk<'s> {
    schema: &'s Schema,
}

impl<'s> Walk<'s> {
    /// Merges two values of which one may be missing.
    fn values(
        self,
        base: Option<&mut Node>,
        patch: Option<&mut Node>,
        shape: Option<Shape<'s>>,
    ) -> Result<Outcome, Refused> {
        let shape = match has_own_schema(base.as_deref()) || has_own_schema(patch.as_deref()) {
            true => None,
            false => shape.or_else(|| self.shape_of(base.as_deref()).or_else(|| self.shape_of(patch.as_deref()))),
        };
        match (base, patch) {
            (None, None) => Ok(Outcome::Drop),
            (Some(base), None) if base.is_null() => Ok(kept_null(base)),
            (Some(base), None) => self.alone(base, shape),
            (_, Some(patch)) if patch.is_null() => Ok(Outcome::Drop),
            (Some(base), Some(patch)) if !base.is_null() => self.both(base, patch, shape),
            (_, Some(patch)) => self.add(patch, shape),
        }
    }

    /// A value of the base that the patch says nothing of.
    fn alone(self, base: &mut Node, shape: Option<Shape<'s>>) -> Result<Outcome, Refused> {
        match base {
            Node::Mapping(base) => self.fields(base, &Mapping::default(), shape)?,
            Node::Sequence(_) => list::alone(self, base, shape)?,
            Node::Scalar(_) => {}
        }
        Ok(Outcome::Keep)
    }

    fn both(self, base: &mut Node, patch: &mut Node, shape: Option<Shape<'s>>) -> Result<Outcome, Refused> {
        match (&mut *base, &mut *patch) {
            (Node::Mapping(fields), Node::Mapping(changes)) => match directive::take_from_mapping(changes)? {
                Directive::Delete => Ok(Outcome::Drop),
                Directive::Replace => self.adopt_fields(changes, shape).map(|()| Outcome::Take),
                Directive::Merge => self.fields(fields, changes, shape).map(|()| Outcome::Keep),
            },
            (Node::Sequence(_), Node::Sequence(_)) => list::both(self, base, patch, shape),
            (Node::Scalar(_), Node::Scalar(_)) => Ok(Outcome::Take),
            _ => Err(Refused::new(format!(
                "the patch has {} where the object has {}",
                field::shape(patch),
                field::shape(base)
            ))),
        }
    }

    /// A value of the patch that the base has nothing for.
    fn add(self, patch: &mut Node, shape: Option<Shape<'s>>) -> Result<Outcome, Refused> {
        match patch {
            Node::Mapping(fields) => {
                // An unknown directive is not refused here; it becomes a field.
                if matches!(directive::take_from_mapping(fields), Ok(Directive::Delete)) {
                    return Ok(Outcome::Drop);
                }
                self.adopt_fields(fields, shape)?;
            }
            Node::Sequence(_) => list::adopt(self, patch, shape)?,
            Node::Scalar(_) => {}
        }
        Ok(Outcome::Take)
    }

    /// Makes a value inside an added one ready: nulls go, directives are followed. Says whether it stays.
    fn adopt(self, value: &mut Node, shape: Option<Shape<'s>>) -> Result<bool, Refused> {
        let shape = if has_own_schema(Some(value)) { None } else { shape.or_else(|| self.shape_of(Some(value))) };
        match value {
            Node::Scalar(_) => Ok(!value.is_null()),
            Node::Mapping(fields) => match directive::take_from_mapping(fields)? {
                Directive::Delete => Ok(false),
                Directive::Replace | Directive::Merge => self.adopt_fields(fields, shape).map(|()| true),
            },
            Node::Sequence(_) => list::adopt_directed(self, value, shape),
        }
    }

    fn adopt_fields(self, fields: &mut Mapping, shape: Option<Shape<'s>>) -> Result<(), Refused> {
        retain(fields, |key, value| self.adopt(value, field(shape, key)))
    }

    /// Merges the fields of two objects.
    fn fields(self, base: &mut Mapping, patch: &Mapping, shape: Option<Shape<'s>>) -> Result<(), Refused> {
        let mut changes = Changes::new(patch);
        retain(base, |key, value| {
            let mut change = changes.take(&key.text);
            let shape = shape.filter(|_| change.as_ref().is_none_or(|(key, _)| !key.has_own_schema));
            let changed = change.as_mut().map(|(_, value)| value);
            let outcome = self.values(Some(&mut *value), changed, field(shape, key))?;
            if let (Outcome::Take, Some((_, change))) = (&outcome, change) {
                overwrite(value, change);
            }
            Ok(!matches!(outcome, Outcome::Drop))
        })?;
        for (mut key, mut value) in changes.rest() {
            let outcome = self.values(None, Some(&mut value), field(shape, &key));
            if let Outcome::Take = outcome.map_err(|refused| refused.below(&key.text))? {
                // The comment of a field that the patch brings does not come with it.
                key.has_own_schema = false;
                base.entries_mut().push((key, value));
            }
        }
        Ok(())
    }

    /// What is known of an object by its own `apiVersion` and `kind`. Objects inside others have a shape too.
    fn shape_of(self, node: Option<&Node>) -> Option<Shape<'s>> {
        let fields = node?.as_mapping()?;
        let text = |key| fields.get(key).filter(|value| !value.is_null()).and_then(Node::text);
        self.schema.shape(&Gvk::new(text("apiVersion")?, text("kind")?))
    }
}

/// What the schema knows of a field. A comment with a schema of its own says nothing that merging asks for, and hides
/// what is known.
fn field<'s>(shape: Option<Shape<'s>>, key: &Scalar) -> Option<Shape<'s>> {
    shape.filter(|_| !key.has_own_schema).and_then(|shape| shape.field(&key.text))
}

fn has_own_schema(item: Option<&Node>) -> bool {
    item.and_then(Node::as_mapping).is_some_and(Mapping::has_own_schema)
}

/// Keeps the fields of which `stays` says so; the first that is refused ends it.
fn retain(
    fields: &mut Mapping,
    mut stays: impl FnMut(&Scalar, &mut Node) -> Result<bool, Refused>,
) -> Result<(), Refused> {
    let mut failure = None;
    fields.entries_mut().retain_mut(|(key, value)| {
        let answer = if failure.is_none() { stays(key, value) } else { Ok(true) };
        answer.unwrap_or_else(|refused| {
            failure = Some(refused.below(&key.text));
            true
        })
    });
    failure.map_or(Ok(()), Err)
}

/// A null that the patch does not name stays where it was written as one (`null`, `~`).
fn kept_null(base: &Node) -> Outcome {
    if base.text() == Some("") { Outcome::Drop } else { Outcome::Keep }
}

/// Puts a value in the place of another, whose form it takes. A number in the place of a quoted text becomes a text
/// itself, and a scalar is written over its twins too.
fn overwrite(value: &mut Node, change: Node) {
    let mut new = match change {
        Node::Scalar(new) => new,
        Node::Sequence(_) => return *value = change,
        Node::Mapping(mut new) => {
            new.set_flow(value.as_mapping().unwrap_or(&new).is_flow());
            return *value = new.into();
        }
    };
    new = match value {
        // Quotes around what a tag makes another type (`!!int "5"`) go with it.
        Node::Scalar(old) if !matches!(old.tag, Tag::Str | Tag::Null) => {
            Scalar { style: Style::Plain, ..new.written_over(old) }
        }
        Node::Scalar(old) => new.written_over(old),
        _ => Scalar { style: Style::Plain, twin: 0, ..new },
    };
    if new.style != Style::Plain && new.tag != Tag::Binary {
        new.tag = Tag::Str;
    }
    *value = new.into();
}

/// The fields of a patch, to be taken one by one.
struct Changes {
    fields: Vec<Option<(Scalar, Node)>>,
    /// Where each field is; kept for patches that are long enough to be worth it.
    index: Option<HashMap<Arc<str>, usize>>,
}

impl Changes {
    const INDEXED_FROM: usize = 16;

    fn new(patch: &Mapping) -> Self {
        let fields: Vec<_> = patch.iter().map(|(key, value)| Some((key.clone(), value.clone()))).collect();
        let keys = || fields.iter().flatten().map(|(key, _)| key.text.clone()).zip(0..);
        let index = (fields.len() >= Self::INDEXED_FROM).then(|| keys().collect());
        Self { fields, index }
    }

    fn take(&mut self, key: &str) -> Option<(Scalar, Node)> {
        let is_named = |field: &Option<(Scalar, Node)>| field.as_ref().is_some_and(|(own, _)| &*own.text == key);
        let at = match &self.index {
            Some(index) => *index.get(key)?,
            None => self.fields.iter().position(is_named)?,
        };
        self.fields[at].take()
    }

    fn rest(self) -> impl Iterator<Item = (Scalar, Node)> {
        self.fields.into_iter().flatten()
    }
}

impl Refused {
    fn new(what: impl Into<String>) -> Self {
        Self { path: Vec::new(), what: what.into() }
    }

    /// The same, seen from the object that has the field.
    fn below(mut self, field: &str) -> Self {
        self.path.push(field.to_owned());
        self
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let path: Vec<_> = refused.path.iter().rev().map(String::as_str).collect();
        match path.is_empty() {
            true => Self::new(format!("merging: {}", refused.what)),
            false => Self::new(format!("merging `{}`: {}", path.join("."), refused.what)),
        }
    }
}
