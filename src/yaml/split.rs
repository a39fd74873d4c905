//! Where the documents of a YAML text begin, without parsing it.
//!
//! Takes text, gives byte ranges that together cover it. A line that is `---` alone or `---` and a blank
//! ends whatever stands before it, inside a scalar or a flow collection too (YAML 1.2.2, rule 206,
//! `c-forbidden`), so each range can be parsed by itself.

use std::ops::Range;

use memchr::memmem;

/// The documents of `text`, in order. A text with a directive line (`%YAML`, `%TAG`) is given as one
/// range, since a directive stands before the `---` of the document that it is for.
pub fn documents(text: &str) -> Vec<Range<usize>> {
    if has_directive(text) {
        return std::iter::once(0..text.len()).collect();
    }
    let mut starts = vec![0];
    starts.extend(memmem::find_iter(text.as_bytes(), b"---").filter(|&at| at > 0 && is_marker(text.as_bytes(), at)));
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

/// The offset at which the line of `offset` begins. Lines end as in YAML: CRLF, LF, or CR alone.
pub fn line_start(text: &str, offset: usize) -> usize {
    memchr::memrchr2(b'\n', b'\r', &text.as_bytes()[..offset]).map_or(0, |at| at + 1)
}

/// The offset at which the line of `offset` ends, before its line break.
pub fn line_end(text: &str, offset: usize) -> usize {
    memchr::memchr2(b'\n', b'\r', &text.as_bytes()[offset..]).map_or(text.len(), |at| offset + at)
}

/// The offset behind the line break at `offset`; `offset` itself where there is none.
pub fn after_break(text: &str, offset: usize) -> usize {
    match &text.as_bytes()[offset..] {
        [b'\r', b'\n', ..] => offset + 2,
        [b'\r' | b'\n', ..] => offset + 1,
        _ => offset,
    }
}

/// Turns byte offsets, asked for in rising order, into lines and columns in one walk over the text.
pub struct Places<'a> {
    text: &'a str,
    line: usize,
    line_start: usize,
}

impl<'a> Places<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, line: 1, line_start: 0 }
    }

    /// The line and the column of `offset`, both from 1, the column in characters. An offset on an earlier
    /// line than the last one asked for is answered with that line.
    pub fn of(&mut self, offset: usize) -> (usize, usize) {
        loop {
            let end = line_end(self.text, self.line_start);
            let next = after_break(self.text, end);
            if next > offset || next == end {
                break;
            }
            (self.line, self.line_start) = (self.line + 1, next);
        }
        let ahead = self.text.get(self.line_start..offset).unwrap_or_default();
        (self.line, ahead.trim_start_matches('\u{feff}').chars().count() + 1)
    }
}

fn is_marker(text: &[u8], at: usize) -> bool {
    matches!(text[at - 1], b'\n' | b'\r') && matches!(text.get(at + 3), None | Some(b' ' | b'\t' | b'\n' | b'\r'))
}

fn has_directive(text: &str) -> bool {
    let begins_line = |at: usize| at == 0 || matches!(text.as_bytes()[at - 1], b'\n' | b'\r');
    text.starts_with("\u{feff}%") || memchr::memchr_iter(b'%', text.as_bytes()).any(begins_line)
}
