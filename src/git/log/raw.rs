//! A commit object, read leniently (`gitformat-pack`, `git help hash-object`): headers, an empty line, the message.
//!
//! What other tools wrote wrong must not end a history: a header that is absent or broken is empty here.

use git2::Oid;
use jiff::Timestamp;

use super::LogEntry;
use crate::git::commit::Author;

/// Reads all that a log needs.
pub(super) fn entry(id: Oid, data: &[u8]) -> LogEntry {
    let (headers, message) = split(data);
    let mut entry = LogEntry {
        id,
        parents: Vec::new(),
        author: nobody(),
        committer: nobody(),
        decided: Timestamp::UNIX_EPOCH,
        time: Timestamp::UNIX_EPOCH,
        message: text(message),
        is_signed: false,
        is_cut: false,
    };
    for (key, value) in lines(headers) {
        match key {
            b"parent" => entry.parents.extend(oid(value)),
            b"author" => (entry.author, entry.decided) = (person(value), time(value)),
            b"committer" => (entry.committer, entry.time) = (person(value), time(value)),
            b"gpgsig" | b"gpgsig-sha256" => entry.is_signed = true,
            _ => {}
        }
    }
    entry
}

/// The tree of a commit.
pub(super) fn tree(data: &[u8]) -> Option<Oid> {
    lines(split(data).0).find(|(key, _)| *key == b"tree").and_then(|(_, value)| oid(value))
}

fn split(data: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memmem::find(data, b"\n\n") {
        Some(end) => (&data[..end], &data[end + 2..]),
        None => (data, &[]),
    }
}

/// The headers; the lines that continue one begin with a space, and so have no key.
fn lines(headers: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    headers.split(|byte| *byte == b'\n').filter_map(|line| {
        let space = memchr::memchr(b' ', line)?;
        Some((&line[..space], &line[space + 1..]))
    })
}

fn oid(value: &[u8]) -> Option<Oid> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.len() == 40)?;
    text.parse().ok()
}

fn nobody() -> Author {
    Author { name: String::new(), email: String::new() }
}

/// `Name <email> seconds zone`.
fn person(value: &[u8]) -> Author {
    let open = memchr::memchr(b'<', value).unwrap_or(value.len());
    let rest = value.get(open + 1..).unwrap_or_default();
    let close = memchr::memchr(b'>', rest).unwrap_or(rest.len());
    Author { name: text(&value[..open]).trim().to_owned(), email: text(&rest[..close]) }
}

fn time(value: &[u8]) -> Timestamp {
    let behind = memchr::memrchr(b'>', value).map_or(value, |close| &value[close + 1..]);
    let seconds = std::str::from_utf8(behind).ok().and_then(|text| text.split_whitespace().next()?.parse().ok());
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
