//! Where in its line a field is that a template asks for in vain.
//!
//! Takes a line, the place that Go gives and the error's message; gives the byte of the field. Go's place is the second
//! name of `.Values.cluster.name`, whichever of them is wrong.

use super::advice::between;

/// The dot before the wrong field of the chain of names that byte `at` is in. `None` for other mistakes.
pub(super) fn wrong_field(line: &str, at: usize, message: &str) -> Option<usize> {
    let (field, _) = between(message, "can't evaluate field ", "")?.split_once(" in type ")?;
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let is_outside = |c: char| !is_name(c) && c != '.';
    let (before, after) = line.split_at_checked(at)?;
    let start = before.rfind(is_outside).map_or(0, |end| end + before[end..].chars().next().map_or(0, char::len_utf8));
    let end = after.find(is_outside).map_or(line.len(), |length| at + length);
    let chain = &line[start..end];
    let is_whole = |found: &usize| !chain[found + 1 + field.len()..].starts_with(is_name);
    let found = chain.match_indices(&format!(".{field}")).map(|(found, _)| found).find(is_whole)?;
    Some(start + found)
}
