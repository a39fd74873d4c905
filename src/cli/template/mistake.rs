//! A mistake in a template as people look for it: the place, the line and a mark under it.

use unicode_width::UnicodeWidthStr;

use crate::engine::cause::Cause;
use crate::engine::message::MessageError;

/// The most characters of a line that are shown.
const WIDTH_MAX: usize = 100;

/// What is told of an error in `template`, which is from `origin`.
pub(super) fn shown(origin: &str, template: &str, error: &MessageError) -> Cause {
    let Some((line, column)) = error.place(template) else {
        return Cause { message: format!("{origin}: {}", error.message()), hint: error.hint() };
    };
    let text = template.split('\n').nth(line - 1).unwrap_or_default();
    let (excerpt, mark) = excerpt(text.trim_end_matches('\r'), column - 1);
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    let message = error.message();
    let message = format!("{origin}:{line}:{column}: {message}\n{number} | {excerpt}\n{gutter} | {mark}");
    Cause { message, hint: error.hint() }
}

/// The part of a line around byte `at`, and spaces that put a caret below it.
fn excerpt(line: &str, at: usize) -> (String, String) {
    let before = line.get(..at).unwrap_or(line).chars().count();
    // A line that is too long begins where a third of the width is left before the mark.
    let skipped = if line.chars().count() > WIDTH_MAX { before.saturating_sub(WIDTH_MAX / 3) } else { 0 };
    let shown: String = line.chars().skip(skipped).take(WIDTH_MAX).collect();
    let end = shown.char_indices().nth(before - skipped).map_or(shown.len(), |(end, _)| end);
    // A tab is as wide as the terminal has it, Chinese letters fill two columns, some marks none.
    let blank: Vec<String> = shown[..end].split('\t').map(|part| " ".repeat(part.width())).collect();
    let mark = format!("{}^", blank.join("\t"));
    (shown, mark)
}
