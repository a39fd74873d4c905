//! Go's text/template: commit messages and branch names are programs in it. Takes the text of a template and a value;
//! gives the text it renders, or Go's error with its place.
//!
//! ```text
//! lex ─▶ parse ─▶ node ─▶ eval ─▶ print
//! tokens         trees     │       Go's fmt: verbs, flags, numbers
//!                          └─▶ functions: the builtins, and tables that callers choose
//! ```
//!
//! Differs from Go where Go has no bounds (see [`limits`]), and in what depends on addresses or chance.

mod compare;
mod copies;
mod error;
mod eval;
mod functions;
mod growth;
mod held;
mod lex;
pub mod limits;
mod list;
mod literal;
mod map;
mod nesting;
mod node;
mod number;
mod object;
mod parse;
mod print;
mod quote;
mod rune;
mod spec;
mod text;
mod token;
mod value;
mod verbs;

pub use error::Error;
pub use functions::{Args, Failure, Function, Functions};
pub use list::List;
pub use map::{Entries, Map};
pub use object::{Fields, Method, Object, promoted};
pub use text::Text;
pub use value::{Type, Value};

/// A template that parses.
#[derive(Debug)]
pub struct Template {
    name: Text,
    source: String,
    trees: parse::Trees,
}

impl Template {
    /// Parses `text` with the functions that message templates have, [`Functions::standard`]. `name` is what errors
    /// call it.
    pub fn parse(name: &str, text: &str) -> Result<Template, Error> {
        Template::parse_with(name, text, Functions::standard())
    }

    /// Parses `text` with other functions; Go's builtins are always there unless one of these has the name.
    pub fn parse_with(name: &str, text: &str, functions: &Functions) -> Result<Template, Error> {
        let trees = parse::parse(name, text, functions)?;
        Ok(Template { name: name.into(), source: text.to_owned(), trees })
    }

    /// What the template makes of `data`; U+FFFD stands where the output is not UTF-8.
    pub fn render(&self, data: &Value) -> Result<String, Error> {
        let output = self.render_bytes(data)?;
        Ok(String::from_utf8(output).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// As [`Template::render`], with the bytes as Go would write them.
    pub fn render_bytes(&self, data: &Value) -> Result<Vec<u8>, Error> {
        eval::run(&self.name, &self.source, &self.trees, data)
    }
}
