//! Notes on objects that outlive a run: by the id of a blob or tree, some bytes that mean something to their writer.
//!
//! Files `STATE/git/HASH/notes-VERSION`, and `quiet-VERSION` for empty notes on blobs: those are many and seldom asked
//! for, so that most runs do not even load them. Both only grow, in frames of `length crc32 payload`. It is a cache:
//! what does not add up is cut off, a file that grew too large starts afresh, and the program's version is in its name,
//! since another version may see in an object what this one does not.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use git2::Oid;
use tracing::warn;

const BYTES_MAX: u64 = 128 << 20;
const NOTES: &str = "notes-";
const QUIET: &str = "quiet-";
/// What this program called its file once.
const BEFORE: &str = "unmarked-";
const HEAD_BYTES: usize = 8;
const KEY_BYTES: usize = 21;

/// What kind of object a note is on: an id alone does not tell, and entries of trees may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Blob,
    Tree,
}

type Key = [u8; KEY_BYTES];

/// All notes of one store.
pub(super) struct Memory {
    home: PathBuf,
    notes: List,
    quiet: OnceCell<List>,
}

/// One file of notes.
struct List {
    path: PathBuf,
    bytes: Vec<u8>,
    notes: HashMap<Key, Range<usize>, BuildHasherDefault<KeyHasher>>,
}

/// Notes to be written together.
#[derive(Default)]
pub(super) struct Draft {
    notes: Vec<u8>,
    quiet: Vec<u8>,
}

impl Memory {
    /// Loads what is remembered below `home`. Whatever is wrong with it costs a slow run, nothing else.
    pub(super) fn load(home: &Path) -> Self {
        Self { home: home.to_path_buf(), notes: List::load(home, NOTES), quiet: OnceCell::new() }
    }

    pub(super) fn note(&self, subject: Subject, id: Oid) -> Option<&[u8]> {
        let key = key(subject, id);
        let is_quiet = || subject == Subject::Blob && self.quiet().notes.contains_key(&key);
        self.notes.note(&key).or_else(|| is_quiet().then_some(&[]))
    }

    /// Keeps `draft` for this run and, in one write to each file, for later ones.
    pub(super) fn keep(&mut self, draft: Draft) {
        self.notes.keep(&draft.notes);
        if !draft.quiet.is_empty() {
            self.quiet();
            self.quiet.get_mut().expect("loaded above").keep(&draft.quiet);
        }
    }

    fn quiet(&self) -> &List {
        self.quiet.get_or_init(|| List::load(&self.home, QUIET))
    }
}

impl List {
    fn load(home: &Path, prefix: &str) -> Self {
        let path = home.join(format!("{prefix}{}", env!("CARGO_PKG_VERSION")));
        let bytes = read(&path, prefix).unwrap_or_else(|error| {
            warn!(path = %path.display(), %error, "the notes on objects cannot be read");
            Vec::new()
        });
        let mut list = Self { path, bytes: Vec::new(), notes: HashMap::default() };
        list.take(bytes);
        list
    }

    fn note(&self, key: &Key) -> Option<&[u8]> {
        self.notes.get(key).map(|range| &self.bytes[range.clone()])
    }

    /// A full disk costs later runs their speed alone.
    fn keep(&mut self, payload: &[u8]) {
        let Some(frame) = frame(payload) else { return };
        if let Err(error) = append(&self.path, &frame) {
            warn!(path = %self.path.display(), %error, "the notes on objects cannot be kept");
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&frame);
        self.index(start + HEAD_BYTES..self.bytes.len());
    }

    /// Takes the frames of a file, up to the first that is not whole; cuts the file there.
    fn take(&mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
        let mut at = 0;
        while let Some(payload) = payload_at(&self.bytes, at).filter(|payload| self.index(payload.clone())) {
            at = payload.end;
        }
        if at < self.bytes.len() {
            self.bytes.truncate(at);
            let cut = File::options().write(true).open(&self.path).and_then(|file| file.set_len(at as u64));
            if let Err(error) = cut {
                warn!(path = %self.path.display(), %error, "the end of the notes on objects cannot be cut off");
            }
        }
    }

    /// False where the records of a payload do not fill it.
    fn index(&mut self, payload: Range<usize>) -> bool {
        let mut at = payload.start;
        while at < payload.end {
            let Some((key, note)) = record_at(&self.bytes[..payload.end], at) else { return false };
            at = note.end;
            self.notes.insert(key, note);
        }
        true
    }
}

impl Draft {
    pub(super) fn add(&mut self, subject: Subject, id: Oid, note: &[u8]) {
        let Ok(length) = u32::try_from(note.len()) else { return };
        let is_quiet = subject == Subject::Blob && note.is_empty();
        let payload = if is_quiet { &mut self.quiet } else { &mut self.notes };
        payload.extend_from_slice(&key(subject, id));
        payload.extend_from_slice(&length.to_le_bytes());
        payload.extend_from_slice(note);
    }
}

fn frame(payload: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(payload.len()).ok().filter(|length| *length > 0)?;
    let checksum = crc32fast::hash(payload);
    Some([&length.to_le_bytes(), &checksum.to_le_bytes(), payload].concat())
}

fn key(subject: Subject, id: Oid) -> Key {
    let mut key = [0; KEY_BYTES];
    key[..KEY_BYTES - 1].copy_from_slice(&id.as_bytes()[..KEY_BYTES - 1]);
    key[KEY_BYTES - 1] = match subject {
        Subject::Blob => b'b',
        Subject::Tree => b't',
    };
    key
}

fn payload_at(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at + HEAD_BYTES;
    let payload = start..start.checked_add(number_at(bytes, at)? as usize)?;
    let is_whole = crc32fast::hash(bytes.get(payload.clone())?) == number_at(bytes, at + 4)?;
    is_whole.then_some(payload)
}

fn record_at(bytes: &[u8], at: usize) -> Option<(Key, Range<usize>)> {
    let key: Key = bytes.get(at..at + KEY_BYTES)?.try_into().ok()?;
    let start = at + KEY_BYTES + 4;
    let note = start..start.checked_add(number_at(bytes, at + KEY_BYTES)? as usize)?;
    (note.end <= bytes.len()).then_some((key, note))
}

fn number_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn read(path: &Path, prefix: &str) -> io::Result<Vec<u8>> {
    if !path.exists() {
        remove_other_versions(path, prefix)?;
        return Ok(Vec::new());
    }
    if fs::metadata(path)?.len() > BYTES_MAX {
        fs::remove_file(path)?;
        return Ok(Vec::new());
    }
    fs::read(path)
}

/// Adds a frame to the file. Half a frame would hide those behind it, so it is taken back.
fn append(path: &Path, frame: &[u8]) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    file.write_all(frame).inspect_err(|_| drop(file.set_len(length)))
}

fn remove_other_versions(path: &Path, prefix: &str) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(prefix) || name.starts_with(BEFORE) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Ids are hashes already: their first bytes are as good as any.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        // The length of the key comes first, and is the same for all.
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
        self.0 ^= u64::from(bytes.last().copied().unwrap_or_default()) << 7;
    }

    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
