//! The parsed template, and how messages show its parts.

use std::fmt;

use super::functions::Callee;
use super::literal::Number;
use super::print;
use super::text::Text;

pub(super) type Nodes = Vec<Node>;

#[derive(Debug)]
pub(super) enum Node {
    Text(Text),
    Action(Action),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template(Invocation),
    Break,
    Continue,
}

impl Node {
    /// Whether it is nothing but space, so that a definition of it does not count.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self, Node::Text(text) if text.to_str_lossy().trim().is_empty())
    }
}

/// A pipeline whose value is printed.
#[derive(Debug)]
pub(super) struct Action {
    pub pipe: Pipe,
}

#[derive(Debug)]
pub(super) struct Branch {
    pub pipe: Pipe,
    pub body: Nodes,
    pub otherwise: Option<Nodes>,
}

/// `{{template "name" pipeline}}`.
#[derive(Debug)]
pub(super) struct Invocation {
    pub position: usize,
    pub name: Text,
    pub pipe: Option<Pipe>,
}

#[derive(Debug)]
pub(super) struct Pipe {
    pub position: usize,
    /// The variables are assigned, not declared.
    pub assigns: bool,
    pub variables: Vec<Declaration>,
    /// At least one.
    pub commands: Vec<Command>,
}

#[derive(Debug)]
pub(super) struct Declaration {
    pub name: Box<str>,
}

#[derive(Debug)]
pub(super) struct Command {
    pub position: usize,
    /// At least one: the first is what is called.
    pub operands: Vec<Operand>,
}

#[derive(Debug)]
pub(super) struct Operand {
    pub position: usize,
    pub term: Term,
}

#[derive(Debug)]
pub(super) enum Term {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    String { written: Box<str>, value: Text },
    Field(Vec<Box<str>>),
    Variable { name: Box<str>, fields: Vec<Box<str>> },
    Chain(Box<Operand>, Vec<Box<str>>),
    Function { name: Box<str>, callee: Callee },
    Pipe(Box<Pipe>),
}

/// A part of a template that a message can point at.
pub(super) trait Located: fmt::Display {
    fn position(&self) -> usize;
}

impl Located for Action {
    fn position(&self) -> usize {
        self.pipe.position
    }
}

impl Located for Invocation {
    fn position(&self) -> usize {
        self.position
    }
}

impl Located for Pipe {
    fn position(&self) -> usize {
        self.position
    }
}

impl Located for Command {
    fn position(&self) -> usize {
        self.position
    }
}

impl Located for Operand {
    fn position(&self) -> usize {
        self.position
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{{}}}}}", self.pipe)
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{template {}", print::quote(self.name.as_bytes()))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, variable) in self.variables.iter().enumerate() {
            write!(f, "{}{}", if i > 0 { ", " } else { "" }, variable.name)?;
        }
        if !self.variables.is_empty() {
            f.write_str(if self.assigns { " = " } else { " := " })?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            write!(f, "{}{command}", if i > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, operand) in self.operands.iter().enumerate() {
            f.write_str(if i > 0 { " " } else { "" })?;
            operand.fmt_closed(f)?;
        }
        Ok(())
    }
}

impl Operand {
    /// With parentheses around a pipeline.
    fn fmt_closed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.term {
            Term::Pipe(pipe) => write!(f, "({pipe})"),
            _ => write!(f, "{self}"),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.term {
            Term::Dot => f.write_str("."),
            Term::Nil => f.write_str("nil"),
            Term::Bool(value) => write!(f, "{value}"),
            Term::Number(number) => f.write_str(&number.written),
            Term::String { written, .. } => f.write_str(written),
            Term::Field(names) => write_fields(f, names),
            Term::Variable { name, fields } => {
                f.write_str(name)?;
                write_fields(f, fields)
            }
            Term::Chain(operand, fields) => {
                operand.fmt_closed(f)?;
                write_fields(f, fields)
            }
            Term::Function { name, .. } => f.write_str(name),
            Term::Pipe(pipe) => write!(f, "{pipe}"),
        }
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, names: &[Box<str>]) -> fmt::Result {
    names.iter().try_for_each(|name| write!(f, ".{name}"))
}
