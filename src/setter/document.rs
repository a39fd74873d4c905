//! One document of a text: finds its markers, decides each, edits, and checks the outcome.
//!
//! Takes the document and the latest images; gives the edited document, the values that were applied or
//! already right, and the markers that were passed over. Offsets are bytes of the document.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use memchr::memmem;

use super::Latest;
use super::edit::{self, Edit};
use super::marker::{self, Marker, Part};
use super::verify::{self, Mismatch};
use crate::image::ImageRef;
use crate::object::ObjectId;
use crate::yaml::Owners;
use crate::yaml::outline::{Fault, Kind, Outline};
use crate::yaml::split::{line_end, line_start};

/// What was found in a document.
#[derive(Default)]
pub(super) struct Found {
    /// The document with its edits, if it has any.
    pub(super) edited: Option<String>,
    /// In the order of the values.
    pub(super) applied: Vec<Applied>,
    /// In the order of the markers.
    pub(super) passed: Vec<Passed>,
    /// Why the edits must not be made.
    pub(super) mismatch: Option<Mismatch>,
    /// Why the document could not be read; the reason for every marker that was passed over.
    pub(super) fault: Option<Fault>,
}

/// A marker that was applied, or whose value is already right.
pub(super) struct Applied {
    /// Of the value.
    pub(super) offset: usize,
    pub(super) marker: Marker,
    pub(super) comment: Range<usize>,
    pub(super) old: String,
    pub(super) new: String,
    pub(super) edit: Option<Edit>,
    pub(super) object: Option<ObjectId>,
}

/// A marker that was passed over.
pub(super) struct Passed {
    /// Of the marker.
    pub(super) offset: usize,
    pub(super) marker: String,
    pub(super) reason: String,
}

/// Searches `document`.
pub(super) fn search(document: &str, latest: &Latest) -> Found {
    match Outline::read(document) {
        Ok(outline) => edit_outline(&outline, latest),
        Err(fault) => {
            let offsets = marker::offsets(document.as_bytes()).into_iter();
            let passed = offsets.map(|at| Passed::at(document, at, "")).collect();
            Found { passed, fault: Some(fault), ..Found::default() }
        }
    }
}

/// The values that the markers of `document` speak of, with the markers, in the order of the values; of several that
/// speak of one the first.
pub(super) fn read(document: &str) -> Vec<(usize, Marker, String)> {
    let Ok(outline) = Outline::read(document) else { return Vec::new() };
    let mut found: BTreeMap<usize, Marker> = BTreeMap::new();
    for (index, comment) in outline.comments.iter().enumerate() {
        if let Some(Ok(marker)) = marker::parse(&outline.text[comment.clone()])
            && let Ok(event) = outline.marked(index)
        {
            found.entry(event).or_insert(marker);
        }
    }
    let value = |(event, marker): (usize, Marker)| {
        let scalar = &outline.events[event];
        (scalar.start(), marker, edit::value(scalar).to_owned())
    };
    found.into_iter().map(value).collect()
}

impl Found {
    /// Takes all edits back.
    pub(super) fn revoke(&mut self, document: &str, reason: &str) {
        self.edited = None;
        let applied = std::mem::take(&mut self.applied);
        let (edited, right): (Vec<_>, Vec<_>) = applied.into_iter().partition(|applied| applied.edit.is_some());
        self.applied = right;
        self.passed.extend(edited.into_iter().map(|applied| Passed::comment(document, applied.comment, reason)));
        self.passed.sort_by_key(|passed| passed.offset);
    }
}

impl Passed {
    fn comment(document: &str, comment: Range<usize>, reason: impl ToString) -> Self {
        let marker = marker::trimmed(&document[comment.clone()]);
        Self { offset: comment.start, marker: cut(marker), reason: reason.to_string() }
    }

    /// For bytes of a marker that are not in a comment; gives what stands around them on their line.
    fn at(document: &str, offset: usize, reason: &str) -> Self {
        let ahead = &document[document.floor_char_boundary(offset.saturating_sub(CHARS_MAX / 2))..offset];
        let behind = &document[offset..document.floor_char_boundary(offset + CHARS_MAX / 2)];
        let line = [&ahead[line_start(ahead, ahead.len())..], &behind[..line_end(behind, 0)]].concat();
        Self { offset, marker: line.trim().to_owned(), reason: reason.to_owned() }
    }
}

const CHARS_MAX: usize = 200;

/// The start of `text`, of a length that fits a report.
fn cut(text: &str) -> String {
    text.chars().take(CHARS_MAX).collect()
}

fn edit_outline(outline: &Outline<'_>, latest: &Latest) -> Found {
    let mut found = find(outline, latest);
    let edits: Vec<Edit> = found.applied.iter().filter_map(|applied| applied.edit.clone()).collect();
    if edits.is_empty() {
        return found;
    }
    let owners = Owners::of(outline);
    for applied in &mut found.applied {
        applied.object = applied.edit.as_ref().and_then(|edit| owners.owner(edit.event)).cloned();
    }
    let edited = apply(outline.text, &edits);
    found.mismatch = verify::only_edited(outline, &edited, &edits).err();
    found.edited = Some(edited);
    found
}

/// `text` with `edits`, which are in order and apart.
fn apply(text: &str, edits: &[Edit]) -> String {
    let mut edited = String::with_capacity(text.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut copied = 0;
    for edit in edits {
        edited.push_str(&text[copied..edit.range.start]);
        edited.push_str(&edit.text);
        copied = edit.range.end;
    }
    edited + &text[copied..]
}

fn find(outline: &Outline<'_>, latest: &Latest) -> Found {
    let mut applied: BTreeMap<usize, Applied> = BTreeMap::new();
    let mut passed: Vec<Passed> = stray(outline).collect();
    for (index, comment) in outline.comments.iter().enumerate() {
        let Some(marker) = marker::parse(&outline.text[comment.clone()]) else { continue };
        let decided = marker.map_err(|malformed| malformed.to_string()).and_then(|m| decide(outline, index, m, latest));
        match decided.map(|(event, decided)| (applied.entry(event), decided)) {
            Ok((Entry::Vacant(entry), decided)) => {
                entry.insert(decided);
            }
            Ok(_) => passed.push(Passed::comment(outline.text, comment.clone(), "another marker sets the same value")),
            Err(reason) => passed.push(Passed::comment(outline.text, comment.clone(), reason)),
        }
    }
    passed.sort_by_key(|passed| passed.offset);
    Found { applied: applied.into_values().collect(), passed, ..Found::default() }
}

/// What becomes of a well-formed marker: the scalar it sets, and how; or why it sets none.
fn decide(outline: &Outline<'_>, comment: usize, marker: Marker, latest: &Latest) -> Result<(usize, Applied), String> {
    let event = outline.marked(comment).map_err(|unmarked| unmarked.to_string())?;
    let new = wanted(&marker, latest)?;
    let scalar = &outline.events[event];
    let old = edit::value(scalar).to_owned();
    let edit = (old != new).then(|| edit::replace(outline, event, &new));
    let edit = edit.transpose().map_err(|tagged| tagged.to_string())?;
    let comment = outline.comments[comment].clone();
    Ok((event, Applied { offset: scalar.start(), marker, comment, old, new, edit, object: None }))
}

fn wanted(marker: &Marker, latest: &Latest) -> Result<String, String> {
    let policy = &marker.policy;
    if let Some(own) = latest.namespace.as_ref().filter(|own| **own != policy.namespace) {
        return Err(format!("image policy {policy} is not in namespace {own}"));
    }
    let image = latest.images.get(policy).ok_or_else(|| format!("there is no image policy {policy}"))?;
    part(image.as_ref().map_err(String::clone)?, marker.part)
        .ok_or_else(|| format!("the latest image of {policy} has no {}", marker.part))
}

fn part(image: &ImageRef, part: Part) -> Option<String> {
    match part {
        Part::Reference => Some(image.written()),
        Part::Name => Some(image.repository.written().to_owned()),
        Part::Tag => image.tag.as_ref().map(|tag| tag.as_str().to_owned()),
        Part::Digest => image.digest.as_ref().map(|digest| digest.as_str().to_owned()),
    }
}

/// The bytes of markers that stand in no comment.
fn stray<'a>(outline: &'a Outline<'_>) -> impl Iterator<Item = Passed> + 'a {
    let in_comment = |at: &usize| {
        let behind = outline.comments.partition_point(|comment| comment.end <= *at);
        outline.comments.get(behind).is_some_and(|comment| comment.contains(at))
    };
    let text = outline.text.as_bytes();
    let strays = memmem::find_iter(text, marker::KEY).filter(move |at| !in_comment(at));
    marker::first_on_lines(text, strays).map(|at| Passed::at(outline.text, at, stray_reason(outline, at)))
}

fn stray_reason(outline: &Outline<'_>, at: usize) -> &'static str {
    let begun = outline.events.partition_point(|event| event.start() <= at);
    let around = begun.checked_sub(1).map(|last| &outline.events[last]).filter(|event| event.range().contains(&at));
    match around {
        Some(event) if event.is_block_scalar() => "the marker is inside a block scalar, where it is text",
        Some(event) if matches!(event.kind, Kind::Scalar(_)) => "the marker is inside a scalar, where it is text",
        _ => "the marker is not in a comment",
    }
}
