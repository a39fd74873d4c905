//! What a rewrite found, as `update` and `sync` tell it: JSON for machines, lines for people.

use serde::Serialize;

use super::output;
use crate::engine::rewrite::{Findings, InFile};
use crate::object::ObjectId;
use crate::setter;

/// The findings as JSON (the shape is part of the interface).
#[derive(Serialize)]
pub(super) struct Json<'a> {
    changes: Vec<Change<'a>>,
    ignored: Vec<Ignored<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    object: Option<&'a ObjectId>,
    setter: &'a str,
    old: &'a str,
    new: &'a str,
}

#[derive(Serialize)]
struct Ignored<'a> {
    file: &'a str,
    line: usize,
    marker: &'a str,
    reason: &'a str,
}

pub(super) fn json(findings: &Findings) -> Json<'_> {
    let changes = findings.changes.iter().map(|found| {
        let change = &found.what;
        Change {
            file: &found.file,
            line: change.line,
            column: change.column,
            object: change.object.as_ref(),
            setter: &change.setter,
            old: &change.old,
            new: &change.new,
        }
    });
    let ignored = findings.ignored.iter().map(|found| {
        let ignored = &found.what;
        Ignored { file: &found.file, line: ignored.line, marker: &ignored.marker, reason: &ignored.reason }
    });
    Json { changes: changes.collect(), ignored: ignored.collect() }
}

/// One line a change: `file:line: old -> new (setter)`.
pub(super) fn changes_text(findings: &Findings, indent: &str) -> String {
    let line = |found: &InFile<setter::Change>| {
        let change = &found.what;
        format!("{indent}{}:{}: {} -> {} ({})\n", found.file, change.line, change.old, change.new, change.setter)
    };
    findings.changes.iter().map(line).collect()
}

/// More places than this with one cause are told in one line; JSON has them all.
const PLACES_MAX: usize = 3;

/// Tells of the markers that were not applied.
pub(super) fn tell_ignored(findings: &Findings) {
    let mut causes: Vec<(String, Vec<String>)> = Vec::new();
    for (cause, place) in findings.ignored.iter().map(cause_and_place) {
        match causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, places)) => places.push(place),
            None => causes.push((cause, vec![place])),
        }
    }
    for (cause, places) in &causes {
        match places.len() {
            0..=PLACES_MAX => {
                places.iter().for_each(|place| output::warning(&format!("{place}: not applied: {cause}")));
            }
            count => {
                let first = places[..PLACES_MAX].join(", ");
                output::warning(&format!("{count} markers not applied: {cause}; the first at {first}"));
            }
        }
    }
}

fn cause_and_place(found: &InFile<setter::Ignored>) -> (String, String) {
    let setter::Ignored { line, marker, reason } = &found.what;
    let place = if *line == 0 { found.file.clone() } else { format!("{}:{line}", found.file) };
    let marker = if marker.is_empty() { String::new() } else { format!(" ({marker})") };
    (format!("{reason}{marker}"), place)
}
