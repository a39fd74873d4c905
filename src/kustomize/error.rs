//! Why a build was refused: what was being done, in which file, at which field and entry.

use std::error::Error as StdError;
use std::fmt;

/// A refused build. `overlays/prod/kustomization.yaml: patches[1].target: reading the selector`, its cause in `source`.
///
/// Boxed, since nearly every function of the room may return one.
#[derive(Debug)]
pub struct Error(Box<Refusal>);

#[derive(Debug, Default)]
struct Refusal {
    /// The file that is to blame, from the root of the tree.
    file: Option<String>,
    /// From 1; 0 where the file has no line to blame.
    line: u32,
    /// Field and entry in the kustomization file, such as `patches[1].target`.
    field: Option<String>,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Refusal { message: message.into(), ..Refusal::default() }))
    }

    /// The file to blame; who knew it first, closest to the mistake, knows best.
    pub(super) fn in_file(mut self, file: &str, line: u32) -> Self {
        if self.0.file.is_none() {
            self.0.file = Some(file.to_owned());
            self = self.on_line(line);
        }
        self
    }

    /// The line to blame in the file that will be named later; who knew it first knows best.
    pub(super) fn on_line(mut self, line: u32) -> Self {
        if self.0.line == 0 {
            self.0.line = line;
        }
        self
    }

    /// The error of a text that stands inside another file, whose lines are not those of that file.
    pub(super) fn in_text(self, what: &str) -> Self {
        let hint = self.0.hint.clone();
        let error = Self::new(what).caused_by(self);
        hint.into_iter().fold(error, Self::with_hint)
    }

    /// The field of the kustomization file that was at work; outer fields come in front.
    pub(super) fn in_field(mut self, outer: &str) -> Self {
        self.0.field = Some(match self.0.field.take() {
            Some(inner) if inner.starts_with('[') => format!("{outer}{inner}"),
            Some(inner) => format!("{outer}.{inner}"),
            None => outer.to_owned(),
        });
        self
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub(super) fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub fn file(&self) -> Option<&str> {
        self.0.file.as_deref()
    }

    pub fn line(&self) -> u32 {
        self.0.line
    }

    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { file, line, field, message, .. } = &*self.0;
        if let Some(file) = file {
            write!(f, "{file}")?;
            if *line > 0 {
                write!(f, ":{line}")?;
            }
            write!(f, ": ")?;
        } else if self.0.line > 0 {
            write!(f, "line {}: ", self.0.line)?;
        }
        if let Some(field) = field {
            write!(f, "{field}: ")?;
        }
        f.write_str(message)
    }
}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
