//! Fields of objects, as configurations name them.

mod path;
mod spec;

pub(super) use path::{Missing, rewrite_items, split, with_field};
pub(super) use spec::{FieldSpecs, Spec, scalar, shape, untyped, with_tagged, with_text};
