//! What can be wrong with a template, in Go's words.

/// A template that does not parse or cannot be carried out. Prints as Go's error does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template: {text}")]
pub struct Error {
    text: Box<str>,
    /// Where in the text the place ends and the message begins.
    message_at: usize,
    place: Option<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    /// The line of the block that has no end, if that is the mistake.
    unclosed: Option<usize>,
}

impl Error {
    /// The line of the template, from 1, when known.
    pub fn line(&self) -> Option<usize> {
        self.place.map(|place| place.line)
    }

    /// The byte in the line, from 0 as Go counts, when known. Go's text for what does not parse leaves it out.
    pub fn column(&self) -> Option<usize> {
        self.place.map(|place| place.column)
    }

    /// The line on which the block begins that has no `{{end}}`, if that is the mistake.
    pub fn unclosed(&self) -> Option<usize> {
        self.place?.unclosed
    }

    /// What is wrong, without the template's name and the place in it.
    pub fn message(&self) -> &str {
        &self.text[self.message_at..]
    }

    pub(super) fn unplaced(name: &str, message: &str) -> Error {
        Error::new(name, message, None)
    }

    /// Of what does not parse: the mistake is at byte `position` of `source`, in `line`, which alone Go names.
    pub(super) fn in_line(name: &str, line: usize, message: &str, source: &str, position: usize) -> Error {
        let place = Place { line, column: place_of(source, position).1, unclosed: None };
        Error::new(&format!("{name}:{line}"), message, Some(place))
    }

    /// At byte `position` of `source`, the text of the template `name`.
    pub(super) fn at(name: &str, source: &str, position: usize, message: &str) -> Error {
        let (line, column) = place_of(source, position);
        Error::new(&format!("{name}:{line}:{column}"), message, Some(Place { line, column, unclosed: None }))
    }

    /// The same, of a block that begins in `line` and has no end.
    pub(super) fn of_unclosed(mut self, line: usize) -> Error {
        self.place = self.place.map(|place| Place { unclosed: Some(line), ..place });
        self
    }

    fn new(place_text: &str, message: &str, place: Option<Place>) -> Error {
        let text = format!("{place_text}: {message}");
        Error { message_at: text.len() - message.len(), text: text.into(), place }
    }
}

/// Line from 1 and byte in the line from 0.
fn place_of(source: &str, position: usize) -> (usize, usize) {
    let before = &source.as_bytes()[..position];
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    (line, position - before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1))
}
