//! Whether one side of a file has what the other side changed. Takes the text that both come from and both texts; reads
//! nothing.

use std::ops::Range;

use similar::{Algorithm, DiffTag, capture_diff_slices};

/// Larger texts count as not merged: to compare them takes too long.
const BYTES_MAX: usize = 1 << 20;

/// Lines of the ancestor that are replaced, and by what.
struct Change<'a> {
    old: Range<usize>,
    new: Vec<&'a [u8]>,
}

/// True when `ours` has every change of lines from `ancestor` to `theirs`, whatever else it changed.
pub(super) fn is_merged(ancestor: &[u8], ours: &[u8], theirs: &[u8]) -> bool {
    if [ancestor, ours, theirs].iter().any(|text| text.len() > BYTES_MAX) {
        return false;
    }
    let ours = changes(ancestor, ours);
    changes(ancestor, theirs).iter().all(|change| {
        let after = ours.partition_point(|other| other.old.start <= change.old.start);
        after.checked_sub(1).and_then(|at| ours.get(at)).is_some_and(|other| other.holds(change))
    })
}

/// In the order of the ancestor's lines; they touch nowhere.
fn changes<'a>(ancestor: &'a [u8], text: &'a [u8]) -> Vec<Change<'a>> {
    let (old, new) = (lines(ancestor), lines(text));
    let differing =
        capture_diff_slices(Algorithm::Myers, &old, &new).into_iter().filter(|op| op.tag() != DiffTag::Equal);
    differing.map(|op| Change { old: op.old_range(), new: new[op.new_range()].to_vec() }).collect()
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

impl Change<'_> {
    /// True when the lines of `other` are replaced here too, and its new ones are among those that replace them. Lines
    /// that are only removed must be removed alike, or lines that were written again would count as removed.
    fn holds(&self, other: &Change<'_>) -> bool {
        match other.new.len() {
            0 => self.new.is_empty() && self.old == other.old,
            lines => self.old.end >= other.old.end && self.new.windows(lines).any(|new| new == other.new),
        }
    }
}
