//! A value where it was found.

use super::value::{Type, Value};

/// A value and whether it lies in an interface, as the items of a `[]interface {}` do. Messages tell the two apart, and
/// a nil in an interface has no fields, where a value that is missing altogether has missing ones.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub value: Value,
    pub boxed: bool,
}

impl Held {
    pub(super) fn plain(value: Value) -> Held {
        Held { value, boxed: false }
    }

    /// An item or entry of a container for values of `kind`.
    pub(super) fn of_kind(value: &Value, kind: &Type) -> Held {
        Held { value: value.clone(), boxed: *kind == Type::Any }
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self.value, Value::Object(_))
    }

    /// The type as messages name it; none for what is missing.
    pub(super) fn kind(&self) -> Option<Type> {
        if self.boxed { Some(Type::Any) } else { self.value.kind() }
    }
}
