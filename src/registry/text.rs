//! Foreign text made fit to be shown: in errors, logs and terminals.

const SHOWN_MAX: usize = 80;

/// The text with everything but printable ASCII escaped, and shortened.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (at, character) in text.chars().enumerate() {
        if at == SHOWN_MAX {
            shown.push_str("...");
            break;
        }
        match character {
            ' '..='~' if character != '\\' => shown.push(character),
            _ => shown.extend(character.escape_default()),
        }
    }
    shown
}
