//! From tokens to trees: one for the template itself and one for each `define` and `block` in it. Errors are Go's.

use std::collections::BTreeMap;

use super::error::Error;
use super::functions::Functions;
use super::lex::lex;
use super::limits::{DEPTH_MAX, SOURCE_BYTES_MAX};
use super::literal::unquote;
use super::node::{Action, Branch, Invocation, Node, Nodes};
use super::print;
use super::text::Text;
use super::token::{Kind, Token};
use variables::Variables;

mod pipeline;
mod variables;

/// The bodies of all templates by name.
pub(super) type Trees = BTreeMap<Text, Nodes>;

pub(super) fn parse(name: &str, text: &str, functions: &Functions) -> Result<Trees, Error> {
    if text.len() > SOURCE_BYTES_MAX {
        return Err(Error::unplaced(name, &format!("longer than {SOURCE_BYTES_MAX} bytes")));
    }
    let tokens = lex(text);
    let mut parser = Parser {
        name,
        text,
        functions,
        tokens: &tokens,
        at: 0,
        scope: Scope::default(),
        depth: 0,
        trees: Trees::new(),
    };
    let root = parser.top()?;
    parser.add(name.into(), root)?;
    Ok(parser.trees)
}

struct Parser<'t> {
    name: &'t str,
    text: &'t str,
    functions: &'t Functions,
    tokens: &'t [Token<'t>],
    /// The next token.
    at: usize,
    scope: Scope<'t>,
    depth: usize,
    trees: Trees,
}

/// What each tree has of its own while it is parsed.
#[derive(Default)]
struct Scope<'t> {
    /// How many tokens it has looked at; Go names the line of the last in errors.
    seen: usize,
    variables: Variables<'t>,
    ranges: usize,
    /// Where the action at hand begins, while it is one without a body.
    action_line: Option<usize>,
}

/// What a list of nodes is made of, and what ends it.
enum Item {
    Node(Node),
    Else,
    End,
}

type Parsed<T> = Result<T, Error>;

impl<'t> Parser<'t> {
    /// The whole template; `define` is allowed only here.
    fn top(&mut self) -> Parsed<Nodes> {
        let mut nodes = Nodes::new();
        loop {
            match self.peek().kind {
                Kind::Eof => return Ok(nodes),
                Kind::LeftDelim if self.is_definition() => self.definition()?,
                _ => match self.item()? {
                    Item::Node(node) => nodes.push(node),
                    Item::Else => return Err(self.error("unexpected {{else}}")),
                    Item::End => return Err(self.error("unexpected {{end}}")),
                },
            }
        }
    }

    /// Whether a `define` follows; if so it is passed.
    fn is_definition(&mut self) -> bool {
        let start = self.at;
        self.next();
        let found = self.next_word().kind == Kind::Define;
        if !found {
            self.at = start;
        }
        found
    }

    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        self.in_scope(|parser| {
            let token = parser.next_word();
            let name = parser.template_name(token, CONTEXT)?;
            parser.expect(Kind::RightDelim, CONTEXT)?;
            let end = parser.body(name)?;
            parser.check_end(&end, CONTEXT)
        })
    }

    /// Keeps the nodes up to `{{end}}` as a tree; gives what ended them, which may be `{{else}}`.
    fn body(&mut self, name: Text) -> Parsed<Item> {
        let (nodes, end) = self.list(self.line())?;
        if let Item::End = end {
            self.add(name, nodes)?;
        }
        Ok(end)
    }

    fn check_end(&self, end: &Item, context: &str) -> Parsed<()> {
        match end {
            Item::Else => Err(self.error(&format!("unexpected {{{{else}}}} in {context}"))),
            _ => Ok(()),
        }
    }

    /// Parses a tree of its own: with no variables of the one around it.
    fn in_scope<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let outer = std::mem::take(&mut self.scope);
        let parsed = self.nested(parse)?;
        self.scope = outer;
        Ok(parsed)
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_MAX {
            return Err(self.error(&format!("exceeded maximum nesting depth ({DEPTH_MAX})")));
        }
        self.depth += 1;
        let parsed = parse(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    /// Keeps a tree; a blank one gives way to any other of its name.
    fn add(&mut self, name: Text, nodes: Nodes) -> Parsed<()> {
        let is_blank = |nodes: &Nodes| nodes.iter().all(Node::is_blank);
        match self.trees.get(&name) {
            Some(known) if !is_blank(known) && is_blank(&nodes) => {}
            Some(known) if !is_blank(known) => {
                let name = print::quote(name.as_bytes());
                return Err(self.error(&format!("template: multiple definition of template {name}")));
            }
            _ => {
                self.trees.insert(name, nodes);
            }
        }
        Ok(())
    }

    /// Nodes up to `{{end}}` or `{{else}}`, which comes second, in a block that begins in the line `opened`.
    fn list(&mut self, opened: usize) -> Parsed<(Nodes, Item)> {
        let mut nodes = Nodes::new();
        while self.peek_word().kind != Kind::Eof {
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                end => return Ok((nodes, end)),
            }
        }
        Err(self.error("unexpected EOF").of_unclosed(opened))
    }

    /// The line of the token taken last.
    fn line(&self) -> usize {
        self.tokens[self.at.saturating_sub(1)].line
    }

    fn item(&mut self) -> Parsed<Item> {
        let token = self.next_word();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text((&*token.text).into()))),
            Kind::LeftDelim => {
                self.scope.action_line = Some(token.line);
                let item = self.nested(Self::action);
                // When an error is on its way, it already knows the line.
                self.scope.action_line = None;
                item
            }
            _ => Err(self.unexpected(token, "input")),
        }
    }

    fn action(&mut self) -> Parsed<Item> {
        let start = self.at;
        let token = self.next_word();
        Ok(Item::Node(match token.kind {
            Kind::Block => Node::Template(self.block()?),
            Kind::Break => self.jump("{{break}}", Node::Break)?,
            Kind::Continue => self.jump("{{continue}}", Node::Continue)?,
            Kind::Else => return self.otherwise(),
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Item::End);
            }
            Kind::If => Node::If(self.branch("if")?),
            Kind::Range => Node::Range(self.branch("range")?),
            Kind::Template => Node::Template(self.template()?),
            Kind::With => Node::With(self.branch("with")?),
            _ => {
                self.at = start;
                Node::Action(Action { pipe: self.pipe("command", Kind::RightDelim)? })
            }
        }))
    }

    fn jump(&mut self, written: &str, node: Node) -> Parsed<Node> {
        self.expect(Kind::RightDelim, written)?;
        match self.scope.ranges {
            0 => Err(self.error(&format!("{written} outside {{{{range}}}}"))),
            _ => Ok(node),
        }
    }

    /// After `else`: its delimiter, or the `if` or `with` that goes on, which is left for the branch to take.
    fn otherwise(&mut self) -> Parsed<Item> {
        if !matches!(self.peek_word().kind, Kind::If | Kind::With) {
            self.expect(Kind::RightDelim, "else")?;
        }
        Ok(Item::Else)
    }

    /// `if`, `with` and `range`, after that word.
    fn branch(&mut self, word: &'static str) -> Parsed<Branch> {
        let (opened, mark) = (self.line(), self.scope.variables.mark());
        let pipe = self.pipe(word, Kind::RightDelim)?;
        let ranges = self.scope.ranges;
        self.scope.ranges += usize::from(word == "range");
        let (body, end) = self.list(opened)?;
        self.scope.ranges = ranges;
        let otherwise = match end {
            Item::Else => Some(self.otherwise_of(word, opened)?),
            _ => None,
        };
        self.scope.variables.forget_since(mark);
        Ok(Branch { pipe, body, otherwise })
    }

    fn otherwise_of(&mut self, word: &str, opened: usize) -> Parsed<Nodes> {
        match self.peek().kind {
            Kind::If if word == "if" => {
                self.next();
                Ok(vec![Node::If(self.nested(|parser| parser.branch("if"))?)])
            }
            Kind::With if word == "with" => {
                self.next();
                Ok(vec![Node::With(self.nested(|parser| parser.branch("with"))?)])
            }
            _ => match self.list(opened)? {
                (nodes, Item::End) => Ok(nodes),
                _ => Err(self.error("expected end; found {{else}}")),
            },
        }
    }

    fn block(&mut self) -> Parsed<Invocation> {
        const CONTEXT: &str = "block clause";
        let token = self.next_word();
        let name = self.template_name(token, CONTEXT)?;
        let pipe = self.pipe(CONTEXT, Kind::RightDelim)?;
        let end = self.in_scope(|parser| parser.body(name.clone()))?;
        // Outside of the block's own tree: Go names the line in which the block begins.
        self.check_end(&end, CONTEXT)?;
        Ok(Invocation { position: token.position, name, pipe: Some(pipe) })
    }

    fn template(&mut self) -> Parsed<Invocation> {
        const CONTEXT: &str = "template clause";
        let token = self.next_word();
        let name = self.template_name(token, CONTEXT)?;
        let pipe = match self.peek_word().kind {
            Kind::RightDelim => None,
            _ => Some(self.pipe(CONTEXT, Kind::RightDelim)?),
        };
        if pipe.is_none() {
            self.next_word();
        }
        Ok(Invocation { position: token.position, name, pipe })
    }

    fn template_name(&mut self, token: &Token<'t>, context: &str) -> Parsed<Text> {
        match token.kind {
            Kind::Quoted | Kind::RawQuoted => unquote(&token.text).map_err(|message| self.error(&message)),
            _ => Err(self.unexpected(token, context)),
        }
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<()> {
        let token = self.next_word();
        if token.kind == kind { Ok(()) } else { Err(self.unexpected(token, context)) }
    }

    /// The next token; the last one again and again.
    fn next(&mut self) -> &'t Token<'t> {
        let token = self.peek();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn peek(&mut self) -> &'t Token<'t> {
        self.scope.seen = self.scope.seen.max(self.at + 1);
        &self.tokens[self.at]
    }

    /// The next token that is no space.
    fn next_word(&mut self) -> &'t Token<'t> {
        self.peek_word();
        self.next()
    }

    /// Passes spaces, but not what comes after them.
    fn peek_word(&mut self) -> &'t Token<'t> {
        while self.peek().kind == Kind::Space {
            self.at += 1;
        }
        self.peek()
    }

    fn unexpected(&self, token: &Token<'_>, context: &str) -> Error {
        let described = token.describe();
        if token.kind != Kind::Error {
            return self.error(&format!("unexpected {described} in {context}"));
        }
        let Some(line) = self.scope.action_line.filter(|&line| line != token.line) else {
            return self.error(&described);
        };
        let started = if described.ends_with(" action") { " started" } else { " in action started" };
        self.error(&format!("{described}{started} at {}:{line}", self.name))
    }

    /// An error in the line of the last token looked at.
    fn error(&self, message: &str) -> Error {
        let last = self.scope.seen.checked_sub(1).map(|last| &self.tokens[last]);
        let (line, position) = last.map_or((0, 0), |token| (token.line, token.position));
        Error::in_line(self.name, line, message, self.text, position)
    }
}
