//! The audit trail in a commit message: the trailers that every commit of ours carries.
//!
//! Takes a rendered message and what was changed, gives the message to commit; reads the trailers of any
//! message back. Where a block of trailers starts is decided by the rules of `git interpret-trailers`, so
//! that our lines join a block that the message ends with (a `Signed-off-by`, say) instead of hiding it.

use crate::object::NamespacedName;

/// At most this many `Image-Change` lines in one commit; the rest is counted in `Image-Change-Omitted`.
pub const CHANGES_MAX: usize = 500;

/// A field value is cut to this many characters: a trailer is one line that people read.
const VALUE_CHARS_MAX: usize = 512;

const AUTOMATION: &str = "Image-Automation";
const CHANGE: &str = "Image-Change";
const OMITTED: &str = "Image-Change-Omitted";

/// What a commit says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    pub automation: Option<NamespacedName>,
    pub changes: Vec<ImageChange>,
    /// How many further changes the commit made.
    pub omitted: usize,
}

/// One `Image-Change` line: the policy, the field's value before and after.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageChange {
    pub policy: NamespacedName,
    pub old: String,
    pub new: String,
}

/// `message` with the trailers of `automation` and its distinct `changes` (in the order given) under it.
///
/// The message keeps every byte but trailing white space; it must not be blank.
pub fn append(message: &str, automation: &NamespacedName, changes: &[ImageChange]) -> String {
    let message = message.trim_end();
    let joined = block_start(message).is_some();
    let mut text = format!("{message}{}", if joined { "\n" } else { "\n\n" });
    text.push_str(&format!("{AUTOMATION}: {automation}\n"));
    let lines = distinct(changes);
    for line in lines.iter().take(CHANGES_MAX) {
        text.push_str(&format!("{CHANGE}: {line}\n"));
    }
    if lines.len() > CHANGES_MAX {
        text.push_str(&format!("{OMITTED}: {}\n", lines.len() - CHANGES_MAX));
    }
    text
}

/// The trail in `message`; `None` when it carries none of our trailers.
pub fn read(message: &str) -> Option<Trail> {
    let message = message.trim_end();
    let block = &message[block_start(message)?..];
    let mut trail = Trail::default();
    for (key, value) in block.lines().filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match key {
            AUTOMATION => trail.automation = parse_name(value),
            CHANGE => trail.changes.extend(parse_change(value)),
            OMITTED => trail.omitted = value.parse().unwrap_or_default(),
            _ => {}
        }
    }
    (trail != Trail::default()).then_some(trail)
}

fn distinct(changes: &[ImageChange]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let lines = changes.iter().map(|c| format!("{} {} -> {}", c.policy, one_line(&c.old), one_line(&c.new)));
    lines.filter(|line| seen.insert(line.clone())).collect()
}

/// A value on one line: runs of white space and control characters are one space, an empty value is `""`.
fn one_line(value: &str) -> String {
    let words = value.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line: String = words.collect::<Vec<_>>().join(" ").chars().take(VALUE_CHARS_MAX).collect();
    if line.is_empty() { "\"\"".to_owned() } else { line }
}

fn parse_name(text: &str) -> Option<NamespacedName> {
    let (namespace, name) = text.split_once('/')?;
    Some(NamespacedName::new(namespace, name))
}

fn parse_change(text: &str) -> Option<ImageChange> {
    let (policy, values) = text.split_once(' ')?;
    // The last arrow: a new value has no spaces, an old one may hold anything.
    let (old, new) = values.rsplit_once(" -> ")?;
    let value = |text: &str| if text == "\"\"" { String::new() } else { text.to_owned() };
    Some(ImageChange { policy: parse_name(policy)?, old: value(old), new: value(new) })
}

/// What one line is to `git interpret-trailers`.
enum Line {
    Blank,
    Comment,
    /// `Signed-off-by: ` and `(cherry picked from commit `, which make a block of a mixed paragraph.
    Generated,
    Trailer,
    Continuation,
    Other,
}

fn classify(line: &str) -> Line {
    if line.trim().is_empty() {
        Line::Blank
    } else if line.starts_with('#') {
        Line::Comment
    } else if line.starts_with("Signed-off-by: ") || line.starts_with("(cherry picked from commit ") {
        Line::Generated
    } else if line.starts_with([' ', '\t', '\u{b}', '\u{c}', '\r']) {
        Line::Continuation
    } else if has_separator(line) {
        Line::Trailer
    } else {
        Line::Other
    }
}

/// A key of letters, digits and dashes, blanks, a colon.
fn has_separator(line: &str) -> bool {
    let Some((key, _)) = line.split_once(':') else { return false };
    let key = key.trim_end_matches([' ', '\t']);
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Where the block of trailers at the end of `message` starts, in bytes.
///
/// The rule of git's `trailer.c`: the last paragraph, which is not the title, whose lines are all trailers, or of
/// which one is generated by git and a quarter are trailers.
fn block_start(message: &str) -> Option<usize> {
    let lines = line_starts(message);
    let title_end = lines.iter().position(|(_, line)| matches!(classify(line), Line::Blank))?;
    let (mut trailers, mut others, mut continuations, mut generated) = (0usize, 0usize, 0usize, false);
    for (at, line) in lines[title_end..].iter().rev() {
        match classify(line) {
            Line::Blank => {
                others += continuations;
                let mixed = generated && trailers * 3 >= others;
                return (mixed || (trailers > 0 && others == 0)).then_some(at + line.len() + 1);
            }
            Line::Comment => others += std::mem::take(&mut continuations),
            Line::Continuation => continuations += 1,
            Line::Other => others += 1 + std::mem::take(&mut continuations),
            kind @ (Line::Generated | Line::Trailer) => {
                generated |= matches!(kind, Line::Generated);
                trailers += 1;
                continuations = 0;
            }
        }
    }
    None
}

/// Each line without its `\n`, and where it starts.
fn line_starts(text: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    text.split('\n')
        .map(|line| {
            let start = at;
            at += line.len() + 1;
            (start, line)
        })
        .collect()
}
