//! Calls of functions and methods: how many arguments, of which types, and what becomes of errors.

use super::super::functions::{Args, Builtin, Callee, Failure, Function, Signature, Work};
use super::super::held::Held;
use super::super::limits::BYTES_READ_A_STEP;
use super::super::nesting::too_deep;
use super::super::node::{Located, Operand, Term};
use super::super::object::Method;
use super::super::value::{Type, Value};
use super::{Evaluated, Run};

/// What an object may take to find a method and work out its answer.
const STEPS_A_METHOD: usize = 16;
/// What it takes to look at all its fields, as comparing does.
const STEPS_AN_OBJECT: usize = 8;

/// A call as written: the part of the template that errors of the call name, the arguments, and the value that comes
/// through the pipe as one more.
pub(super) struct Call<'t> {
    pub node: &'t dyn Located,
    pub arguments: &'t [Operand],
    pub last: Option<Held>,
}

impl Call<'_> {
    pub(super) fn has_arguments(&self) -> bool {
        !self.arguments.is_empty() || self.last.is_some()
    }
}

impl<'t> Run<'t> {
    pub(super) fn call_function(&mut self, dot: &Held, callee: &Callee, name: &str, call: Call<'t>) -> Evaluated<Held> {
        self.charge(0)?;
        self.check_count(callee.signature(), name, &call)?;
        if let Callee::Builtin(Builtin::And | Builtin::Or) = callee {
            return self.short_circuit(dot, matches!(callee, Callee::Builtin(Builtin::Or)), call);
        }
        let node = call.node;
        let written = call.arguments.first();
        let arguments = self.arguments(dot, callee.signature(), call)?;
        let result = match callee {
            Callee::Builtin(Builtin::Call) => call_value(written, &arguments, &self.work),
            Callee::Builtin(builtin) => {
                self.charge(STEPS_AN_OBJECT * arguments.iter().filter(|held| held.is_object()).count())?;
                builtin.run(&arguments, &self.work)
            }
            Callee::Function(function) => run(function, arguments, &self.work),
        };
        self.called(node, name, result)
    }

    pub(super) fn call_method(&mut self, dot: &Held, method: &Method, name: &str, call: Call<'t>) -> Evaluated<Held> {
        let signature = Signature { parameters: method.parameters, rest: None };
        self.check_count(signature, name, &call)?;
        let node = call.node;
        let arguments = values(self.arguments(dot, signature, call)?);
        self.charge(STEPS_A_METHOD)?;
        let result = (method.run)(&arguments).map(|value| self.copies.of(value));
        self.called(node, name, result)
    }

    /// What a call gave, if it is no error and within bounds.
    fn called(&mut self, node: &'t dyn Located, name: &str, result: Result<Value, Failure>) -> Evaluated<Held> {
        let bounded = result.and_then(|value| if value.is_too_deep() { Err(too_deep()) } else { Ok(value) });
        match bounded {
            Ok(value) => {
                self.charge(value.cost())?;
                // A function's nil is one in an interface.
                Ok(Held { boxed: matches!(value, Value::Nil), value })
            }
            Err(failure) => {
                self.at = Some(node);
                Err(self.fail(&format!("error calling {name}: {failure}")))
            }
        }
    }

    fn check_count(&self, signature: Signature, name: &str, call: &Call<'t>) -> Evaluated<()> {
        let fixed = signature.parameters.len();
        let given = call.arguments.len() + usize::from(call.last.is_some());
        let wrong = match signature.rest {
            Some(_) if given < fixed => format!("want at least {fixed} got {}", call.arguments.len()),
            None if given != fixed => format!("want {fixed} got {given}"),
            _ => return Ok(()),
        };
        Err(self.fail(&format!("wrong number of args for {name}: {wrong}")))
    }

    /// `and` and `or`: the first argument that decides, or the last.
    fn short_circuit(&mut self, dot: &Held, decides: bool, call: Call<'t>) -> Evaluated<Held> {
        let mut held = Held::plain(Value::Nil);
        for argument in call.arguments {
            self.charge(0)?;
            held = self.argument(dot, argument, Type::Any)?;
            if held.value.is_true() == decides {
                return Ok(held);
            }
        }
        Ok(call.last.unwrap_or(held))
    }

    /// The arguments in order, each of the type that its parameter has.
    fn arguments(&mut self, dot: &Held, signature: Signature, call: Call<'t>) -> Evaluated<Vec<Held>> {
        let mut arguments = Vec::with_capacity(call.arguments.len() + 1);
        for operand in call.arguments {
            let held = self.argument(dot, operand, signature.kind(arguments.len()))?;
            self.charge(held.value.length() / BYTES_READ_A_STEP)?;
            arguments.push(held);
        }
        if let Some(last) = call.last {
            let last = self.fit(last, signature.kind(arguments.len()))?;
            self.charge(last.value.length() / BYTES_READ_A_STEP)?;
            arguments.push(last);
        }
        Ok(arguments)
    }

    fn argument(&mut self, dot: &Held, operand: &'t Operand, kind: Type) -> Evaluated<Held> {
        self.at = Some(operand);
        match (&operand.term, kind) {
            (Term::Nil, _) if !kind.takes_nil() => Err(self.fail(&format!("cannot assign nil to {kind}"))),
            (Term::Nil, _) => Ok(Held::plain(kind.zero())),
            (Term::Bool(_) | Term::Number(_) | Term::String { .. }, kind) if kind != Type::Any => {
                self.constant(operand, kind).map(Held::plain)
            }
            _ => {
                let held = self.operand(dot, operand)?;
                self.fit(held, kind)
            }
        }
    }

    /// A literal as the parameter wants it: `3.0` is an int where one is asked for.
    fn constant(&self, operand: &Operand, kind: Type) -> Evaluated<Value> {
        let (found, wanted) = match (kind, &operand.term) {
            (Type::Bool, term) => (if let Term::Bool(value) = term { Some((*value).into()) } else { None }, "bool"),
            (Type::String, term) => {
                let text = if let Term::String { value, .. } = term { Some(value.clone().into()) } else { None };
                (text, "string")
            }
            (Type::Int, Term::Number(number)) => (number.int.map(Value::Int), "integer"),
            (Type::Int64, Term::Number(number)) => (number.int.map(Value::Int64), "integer"),
            (Type::Int | Type::Int64, _) => (None, "integer"),
            (Type::Uint32, Term::Number(number)) => {
                // Go cuts off what does not fit.
                let uint = number.int.and_then(|int| u64::try_from(int).ok()).map(|int| int & u64::from(u32::MAX));
                (uint.map(Value::Uint64), "unsigned integer")
            }
            (Type::Uint32, _) => (None, "unsigned integer"),
            (Type::Float64, Term::Number(number)) => (number.float.map(Value::Float), "float"),
            (Type::Float64, _) => (None, "float"),
            _ => return Err(self.fail(&format!("can't handle {operand} for arg of type {kind}"))),
        };
        found.ok_or_else(|| self.fail(&format!("expected {wanted}; found {operand}")))
    }

    /// The value if a parameter of the type takes it.
    fn fit(&self, held: Held, kind: Type) -> Evaluated<Held> {
        match held.value.kind() {
            _ if kind == Type::Any => Ok(held),
            Some(found) if kind.takes(found) => Ok(Held::plain(held.value)),
            Some(found) => Err(self.fail(&format!("wrong type for value; expected {kind}; got {found}"))),
            None if held.boxed => Err(self.fail(&format!("wrong type for value; expected {kind}; got {}", Type::Any))),
            None if kind.takes_nil() => Ok(Held::plain(kind.zero())),
            None => Err(self.fail(&format!("invalid value; expected {kind}"))),
        }
    }
}

fn run(function: &Function, arguments: Vec<Held>, work: &Work) -> Result<Value, Failure> {
    (function.run)(Args::new(&values(arguments), work))
}

fn values(arguments: Vec<Held>) -> Vec<Value> {
    arguments.into_iter().map(|held| held.value).collect()
}

/// The builtin `call`: runs a function that is a value. `written` is how the template names it.
fn call_value(written: Option<&Operand>, arguments: &[Held], work: &Work) -> Result<Value, Failure> {
    let function = match &arguments[0].value {
        Value::Nil => return Err(Failure::new("call of nil")),
        Value::Function(function) => *function,
        other => {
            let name = written.map_or_else(|| other.called_through_pipe(), Operand::to_string);
            let kind = other.kind().unwrap_or(Type::Any);
            return Err(Failure::new(format!("non-function {name} of type {kind}")));
        }
    };
    let given = values(arguments[1..].to_vec());
    let name = written.map_or_else(|| "<func Value>".to_owned(), Operand::to_string);
    check_given(function.signature(), &name, &given)?;
    (function.run)(Args::new(&given, work))
}

/// Whether the values are as many and of the types that `call` may give a function.
fn check_given(signature: Signature, name: &str, given: &[Value]) -> Result<(), Failure> {
    let (fixed, count) = (signature.parameters.len(), given.len());
    let wanted = match signature.rest {
        Some(_) => format!("at least {fixed}"),
        None => fixed.to_string(),
    };
    if count < fixed || (count > fixed && signature.rest.is_none()) {
        return Err(Failure::new(format!("wrong number of args for {name}: got {count} want {wanted}")));
    }
    for (i, value) in given.iter().enumerate() {
        match (value.kind(), signature.kind(i)) {
            (Some(found), kind) if !kind.takes(found) => {
                return Err(Failure::new(format!("arg {i}: value has type {found}; should be {kind}")));
            }
            (None, kind) if kind != Type::Any => {
                return Err(Failure::new(format!("arg {i}: value is nil; should be of type {kind}")));
            }
            _ => {}
        }
    }
    Ok(())
}

impl Value {
    /// How Go names a value that has no name: a string by itself, others by type.
    fn called_through_pipe(&self) -> String {
        match (self, self.kind()) {
            (Value::String(text), _) => text.to_string(),
            (_, Some(kind)) => format!("<{kind} Value>"),
            (_, None) => "<invalid Value>".to_owned(),
        }
    }
}
