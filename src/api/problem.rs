//! What is wrong with an object, in words for the person who wrote it.

use std::fmt;

use crate::object::ObjectId;

/// How bad a problem is: an error leaves the object out, a warning does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Error,
    Warning,
}

/// A problem with its place. Prints without its severity: `objects/app.yaml: document 2 (ImagePolicy
/// flux-system/api), spec.policy.semver.range: "latest" is not a range, expected …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub file: String,
    /// Counted from 1; 0 when the file could not be split into documents.
    pub document: usize,
    /// Where the document starts or, without one, where the parser stopped. Counted from 1.
    pub line: usize,
    pub object: Option<ObjectId>,
    /// Path of the field, such as `spec.policy.semver.range`; empty for the whole document.
    pub field: String,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        match self.document {
            0 => write!(f, "line {}", self.line)?,
            document => write!(f, "document {document}")?,
        }
        if let Some(object) = &self.object {
            write!(f, " ({})", ObjectName(object))?;
        }
        if !self.field.is_empty() {
            write!(f, ", {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// `ImagePolicy flux-system/api`; the kind alone when the name is missing. Control characters are escaped: the names are
/// those of the manifest, valid or not.
struct ObjectName<'a>(&'a ObjectId);

impl fmt::Display for ObjectName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ObjectId { kind, namespace, name, .. } = self.0;
        write!(f, "{}", kind.escape_debug())?;
        if name.is_empty() {
            return Ok(());
        }
        write!(f, " {}/{}", namespace.escape_debug(), name.escape_debug())
    }
}

/// What is wrong with one field of an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    pub field: String,
    pub message: String,
}

impl FieldError {
    pub(super) fn new(field: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { field: field.into(), message: message.to_string() }
    }

    /// The error of another room with its causes, on one line.
    pub(super) fn from_error(field: impl Into<String>, error: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(Some(error), |error| error.source());
        Self::new(field, causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }
}

/// The problems of one object, collected.
#[derive(Debug, Default)]
pub struct Report {
    pub(super) errors: Vec<FieldError>,
    pub(super) warnings: Vec<FieldError>,
}

impl Report {
    pub(super) fn error(&mut self, field: impl Into<String>, message: impl fmt::Display) {
        self.errors.push(FieldError::new(field, message));
    }

    pub(super) fn warn(&mut self, field: impl Into<String>, message: impl fmt::Display) {
        self.warnings.push(FieldError::new(field, message));
    }

    /// Keeps the error of a check, if it found one.
    pub(super) fn take<T>(&mut self, result: Result<T, FieldError>) {
        self.errors.extend(result.err());
    }
}
