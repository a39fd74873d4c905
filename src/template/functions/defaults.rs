//! Sprig's functions for what is missing or empty.

use super::super::value::{Type, Value};
use super::{Failure, Function};

const ANY: Type = Type::Any;

pub(super) static TABLE: &[Function] = &[
    Function::variadic("all", &[], &ANY, |args| Ok((!args.rest(0).iter().any(is_empty)).into())),
    Function::variadic("any", &[], &ANY, |args| Ok((!args.rest(0).iter().all(is_empty)).into())),
    Function::variadic("coalesce", &[], &ANY, |args| {
        Ok(args.rest(0).iter().find(|value| !is_empty(value)).cloned().unwrap_or(Value::Nil))
    }),
    Function::variadic("default", &[ANY], &ANY, |args| {
        let given = args.rest(1).first().filter(|given| !is_empty(given));
        Ok(given.unwrap_or(args.value(0)).clone())
    }),
    Function::new("empty", &[ANY], |args| Ok(is_empty(args.value(0)).into())),
    Function::new("fail", &[Type::String], |args| Err(Failure::new(args.text(0).to_str_lossy()))),
    Function::new("ternary", &[ANY, ANY, Type::Bool], |args| Ok(args.value(if args.bool(2) { 0 } else { 1 }).clone())),
];

/// Nil, zero, false, and what has no length; structs never are.
fn is_empty(value: &Value) -> bool {
    !value.is_true()
}
