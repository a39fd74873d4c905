//! Sprig's functions on types: their names, and Go's kinds.

use super::super::value::{Type, Value};
use super::{Args, Function, kind_name};

const ANY: Type = Type::Any;
const STRING: Type = Type::String;

pub(super) static TABLE: &[Function] = &[
    Function::new("kindIs", &[STRING, ANY], |args| Ok(is(args, &kind_name(args.value(1))).into())),
    Function::new("kindOf", &[ANY], |args| Ok(kind_name(args.value(0)).into())),
    Function::new("typeIs", &[STRING, ANY], |args| Ok(is(args, &type_name(args.value(1))).into())),
    Function::new("typeIsLike", &[STRING, ANY], |args| {
        let name = type_name(args.value(1));
        Ok((is(args, &name) || name.strip_prefix('*').is_some_and(|name| is(args, name))).into())
    }),
    Function::new("typeOf", &[ANY], |args| Ok(type_name(args.value(0)).into())),
];

fn type_name(value: &Value) -> String {
    value.kind().map_or_else(|| "<nil>".to_owned(), |kind| kind.to_string())
}

fn is(args: Args<'_>, name: &str) -> bool {
    args.text(0).as_bytes() == name.as_bytes()
}
