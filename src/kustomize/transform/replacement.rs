//! `replacements`: a value of one resource, or one that is given, goes to fields of others.
//!
//! Takes the resources and the replacements in order; changes the resources. Fields that are texts keep being texts,
//! and a path may go on inside of a text that holds YAML or JSON.

pub(super) mod find;
mod form;
pub(super) mod path;
mod source;
mod structured;
mod targets;
mod text;

use self::find::{Kind, Place, find, is_in_flow, reach};
use self::path::text_of;
use self::source::Value;
use self::targets::{Index, Targets};
use crate::kustomize::error::Error;
use crate::kustomize::kustomization::decode::{Rules, decode, describe, document};
use crate::kustomize::kustomization::{FieldOptions, ReplacementField, TargetSelector};
use crate::kustomize::resource::Resource;
use crate::kustomize::resource::written;
use crate::kustomize::schema::Schema;
use crate::object::{Mapping, Node, Scalar, Style, Tag};
use crate::yaml::{Dialect, empty, resolve};

/// The field of a source or target that names none.
const DEFAULT_FIELD: &str = "metadata.name";

/// Reads the file `name` that an entry of `replacements` gives as its `path`: one replacement or a list of them.
pub(in crate::kustomize) fn read(
    text: &[u8],
    name: &str,
    file: u32,
    warnings: &mut Vec<String>,
) -> Result<Vec<ReplacementField>, Error> {
    let list = document(text, file).and_then(|node| match &node {
        Node::Sequence(_) => decode(&node, Rules::Object, warnings),
        Node::Mapping(_) => decode(&node, Rules::Object, warnings).map(|one| vec![one]),
        Node::Scalar(_) => Err(Error::new(format!("expected a replacement, found {}", describe(&node)))),
    });
    let list: Vec<ReplacementField> = list.map_err(|error| error.in_file(name, 0))?;
    Ok(list.into_iter().map(|replacement| ReplacementField { path: String::new(), ..replacement }).collect())
}

/// Carries the replacements out, one after the other. Those that are in files have been read.
pub(super) fn apply(
    resources: &mut [Resource],
    replacements: &[ReplacementField],
    schema: &Schema,
) -> Result<(), Error> {
    let mut work = Work { index: Index::new(resources), resources, schema };
    for (at, replacement) in replacements.iter().enumerate() {
        work.replace(replacement).map_err(|error| error.in_field(&format!("[{at}]")))?;
    }
    Ok(())
}

struct Work<'r> {
    resources: &'r mut [Resource],
    index: Index,
    schema: &'r Schema,
}

impl Work<'_> {
    fn replace(&mut self, replacement: &ReplacementField) -> Result<(), Error> {
        if replacement.targets.is_empty() {
            return Err(Error::new("there are no targets"));
        }
        let mut value = Value::of(replacement, self.resources, &self.index)?;
        for (at, target) in replacement.targets.iter().enumerate() {
            self.write(&mut value, target).map_err(|error| error.in_field(&format!("targets[{at}]")))?;
        }
        Ok(())
    }

    fn write(&mut self, value: &mut Value, target: &TargetSelector) -> Result<(), Error> {
        let select = target.select.as_ref().ok_or_else(|| Error::new("the target has no select"))?;
        let targets = Targets::new(select, &target.reject)?;
        let default = [DEFAULT_FIELD.to_owned()];
        let fields = if target.field_paths.is_empty() { &default[..] } else { &target.field_paths };
        let fields = fields.iter().map(|field| path::split(field)).collect::<Result<Vec<_>, _>>()?;
        for at in targets.candidates(&self.index, self.resources.len()) {
            if !targets.take(&self.resources[at], self.schema) {
                continue;
            }
            for (field, parts) in fields.iter().enumerate() {
                let written = self.write_field(at, parts, &value.node, target.options.as_ref());
                written.map_err(|error| {
                    let resource = &self.resources[at];
                    let message = format!("writing to {} {}", resource.kind(), resource.name());
                    Error::new(message).caused_by(error).in_field(&format!("fieldPaths[{field}]"))
                })?;
                self.resources[at].settle_twins();
                value.follow(at, &self.resources[at], parts);
            }
            self.index.add(at, &self.resources[at]);
        }
        Ok(())
    }

    fn write_field(
        &mut self,
        at: usize,
        parts: &[String],
        value: &Node,
        options: Option<&FieldOptions>,
    ) -> Result<(), Error> {
        let create = create(value, options);
        if create.is_some() {
            make_room(&mut self.resources[at]);
        }
        let node = &mut self.resources[at].node;
        if structured::write(node, parts, value, options)? {
            return Ok(());
        }
        let places = find(node, parts, create)?;
        if places.is_empty() {
            let error = Error::new(format!("there is no field {}", parts.join(".")));
            return Err(if create.is_none() { error.with_hint("options.create makes it") } else { error });
        }
        for place in places {
            let Place::Here { at: position, is_made } = place else {
                refuse_lost(&place, options)?;
                continue;
            };
            let is_in_flow = is_in_flow(node, &position);
            let Some(target) = reach(node, &position) else { continue };
            set(target, value, options)?;
            if is_made || target.as_scalar().is_some_and(|scalar| scalar.is_untyped) {
                retag(target, is_in_flow);
            } else if matches!(parts, [metadata, annotations, _] if metadata == "metadata" && annotations == "annotations")
            {
                become_text(target);
            } else {
                refuse_other_kind(target)?;
                empty_null(target, is_in_flow);
            }
        }
        Ok(())
    }
}

/// Annotations that are null hold what kustomize remembers there, once it does, and so are a mapping.
fn make_room(resource: &mut Resource) {
    if let Some(annotations) = resource.node.at_mut(&["metadata", "annotations"]).filter(|node| node.is_null())
        && resource.is_annotated
    {
        *annotations = Mapping::default().into();
    }
}

/// The kind of node that is made where a target has none.
fn create(value: &Node, options: Option<&FieldOptions>) -> Option<Kind> {
    options.filter(|options| options.create).map(|_| Kind::of(value))
}

fn not_a_text() -> Error {
    Error::new("only a text can be divided by a delimiter").in_field("options.delimiter")
}

/// Writes `value` into a target: a scalar keeps what it is and takes the text, all else is replaced.
fn set(target: &mut Node, value: &Node, options: Option<&FieldOptions>) -> Result<(), Error> {
    let divided = options.filter(|options| !options.delimiter.is_empty());
    match (target, divided) {
        (Node::Scalar(scalar), None) => scalar.text = text_of(value).into(),
        (Node::Scalar(scalar), Some(options)) => scalar.text = joined(&scalar.text, text_of(value), options).into(),
        (_, Some(_)) => return Err(not_a_text()),
        (target, None) => *target = value.clone(),
    }
    Ok(())
}

/// The text with one part replaced; before the first and behind the last, a part is added.
fn joined(text: &str, value: &str, FieldOptions { delimiter, index, .. }: &FieldOptions) -> String {
    let mut parts: Vec<&str> = text.split(delimiter.as_str()).collect();
    match usize::try_from(*index) {
        Err(_) => parts.insert(0, value),
        Ok(index) => match parts.get_mut(index) {
            Some(part) => *part = value,
            None => parts.push(value),
        },
    }
    parts.join(delimiter)
}

/// A change of what kustomize throws away afterwards.
fn refuse_lost(place: &Place, options: Option<&FieldOptions>) -> Result<(), Error> {
    let is_divided = options.is_some_and(|options| !options.delimiter.is_empty());
    if is_divided && *place == (Place::Lost { is_scalar: false }) { Err(not_a_text()) } else { Ok(()) }
}

/// Gives what has no type the one that its text has; what is in quotes stays a string.
fn retag(target: &mut Node, is_in_flow: bool) {
    let Node::Scalar(scalar) = target else { return };
    let is_quoted = scalar.style != Style::Plain && scalar.tag != Tag::Null;
    let made = match &*scalar.text {
        _ if is_quoted => Scalar { style: scalar.style, ..Scalar::string(scalar.text.clone()) },
        "" => empty(is_in_flow),
        text => Scalar::new(text, resolve(text, Dialect::Resource)),
    };
    *scalar = Scalar { is_untyped: true, place: scalar.place, twin: scalar.twin, ..made };
}

/// Annotations are written anew as texts, whatever they were.
fn become_text(target: &mut Node) {
    if let Node::Scalar(scalar) = target
        && scalar.tag != Tag::Str
    {
        let Scalar { style, .. } = written::string(scalar.text.clone());
        (scalar.tag, scalar.style) = (Tag::Str, style);
    }
}

/// A null without a text comes out as what is made without a text does, though it stays a null.
fn empty_null(target: &mut Node, is_in_flow: bool) {
    if let Node::Scalar(scalar) = target
        && scalar.tag == Tag::Null
        && scalar.text.is_empty()
    {
        scalar.style = empty(is_in_flow).style;
    }
}

/// A number stays a number, whatever is written to it: a text that is none cannot be written out.
fn refuse_other_kind(target: &Node) -> Result<(), Error> {
    let Node::Scalar(Scalar { text, tag, .. }) = target else { return Ok(()) };
    let read = resolve(text, Dialect::Resource);
    let is_kept = match tag {
        Tag::Str | Tag::Binary => true,
        Tag::Float => matches!(read, Tag::Float | Tag::Int),
        _ => read == *tag,
    };
    if is_kept { Ok(()) } else { Err(Error::new(format!("{text:?} cannot take the place of {}", kind_name(*tag)))) }
}

fn kind_name(tag: Tag) -> &'static str {
    match tag {
        Tag::Null => "null",
        Tag::Bool => "a boolean",
        Tag::Int | Tag::Float => "a number",
        Tag::Timestamp => "a timestamp",
        Tag::Str | Tag::Binary => "a string",
    }
}
