//! Carries a template out: walks its tree, evaluates pipelines, prints their values. Follows Go in what is evaluated
//! when, so that errors name the same place.

use super::copies::Copies;
use super::error::Error;
use super::functions::Work;
use super::held::Held;
use super::limits::{BYTES_MADE_A_STEP, BYTES_READ_A_STEP, DEPTH_MAX, NESTING_MAX};
use super::node::{Action, Branch, Invocation, Located, Node, Nodes, Pipe};
use super::parse::Trees;
use super::print;
use super::spec;
use super::text::Text;
use super::value::{Type, Value};

mod call;
mod command;

/// Renders the template `name` of `trees`, which were parsed from `source`.
pub(super) fn run(name: &Text, source: &str, trees: &Trees, data: &Value) -> Result<Vec<u8>, Error> {
    let mut copies = Copies::default();
    let dot = Held::plain(copies.of(data.clone()));
    let root = Variable { name: "$", held: dot.clone() };
    let mut run = Run {
        name: &name.to_str_lossy(),
        source,
        trees,
        template: name,
        at: None,
        variables: vec![root],
        output: Vec::new(),
        copies,
        work: Work::default(),
        calls: 0,
        nesting: 0,
    };
    if let Some(nodes) = trees.get(name) {
        run.list(&dot, nodes)?;
    }
    Ok(run.output)
}

struct Variable<'t> {
    name: &'t str,
    held: Held,
}

/// Where to go on after a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

type Evaluated<T> = Result<T, Error>;

struct Run<'t> {
    name: &'t str,
    source: &'t str,
    trees: &'t Trees,
    /// The name of the template that is running.
    template: &'t Text,
    /// What is being evaluated, for errors.
    at: Option<&'t dyn Located>,
    variables: Vec<Variable<'t>>,
    output: Vec<u8>,
    copies: Copies,
    work: Work,
    /// How many `template` actions are under way.
    calls: usize,
    nesting: usize,
}

impl<'t> Run<'t> {
    fn list(&mut self, dot: &Held, nodes: &'t Nodes) -> Evaluated<Flow> {
        for node in nodes {
            let flow = self.node(dot, node)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn node(&mut self, dot: &Held, node: &'t Node) -> Evaluated<Flow> {
        match node {
            Node::Text(text) => self.write(text.as_bytes())?,
            Node::Action(action) => self.action(dot, action)?,
            Node::If(branch) => return self.nested(|run| run.branch(dot, branch, false)),
            Node::With(branch) => return self.nested(|run| run.branch(dot, branch, true)),
            Node::Range(branch) => return self.nested(|run| run.range(dot, branch)),
            Node::Template(invocation) => self.nested(|run| run.invoke(dot, invocation))?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    /// Prints a pipeline's value, unless it went to a variable, which lives until the next `end`.
    fn action(&mut self, dot: &Held, action: &'t Action) -> Evaluated<()> {
        let value = self.pipe(dot, &action.pipe)?;
        if !action.pipe.variables.is_empty() {
            return Ok(());
        }
        self.at = Some(action);
        match value {
            Value::Nil => self.write(b"<no value>"),
            Value::String(text) => self.write(text.as_bytes()),
            Value::Function(_) => Err(self.fail(&format!("can't print {action} of type {}", Type::Function))),
            value => {
                let before = self.output.len();
                print::value(&mut self.output, &value).map_err(|failure| self.fail(&failure.to_string()))?;
                self.charge((self.output.len() - before) / BYTES_MADE_A_STEP)
            }
        }
    }

    /// `if`, and `with`, which makes the value the dot.
    fn branch(&mut self, dot: &Held, branch: &'t Branch, is_with: bool) -> Evaluated<Flow> {
        let mark = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let flow = match &branch.otherwise {
            _ if value.is_true() && is_with => self.list(&Held::plain(value), &branch.body)?,
            _ if value.is_true() => self.list(dot, &branch.body)?,
            Some(otherwise) => self.list(dot, otherwise)?,
            None => Flow::Next,
        };
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn range(&mut self, dot: &Held, branch: &'t Branch) -> Evaluated<Flow> {
        let mark = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let ran = self.iterate(&value, branch)?;
        let flow = match &branch.otherwise {
            Some(otherwise) if !ran => self.list(dot, otherwise)?,
            _ => Flow::Next,
        };
        self.variables.truncate(mark);
        // A `break` in the `else` of an inner range ends that range, which is over anyway.
        Ok(if flow == Flow::Break { Flow::Next } else { flow })
    }

    /// Runs the body for each item; false when there is none.
    fn iterate(&mut self, value: &Value, branch: &'t Branch) -> Evaluated<bool> {
        match value {
            Value::Nil => Ok(false),
            Value::List(list) => {
                let items = list.items().iter().map(|item| Held::of_kind(item, list.item_type()));
                self.each(branch, (0..).map(|i| Held::plain(Value::Int(i))).zip(items))
            }
            Value::Map(map) => {
                let (keys, values) = (map.key_type(), map.value_type());
                let entries = map.entries();
                self.each(branch, entries.iter().map(|(k, v)| (Held::of_kind(k, keys), Held::of_kind(v, values))))
            }
            Value::Int(end) => self.count(branch, *end, Value::Int),
            Value::Int64(end) => self.count(branch, *end, Value::Int64),
            Value::Uint8(end) => self.count(branch, *end, Value::Uint8),
            Value::Uint64(end) => self.count(branch, *end, Value::Uint64),
            _ => Err(self.fail(&format!("range can't iterate over {}", print::shown(value)))),
        }
    }

    /// Runs the body for the integers below `end`.
    fn count<N: Copy + Default>(&mut self, branch: &'t Branch, end: N, value: impl Fn(N) -> Value) -> Evaluated<bool>
    where
        std::ops::Range<N>: Iterator<Item = N>,
    {
        if branch.pipe.variables.len() > 1 {
            let end = print::shown(&value(end));
            return Err(self.fail(&format!("can't use {end} to iterate over more than one variable")));
        }
        self.each(branch, (N::default()..end).map(|i| (Held::plain(Value::Nil), Held::plain(value(i)))))
    }

    fn each(&mut self, branch: &'t Branch, items: impl Iterator<Item = (Held, Held)>) -> Evaluated<bool> {
        let mark = self.variables.len();
        let mut ran = false;
        for (index, item) in items {
            ran = true;
            self.charge(branch.pipe.variables.len())?;
            self.set_range_variables(&branch.pipe, index, &item)?;
            let flow = self.list(&item, &branch.body)?;
            self.variables.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(ran)
    }

    /// Of two variables the first is the index; one alone is the item.
    fn set_range_variables(&mut self, pipe: &'t Pipe, index: Held, item: &Held) -> Evaluated<()> {
        let index = if pipe.variables.len() > 1 { Some(index) } else { None };
        let first = self.variables.len().saturating_sub(pipe.variables.len());
        for (i, (variable, held)) in pipe.variables.iter().zip(index.into_iter().chain([item.clone()])).enumerate() {
            if pipe.assigns {
                self.assign(&variable.name, held)?;
            } else {
                self.variables[first + i].held = held;
            }
        }
        Ok(())
    }

    /// Runs another template; it sees none of the variables here.
    fn invoke(&mut self, dot: &Held, invocation: &'t Invocation) -> Evaluated<()> {
        self.at = Some(invocation);
        self.charge(0)?;
        let Some((name, nodes)) = self.trees.get_key_value(&invocation.name) else {
            let name = print::quote(invocation.name.as_bytes());
            return Err(self.fail(&format!("template {name} not defined")));
        };
        if self.calls >= DEPTH_MAX {
            return Err(self.fail(&format!("exceeded maximum template depth ({DEPTH_MAX})")));
        }
        let value = match &invocation.pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Nil,
        };
        let dot = Held::plain(value);
        let outer_template = std::mem::replace(&mut self.template, name);
        let root = vec![Variable { name: "$", held: dot.clone() }];
        let outer_variables = std::mem::replace(&mut self.variables, root);
        self.calls += 1;
        self.list(&dot, nodes)?;
        self.calls -= 1;
        self.template = outer_template;
        self.variables = outer_variables;
        Ok(())
    }

    /// The value of a pipeline, which goes to its variables too.
    fn pipe(&mut self, dot: &Held, pipe: &'t Pipe) -> Evaluated<Value> {
        self.at = Some(pipe);
        let mut last = None;
        for command in &pipe.commands {
            last = Some(Held::plain(self.command(dot, command, last)?.value));
        }
        let held = last.unwrap_or(Held::plain(Value::Nil));
        for variable in &pipe.variables {
            if pipe.assigns {
                self.assign(&variable.name, held.clone())?;
            } else {
                self.variables.push(Variable { name: &variable.name, held: held.clone() });
            }
        }
        Ok(held.value)
    }

    fn assign(&mut self, name: &str, held: Held) -> Evaluated<()> {
        let at = self.find(name)?;
        self.variables[at].held = held;
        Ok(())
    }

    /// The index of the variable declared last under that name.
    fn find(&mut self, name: &str) -> Evaluated<usize> {
        let found = self.variables.iter().rposition(|variable| variable.name == name);
        self.charge((self.variables.len() - found.unwrap_or(0)) / BYTES_READ_A_STEP)?;
        found.ok_or_else(|| self.fail(&format!("undefined variable: {name}")))
    }

    fn write(&mut self, bytes: &[u8]) -> Evaluated<()> {
        self.charge(bytes.len() / BYTES_READ_A_STEP)?;
        spec::write(&mut self.output, bytes).map_err(|failure| self.fail(&failure.to_string()))
    }

    /// Counts one step, and `more` for the handling of many bytes or items.
    fn charge(&mut self, more: usize) -> Evaluated<()> {
        self.work.spend(1 + more).map_err(|failure| self.fail(&failure.to_string()))
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Evaluated<T>) -> Evaluated<T> {
        if self.nesting >= NESTING_MAX {
            return Err(self.fail(&format!("exceeded maximum nesting depth ({NESTING_MAX})")));
        }
        self.nesting += 1;
        let result = inner(self)?;
        self.nesting -= 1;
        Ok(result)
    }

    /// An error at what is being evaluated.
    fn fail(&self, message: &str) -> Error {
        let Some(at) = self.at else { return Error::unplaced(self.name, message) };
        let template = print::quote(self.template.as_bytes());
        Error::at(self.name, self.source, at.position(), &format!("executing {template} at <{at}>: {message}"))
    }
}
