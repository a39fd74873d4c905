//! Sprig's functions to and from JSON, by the rules of Go's `encoding/json`: numbers become floats, keys are sorted,
//! what HTML could take for its own is escaped.

use super::super::limits::BYTES_MADE_A_STEP;
use super::super::value::{Type, Value};
use super::{Args, Failure, Function};
use read::Mistake;
use write::Style;

mod read;
mod write;

const STRING: Type = Type::String;
const ANY: Type = Type::Any;

const PLAIN: Style = Style { escapes_html: true, indents: false };
const PRETTY: Style = Style { escapes_html: true, indents: true };
const RAW: Style = Style { escapes_html: false, indents: false };

pub(super) static TABLE: &[Function] = &[
    Function::new("fromJson", &[STRING], |args| match parsed(args)? {
        (value, None | Some(Mistake::Value(_))) => Ok(value),
        (_, Some(Mistake::Syntax(_))) => Ok(Value::Nil),
    }),
    Function::new("mustFromJson", &[STRING], |args| match parsed(args)? {
        (value, None) => Ok(value),
        (_, Some(Mistake::Value(message) | Mistake::Syntax(message))) => Err(Failure::new(message)),
    }),
    Function::new("mustToJson", &[ANY], |args| written(args, PLAIN)?.map_err(Failure::new)),
    Function::new("mustToPrettyJson", &[ANY], |args| written(args, PRETTY)?.map_err(Failure::new)),
    Function::new("mustToRawJson", &[ANY], |args| written(args, RAW)?.map_err(Failure::new)),
    // What cannot be written is nothing, but for raw JSON, where it is an error.
    Function::new("toJson", &[ANY], |args| Ok(written(args, PLAIN)?.unwrap_or_else(|_| "".into()))),
    Function::new("toPrettyJson", &[ANY], |args| Ok(written(args, PRETTY)?.unwrap_or_else(|_| "".into()))),
    Function::new("toRawJson", &[ANY], |args| written(args, RAW)?.map_err(Failure::new)),
];

/// What any text takes: structs may have to work out what they are in JSON.
const STEPS_A_TEXT: usize = 8;

/// Bytes of JSON to a step: a value is made of every other one at most.
const BYTES_A_STEP: usize = 4;

/// What the text holds and what is wrong with it; fails only where it is beyond bounds.
fn parsed(args: Args<'_>) -> Result<(Value, Option<Mistake>), Failure> {
    args.spend(4 + args.text(0).as_bytes().len() / BYTES_A_STEP)?;
    read::parse(args)
}

/// The value as JSON, or why Go cannot write it; fails only where it is beyond bounds.
fn written(args: Args<'_>, style: Style) -> Result<Result<Value, String>, Failure> {
    args.spend(STEPS_A_TEXT)?;
    let mut json = Vec::new();
    match write::json(args.value(0), style, &mut json) {
        Ok(()) => Ok(Ok(json.into())),
        Err(write::Stop::Unsupported(message)) => {
            args.spend(json.len() / BYTES_MADE_A_STEP)?;
            Ok(Err(message))
        }
        Err(write::Stop::Bound(failure)) => Err(failure),
    }
}
