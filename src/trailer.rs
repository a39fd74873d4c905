//! The audit trail in a commit message: the trailers that every commit of ours carries.
//!
//! Takes a rendered message and what was changed, gives the message to commit; reads the trailers of any
//! message back. Where a block of trailers starts is decided by the rules of `git interpret-trailers`, so
//! that our lines join a block that the message ends with (a `Signed-off-by`, say) instead of hiding it.
//! Nothing that a template prints can pass for our lines or keep Git from finding them.

use std::borrow::Cow;

use serde::Serialize;

use crate::object::NamespacedName;

/// At most this many `Image-Change` lines in one commit; the rest is counted in `Image-Change-Omitted`.
pub const CHANGES_MAX: usize = 500;

/// A field value is cut to this many characters: a trailer is one line that people read.
const VALUE_CHARS_MAX: usize = 512;

/// At most this many lines of ours are read from one message; further changes are counted as omitted.
const READ_MAX: usize = 20 * CHANGES_MAX;

const AUTOMATION: &str = "Image-Automation";
const CHANGE: &str = "Image-Change";
const OMITTED: &str = "Image-Change-Omitted";

/// An empty value.
const EMPTY: &str = "\"\"";
/// What is white space to Git: no other character is, not even a form feed.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];
const INDENT: [char; 2] = [' ', '\t'];
/// The end of a line behind which `git commit` drops everything, whatever the comment character is.
const SCISSORS: &str = " ------------------------ >8 ------------------------";

/// What a commit says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    pub automation: Option<NamespacedName>,
    pub changes: Vec<ImageChange>,
    /// How many further changes the commit made.
    pub omitted: usize,
}

/// One `Image-Change` line: the policy, the field's value before and after.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ImageChange {
    pub policy: NamespacedName,
    pub old: String,
    pub new: String,
}

impl ImageChange {
    /// The change as a trailer tells it: each value on one line, at most 512 characters, blanks in a row as one.
    pub fn told(&self) -> Self {
        Self { policy: self.policy.clone(), old: one_line(&self.old), new: one_line(&self.new) }
    }
}

/// `message` with the trailers of `automation` and its distinct `changes` (in the order given) under it.
///
/// The message keeps every byte but blank lines at its ends; it must not be blank. Two kinds of lines are quoted
/// with `> `: those that begin with one of our keys, which only the writer of the trail may use, and Git's scissors,
/// behind which Git reads nothing.
pub fn append(message: &str, automation: &NamespacedName, changes: &[ImageChange]) -> String {
    let message = quoted(without_blank_ends(message));
    let joined = block_start(&message).is_some();
    let mut text = format!("{message}{}", if joined { "\n" } else { "\n\n" });
    text.push_str(&format!("{AUTOMATION}: {}\n", word(automation)));
    let lines = distinct(changes);
    for line in lines.iter().take(CHANGES_MAX) {
        text.push_str(&format!("{CHANGE}: {line}\n"));
    }
    if lines.len() > CHANGES_MAX {
        text.push_str(&format!("{OMITTED}: {}\n", lines.len() - CHANGES_MAX));
    }
    text
}

/// The trail in the trailers of `message`; `None` when it carries none of ours.
pub fn read(message: &str) -> Option<Trail> {
    let message = message.trim_end_matches(BLANKS);
    let block = &message[block_start(message)?..];
    let mut trail = Trail::default();
    let mut left = READ_MAX;
    block.split('\n').filter_map(field).for_each(|field| trail.add(field, &mut left));
    (trail != Trail::default()).then_some(trail)
}

/// Every run of our lines below the title of `message`, wherever it stands: a squash merge puts the messages of its
/// commits one below the other, and servers append trailers of their own.
pub fn read_all(message: &str) -> Vec<Trail> {
    let mut trails: Vec<Trail> = Vec::new();
    let (mut is_open, mut left) = (false, READ_MAX);
    for line in message.trim_start_matches(BLANKS).split('\n').skip(1) {
        let Some(field) = field(line.trim_start_matches(INDENT)) else {
            is_open = false;
            continue;
        };
        if (!is_open || matches!(field, Field::Automation(_))) && (left > 0 || trails.is_empty()) {
            trails.push(Trail::default());
        }
        is_open = true;
        if let Some(trail) = trails.last_mut() {
            trail.add(field, &mut left);
        }
    }
    trails.retain(|trail| *trail != Trail::default());
    trails
}

impl Trail {
    fn add(&mut self, field: Field, left: &mut usize) {
        let is_within = *left > 0;
        *left = left.saturating_sub(1);
        match field {
            Field::Automation(name) if is_within => self.automation = Some(name),
            Field::Change(change) if is_within => self.changes.push(change),
            Field::Change(_) => self.omitted = self.omitted.saturating_add(1),
            Field::Omitted(count) => self.omitted = self.omitted.saturating_add(count),
            Field::Automation(_) | Field::Unreadable => {}
        }
    }
}

/// One line of ours.
enum Field {
    Automation(NamespacedName),
    Change(ImageChange),
    Omitted(usize),
    Unreadable,
}

fn field(line: &str) -> Option<Field> {
    let (key, value) = line.split_once(':')?;
    let value = value.trim();
    let field = match key {
        AUTOMATION => parse_name(value).map(Field::Automation),
        CHANGE => parse_change(value).map(Field::Change),
        OMITTED => value.parse().ok().map(Field::Omitted),
        _ => return None,
    };
    Some(field.unwrap_or(Field::Unreadable))
}

/// Without the blank lines that it begins with, since they would make a block of the title, and those at its end.
fn without_blank_ends(message: &str) -> &str {
    let mut message = message.trim_end_matches(BLANKS);
    while let Some((_, rest)) = message.split_once('\n').filter(|(line, _)| is_blank(line)) {
        message = rest;
    }
    message
}

fn quoted(message: &str) -> Cow<'_, str> {
    let must_be = |line: &str| has_own_key(line) || line.ends_with(SCISSORS);
    if !message.split('\n').any(must_be) {
        return Cow::Borrowed(message);
    }
    let quote = |line: &str| if must_be(line) { format!("> {line}") } else { line.to_owned() };
    Cow::Owned(message.split('\n').map(quote).collect::<Vec<_>>().join("\n"))
}

/// Git does not mind the case of a key, and blanks before the colon; squash merges indent.
fn has_own_key(line: &str) -> bool {
    let key = line.split_once(':').map_or("", |(key, _)| key.trim());
    [AUTOMATION, CHANGE, OMITTED].iter().any(|own| own.eq_ignore_ascii_case(key))
}

fn distinct(changes: &[ImageChange]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    changes.iter().map(line).filter(|line| seen.insert(line.clone())).collect()
}

fn line(change: &ImageChange) -> String {
    let value = |value: &str| Some(one_line(value)).filter(|value| !value.is_empty()).unwrap_or(EMPTY.to_owned());
    format!("{} {} -> {}", word(&change.policy), value(&change.old), value(&change.new))
}

/// A name that no API server let pass must not add a line or a column.
fn word(name: &NamespacedName) -> String {
    one_line(&name.to_string()).replace(' ', "_")
}

/// A value on one line: runs of white space and control characters are one space, and what would turn or hide the
/// text around it shows.
fn one_line(value: &str) -> String {
    let words = value.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line: String = words.collect::<Vec<_>>().join(" ").chars().take(VALUE_CHARS_MAX).collect();
    let line = line.trim_end().replace(is_invisible, "\u{fffd}");
    if line == EMPTY { String::new() } else { line }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn parse_name(text: &str) -> Option<NamespacedName> {
    let (namespace, name) = text.split_once('/')?;
    Some(NamespacedName::new(namespace, name))
}

fn parse_change(text: &str) -> Option<ImageChange> {
    let (policy, values) = text.split_once(' ')?;
    // The last arrow: a new value has no spaces, an old one may hold anything.
    let (old, new) = values.rsplit_once(" -> ")?;
    let value = |text: &str| if text == EMPTY { String::new() } else { text.to_owned() };
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
    if is_blank(line) {
        Line::Blank
    } else if line.starts_with('#') {
        Line::Comment
    } else if line.starts_with("Signed-off-by: ") || line.starts_with("(cherry picked from commit ") {
        Line::Generated
    } else if line.starts_with(BLANKS) {
        Line::Continuation
    } else if has_separator(line) {
        Line::Trailer
    } else {
        Line::Other
    }
}

fn is_blank(line: &str) -> bool {
    line.trim_matches(BLANKS).is_empty()
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
