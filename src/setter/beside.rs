//! Fields of a text, told from those of another version of it without reading its YAML.

use super::Current;

/// What the marked fields of `text` say, where `known` says `fields` and nothing but plain values of these fields differs,
/// as between most versions of a file; `None` where only [`super::current`] can tell.
pub fn current_beside(text: &[u8], known: &[u8], fields: &[Current]) -> Option<Vec<Current>> {
    let (text, known) = (std::str::from_utf8(text).ok()?, std::str::from_utf8(known).ok()?);
    // What an anchor marks may be the value of another field, and an escape may hide what a value says.
    if text.contains(['&', '\\', '\r']) {
        return None;
    }
    let mut found = fields.to_vec();
    let (mut lines, mut known_lines) = (text.split('\n'), known.split('\n'));
    for number in 1.. {
        match (lines.next(), known_lines.next()) {
            (None, None) => return Some(found),
            (Some(line), Some(known)) if line == known => {}
            (Some(line), Some(known)) => {
                let mut on_line = found.iter_mut().filter(|field| field.line == number);
                let (Some(field), None) = (on_line.next(), on_line.next()) else { return None };
                field.value = replaced(line, known, &field.value)?.to_owned();
            }
            _ => return None,
        }
    }
    None
}

/// What stands in `line` where `known` has `value`.
fn replaced<'l>(line: &'l str, known: &str, value: &str) -> Option<&'l str> {
    let (ahead, behind) = known.split_once(value)?;
    let new = line.strip_prefix(ahead)?.strip_suffix(behind)?;
    (!behind.contains(value) && is_plain(value) && is_plain(new)).then_some(new)
}

/// True for what is the same text in every style of YAML, and cannot be taken for anything else than a scalar.
fn is_plain(value: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/' | b':' | b'@');
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = value.as_bytes();
    is_end(bytes.first()) && is_end(bytes.last()) && bytes.iter().copied().all(inner)
}
