//! What a replacement writes: the value of a field of one resource, a part of it, or a text that is given.

use super::path::{look_up, split};
use super::targets::Index;
use super::{DEFAULT_FIELD, not_a_text};
use crate::kustomize::error::Error;
use crate::kustomize::kustomization::{FieldOptions, ReplacementField, SourceSelector};
use crate::kustomize::resource::Resource;
use crate::kustomize::resource::objects::is_empty;
use crate::object::{Node, Scalar};
use crate::yaml::{Dialect, plain};

/// A value to be written. To kustomize a whole value is the field that it is read from: where a target writes to that,
/// later targets get what was written.
pub(super) struct Value {
    pub(super) node: Node,
    /// The resource and the field that it is.
    place: Option<(usize, Vec<String>)>,
}

impl Value {
    pub(super) fn of(replacement: &ReplacementField, resources: &[Resource], index: &Index) -> Result<Self, Error> {
        match (&replacement.source, &replacement.source_value) {
            (None, None) => Err(Error::new("there is neither a source nor a sourceValue")),
            (Some(_), Some(_)) => Err(Error::new("source and sourceValue exclude each other")),
            (None, Some(text)) => Ok(Self { node: plain(text.as_str(), Dialect::Resource).into(), place: None }),
            (Some(source), None) => Self::read(source, resources, index).map_err(|error| error.in_field("source")),
        }
    }

    fn read(source: &SourceSelector, resources: &[Resource], index: &Index) -> Result<Self, Error> {
        let at = index.source(resources, source)?;
        let resource = &resources[at];
        let field = if source.field_path.is_empty() { DEFAULT_FIELD } else { &source.field_path };
        let in_path = |error: Error| error.in_field("fieldPath");
        let parts = split(field).map_err(in_path)?;
        let value = match look_up(&resource.node, &parts).map_err(in_path)? {
            Some((_, value)) if !is_empty(value) => value,
            _ => {
                let message = format!("{} {} has no field {field}", resource.kind(), resource.name());
                return Err(in_path(Error::new(message)));
            }
        };
        let divided = source.options.as_ref().filter(|options| !options.delimiter.is_empty());
        Ok(match divided {
            Some(options) => Self { node: part(value, options)?, place: None },
            None => Self { node: parted(value.clone()), place: Some((at, parts)) },
        })
    }

    /// Takes over what the field became when the field `written` of the resource at `at` was written.
    pub(super) fn follow(&mut self, at: usize, resource: &Resource, written: &[String]) {
        let Some((_, parts)) = self.place.as_ref().filter(|(own, _)| *own == at) else { return };
        if parts.len() > written.len() && parts.starts_with(written) {
            // What it was in is another value now.
            self.place = None;
        } else if let Ok(Some((_, node))) = look_up(&resource.node, parts) {
            self.node = parted(node.clone());
        }
    }
}

/// The part of a text that the options ask for; a value of its own.
fn part(value: &Node, FieldOptions { delimiter, index, .. }: &FieldOptions) -> Result<Node, Error> {
    let scalar = value.as_scalar().ok_or_else(not_a_text)?;
    let part = usize::try_from(*index).ok().and_then(|index| scalar.text.split(delimiter.as_str()).nth(index));
    let none = || Error::new(format!("{:?} has no part {index}", scalar.text)).in_field("options.index");
    Ok(parted(Scalar { text: part.ok_or_else(none)?.into(), ..scalar.clone() }.into()))
}

/// A copy is nobody's twin.
fn parted(mut value: Node) -> Node {
    match &mut value {
        Node::Scalar(scalar) => scalar.twin = 0,
        Node::Sequence(items) => {
            return Node::sequence(items.iter().cloned().map(parted).collect());
        }
        Node::Mapping(mapping) => {
            mapping
                .entries_mut()
                .iter_mut()
                .for_each(|(_, value)| *value = parted(std::mem::replace(value, Node::null())));
        }
    }
    value
}
