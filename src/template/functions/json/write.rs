//! A value as JSON.

use super::super::super::limits::NESTING_MAX;
use super::super::super::map::Map;
use super::super::super::number::format_float;
use super::super::super::object::Object;
use super::super::super::print;
use super::super::super::text::runes;
use super::super::super::value::{Type, Value};
use super::super::{Failure, check_bytes};

#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) escapes_html: bool,
    pub(super) indents: bool,
}

/// Why a value cannot be written.
pub(super) enum Stop {
    /// Go cannot write it either.
    Unsupported(String),
    Bound(Failure),
}

/// Appends the value to `out`.
pub(super) fn json(value: &Value, style: Style, out: &mut Vec<u8>) -> Result<(), Stop> {
    Writer { out, style, depth: 0 }.value(value)
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    style: Style,
    depth: usize,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value) -> Result<(), Stop> {
        check_bytes(self.out.len()).map_err(Stop::Bound)?;
        match value {
            Value::Nil => self.raw("null"),
            Value::List(list) if list.is_nil() => self.raw("null"),
            Value::List(list) => {
                let items = list.items();
                self.nested('[', items.len(), |writer, index| writer.value(&items[index]), ']')?;
            }
            Value::Map(map) if map.is_nil() => self.raw("null"),
            Value::Map(map) => self.map(map)?,
            Value::Object(object) => self.object(&**object)?,
            Value::String(text) => self.string(text.as_bytes()),
            Value::Float(float) => self.float(*float)?,
            Value::Function(_) => return Err(unsupported(Type::Function)),
            Value::Complex(..) => return Err(unsupported(Type::Complex128)),
            other => self.raw(&print::shown(other)),
        }
        Ok(())
    }

    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Brackets with `count` things between them.
    fn nested(
        &mut self,
        open: char,
        count: usize,
        mut write: impl FnMut(&mut Self, usize) -> Result<(), Stop>,
        close: char,
    ) -> Result<(), Stop> {
        if self.depth > NESTING_MAX {
            return Err(Stop::Unsupported("json: unsupported value: encountered a cycle".to_owned()));
        }
        self.raw(&open.to_string());
        self.depth += 1;
        for index in 0..count {
            self.raw(if index > 0 { "," } else { "" });
            self.new_line();
            write(self, index)?;
        }
        self.depth -= 1;
        if count > 0 {
            self.new_line();
        }
        self.raw(&close.to_string());
        Ok(())
    }

    fn new_line(&mut self) {
        if self.style.indents {
            self.out.push(b'\n');
            self.out.extend(std::iter::repeat_n(b' ', 2 * self.depth));
        }
    }

    fn member(&mut self, name: &[u8], value: &Value) -> Result<(), Stop> {
        self.string(name);
        self.raw(if self.style.indents { ": " } else { ":" });
        self.value(value)
    }

    /// Keys are sorted as text, numbers too.
    fn map(&mut self, map: &Map) -> Result<(), Stop> {
        let kind = *map.key_type();
        if !matches!(kind, Type::String | Type::Int | Type::Int64 | Type::Uint8 | Type::Uint64) {
            return Err(unsupported(Value::Map(map.clone()).kind().unwrap_or(Type::Any)));
        }
        let name = |key: &Value| match key {
            Value::String(text) => text.as_bytes().to_vec(),
            other => print::shown(other).into_bytes(),
        };
        let entries = map.entries();
        let mut members: Vec<(Vec<u8>, &Value)> = entries.iter().map(|(key, value)| (name(key), value)).collect();
        members.sort_by(|a, b| a.0.cmp(&b.0));
        self.nested('{', members.len(), |writer, index| writer.member(&members[index].0, members[index].1), '}')
    }

    fn object(&mut self, object: &dyn Object) -> Result<(), Stop> {
        if let Some(value) = object.in_json() {
            return self.value(&value);
        }
        let mut fields = Vec::new();
        flatten(object, &mut fields);
        let member = |writer: &mut Writer<'_>, index: usize| {
            let (name, value): &(&'static str, Value) = &fields[index];
            writer.member(name.as_bytes(), value)
        };
        self.nested('{', fields.len(), member, '}')
    }

    fn float(&mut self, float: f64) -> Result<(), Stop> {
        if !float.is_finite() {
            let shown = format_float(float, 'g', None);
            return Err(Stop::Unsupported(format!("json: unsupported value: {shown}")));
        }
        let is_plain = float == 0.0 || (1e-6..1e21).contains(&float.abs());
        let written = format_float(float, if is_plain { 'f' } else { 'e' }, None);
        // An exponent has no zero before it.
        self.raw(&written.replace("e-0", "e-"));
        Ok(())
    }

    fn string(&mut self, text: &[u8]) {
        self.out.push(b'"');
        for (rune, width) in runes(text) {
            match rune {
                '"' | '\\' => self.raw(&format!("\\{rune}")),
                '\x08' => self.raw("\\b"),
                '\x0c' => self.raw("\\f"),
                '\n' => self.raw("\\n"),
                '\r' => self.raw("\\r"),
                '\t' => self.raw("\\t"),
                '\0'..='\x1f' | '\u{2028}' | '\u{2029}' => self.escape(rune),
                '<' | '>' | '&' if self.style.escapes_html => self.escape(rune),
                char::REPLACEMENT_CHARACTER if width == 1 => self.escape(rune),
                _ => self.raw(rune.encode_utf8(&mut [0; 4])),
            }
        }
        self.out.push(b'"');
    }

    fn escape(&mut self, rune: char) {
        self.raw(&format!("\\u{:04x}", u32::from(rune)));
    }
}

fn unsupported(kind: Type) -> Stop {
    Stop::Unsupported(format!("json: unsupported type: {kind}"))
}

/// The fields of an object, those of embedded structs in their places.
fn flatten(object: &dyn Object, fields: &mut Vec<(&'static str, Value)>) {
    for (name, value) in object.fields().iter() {
        match value {
            Value::Object(inner) if object.embedded().contains(name) => flatten(&**inner, fields),
            _ => fields.push((name, value.clone())),
        }
    }
}
