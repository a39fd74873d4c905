//! The functions of text/template itself.

use super::super::compare;
use super::super::held::Held;
use super::super::limits::BYTES_MADE_A_STEP;
use super::super::print;
use super::super::rune::is_printable;
use super::super::text::{Text, first_rune, prefix_width};
use super::super::value::{Type, Value};
use super::{Failure, Signature, Work, check_bytes};

/// A function that Go's templates have without being given any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Builtin {
    And,
    Call,
    Eq,
    Ge,
    Gt,
    Html,
    Index,
    Js,
    Le,
    Len,
    Lt,
    Ne,
    Not,
    Or,
    Print,
    Printf,
    Println,
    Slice,
    UrlQuery,
}

/// Their names.
pub(super) const BUILTINS: &[(&str, Builtin)] = &[
    ("and", Builtin::And),
    ("call", Builtin::Call),
    ("eq", Builtin::Eq),
    ("ge", Builtin::Ge),
    ("gt", Builtin::Gt),
    ("html", Builtin::Html),
    ("index", Builtin::Index),
    ("js", Builtin::Js),
    ("le", Builtin::Le),
    ("len", Builtin::Len),
    ("lt", Builtin::Lt),
    ("ne", Builtin::Ne),
    ("not", Builtin::Not),
    ("or", Builtin::Or),
    ("print", Builtin::Print),
    ("printf", Builtin::Printf),
    ("println", Builtin::Println),
    ("slice", Builtin::Slice),
    ("urlquery", Builtin::UrlQuery),
];

impl Builtin {
    pub(in super::super) fn find(name: &str) -> Option<Builtin> {
        BUILTINS.iter().find_map(|&(known, builtin)| (known == name).then_some(builtin))
    }

    pub(in super::super) fn signature(self) -> Signature {
        use Type::{Any, String};
        let (parameters, is_variadic): (&'static [Type], bool) = match self {
            Builtin::Len | Builtin::Not => (&[Any], false),
            Builtin::Ne | Builtin::Lt | Builtin::Le | Builtin::Gt | Builtin::Ge => (&[Any, Any], false),
            Builtin::And | Builtin::Or | Builtin::Call | Builtin::Eq | Builtin::Index | Builtin::Slice => {
                (&[Any], true)
            }
            Builtin::Printf => (&[String], true),
            Builtin::Html | Builtin::Js | Builtin::Print | Builtin::Println | Builtin::UrlQuery => (&[], true),
        };
        Signature { parameters, rest: is_variadic.then_some(&Any) }
    }

    /// Runs it on arguments that fit the signature. The evaluator itself does `and`, `or` and `call`.
    pub(in super::super) fn run(self, arguments: &[Held], work: &Work) -> Result<Value, Failure> {
        let value = |index: usize| &arguments[index].value;
        match self {
            Builtin::And | Builtin::Or | Builtin::Call => Err(Failure::new("not a function of its arguments alone")),
            Builtin::Eq => compare::equals_any(value(0), &arguments[1..]).map(Value::Bool),
            Builtin::Ne => compare::equals_any(value(0), &arguments[1..]).map(|equal| Value::Bool(!equal)),
            Builtin::Lt => compare::less(value(0), value(1)).map(Value::Bool),
            Builtin::Le => compare::less_or_equal(value(0), value(1)).map(Value::Bool),
            Builtin::Gt => compare::less_or_equal(value(0), value(1)).map(|is| Value::Bool(!is)),
            Builtin::Ge => compare::less(value(0), value(1)).map(|is| Value::Bool(!is)),
            Builtin::Html => escaped(arguments, html),
            Builtin::Js => escaped(arguments, js),
            Builtin::UrlQuery => escaped(arguments, url_query),
            Builtin::Index => index(value(0), &arguments[1..]),
            Builtin::Len => length(&arguments[0]),
            Builtin::Not => Ok(Value::Bool(!value(0).is_true())),
            Builtin::Print => print::print(&values(arguments)).map(Value::from),
            Builtin::Printf => printf(value(0), &values(&arguments[1..]), work),
            Builtin::Println => print::println(&values(arguments)).map(Value::from),
            Builtin::Slice => slice(value(0), &arguments[1..]),
        }
    }
}

fn printf(format: &Value, arguments: &[Value], work: &Work) -> Result<Value, Failure> {
    let Value::String(format) = format else { return Err(Failure::new("the format is no string")) };
    let written = print::printf(format.as_bytes(), arguments)?;
    // The digits of floats, and of what may hold some, cost more than other bytes.
    if !arguments.iter().all(|argument| matches!(argument, Value::String(_) | Value::Int(_) | Value::Int64(_))) {
        work.spend(written.as_bytes().len() / BYTES_MADE_A_STEP)?;
    }
    Ok(written.into())
}

fn values(arguments: &[Held]) -> Vec<Value> {
    arguments.iter().map(|held| held.value.clone()).collect()
}

fn length(held: &Held) -> Result<Value, Failure> {
    let length = match &held.value {
        Value::String(_) | Value::List(_) | Value::Map(_) => held.value.length(),
        Value::Nil if held.boxed => return Err(Failure::new("len of nil pointer")),
        Value::Nil => return Err(Failure::new("reflect: call of reflect.Value.Type on zero Value")),
        other => return Err(Failure::new(format!("len of type {}", type_name(other)))),
    };
    Ok(Value::Int(length as i64))
}

fn type_name(value: &Value) -> String {
    value.kind().unwrap_or(Type::Any).to_string()
}

/// `index x 1 "a"`: x\[1\]\["a"\]. A key that a map has not gives the zero of its values.
fn index(item: &Value, indexes: &[Held]) -> Result<Value, Failure> {
    if let Value::Nil = item {
        return Err(Failure::new("index of untyped nil"));
    }
    let mut item = item.clone();
    for index in indexes {
        item = match &item {
            Value::Nil => return Err(Failure::new("index of nil pointer")),
            Value::List(list) => {
                let at = position(&index.value, list.items().len())?;
                list.items().get(at).cloned().ok_or(Failure::new("reflect: slice index out of range"))?
            }
            Value::String(text) => {
                let at = position(&index.value, text.as_bytes().len())?;
                let byte = text.as_bytes().get(at).copied();
                byte.map(Value::Uint8).ok_or(Failure::new("reflect: string index out of range"))?
            }
            Value::Map(map) => {
                let key = map_key(&index.value, *map.key_type())?;
                map.get(&key).unwrap_or_else(|| map.value_type().zero())
            }
            other => return Err(Failure::new(format!("can't index item of type {}", type_name(other)))),
        };
    }
    Ok(item)
}

/// The index as a position from 0 to `cap`, the latter included as Go does at this point.
fn position(index: &Value, cap: usize) -> Result<usize, Failure> {
    let at = match index {
        Value::Int(at) | Value::Int64(at) => *at,
        Value::Uint8(at) => i64::from(*at),
        Value::Uint64(at) => *at as i64,
        Value::Nil => return Err(Failure::new("cannot index slice/array with nil")),
        other => return Err(Failure::new(format!("cannot index slice/array with type {}", type_name(other)))),
    };
    usize::try_from(at).ok().filter(|&at| at <= cap).ok_or(Failure::new(format!("index out of range: {at}")))
}

/// The index as a key of that type; integers become one another.
fn map_key(index: &Value, kind: Type) -> Result<Value, Failure> {
    let Some(found) = index.kind() else {
        return match kind.takes_nil() {
            true => Ok(kind.zero()),
            false => Err(Failure::new(format!("value is nil; should be of type {kind}"))),
        };
    };
    if kind.takes(found) {
        return Ok(index.clone());
    }
    let converted = match (index, kind) {
        (Value::Int(int), Type::Int64) => Some(Value::Int64(*int)),
        (Value::Int64(int), Type::Int) => Some(Value::Int(*int)),
        (Value::Int(int) | Value::Int64(int), Type::Uint64) => Some(Value::Uint64(*int as u64)),
        (Value::Uint64(int), Type::Int) => Some(Value::Int(*int as i64)),
        (Value::Uint64(int), Type::Int64) => Some(Value::Int64(*int as i64)),
        (Value::Uint8(byte), Type::Int) => Some(Value::Int(i64::from(*byte))),
        _ => None,
    };
    converted.ok_or_else(|| Failure::new(format!("value has type {found}; should be {kind}")))
}

/// `slice x 1 2`: x\[1:2\], of a string or a list.
fn slice(item: &Value, indexes: &[Held]) -> Result<Value, Failure> {
    let cap = match item {
        Value::Nil => return Err(Failure::new("slice of untyped nil")),
        _ if indexes.len() > 3 => return Err(Failure::new(format!("too many slice indexes: {}", indexes.len()))),
        Value::String(_) if indexes.len() == 3 => return Err(Failure::new("cannot 3-index slice a string")),
        Value::String(_) => item.length(),
        Value::List(list) => list.capacity(),
        other => return Err(Failure::new(format!("can't slice item of type {}", type_name(other)))),
    };
    let mut bounds = [0, item.length(), cap];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(&index.value, cap)?;
    }
    for pair in bounds.windows(2) {
        if pair[0] > pair[1] {
            return Err(Failure::new(format!("invalid slice index: {} > {}", pair[0], pair[1])));
        }
    }
    let [start, end, cap] = bounds;
    Ok(match item {
        Value::String(text) => Value::from(&text.as_bytes()[start..end]),
        Value::List(list) => list.slice(start, end, cap).into(),
        other => other.clone(),
    })
}

/// So many characters are escaped before the length is looked at.
const ESCAPED_AT_ONCE: usize = 1 << 14;

/// The arguments as `print` shows them, escaped.
fn escaped(arguments: &[Held], escape: fn(&[u8], &mut Vec<u8>)) -> Result<Value, Failure> {
    let shown = |held: &Held| match &held.value {
        Value::Nil => Value::from("<no value>"),
        value => value.clone(),
    };
    let plain: Text = print::print(&arguments.iter().map(shown).collect::<Vec<_>>())?;
    let mut bytes = Vec::with_capacity(plain.as_bytes().len());
    let mut rest = plain.as_bytes();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(prefix_width(rest, ESCAPED_AT_ONCE));
        escape(now, &mut bytes);
        check_bytes(bytes.len())?;
        rest = later;
    }
    Ok(bytes.into())
}

fn html(plain: &[u8], escaped: &mut Vec<u8>) {
    for &byte in plain {
        match byte {
            0 => escaped.extend("\u{fffd}".bytes()),
            b'"' => escaped.extend(b"&#34;"),
            b'\'' => escaped.extend(b"&#39;"),
            b'&' => escaped.extend(b"&amp;"),
            b'<' => escaped.extend(b"&lt;"),
            b'>' => escaped.extend(b"&gt;"),
            _ => escaped.push(byte),
        }
    }
}

fn js(plain: &[u8], escaped: &mut Vec<u8>) {
    let mut rest = plain;
    while let Some((rune, width)) = first_rune(rest) {
        match rune {
            '\\' | '\'' | '"' => escaped.extend([b'\\', rest[0]]),
            '<' | '>' | '&' | '=' | '\0'..='\x1f' => escaped.extend(format!("\\u{:04X}", u32::from(rune)).bytes()),
            _ if is_printable(rune) || rune.is_ascii() => escaped.extend(&rest[..width]),
            _ => escaped.extend(format!("\\u{:04X}", u32::from(rune)).bytes()),
        }
        rest = &rest[width..];
    }
}

fn url_query(plain: &[u8], escaped: &mut Vec<u8>) {
    for &byte in plain {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(byte),
            b' ' => escaped.push(b'+'),
            _ => escaped.extend(format!("%{byte:02X}").bytes()),
        }
    }
}
