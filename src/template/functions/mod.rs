//! The functions templates call: Go's builtins, which are always there, and tables of others that a caller chooses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::limits::{LIST_ITEMS_MAX, OUTPUT_BYTES_MAX};
use super::list::List;
use super::map::Map;
use super::text::Text;
use super::value::{Type, Value};

mod builtin;
mod casing;
mod cast;
mod dates;
mod decimal;
mod deep;
mod defaults;
mod dicts;
mod digests;
mod encodings;
mod json;
mod layout;
mod lists;
mod math;
mod merge;
mod paths;
mod reflection;
mod refused;
mod regexes;
mod splitting;
mod strings;
mod urls;
mod versions;
mod work;

pub(super) use builtin::Builtin;
pub(super) use refused::reason as refusal;
pub(super) use work::Work;

/// A function: its name, the types of its parameters, and what it does.
#[derive(Debug)]
pub struct Function {
    name: &'static str,
    parameters: &'static [Type],
    rest: Option<&'static Type>,
    pub(super) run: Run,
}

type Run = fn(Args<'_>) -> Result<Value, Failure>;

impl Function {
    pub const fn new(name: &'static str, parameters: &'static [Type], run: Run) -> Function {
        Function { name, parameters, rest: None, run }
    }

    /// A function that takes any number of arguments of the type `rest` after the others.
    pub const fn variadic(name: &'static str, parameters: &'static [Type], rest: &'static Type, run: Run) -> Function {
        Function { name, parameters, rest: Some(rest), run }
    }

    pub(super) fn signature(&self) -> Signature {
        Signature { parameters: self.parameters, rest: self.rest }
    }
}

/// Functions by name.
#[derive(Clone, Debug)]
pub struct Functions {
    by_name: BTreeMap<&'static str, &'static Function>,
}

impl Functions {
    /// No functions but the builtins.
    pub fn none() -> Functions {
        Functions { by_name: BTreeMap::new() }
    }

    /// The functions of sprig that message templates use. As in Go, its `slice` takes the builtin's place.
    pub fn standard() -> &'static Functions {
        static STANDARD: LazyLock<Functions> = LazyLock::new(|| {
            let tables = [
                casing::TABLE,
                dates::TABLE,
                deep::TABLE,
                defaults::TABLE,
                dicts::TABLE,
                digests::TABLE,
                encodings::TABLE,
                json::TABLE,
                layout::TABLE,
                lists::TABLE,
                math::TABLE,
                paths::TABLE,
                reflection::TABLE,
                regexes::TABLE,
                splitting::TABLE,
                strings::TABLE,
                urls::TABLE,
                versions::TABLE,
            ];
            tables.into_iter().fold(Functions::none(), Functions::with)
        });
        &STANDARD
    }

    /// These and those of `table`, which win over others of their names.
    pub fn with(mut self, table: &'static [Function]) -> Functions {
        self.by_name.extend(table.iter().map(|function| (function.name, function)));
        self
    }

    /// All names that a template may call, the builtins' among them, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let builtins = builtin::BUILTINS.iter().map(|(name, _)| *name);
        builtins.chain(self.by_name.keys().copied()).collect::<BTreeSet<_>>().into_iter()
    }
}

/// What a name in a template stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callee {
    Builtin(Builtin),
    Function(&'static Function),
}

impl Callee {
    pub(super) fn find(name: &str, functions: &Functions) -> Option<Callee> {
        match functions.by_name.get(name) {
            Some(function) => Some(Callee::Function(function)),
            None => Builtin::find(name).map(Callee::Builtin),
        }
    }

    pub(super) fn signature(&self) -> Signature {
        match self {
            Callee::Builtin(builtin) => builtin.signature(),
            Callee::Function(function) => function.signature(),
        }
    }
}

/// How a function may be called.
#[derive(Clone, Copy)]
pub(super) struct Signature {
    pub parameters: &'static [Type],
    /// The type of any further arguments, if there may be some.
    pub rest: Option<&'static Type>,
}

impl Signature {
    /// The type of the argument with that index.
    pub(super) fn kind(&self, index: usize) -> Type {
        self.parameters.get(index).or(self.rest).copied().unwrap_or(Type::Any)
    }
}

/// Why a function gives no value: Go's text, without a place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    pub fn new(message: impl Into<String>) -> Failure {
        Failure(message.into())
    }
}

/// The arguments of a call, which are as many and of the types that the function declares.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    values: &'a [Value],
    work: &'a Work,
}

impl<'a> Args<'a> {
    pub(super) fn new(values: &'a [Value], work: &'a Work) -> Args<'a> {
        Args { values, work }
    }

    /// Counts steps for work that the length of the result does not show.
    fn spend(self, steps: usize) -> Result<(), Failure> {
        self.work.spend(steps)
    }

    pub fn value(self, index: usize) -> &'a Value {
        &self.values[index]
    }

    /// The arguments from `index` on.
    pub fn rest(self, index: usize) -> &'a [Value] {
        &self.values[index..]
    }

    pub fn text(self, index: usize) -> &'a Text {
        match &self.values[index] {
            Value::String(text) => text,
            other => unreachable!("argument {index} is declared a string and is {other:?}"),
        }
    }

    pub fn int(self, index: usize) -> i64 {
        match &self.values[index] {
            Value::Int(int) => *int,
            other => unreachable!("argument {index} is declared an int and is {other:?}"),
        }
    }

    /// An argument that is declared a `uint32`.
    fn uint32(self, index: usize) -> u32 {
        match &self.values[index] {
            Value::Uint64(int) => *int as u32,
            other => unreachable!("argument {index} is declared a uint32 and is {other:?}"),
        }
    }

    pub fn bool(self, index: usize) -> bool {
        match &self.values[index] {
            Value::Bool(value) => *value,
            other => unreachable!("argument {index} is declared a bool and is {other:?}"),
        }
    }

    pub fn map(self, index: usize) -> &'a Map {
        match &self.values[index] {
            Value::Map(map) => map,
            other => unreachable!("argument {index} is declared a map and is {other:?}"),
        }
    }
}

/// Refuses to make a string of `bytes` bytes if that is too long.
fn check_bytes(bytes: usize) -> Result<(), Failure> {
    match bytes {
        0..=OUTPUT_BYTES_MAX => Ok(()),
        _ => Err(Failure::new(format!("the result is longer than {OUTPUT_BYTES_MAX} bytes"))),
    }
}

/// Refuses to make a list of `items` items if that is too long.
fn check_items(items: usize) -> Result<(), Failure> {
    match items {
        0..=LIST_ITEMS_MAX => Ok(()),
        _ => Err(Failure::new(format!("the result has more than {LIST_ITEMS_MAX} items"))),
    }
}

/// The items of a list, or a failure in sprig's words: what cannot be done to which kind.
fn items_of<'a>(value: &'a Value, cannot: &str) -> Result<&'a List, Failure> {
    match value {
        Value::List(list) => Ok(list),
        Value::Nil => Err(Failure::new(NIL_DEREFERENCE)),
        other => Err(Failure::new(format!("{cannot} {}", kind_name(other)))),
    }
}

const NIL_DEREFERENCE: &str = "runtime error: invalid memory address or nil pointer dereference";

/// Go's `reflect.Kind` of a value.
fn kind_name(value: &Value) -> String {
    match value {
        Value::List(_) => "slice".to_owned(),
        Value::Map(_) => "map".to_owned(),
        Value::Object(object) => object.kind_name().to_owned(),
        Value::Function(_) => "func".to_owned(),
        other => other.kind().map_or_else(|| "invalid".to_owned(), |kind| kind.to_string()),
    }
}
