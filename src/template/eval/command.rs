//! Commands and their operands: constants, variables, chains of fields.

use super::super::Error;
use super::super::held::Held;
use super::super::node::{Command, Located, Operand, Term};
use super::super::value::{Type, Value};
use super::call::Call;
use super::{Evaluated, Run};

impl<'t> Run<'t> {
    /// The value of a command; `last` is that of the command before it in the pipeline.
    pub(super) fn command(&mut self, dot: &Held, command: &'t Command, last: Option<Held>) -> Evaluated<Held> {
        self.charge(0)?;
        let first = &command.operands[0];
        let arguments = &command.operands[1..];
        if !matches!(first.term, Term::Pipe(_)) {
            self.at = Some(first);
        }
        match &first.term {
            Term::Field(names) => self.fields(dot, dot.clone(), names, Call { node: first, arguments, last }),
            Term::Variable { name, fields } if !fields.is_empty() => {
                let receiver = self.variable(name)?;
                self.fields(dot, receiver, fields, Call { node: first, arguments, last })
            }
            Term::Chain(operand, names) => {
                let receiver = self.receiver(dot, operand)?;
                self.fields(dot, receiver, names, Call { node: first, arguments, last })
            }
            Term::Function { name, callee } => {
                self.call_function(dot, callee, name, Call { node: command, arguments, last })
            }
            Term::Variable { name, .. } => {
                let value = self.variable(name)?;
                self.takes_nothing(first, arguments, last)?;
                Ok(value)
            }
            Term::Nil => {
                self.takes_nothing(first, arguments, last)?;
                Err(self.fail("nil is not a command"))
            }
            _ => {
                self.takes_nothing(first, arguments, last)?;
                self.operand(dot, first)
            }
        }
    }

    /// Refuses arguments to what is no function.
    fn takes_nothing(&self, first: &Operand, arguments: &[Operand], last: Option<Held>) -> Evaluated<()> {
        if arguments.is_empty() && last.is_none() {
            return Ok(());
        }
        Err(self.fail(&format!("can't give argument to non-function {first}")))
    }

    /// The value of an operand by itself.
    pub(super) fn operand(&mut self, dot: &Held, operand: &'t Operand) -> Evaluated<Held> {
        match &operand.term {
            Term::Dot => Ok(dot.clone()),
            Term::Nil => Ok(Held::plain(Value::Nil)),
            Term::Bool(value) => Ok(Held::plain(Value::Bool(*value))),
            Term::String { value, .. } => Ok(Held::plain(Value::String(value.clone()))),
            Term::Number(number) if number.complex.is_some() => {
                Ok(Held::plain(number.complex.map_or(Value::Nil, |(real, imaginary)| Value::Complex(real, imaginary))))
            }
            Term::Number(number) if number.is_float() => Ok(Held::plain(number.float.map_or(Value::Nil, Value::Float))),
            Term::Number(number) => match number.int {
                Some(int) => Ok(Held::plain(Value::Int(int))),
                None => Err(self.fail(&format!("{} overflows int", number.written))),
            },
            Term::Variable { name, fields } if fields.is_empty() => self.variable(name),
            Term::Variable { name, fields } => {
                let receiver = self.variable(name)?;
                self.fields(dot, receiver, fields, Call::bare(operand))
            }
            Term::Field(names) => self.fields(dot, dot.clone(), names, Call::bare(operand)),
            Term::Chain(inner, names) => {
                let receiver = self.receiver(dot, inner)?;
                self.fields(dot, receiver, names, Call::bare(operand))
            }
            Term::Function { name, callee } => self.call_function(dot, callee, name, Call::bare(operand)),
            Term::Pipe(pipe) => self.nested(|run| run.pipe(dot, pipe)).map(Held::plain),
        }
    }

    /// What a chain begins with.
    fn receiver(&mut self, dot: &Held, operand: &'t Operand) -> Evaluated<Held> {
        self.at = Some(operand);
        self.operand(dot, operand)
    }

    fn variable(&mut self, name: &str) -> Evaluated<Held> {
        let at = self.find(name)?;
        Ok(self.variables[at].held.clone())
    }

    /// `.A.B.C` of `receiver`; the last may be a method and gets the arguments.
    fn fields(&mut self, dot: &Held, receiver: Held, names: &[Box<str>], call: Call<'t>) -> Evaluated<Held> {
        let mut receiver = receiver;
        if let Some((last, before)) = names.split_last() {
            for name in before {
                receiver = self.field(dot, receiver, name, Call::bare(call.node))?;
            }
            receiver = self.field(dot, receiver, last, call)?;
        }
        Ok(receiver)
    }

    /// A method's result, a struct's field or a map's entry.
    fn field(&mut self, dot: &Held, receiver: Held, name: &str, call: Call<'t>) -> Evaluated<Held> {
        self.charge(0)?;
        let has_arguments = call.has_arguments();
        match &receiver.value {
            Value::Nil if receiver.boxed => Err(self.fail(&format!("nil pointer evaluating {}.{name}", Type::Any))),
            Value::Nil => Ok(Held::plain(Value::Nil)),
            Value::Object(object) => {
                if let Some(method) = object.method(name) {
                    return self.call_method(dot, &method, name, call);
                }
                match object.field(name) {
                    Some(_) if has_arguments => {
                        Err(self.fail(&format!("{name} has arguments but cannot be invoked as function")))
                    }
                    Some(value) => Ok(Held { boxed: matches!(value, Value::Nil), value: self.copies.of(value) }),
                    None => Err(self.no_field(&receiver, name)),
                }
            }
            Value::Map(map) if map.key_type().takes(Type::String) => {
                if has_arguments {
                    return Err(self.fail(&format!("{name} is not a method but has arguments")));
                }
                let found = map.get_named(name);
                Ok(found.map_or(Held::plain(Value::Nil), |value| Held::of_kind(&value, map.value_type())))
            }
            _ => Err(self.no_field(&receiver, name)),
        }
    }

    fn no_field(&self, receiver: &Held, name: &str) -> Error {
        let kind = receiver.kind().unwrap_or(Type::Any);
        self.fail(&format!("can't evaluate field {name} in type {kind}"))
    }
}

impl<'t> Call<'t> {
    /// Without arguments.
    fn bare(node: &'t dyn Located) -> Call<'t> {
        Call { node, arguments: &[], last: None }
    }
}
