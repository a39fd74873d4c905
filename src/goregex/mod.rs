//! Go's regular expressions, as Flux's and Argo CD's objects hold them, on the `regex` crate.
//!
//! Takes a pattern in the syntax of Go's `regexp` package, gives matches and expansions of Go's templates
//! (`Regexp.Expand`). Both engines come from RE2 and find the same leftmost-first matches; what differs is the
//! syntax. The pattern is therefore read by Go's rules and written anew for `regex`; what Go refuses is refused.

mod class;
mod linear;
mod search;
mod template;
mod translate;

use std::borrow::Cow;
use std::sync::Arc;

use linear::{Answer, Linear};

pub use search::{Fuel, Matches, Search};
pub use template::Template;

/// Longer patterns are refused: a class of a few bytes may stand for hundreds of ranges.
const PATTERN_BYTES_MAX: usize = 8 * 1024;
const COMPILED_BYTES_MAX: usize = 10 << 20;
/// Groups within groups. Go allows 1000.
const DEPTH_MAX: usize = 200;
/// `regex` counts repetitions, sequences and alternatives as levels too.
const LEVELS_MAX: u32 = 5 * DEPTH_MAX as u32;

/// A compiled pattern. Matches anywhere in the text unless the pattern says otherwise.
#[derive(Clone, Debug)]
pub struct Regex {
    pattern: String,
    regex: regex::Regex,
    linear: Option<Arc<Linear>>,
    /// The name of each group, from group 0, the whole match. Go allows a name to be used twice.
    names: Vec<Option<String>>,
}

/// A pattern that Go refuses, or that is too large to be compiled within bounds.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("{what}: `{excerpt}`")]
    Syntax { what: &'static str, excerpt: String },
    #[error("pattern is longer than {PATTERN_BYTES_MAX} bytes")]
    TooLong,
    #[error("groups are nested more than {DEPTH_MAX} deep")]
    TooDeep,
    #[error("pattern needs more than {COMPILED_BYTES_MAX} bytes when compiled")]
    TooLarge,
    #[error("compiling the translated pattern")]
    Compile { source: regex::Error },
    #[error("the search takes too many steps")]
    OutOfFuel,
}

/// Runs one pattern over many texts, on one thread, without new memory for each.
#[derive(Debug)]
pub struct Matcher {
    regex: regex::Regex,
    locations: regex::CaptureLocations,
    linear: Option<Arc<Linear>>,
    /// The start and the end of every group.
    places: Vec<usize>,
}

impl Regex {
    /// Compiles a pattern written for Go.
    pub fn new(pattern: &str) -> Result<Self, Error> {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(Error::TooLong);
        }
        let translated = translate::translate(pattern)?;
        let regex = regex::RegexBuilder::new(&translated.pattern)
            .size_limit(COMPILED_BYTES_MAX)
            .nest_limit(LEVELS_MAX)
            .build()
            .map_err(Error::from_regex)?;
        let linear = Linear::new(&translated.pattern).map(Arc::new);
        Ok(Self { pattern: pattern.to_owned(), regex, linear, names: translated.names })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether the pattern matches anywhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Go's `Expand` with the first match: `$1`, `$name`, `${name}`, `$$`. `None` when nothing matches.
    pub fn expand(&self, template: &str, text: &str) -> Option<String> {
        self.matcher().expand(&self.template(template), text).map(Cow::into_owned)
    }

    /// Resolves the names in a template against the groups of this pattern.
    pub fn template(&self, template: &str) -> Template {
        Template::new(template, &self.names)
    }

    /// What a thread needs to run the pattern over many texts.
    pub fn matcher(&self) -> Matcher {
        Matcher {
            // A clone has scratch memory of its own, which two threads need not take turns with.
            regex: self.regex.clone(),
            locations: self.regex.capture_locations(),
            linear: self.linear.clone(),
            places: vec![0; 2 * self.names.len()],
        }
    }
}

impl Matcher {
    /// As [`Regex::expand`]; borrows from the text when the template is a single group.
    pub fn expand<'t>(&mut self, template: &Template, text: &'t str) -> Option<Cow<'t, str>> {
        match self.find_linear(text) {
            Answer::Match => Some(template.fill(|group| text.get(self.places[2 * group]..self.places[2 * group + 1]))),
            Answer::NoMatch => None,
            Answer::GaveUp => {
                self.regex.captures_read(&mut self.locations, text)?;
                Some(template.fill(|group| self.locations.get(group).map(|(start, end)| &text[start..end])))
            }
        }
    }

    /// As [`Regex::is_match`].
    pub fn is_match(&mut self, text: &str) -> bool {
        match self.find_linear(text) {
            Answer::Match => true,
            Answer::NoMatch => false,
            Answer::GaveUp => self.regex.is_match(text),
        }
    }

    fn find_linear(&mut self, text: &str) -> Answer {
        match &self.linear {
            Some(linear) if text.is_ascii() => linear.find(text.as_bytes(), &mut self.places),
            _ => Answer::GaveUp,
        }
    }
}

impl Error {
    /// Whether the pattern might do with wider bounds; otherwise Go refuses it too.
    pub fn is_bound(&self) -> bool {
        match self {
            Self::Syntax { .. } | Self::Compile { .. } => false,
            Self::TooLong | Self::TooDeep | Self::TooLarge | Self::OutOfFuel => true,
        }
    }

    fn from_syntax(error: &regex_syntax::Error) -> Self {
        Self::Compile { source: regex::Error::Syntax(error.to_string()) }
    }

    fn from_regex(error: regex::Error) -> Self {
        match error {
            regex::Error::CompiledTooBig(_) => Self::TooLarge,
            source => Self::Compile { source },
        }
    }
}
