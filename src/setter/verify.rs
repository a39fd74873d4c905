//! The proof that an edit did what it was meant to do and nothing else.
//!
//! Takes the outline before, the text after, and the edits; reads the text after and compares event by event:
//! kinds, styles, values, tags, anchors, places and comments. Only the edited scalars may differ, and must
//! read as intended.

use std::ops::Range;

use super::edit::Edit;
use crate::yaml::outline::{self, Event, Fault, Kind, Outline, Piece};

/// How the text after differs from what was intended.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("the edited text does not parse")]
    Unreadable(#[from] Fault),
    #[error("the edit would change something else than the marked value, near byte {0} of the document")]
    Elsewhere(usize),
}

/// Checks that `after` is `before` with `edits`, which are in order and apart, and nothing else.
pub fn only_edited(before: &Outline<'_>, after: &str, edits: &[Edit]) -> Result<(), Mismatch> {
    let expected = Expected::new(before, after, edits);
    let (mut events, mut comments) = (0, 0);
    outline::read(after, |piece| {
        let (is_as_expected, at) = match piece {
            Piece::Event(event) => {
                events += 1;
                (expected.event(events - 1, &event), event.start())
            }
            Piece::Comment(range) => {
                comments += 1;
                (expected.comment(comments - 1, &range), range.start)
            }
        };
        if is_as_expected { Ok(()) } else { Err(Mismatch::Elsewhere(at)) }
    })?;
    let is_whole = events == before.events.len() && comments == before.comments.len();
    if is_whole { Ok(()) } else { Err(Mismatch::Elsewhere(after.len())) }
}

struct Expected<'a> {
    before: &'a Outline<'a>,
    after: &'a str,
    edits: &'a [Edit],
    /// How far the bytes behind each edit have moved.
    moved: Vec<isize>,
}

impl<'a> Expected<'a> {
    fn new(before: &'a Outline<'a>, after: &'a str, edits: &'a [Edit]) -> Self {
        let grown = |edit: &Edit| edit.text.len().cast_signed() - edit.range.len().cast_signed();
        let moved = edits.iter().scan(0, |sum, edit| {
            *sum += grown(edit);
            Some(*sum)
        });
        Self { before, after, edits, moved: moved.collect() }
    }

    fn event(&self, index: usize, after: &Event<'_>) -> bool {
        let Some(before) = self.before.events.get(index) else { return false };
        let is_alike = before.role == after.role
            && before.in_flow == after.in_flow
            && before.anchor == after.anchor
            && before.tag == after.tag;
        let as_intended = match self.edits.binary_search_by_key(&index, |edit| edit.event) {
            Ok(edit) => after.kind == Kind::Scalar(self.edits[edit].style) && after.value == self.edits[edit].value,
            Err(_) => {
                before.kind == after.kind
                    && before.value == after.value
                    && self.moved(&before.range()) == Some(after.range())
            }
        };
        is_alike && as_intended
    }

    fn comment(&self, index: usize, after: &Range<usize>) -> bool {
        let Some(before) = self.before.comments.get(index) else { return false };
        self.moved(before).as_ref() == Some(after) && self.before.text[before.clone()] == self.after[after.clone()]
    }

    /// Where bytes that lie outside of the edits are afterwards.
    fn moved(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let behind = self.edits.partition_point(|edit| edit.range.end <= range.start);
        let by = behind.checked_sub(1).map_or(0, |last| self.moved[last]);
        Some(range.start.checked_add_signed(by)?..range.end.checked_add_signed(by)?)
    }
}
