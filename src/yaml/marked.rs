//! Which scalar a comment speaks of.
//!
//! Takes an outline and one of its comments; gives the scalar, or why there is none. A comment at the end of
//! a line speaks of the last scalar on that line; a comment on a block scalar's header line of that scalar; a
//! comment on a line of its own of the sequence item right below it, if that is a scalar.

use std::ops::Range;

use granit_parser::StructureStyle;

use super::outline::{Kind, Outline, Role};
use super::split::{after_break, line_end, line_start};

/// Why a comment speaks of no scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmarked {
    #[error("the marker stands on a key; it must follow the value")]
    Key,
    #[error("the marker follows an alias; it must follow the value at the anchor")]
    Alias,
    #[error("the marker follows a key or item that has no value")]
    Absent,
    #[error("the marker stands on a line of its own, and no sequence item that is a scalar begins right below it")]
    Alone,
    #[error("the marker above a sequence item must be the only comment of that item")]
    Crowded,
    // The parser takes some lines that are no YAML: a comment behind a tab, between two lines of a plain scalar.
    #[error("the value has a comment between its lines")]
    Broken,
    #[error("the marker follows no value on its line")]
    Nothing,
}

const BLANK: [char; 3] = [' ', '\t', '\u{feff}'];

impl Outline<'_> {
    /// The event index of the scalar that comment `index` speaks of.
    pub fn marked(&self, index: usize) -> Result<usize, Unmarked> {
        if self.is_alone(index) { self.item_below(index) } else { self.value_before(index) }
    }

    /// Whether comment `index` stands on a line of its own.
    fn is_alone(&self, index: usize) -> bool {
        let comment = &self.comments[index];
        let ahead = &self.text[line_start(self.text, comment.start)..comment.start];
        ahead.trim_matches(BLANK).is_empty()
    }

    fn value_before(&self, index: usize) -> Result<usize, Unmarked> {
        let comment = &self.comments[index];
        let line_start = line_start(self.text, comment.start);
        let next = self.events.partition_point(|event| event.start() < comment.start);
        match self.leaf_between(line_start, next) {
            Some(leaf) if self.only_closers(self.events[leaf].end()..comment.start) => self.accept(leaf),
            leaf => self.value_behind(comment.clone(), line_start, next, leaf),
        }
    }

    /// The last scalar or alias before event `next` that ends behind `line_start`.
    fn leaf_between(&self, line_start: usize, next: usize) -> Option<usize> {
        let on_line = self.events[..next].iter().rev().take_while(|event| event.end() >= line_start);
        let back = on_line.take_while(|event| event.end() > line_start || event.range().is_empty());
        let back = back.map(|event| matches!(event.kind, Kind::Scalar(_) | Kind::Alias)).position(|is_leaf| is_leaf);
        back.map(|back| next - 1 - back)
    }

    fn only_closers(&self, range: Range<usize>) -> bool {
        self.text
            .get(range)
            .is_some_and(|text| text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b',' | b']' | b'}')))
    }

    /// The comment's line ends in something else than a value: a header, a key, a dash. What comes next?
    fn value_behind(
        &self,
        comment: Range<usize>,
        line_start: usize,
        next: usize,
        leaf: Option<usize>,
    ) -> Result<usize, Unmarked> {
        let ahead = self.text[line_start..comment.start].trim_matches(BLANK);
        let follows = self.events.get(next);
        let near = |at: usize| self.text[comment.end..at.max(comment.end)].trim().is_empty();
        if follows.is_some_and(|event| event.is_block_scalar() && near(event.start())) && ends_in_header(ahead) {
            return self.accept(next);
        }
        let before = next.checked_sub(1).map(|last| &self.events[last]);
        let absent_before = before.is_some_and(|event| event.kind == Kind::Absent && event.start() > line_start);
        if absent_before || follows.is_some_and(|event| event.kind == Kind::Absent && near(event.start())) {
            return Err(Unmarked::Absent);
        }
        let item = self.first_leaf_behind(comment.end).filter(|&item| ahead == "-" && near(self.events[item].start()));
        if let Some(item) = item {
            return self.accept(item);
        }
        let is_key = leaf.is_some_and(|leaf| self.is_key_alone(self.events[leaf].end()..comment.start));
        Err(if is_key { Unmarked::Key } else { Unmarked::Nothing })
    }

    /// Whether what follows a scalar is a colon and perhaps properties, and nothing else.
    fn is_key_alone(&self, range: Range<usize>) -> bool {
        let behind = self.text.get(range).unwrap_or_default().trim_matches(BLANK);
        behind.starts_with(':') && !behind.contains(['[', ']', '{', '}', '\n', '\r'])
    }

    fn item_below(&self, index: usize) -> Result<usize, Unmarked> {
        let comment = &self.comments[index];
        let line = after_break(self.text, comment.end)..line_end(self.text, after_break(self.text, comment.end));
        let below = self.text[line.clone()].trim_start_matches(BLANK);
        if below.starts_with('#') || self.is_right_below_a_comment(index) {
            return Err(Unmarked::Crowded);
        }
        let item = self.first_leaf_behind(comment.end).ok_or(Unmarked::Alone)?;
        if !self.begins_on(item, line, below) {
            return Err(Unmarked::Alone);
        }
        let follows = index + 1;
        let has_own = follows < self.comments.len() && !self.is_alone(follows);
        if has_own && self.value_before(follows) == Ok(item) {
            return Err(Unmarked::Crowded);
        }
        self.accept(item)
    }

    fn is_right_below_a_comment(&self, index: usize) -> bool {
        let Some(above) = index.checked_sub(1).filter(|&above| self.is_alone(above)) else { return false };
        let line_start = line_start(self.text, self.comments[index].start);
        after_break(self.text, self.comments[above].end) == line_start
    }

    /// The scalar or alias that begins behind `offset`, if no mapping or flow collection begins before it.
    fn first_leaf_behind(&self, offset: usize) -> Option<usize> {
        let first = self.events.partition_point(|event| event.start() < offset);
        let passes = |kind| match kind {
            Kind::SequenceEnd | Kind::MappingEnd => true,
            Kind::SequenceStart(style) => style == StructureStyle::Block,
            Kind::DocumentStart(explicit) => !explicit,
            _ => false,
        };
        let leaf = first + self.events[first..].iter().take_while(|event| passes(event.kind)).count();
        let event = self.events.get(leaf)?;
        (event.role == Role::Item && matches!(event.kind, Kind::Scalar(_) | Kind::Alias)).then_some(leaf)
    }

    /// Whether item `leaf` begins on the line at `line`, whose text without indentation is `below`, behind one
    /// dash at most. A block scalar begins with its header.
    fn begins_on(&self, leaf: usize, line: Range<usize>, below: &str) -> bool {
        let event = &self.events[leaf];
        let is_nested = without_dash(below).and_then(without_dash).is_some();
        let is_here = line.contains(&event.start());
        let is_header = event.is_block_scalar() && ends_in_header(below.split(" #").next().unwrap_or(below).trim_end());
        !is_nested && (is_here || is_header && event.start() >= line.end)
    }

    fn accept(&self, leaf: usize) -> Result<usize, Unmarked> {
        let event = &self.events[leaf];
        match event.kind {
            Kind::Alias => Err(Unmarked::Alias),
            _ if event.role == Role::Key => Err(Unmarked::Key),
            Kind::Scalar(_) if event.is_block_scalar() && event.range().is_empty() => Err(Unmarked::Absent),
            Kind::Scalar(_) if self.has_comment(&event.range()) => Err(Unmarked::Broken),
            Kind::Scalar(_) => Ok(leaf),
            _ => Err(Unmarked::Nothing),
        }
    }

    fn has_comment(&self, range: &Range<usize>) -> bool {
        let behind = self.comments.partition_point(|comment| comment.start < range.start);
        self.comments.get(behind).is_some_and(|comment| comment.start < range.end)
    }
}

/// What follows the dash of a block sequence's item.
fn without_dash(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('-')?;
    rest.starts_with(BLANK).then(|| rest.trim_start_matches(BLANK))
}

/// Whether `text` ends in the header of a block scalar: `|` or `>` with up to two indicators.
fn ends_in_header(text: &str) -> bool {
    let indicators = text.bytes().rev().take_while(|byte| matches!(byte, b'+' | b'-' | b'1'..=b'9')).count();
    indicators <= 2 && text[..text.len() - indicators].ends_with(['|', '>'])
}
