//! Rewrites marked fields in YAML text: takes the text and the latest images; gives the new text, the
//! changes, and every marker that was not applied with the reason. Touches no files.
//!
//! Only documents that hold a marker are parsed. Edits replace the bytes of scalars; each edited document is
//! parsed again and must differ in those scalars alone, or else the text stays as it was.

mod beside;
mod document;
pub mod edit;
mod marker;
mod overrides;
pub mod verify;

use std::collections::BTreeMap;
use std::ops::Range;

pub use beside::current_beside;
pub use overrides::{Override, application, may_override, overrides};

use crate::image::ImageRef;
use crate::object::{NamespacedName, ObjectId};
use crate::yaml::split::{self, Places};
use document::{Applied, Found, Passed};
use marker::Marker;

/// The latest images, and whose they may be.
#[derive(Clone, Debug, Default)]
pub struct Latest {
    /// The namespace whose policies may be used; `None`: every namespace is fine.
    pub namespace: Option<String>,
    /// By policy; `Err` says why that policy has no latest image or is not for us.
    pub images: BTreeMap<NamespacedName, Result<ImageRef, String>>,
}

/// What a rewrite did and did not do. Everything is in the order of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// The new text; `None` when nothing changed.
    pub text: Option<String>,
    pub changes: Vec<Change>,
    pub ignored: Vec<Ignored>,
    /// Every marker that was applied or already right.
    pub current: Vec<Current>,
}

/// One field that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Line and column of the value, from 1, the column in characters.
    pub line: usize,
    pub column: usize,
    /// The Kubernetes object around the field.
    pub object: Option<ObjectId>,
    /// The name in the marker: `namespace:name[:tag|:name|:digest]`.
    pub setter: String,
    pub policy: NamespacedName,
    pub old: String,
    pub new: String,
}

/// A marker that was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The line of the marker, from 1.
    pub line: usize,
    /// The marker as written, cut to 200 characters.
    pub marker: String,
    pub reason: String,
}

/// What a marked field says, or said before a rewrite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    pub line: usize,
    pub policy: NamespacedName,
    pub setter: String,
    pub value: String,
}

/// Whether `text` can hold a marker at all; told from its bytes, without parsing.
pub fn has_marker(text: &[u8]) -> bool {
    marker::is_in(text)
}

/// Whether the file at `path` is one that is searched for markers: `*.yaml`, `*.yml` and `Kustomization`, as
/// the incumbent has it (letter case matters).
pub fn is_manifest(path: &str) -> bool {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.ends_with(".yaml") || name.ends_with(".yml") || name == "Kustomization"
}

/// What the marked fields of `text` say; nothing where it is not UTF-8 or a document does not parse.
pub fn current(text: &[u8]) -> Vec<Current> {
    let Ok(text) = std::str::from_utf8(text) else { return Vec::new() };
    let marked = |range: &Range<usize>| has_marker(&text.as_bytes()[range.clone()]);
    let mut places = Places::new(text);
    let mut current = Vec::new();
    for range in split::documents(text).into_iter().filter(marked) {
        for (offset, marker, value) in document::read(&text[range.clone()]) {
            let line = places.of(range.start + offset).0;
            current.push(Current { line, policy: marker.policy, setter: marker.setter, value });
        }
    }
    current
}

/// Rewrites the marked fields of `text` to the latest images.
pub fn rewrite(text: &[u8], latest: &Latest) -> Rewrite {
    if !has_marker(text) {
        return Rewrite::default();
    }
    match std::str::from_utf8(text) {
        Ok(text) => rewrite_text(text, latest),
        Err(error) => not_utf8(text, error.valid_up_to()),
    }
}

fn rewrite_text(text: &str, latest: &Latest) -> Rewrite {
    let marked = |range: &Range<usize>| has_marker(&text.as_bytes()[range.clone()]);
    let ranges: Vec<Range<usize>> = split::documents(text).into_iter().filter(marked).collect();
    let mut found: Vec<Found> = ranges.iter().map(|range| document::search(&text[range.clone()], latest)).collect();
    if let Some(reason) = found.iter_mut().find_map(|found| found.mismatch.take()) {
        for (found, range) in found.iter_mut().zip(&ranges) {
            found.revoke(&text[range.clone()], &reason.to_string());
        }
    }
    let mut rewrite = Rewrite { text: assemble(text, &ranges, &found), ..Rewrite::default() };
    let starts = ranges.iter().map(|range| range.start);
    report(&mut rewrite, text, starts.zip(found));
    rewrite
}

/// `text` with its edited documents; `None` if there are none.
fn assemble(text: &str, ranges: &[Range<usize>], found: &[Found]) -> Option<String> {
    found.iter().find(|found| found.edited.is_some())?;
    let mut new = String::with_capacity(text.len() + text.len() / 8);
    let mut copied = 0;
    for (range, edited) in ranges.iter().zip(found).filter_map(|(range, found)| Some((range, found.edited.as_ref()?))) {
        new.push_str(&text[copied..range.start]);
        new.push_str(edited);
        copied = range.end;
    }
    Some(new + &text[copied..])
}

/// Turns the offsets of what was found, each with the start of its document, into lines.
fn report(rewrite: &mut Rewrite, text: &str, found: impl Iterator<Item = (usize, Found)>) {
    let [mut values, mut markers, mut faults] = [(); 3].map(|()| Places::new(text));
    for (start, found) in found {
        let fault = found.fault.map(|fault| {
            let (line, column) = faults.of(start + fault.offset);
            format!("the document does not parse: line {line}, column {column}: {}", fault.reason)
        });
        for Passed { offset, marker, reason } in found.passed {
            let reason = fault.clone().unwrap_or(reason);
            rewrite.ignored.push(Ignored { line: markers.of(start + offset).0, marker, reason });
        }
        for applied in found.applied {
            let place = values.of(start + applied.offset);
            report_applied(rewrite, place, applied);
        }
    }
}

fn report_applied(rewrite: &mut Rewrite, (line, column): (usize, usize), applied: Applied) {
    let Applied { object, marker: Marker { policy, setter, .. }, old, edit, new, .. } = applied;
    let current = Current { line, policy: policy.clone(), setter: setter.clone(), value: old.clone() };
    rewrite.current.push(current);
    if edit.is_some() {
        rewrite.changes.push(Change { line, column, object, setter, policy, old, new });
    }
}

/// Reports every marker of a text that is not UTF-8.
fn not_utf8(text: &[u8], invalid: usize) -> Rewrite {
    let reason = if marker::is_in_utf16(text) {
        "the file is UTF-16; only UTF-8 is rewritten".to_owned()
    } else {
        format!("the file is not UTF-8: byte {invalid} is invalid")
    };
    let (mut line, mut counted) = (1, 0);
    let mut rewrite = Rewrite::default();
    for at in marker::offsets(text) {
        line += memchr::memchr_iter(b'\n', &text[counted..at]).count();
        counted = at;
        rewrite.ignored.push(Ignored { line, marker: marker::KEY.to_owned(), reason: reason.clone() });
    }
    rewrite
}
