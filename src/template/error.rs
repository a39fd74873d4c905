//! What can be wrong with a template, in Go's words.

/// A template that does not parse or cannot be carried out. Prints as Go's error does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template: {text}")]
pub struct Error {
    text: Box<str>,
    place: Option<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: Option<usize>,
}

impl Error {
    /// The line of the template, from 1, when known.
    pub fn line(&self) -> Option<usize> {
        self.place.map(|place| place.line)
    }

    /// The byte in the line, from 0 as Go counts, when known: mistakes found while parsing have only a line.
    pub fn column(&self) -> Option<usize> {
        self.place.and_then(|place| place.column)
    }

    pub(super) fn unplaced(name: &str, message: &str) -> Error {
        Error { text: format!("{name}: {message}").into(), place: None }
    }

    pub(super) fn in_line(name: &str, line: usize, message: &str) -> Error {
        Error { text: format!("{name}:{line}: {message}").into(), place: Some(Place { line, column: None }) }
    }

    /// At byte `position` of `source`, the text of the template `name`.
    pub(super) fn at(name: &str, source: &str, position: usize, message: &str) -> Error {
        let before = &source.as_bytes()[..position];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let column = position - before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        let text = format!("{name}:{line}:{column}: {message}").into();
        Error { text, place: Some(Place { line, column: Some(column) }) }
    }
}
