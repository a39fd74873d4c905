//! A value by a verb: what of Go's `fmt` follows the kinds of values.

use super::functions::Failure;
use super::limits::NESTING_MAX;
use super::list::List;
use super::map::Map;
use super::object::Object;
use super::spec::{Integer, Spec, Written, write};
use super::value::{Type, Value};

pub(super) struct Printer<'o> {
    pub out: &'o mut Vec<u8>,
    pub spec: Spec,
    /// Within the message about a wrong verb, where structs print without their `String` method.
    is_complaining: bool,
}

impl<'o> Printer<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Printer<'o> {
        Printer { out, spec: Spec::default(), is_complaining: false }
    }

    /// Writes an argument of a print function.
    pub(super) fn argument(&mut self, value: &Value, verb: char) -> Written {
        match (value.kind(), verb) {
            (None, 'T' | 'v') => self.spec.pad(self.out, b"<nil>"),
            (None, _) => write(self.out, format!("%!{verb}(<nil>)").as_bytes()),
            (Some(kind), 'T') => self.spec.string(self.out, kind.to_string().as_bytes()),
            // Addresses would differ from run to run, and `w` wraps errors, which there are none of.
            (Some(_), 'p' | 'w') => self.wrong_verb(value, verb),
            (Some(_), _) => self.value(value, verb, 0),
        }
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) -> Written {
        if depth > NESTING_MAX {
            return Err(Failure::new(format!("lists and maps more than {NESTING_MAX} deep")));
        }
        match value {
            Value::Nil if self.spec.sharp_v => self.raw("interface {}(nil)"),
            Value::Nil => self.raw("<nil>"),
            Value::Bool(is) if matches!(verb, 't' | 'v') => self.spec.pad(self.out, is.to_string().as_bytes()),
            Value::Int(int) | Value::Int64(int) => self.integer(value, Integer::signed(*int), verb),
            Value::Uint8(int) => self.unsigned(value, u64::from(*int), verb),
            Value::Uint64(int) => self.unsigned(value, *int, verb),
            Value::Float(float) => self.float(value, *float, verb),
            Value::Complex(real, imaginary) => self.complex(value, [*real, *imaginary], verb),
            Value::String(text) => self.string(value, text.as_bytes(), verb),
            Value::List(list) => self.list(list, verb, depth),
            Value::Map(map) => self.map(map, verb, depth),
            Value::Object(object) => self.object(value, &**object, verb, depth),
            Value::Bool(_) | Value::Function(_) => self.wrong_verb(value, verb),
        }
    }

    fn unsigned(&mut self, value: &Value, int: u64, verb: char) -> Written {
        if verb == 'v' && self.spec.sharp_v {
            return Spec { sharp: true, ..self.spec }.integer(self.out, Integer::unsigned(int), 'x');
        }
        self.integer(value, Integer::unsigned(int), verb)
    }

    fn integer(&mut self, value: &Value, int: Integer, verb: char) -> Written {
        match verb {
            'v' | 'd' => self.spec.integer(self.out, int, 'd'),
            'b' | 'o' | 'O' | 'x' | 'X' => self.spec.integer(self.out, int, verb),
            'c' => self.spec.character(self.out, int),
            'q' => self.spec.quoted_character(self.out, int),
            'U' => self.spec.unicode(self.out, int),
            _ => self.wrong_verb(value, verb),
        }
    }

    fn complex(&mut self, value: &Value, [real, imaginary]: [f64; 2], verb: char) -> Written {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            return self.wrong_verb(value, verb);
        }
        self.raw("(")?;
        self.float(value, real, verb)?;
        // The second part always has its sign.
        let plus = std::mem::replace(&mut self.spec.plus, true);
        let written = self.float(value, imaginary, verb);
        self.spec.plus = plus;
        written?;
        self.raw("i)")
    }

    fn float(&mut self, value: &Value, float: f64, verb: char) -> Written {
        match verb {
            'v' => self.spec.float(self.out, float, 'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => self.spec.float(self.out, float, verb, None),
            'f' | 'e' | 'E' => self.spec.float(self.out, float, verb, Some(6)),
            'F' => self.spec.float(self.out, float, 'f', Some(6)),
            _ => self.wrong_verb(value, verb),
        }
    }

    fn string(&mut self, value: &Value, text: &[u8], verb: char) -> Written {
        match verb {
            'v' if self.spec.sharp_v => self.spec.quoted_string(self.out, text),
            'v' | 's' => self.spec.string(self.out, text),
            'x' => self.spec.hexadecimal_string(self.out, text, false),
            'X' => self.spec.hexadecimal_string(self.out, text, true),
            'q' => self.spec.quoted_string(self.out, text),
            _ => self.wrong_verb(value, verb),
        }
    }

    fn list(&mut self, list: &List, verb: char, depth: usize) -> Written {
        if self.spec.sharp_v && list.is_nil() {
            return self.raw(&format!("{}(nil)", list.kind()));
        }
        let (open, close) =
            if self.spec.sharp_v { (format!("[]{}{{", list.item_type()), "}") } else { ("[".to_owned(), "]") };
        self.raw(&open)?;
        for (i, item) in list.items().iter().enumerate() {
            self.separator(i)?;
            self.value(item, verb, depth + 1)?;
        }
        self.raw(close)
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) -> Written {
        if self.spec.sharp_v && map.is_nil() {
            return self.raw(&format!("{}(nil)", map.kind()));
        }
        let kind = format!("{}{{", map.kind());
        let (open, close) = if self.spec.sharp_v { (&*kind, "}") } else { ("map[", "]") };
        self.raw(open)?;
        for (i, (key, value)) in map.entries().iter().enumerate() {
            self.separator(i)?;
            self.value(key, verb, depth + 1)?;
            self.raw(":")?;
            self.value(value, verb, depth + 1)?;
        }
        self.raw(close)
    }

    fn object(&mut self, value: &Value, object: &dyn Object, verb: char, depth: usize) -> Written {
        let asks_for_text = matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') && !self.spec.sharp_v;
        if let Some(text) = object.stringer().filter(|_| asks_for_text && !self.is_complaining) {
            return self.string(value, text.as_bytes(), verb);
        }
        let name = object.type_name();
        self.raw(if name.starts_with('*') { "&" } else { "" })?;
        self.raw(if self.spec.sharp_v { name.trim_start_matches('*') } else { "" })?;
        self.raw("{")?;
        for (i, (name, field)) in object.fields().iter().enumerate() {
            self.separator(i)?;
            if self.spec.plus_v || self.spec.sharp_v {
                self.raw(name)?;
                self.raw(":")?;
            }
            self.value(field, verb, depth + 1)?;
        }
        self.raw("}")
    }

    fn separator(&mut self, index: usize) -> Written {
        match index {
            0 => Ok(()),
            _ if self.spec.sharp_v => self.raw(", "),
            _ => self.raw(" "),
        }
    }

    /// `%!d(string=hi)`.
    fn wrong_verb(&mut self, value: &Value, verb: char) -> Written {
        let kind = value.kind().unwrap_or(Type::Any);
        self.raw(&format!("%!{verb}({kind}="))?;
        if let Value::Function(_) = value {
            return self.raw("...)");
        }
        self.is_complaining = true;
        self.value(value, 'v', 0)?;
        self.is_complaining = false;
        self.raw(")")
    }

    pub(super) fn raw(&mut self, text: &str) -> Written {
        write(self.out, text.as_bytes())
    }
}
