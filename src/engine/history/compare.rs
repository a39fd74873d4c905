//! What a commit changed, by its files: marked fields, and the overrides of Argo CD Image Updater, whose value
//! differs from the one in the parent. A file that was renamed is known by its markers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use rayon::prelude::*;

use super::{Change, Source};
use crate::engine::cause::Cause;
use crate::git::{self, FileChange, LogEntry, Objects, Oid, Reader};
use crate::object::NamespacedName;
use crate::setter::{self, Current};

/// The objects are opened once for so many commits at least.
pub(super) const SHARE_MIN: usize = 32;
/// So many files are remembered: what a commit left is what the next one found.
const FILES_KEPT_MAX: usize = 4096;
const FIELDS_KEPT_MAX: usize = 100_000;
const BYTES_KEPT_MAX: usize = 16 << 20;
/// So many bytes of one commit's files are read.
const BYTES_MAX: usize = 256 << 20;
/// A merge of more commits than that is not compared.
const PARENTS_MAX: usize = 16;

/// The changes of one commit, or why they could not be read.
pub(super) type Outcome = Result<Found, String>;

/// What was found in the files.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) changes: Vec<Change>,
    /// What was not looked at.
    pub(super) gap: Option<String>,
}

/// Compares `commits` with their parents, in parallel; the outcome at place `i` belongs to commit `i`.
pub(super) fn all(objects: &Objects, commits: &[&LogEntry]) -> Vec<Outcome> {
    let share = commits.len().div_ceil(rayon::current_num_threads()).max(SHARE_MIN);
    commits.par_chunks(share).flat_map_iter(|share| some(objects, share)).collect()
}

fn some(objects: &Objects, commits: &[&LogEntry]) -> Vec<Outcome> {
    let told = |error: git::Error| Cause::from(error).message;
    match objects.open().map_err(told) {
        Ok(reader) => {
            let mut files = Files { reader, bytes: 0, kept: Kept::default() };
            commits.iter().map(|commit| one(&mut files, commit).map_err(told)).collect()
        }
        Err(reason) => vec![Err(reason); commits.len()],
    }
}

/// Compares a commit with its parents. Of a merge only what differs from each of them is its own.
fn one(files: &mut Files, commit: &LogEntry) -> Result<Found, git::Error> {
    if commit.is_cut {
        return Ok(Found { gap: Some("its parent is not here".to_owned()), ..Found::default() });
    }
    if commit.parents.len() > PARENTS_MAX {
        let gap = format!("it has {} parents, and at most {PARENTS_MAX} are compared", commit.parents.len());
        return Ok(Found { gap: Some(gap), ..Found::default() });
    }
    let mut parents = commit.parents.iter();
    // Everything in a first commit is new, and nothing changed.
    let Some(first) = parents.next() else { return Ok(Found::default()) };
    let mut found = between(files, *first, commit.id)?;
    for parent in parents {
        let other = between(files, *parent, commit.id)?;
        let news: HashSet<_> = other.changes.iter().map(|change| (&change.policy, &change.new)).collect();
        found.changes.retain(|change| news.contains(&(&change.policy, &change.new)));
        found.gap = found.gap.or(other.gap);
    }
    Ok(found)
}

fn between(files: &mut Files, before: Oid, after: Oid) -> Result<Found, git::Error> {
    let changed =
        files.reader.changed(before, after, &|path| setter::is_manifest(path) || setter::may_override(path))?;
    let mut found = Found::default();
    if changed.is_cut {
        found.gap = Some(format!("only the first {} files that it changed were compared", changed.files.len()));
    }
    let moved = unchanged(&changed.files);
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    files.bytes = 0;
    for (number, file) in changed.files.into_iter().enumerate() {
        if files.bytes > BYTES_MAX {
            found.gap = Some(format!("only the first {number} files that it changed were compared"));
            break;
        }
        match (file.before, file.after) {
            (Some(before), Some(after)) => {
                let after_fields = files.read(&file.path, after, None)?;
                let before = files.read(&file.path, before, Some(after))?;
                found.changes.extend(before.changes(&after_fields));
            }
            (Some(before), None) if !moved.contains(&before) => gone.push(files.read(&file.path, before, None)?),
            (None, Some(after)) if !moved.contains(&after) => come.push(files.read(&file.path, after, None)?),
            _ => {}
        }
    }
    found.changes.extend(renamed(gone, &come));
    Ok(found)
}

/// The contents that went from one path to another as they are.
fn unchanged(files: &[FileChange]) -> HashSet<Oid> {
    let gone: HashSet<Oid> = files.iter().filter(|file| file.after.is_none()).filter_map(|file| file.before).collect();
    let come = files.iter().filter(|file| file.before.is_none()).filter_map(|file| file.after);
    come.filter(|id| gone.contains(id)).collect()
}

/// The changes in files that moved: one that is gone and one that came with the same markers or overrides are the
/// same, the more so when they have the same name.
fn renamed(gone: Vec<Fields>, come: &[Fields]) -> Vec<Change> {
    let mut by_keys: HashMap<Vec<String>, Vec<Fields>> = HashMap::new();
    for fields in gone.into_iter().filter(|fields| !fields.keys().is_empty()) {
        by_keys.entry(fields.keys()).or_default().push(fields);
    }
    let mut changes = Vec::new();
    for fields in come {
        let Some(candidates) = by_keys.get_mut(&fields.keys()).filter(|found| !found.is_empty()) else {
            continue;
        };
        let at = candidates.iter().position(|gone| gone.file_name() == fields.file_name()).unwrap_or_default();
        changes.extend(candidates.remove(at).changes(fields));
    }
    changes
}

/// Files by content.
struct Files {
    reader: Reader,
    /// How much was read for one comparison.
    bytes: usize,
    kept: Kept,
}

/// The files with markers that were read last, and that others have none.
#[derive(Default)]
struct Kept {
    files: HashMap<Oid, Known>,
    fields: usize,
    bytes: usize,
}

struct Known {
    marked: Rc<Vec<Current>>,
    /// Empty without fields.
    text: Vec<u8>,
}

impl Files {
    /// The fields of a file; of one that is another version of the file `beside` mostly without reading its YAML.
    fn read(&mut self, path: &str, blob: Oid, beside: Option<Oid>) -> Result<Fields, git::Error> {
        let mut fields = Fields { path: path.to_owned(), ..Fields::default() };
        if let Some(known) = self.kept.files.get(&blob) {
            fields.marked = Rc::clone(&known.marked);
            return Ok(fields);
        }
        let text = self.reader.blob(blob)?;
        self.bytes += text.len();
        if setter::has_marker(&text) {
            let beside = beside.and_then(|beside| self.kept.files.get(&beside));
            let told = beside.and_then(|known| setter::current_beside(&text, &known.text, &known.marked));
            fields.marked = Rc::new(told.unwrap_or_else(|| setter::current(&text)));
        } else if setter::may_override(path) {
            fields.overrides = std::str::from_utf8(&text).map(|text| setter::overrides(path, text)).unwrap_or_default();
            // These depend on the path too.
            return Ok(fields);
        }
        let text = if fields.marked.is_empty() { Vec::new() } else { text };
        self.kept.keep(blob, Known { marked: Rc::clone(&fields.marked), text });
        Ok(fields)
    }
}

impl Kept {
    fn keep(&mut self, blob: Oid, known: Known) {
        self.fields += known.marked.len();
        self.bytes += known.text.len();
        if self.files.len() >= FILES_KEPT_MAX || self.fields > FIELDS_KEPT_MAX || self.bytes > BYTES_KEPT_MAX {
            *self = Self { fields: known.marked.len(), bytes: known.text.len(), files: HashMap::new() };
        }
        self.files.insert(blob, known);
    }
}

/// The fields of a file that hold images.
#[derive(Debug, Default)]
struct Fields {
    path: String,
    marked: Rc<Vec<Current>>,
    overrides: Vec<setter::Override>,
}

impl Fields {
    fn file_name(&self) -> &str {
        self.path.rsplit_once('/').map_or(&self.path, |(_, name)| name)
    }

    /// The markers and the keys of overrides, sorted.
    fn keys(&self) -> Vec<String> {
        let setters = self.marked.iter().map(|field| field.setter.clone());
        let mut keys: Vec<String> = setters.chain(self.overrides.iter().map(|image| image.key.clone())).collect();
        keys.sort_unstable();
        keys
    }

    /// What differs in `after`.
    fn changes(&self, after: &Self) -> Vec<Change> {
        let mut changes = marked_changes(&self.marked, &after.marked);
        let application = setter::application(&after.path);
        for new in &after.overrides {
            let old = self.overrides.iter().find(|old| old.key == new.key && old.value != new.value);
            changes.extend(old.map(|old| Change {
                policy: None,
                automation: None,
                application: application.map(str::to_owned),
                old: old.value.clone(),
                new: new.value.clone(),
                from: Source::Diff,
            }));
        }
        changes
    }
}

/// Pairs the fields of each setter, in their order.
fn marked_changes(before: &[Current], after: &[Current]) -> Vec<Change> {
    let mut sides: BTreeMap<&str, (Vec<&Current>, Vec<&Current>)> = BTreeMap::new();
    before.iter().for_each(|field| sides.entry(&field.setter).or_default().0.push(field));
    after.iter().for_each(|field| sides.entry(&field.setter).or_default().1.push(field));
    let mut changes = Vec::new();
    for (mut before, mut after) in sides.into_values() {
        if before.len() != after.len() {
            // Fields came or went: those whose value is on both sides stayed.
            remove_common(&mut before, &mut after);
        }
        let pairs = before.iter().zip(&after).filter(|(old, new)| old.value != new.value);
        changes.extend(pairs.map(|(old, new)| marked_change(&new.policy, &old.value, &new.value)));
    }
    changes
}

fn remove_common(before: &mut Vec<&Current>, after: &mut Vec<&Current>) {
    let mut count: HashMap<&str, usize> = HashMap::new();
    before.iter().for_each(|field| *count.entry(&field.value).or_default() += 1);
    let mut common: HashMap<&str, usize> = HashMap::new();
    after.retain(|field| match count.get_mut(field.value.as_str()).filter(|left| **left > 0) {
        Some(left) => {
            *left -= 1;
            *common.entry(&field.value).or_default() += 1;
            false
        }
        None => true,
    });
    before.retain(|field| match common.get_mut(field.value.as_str()).filter(|left| **left > 0) {
        Some(left) => {
            *left -= 1;
            false
        }
        None => true,
    });
}

fn marked_change(policy: &NamespacedName, old: &str, new: &str) -> Change {
    Change {
        policy: Some(policy.clone()),
        automation: None,
        application: None,
        old: old.to_owned(),
        new: new.to_owned(),
        from: Source::Diff,
    }
}
