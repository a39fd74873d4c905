//! How a caller's struct takes part in templates: fields, methods, printing.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::functions::Failure;
use super::value::{Type, Value};

/// The fields of an object with their names: those it has ready, or made for the occasion.
pub type Fields<'a> = Cow<'a, [(&'static str, Value)]>;

/// A Go struct as templates see it. What a template asks for is asked again each time, so keep answers ready:
/// cloning a [`Value`] is cheap.
pub trait Object: fmt::Debug + Send + Sync {
    /// The type as messages name it: `source.TemplateData`.
    fn type_name(&self) -> &'static str;

    /// Go's kind of the type: most are structs, some pointers to one.
    fn kind_name(&self) -> &'static str {
        if self.type_name().starts_with('*') { "ptr" } else { "struct" }
    }

    /// The fields in the order in which they are printed and compared. An embedded struct is a field under its type's name.
    fn fields(&self) -> Fields<'_>;

    /// The names of the fields that are embedded structs: their fields can be asked for as the object's own.
    fn embedded(&self) -> &'static [&'static str] {
        &[]
    }

    /// One field by name. Override it where making all of them is slow.
    fn field(&self, name: &str) -> Option<Value> {
        let fields = self.fields();
        let own = fields.iter().find_map(|(known, value)| (*known == name).then(|| value.clone()));
        own.or_else(|| promoted(fields.iter().filter(|(known, _)| self.embedded().contains(known)), name))
    }

    /// One method by name; methods go before fields.
    fn method(&self, _name: &str) -> Option<Method> {
        None
    }

    /// What `deepCopy` makes of it, if not the same: Go copies only fields that all may see.
    fn deep_copy(&self) -> Option<Arc<dyn Object>> {
        None
    }

    /// What `%v` and `%s` print in place of the fields, as Go's `String` method does; give that in `method` too if
    /// templates may call it.
    fn stringer(&self) -> Option<String> {
        None
    }

    /// What JSON has in place of the fields, as Go's `MarshalJSON` method gives it.
    fn in_json(&self) -> Option<Value> {
        None
    }
}

/// The field of that name of the first of these embedded structs that has it.
pub fn promoted<'f>(embedded: impl IntoIterator<Item = &'f (&'static str, Value)>, name: &str) -> Option<Value> {
    embedded.into_iter().find_map(|(_, value)| match value {
        Value::Object(object) => object.field(name),
        _ => None,
    })
}

/// A method bound to its object.
pub struct Method {
    pub(super) parameters: &'static [Type],
    pub(super) run: Box<Run>,
}

type Run = dyn Fn(&[Value]) -> Result<Value, Failure>;

impl Method {
    /// A method without parameters.
    pub fn returns(value: impl Into<Value>) -> Method {
        let value = value.into();
        Method::new(&[], move |_| Ok(value.clone()))
    }

    /// `run` gets as many arguments as there are parameters, of these types.
    pub fn new(parameters: &'static [Type], run: impl Fn(&[Value]) -> Result<Value, Failure> + 'static) -> Method {
        Method { parameters, run: Box::new(run) }
    }
}
