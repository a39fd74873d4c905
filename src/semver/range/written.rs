//! How ranges spell versions: with wild parts, and two with a dash between them.

/// The first part of a comparison's version that stands for any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wild {
    Nothing,
    Patch,
    Minor,
    Major,
}

/// A version as a range spells it: parts may be wild.
pub(super) struct Written<'t> {
    pub(super) text: &'t str,
    parts: [&'t str; 3],
    /// From the dash on, without the build metadata.
    pre: &'t str,
    pub(super) rest: &'t str,
}

impl<'t> Written<'t> {
    /// Reads as far as a version goes. A `|` counts as a wild part, as in the incumbents; no number holds it.
    pub(super) fn read(text: &'t str) -> Option<Self> {
        let part = |text: &'t str| text.split_at(text.find(|c| !is_in_part(c)).unwrap_or(text.len()));
        let (major, mut rest) = part(text.strip_prefix('v').unwrap_or(text));
        if major.is_empty() {
            return None;
        }
        let mut parts = [major, "", ""];
        for slot in &mut parts[1..] {
            let Some(dotted) = rest.strip_prefix('.') else { break };
            let (found, after) = part(dotted);
            if found.is_empty() {
                break;
            }
            (*slot, rest) = (found, after);
        }
        let (pre, rest) = identifiers(rest, '-');
        let (_, rest) = identifiers(rest, '+');
        Some(Self { text: &text[..text.len() - rest.len()], parts, pre, rest })
    }

    /// The version with zeros from the first wild part on. Whatever is written behind a wild part does not count.
    pub(super) fn without_wildcards(&self) -> (String, Wild) {
        let is_wild = |part: &str| matches!(part, "" | "x" | "X" | "*");
        let [major, minor, patch] = self.parts;
        let pre = self.pre;
        if is_wild(major) {
            (format!("0.0.0{pre}"), Wild::Major)
        } else if is_wild(minor) {
            (format!("{major}.0.0{pre}"), Wild::Minor)
        } else if is_wild(patch) {
            (format!("{major}.{minor}.0{pre}"), Wild::Patch)
        } else {
            (format!("{major}.{minor}.{patch}{pre}"), Wild::Nothing)
        }
    }
}

fn is_in_part(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, 'x' | 'X' | '*' | '|')
}

/// Identifiers joined by dots behind the given sign; empty when there are none.
fn identifiers(text: &str, sign: char) -> (&str, &str) {
    let word = |text: &str| text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count();
    let mut end = match text.strip_prefix(sign).map(word) {
        None | Some(0) => return ("", text),
        Some(length) => 1 + length,
    };
    while let Some(length) = text[end..].strip_prefix('.').map(word).filter(|&length| length > 0) {
        end += 1 + length;
    }
    text.split_at(end)
}

/// Go's `\s`.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0C')
}

/// Writes every `A - B` as `>= A, <= B`, wherever it stands.
pub(super) fn rewrite_hyphens(text: &str) -> String {
    let mut rewritten = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((from, to, after)) = hyphen_range(rest) {
            rewritten.push_str(&format!(">= {from}, <= {to} "));
            rest = after;
        } else {
            rewritten.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    rewritten
}

/// `A - B` at the start of the text, and what follows it. Blanks around it belong to it.
fn hyphen_range(text: &str) -> Option<(&str, &str, &str)> {
    let unblanked = |text: &'_ str| text.len() - text.trim_start_matches(is_blank).len();
    let from = Written::read(&text[unblanked(text)..])?;
    let dash = Some(&from.rest[unblanked(from.rest)..]).filter(|dash| dash.len() < from.rest.len())?;
    let after = dash.strip_prefix('-')?;
    let to = Some(&after[unblanked(after)..]).filter(|to| to.len() < after.len())?;
    let to = Written::read(to)?;
    Some((from.text, to.text, &to.rest[unblanked(to.rest)..]))
}
