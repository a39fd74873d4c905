//! What kustomize makes of a folded scalar (`>`) on its way to JSON: it writes the object with `yaml.v3` and reads that
//! again, and the two do not agree on folded texts in which some lines are indented.
//!
//! Takes the text of a scalar that was written folded; gives the text that comes out.

use std::borrow::Cow;

use super::emit::is_printable;

/// The text that comes back when `yaml.v3` writes `text` folded.
pub(super) fn refolded(text: &str) -> Cow<'_, str> {
    // Without such lines the text is folded as it should be; some texts are written in double quotes instead.
    let is_blank = |line: &str| line.starts_with([' ', '\t']);
    let is_plain = !text.split('\n').any(is_blank) && !text.ends_with("\n\n");
    if is_plain || !is_block(text) {
        return Cow::Borrowed(text);
    }
    let doubles = !is_blank(text.trim_start_matches('\n'));
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.trim_start_matches('\n');
    out.push_str(&text[..text.len() - rest.len()]);
    while let Some(end) = rest.find('\n') {
        let line = &rest[..end];
        let behind = rest[end..].trim_start_matches('\n');
        let breaks = rest.len() - end - behind.len();
        // A line that is not indented gets one more break, which folding should take away again.
        let written = breaks + usize::from(doubles && !is_blank(line));
        out.push_str(line);
        match (behind.is_empty(), is_blank(line) || is_blank(behind)) {
            (true, _) if breaks == 1 => out.push('\n'),
            (true, _) | (false, true) => out.push_str(&"\n".repeat(written)),
            (false, false) if written == 1 => out.push(' '),
            (false, false) => out.push_str(&"\n".repeat(written - 1)),
        }
        rest = behind;
    }
    Cow::Owned(out + rest)
}

/// Whether `yaml.v3` writes `text` as a block at all. Texts with line separators would be folded at those, too; they are
/// left alone.
fn is_block(text: &str) -> bool {
    let is_special = |c: char| c != '\t' && (!is_printable(c) || matches!(c, '\u{2028}' | '\u{2029}'));
    !text.is_empty() && !text.ends_with(' ') && !text.contains(" \n") && !text.contains(is_special)
}
