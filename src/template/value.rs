//! The values a template computes with: Go's kinds as far as templates meet them, and the trait by which a caller's
//! structs take part.

use std::fmt;
use std::sync::Arc;

use super::functions::Function;
use super::limits::BYTES_MADE_A_STEP;
use super::list::List;
use super::map::Map;
use super::object::Object;
use super::text::Text;

/// A Go value. Cloning is cheap: what is large is shared.
#[derive(Clone, Debug)]
pub enum Value {
    /// Go's untyped nil, and the nil an interface holds.
    Nil,
    Bool(bool),
    /// Go's `int`, 64 bits wide.
    Int(i64),
    /// Go's `int64`, which templates never convert to `int` by themselves.
    Int64(i64),
    /// A byte of a string.
    Uint8(u8),
    Uint64(u64),
    Float(f64),
    /// A real and an imaginary part.
    Complex(f64, f64),
    String(Text),
    List(List),
    Map(Map),
    Object(Arc<dyn Object>),
    /// A function as a value, for `call`.
    Function(&'static Function),
}

impl Value {
    pub fn object(object: impl Object + 'static) -> Value {
        Value::Object(Arc::new(object))
    }

    /// A `[]interface {}`.
    pub fn list(items: Vec<Value>) -> Value {
        Value::List(List::new(&Type::Any, items))
    }

    /// A `map[string]interface {}`.
    pub fn dict(entries: impl IntoIterator<Item = (impl Into<Text>, Value)>) -> Value {
        let entries = entries.into_iter().map(|(key, value)| (Value::String(key.into()), value)).collect();
        Value::Map(Map::new(&Type::String, &Type::Any, entries))
    }

    /// The dynamic type; none for nil.
    pub(super) fn kind(&self) -> Option<Type> {
        Some(match self {
            Value::Nil => return None,
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Int64(_) => Type::Int64,
            Value::Uint8(_) => Type::Uint8,
            Value::Uint64(_) => Type::Uint64,
            Value::Float(_) => Type::Float64,
            Value::Complex(..) => Type::Complex128,
            Value::String(_) => Type::String,
            Value::List(list) => list.kind(),
            Value::Map(map) => map.kind(),
            Value::Object(object) => Type::Object(object.type_name()),
            Value::Function(_) => Type::Function,
        })
    }

    /// How deep lists lie in one another; a scalar has none. Maps do not count, see [`super::nesting`].
    pub(super) fn depth(&self) -> usize {
        if let Value::List(list) = self { list.depth() } else { 0 }
    }

    pub(super) fn holds_maps(&self) -> bool {
        match self {
            Value::List(list) => list.holds_maps(),
            Value::Map(_) => true,
            _ => false,
        }
    }

    /// Whether lists and maps lie too deep in one another.
    pub(super) fn is_too_deep(&self) -> bool {
        match self {
            Value::List(list) => list.is_too_deep(),
            Value::Map(map) => map.level().is_too_deep(),
            _ => false,
        }
    }

    /// How many bytes or items it has.
    pub(super) fn length(&self) -> usize {
        match self {
            Value::String(text) => text.as_bytes().len(),
            Value::List(list) => list.items().len(),
            Value::Map(map) => map.len(),
            _ => 0,
        }
    }

    /// How many steps it took to make the value. A value that something else holds, too, was not made but passed on.
    pub(super) fn cost(&self) -> usize {
        match self {
            Value::String(text) if text.is_unshared() => text.as_bytes().len() / BYTES_MADE_A_STEP,
            Value::List(list) if list.is_unshared() => list.items().len() + self.raised(),
            Value::Map(map) if map.is_unshared() => map.len() + self.raised(),
            _ => 0,
        }
    }

    /// How many steps it took to make way in it for what it holds, see [`super::nesting`].
    pub(super) fn raised(&self) -> usize {
        match self {
            Value::List(list) => list.level().raised(),
            Value::Map(map) => map.level().raised(),
            _ => 0,
        }
    }

    /// Whether `if` takes it as true: not the zero of its type.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(value) => *value,
            Value::Int(value) | Value::Int64(value) => *value != 0,
            Value::Uint8(value) => *value != 0,
            Value::Uint64(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Complex(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
            Value::String(_) | Value::List(_) | Value::Map(_) => self.length() > 0,
            Value::Object(_) | Value::Function(_) => true,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Float(value)
    }
}

impl From<Text> for Value {
    fn from(value: Text) -> Value {
        Value::String(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::String(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::String(value.into())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Value {
        Value::String(value.into())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Value {
        Value::String(value.into())
    }
}

impl From<List> for Value {
    fn from(value: List) -> Value {
        Value::List(value)
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Value {
        Value::Map(value)
    }
}

/// A static Go type: of a list's items, a map's keys and values, a function's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`.
    Any,
    Bool,
    Int,
    Int64,
    Uint8,
    /// Of parameters only: no value has it.
    Uint32,
    Uint64,
    Float64,
    Complex128,
    String,
    List(&'static Type),
    Map(&'static Type, &'static Type),
    /// A map by the name of its type: `update.ObjectChanges`.
    NamedMap(&'static str, &'static Type, &'static Type),
    /// A struct, by its name in messages: `source.TemplateData`.
    Object(&'static str),
    Function,
}

impl Type {
    /// The zero value, which `index` gives for a missing key. A struct's is not known here: nil.
    pub(super) fn zero(self) -> Value {
        match self {
            Type::Any | Type::Object(_) | Type::Function => Value::Nil,
            Type::Bool => Value::Bool(false),
            Type::Int => Value::Int(0),
            Type::Int64 => Value::Int64(0),
            Type::Uint8 => Value::Uint8(0),
            Type::Uint32 | Type::Uint64 => Value::Uint64(0),
            Type::Float64 => Value::Float(0.0),
            Type::Complex128 => Value::Complex(0.0, 0.0),
            Type::String => Value::from(""),
            Type::List(item) => Value::List(List::nil(item)),
            Type::Map(key, value) => Value::Map(Map::nil(None, key, value)),
            Type::NamedMap(name, key, value) => Value::Map(Map::nil(Some(name), key, value)),
        }
    }

    /// Whether nil may stand for a value of the type.
    pub(super) fn takes_nil(self) -> bool {
        matches!(self, Type::Any | Type::List(_) | Type::Map(..) | Type::NamedMap(..) | Type::Function)
    }

    pub(super) fn takes(self, kind: Type) -> bool {
        self == Type::Any || self == kind
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Any => "interface {}",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Int64 => "int64",
            Type::Uint8 => "uint8",
            Type::Uint32 => "uint32",
            Type::Uint64 => "uint64",
            Type::Float64 => "float64",
            Type::Complex128 => "complex128",
            Type::String => "string",
            Type::List(item) => return write!(f, "[]{item}"),
            Type::Map(key, value) => return write!(f, "map[{key}]{value}"),
            Type::Object(name) | Type::NamedMap(name, ..) => name,
            Type::Function => "func()",
        })
    }
}
