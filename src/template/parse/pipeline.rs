//! Pipelines: declarations, commands, operands.

use super::super::functions::{Callee, refusal};
use super::super::literal::{Number, unquote};
use super::super::node::{Command, Declaration, Operand, Pipe, Term};
use super::super::print;
use super::super::token::{Kind, Token};
use super::{Parsed, Parser};

impl<'t> Parser<'t> {
    /// `declarations? command ('|' command)*` up to `end`.
    pub(super) fn pipe(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let position = self.peek_word().position;
        let (variables, assigns) = self.declarations(context)?;
        let mut commands = Vec::new();
        loop {
            let start = self.at;
            let token = self.next_word();
            if token.kind == end {
                self.check(&commands, context)?;
                return Ok(Pipe { position, assigns, variables, commands });
            }
            if !starts_operand(token.kind) {
                return Err(self.unexpected(token, context));
            }
            self.at = start;
            commands.push(self.command()?);
        }
    }

    /// The variables before `:=` or `=`, and whether it is `=`.
    fn declarations(&mut self, context: &str) -> Parsed<(Vec<Declaration>, bool)> {
        let mut variables = Vec::new();
        while self.peek_word().kind == Kind::Variable {
            let start = self.at;
            let variable = self.next_word();
            let after = self.peek_word();
            let is_comma = after.kind == Kind::Char && after.text == ",";
            if !is_comma && !matches!(after.kind, Kind::Assign | Kind::Declare) {
                self.at = start;
                break;
            }
            self.next_word();
            variables.push(Declaration { name: (&*variable.text).into() });
            self.scope.variables.declare(&variable.text);
            if !is_comma {
                return Ok((variables, after.kind == Kind::Assign));
            }
            if context != "range" || variables.len() > 1 {
                return Err(self.error(&format!("too many declarations in {context}")));
            }
            if !matches!(self.peek_word().kind, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                return Err(self.error("range can only initialize variables"));
            }
        }
        Ok((variables, false))
    }

    /// A pipeline has commands, and only the first may be a literal.
    fn check(&self, commands: &[Command], context: &str) -> Parsed<()> {
        if commands.is_empty() {
            return Err(self.error(&format!("missing value for {context}")));
        }
        let is_literal = |command: &Command| {
            let term = &command.operands[0].term;
            matches!(term, Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::String { .. })
        };
        match commands.iter().skip(1).position(is_literal) {
            Some(i) => Err(self.error(&format!("non executable command in pipeline stage {}", i + 2))),
            None => Ok(()),
        }
    }

    /// Operands up to a pipe, which is taken, or the end of the pipeline, which is left.
    fn command(&mut self) -> Parsed<Command> {
        let position = self.peek_word().position;
        let mut operands = Vec::new();
        loop {
            self.peek_word();
            operands.extend(self.operand()?);
            let start = self.at;
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.at = start,
                Kind::Pipe => {}
                _ => return Err(self.unexpected(token, "operand")),
            }
            if operands.is_empty() {
                return Err(self.error("empty command"));
            }
            return Ok(Command { position, operands });
        }
    }

    /// A term and the fields that are asked of it; none when no term follows.
    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let Some(operand) = self.term()? else { return Ok(None) };
        if self.peek().kind != Kind::Field {
            return Ok(Some(operand));
        }
        let position = self.peek().position;
        let mut chain = Vec::new();
        while self.peek().kind == Kind::Field {
            chain.push(field_name(self.next()));
        }
        let term = match operand.term {
            Term::Field(names) => Term::Field([names, chain].concat()),
            Term::Variable { name, fields } => Term::Variable { name, fields: [fields, chain].concat() },
            Term::Bool(_) | Term::String { .. } | Term::Number(_) | Term::Nil | Term::Dot => {
                let term = print::quote(operand.to_string().as_bytes());
                return Err(self.error(&format!("unexpected . after term {term}")));
            }
            _ => Term::Chain(Box::new(operand), chain),
        };
        Ok(Some(Operand { position, term }))
    }

    fn term(&mut self) -> Parsed<Option<Operand>> {
        let start = self.at;
        let token = self.next_word();
        let term = match token.kind {
            Kind::Identifier => self.function(&token.text)?,
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable => self.variable(&token.text)?,
            Kind::Field => Term::Field(vec![field_name(token)]),
            Kind::Bool => Term::Bool(token.text == "true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => Term::Number(self.number(token)?),
            Kind::LeftParen => {
                let context = "parenthesized pipeline";
                Term::Pipe(Box::new(self.nested(|parser| parser.pipe(context, Kind::RightParen))?))
            }
            Kind::Quoted | Kind::RawQuoted => {
                let value = unquote(&token.text).map_err(|message| self.error(&message))?;
                Term::String { written: (&*token.text).into(), value }
            }
            _ => {
                self.at = start;
                return Ok(None);
            }
        };
        // A parenthesised pipeline is where its first word is.
        let position = if let Term::Pipe(pipe) = &term { pipe.position } else { token.position };
        Ok(Some(Operand { position, term }))
    }

    fn function(&self, name: &str) -> Parsed<Term> {
        match Callee::find(name, self.functions) {
            Some(callee) => Ok(Term::Function { name: name.into(), callee }),
            None => {
                let why = refusal(name).map(|why| format!(": {why}")).unwrap_or_default();
                Err(self.error(&format!("function {} not defined{why}", print::quote(name.as_bytes()))))
            }
        }
    }

    fn variable(&self, name: &str) -> Parsed<Term> {
        if name == "$" || self.scope.variables.is_declared(name) {
            return Ok(Term::Variable { name: name.into(), fields: Vec::new() });
        }
        Err(self.error(&format!("undefined variable {}", print::quote(name.as_bytes()))))
    }

    fn number(&self, token: &Token<'t>) -> Parsed<Number> {
        let number = match token.kind {
            Kind::CharConstant => Number::parse_char(&token.text),
            Kind::Complex => Number::parse_complex(&token.text),
            _ => Number::parse(&token.text),
        };
        number.map_err(|message| self.error(&message))
    }
}

fn starts_operand(kind: Kind) -> bool {
    let is_literal = matches!(kind, Kind::Bool | Kind::Nil | Kind::Quoted | Kind::RawQuoted);
    let is_number = matches!(kind, Kind::CharConstant | Kind::Complex | Kind::Number);
    let is_name = matches!(kind, Kind::Dot | Kind::Field | Kind::Identifier | Kind::Variable);
    is_literal || is_number || is_name || kind == Kind::LeftParen
}

fn field_name(token: &Token<'_>) -> Box<str> {
    token.text[1..].into()
}
