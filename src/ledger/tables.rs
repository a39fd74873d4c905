//! The tables of the ledger, and how their rows are written.
//!
//! A view has a small number of its own, so that its name is stored once. Times are milliseconds since 1970.

use jiff::Timestamp;
use redb::TableDefinition;
use sha2::{Digest as _, Sha256};

use super::error::Fault;
use crate::image::{Digest, Tag};

/// Numbers of the file as a whole, by the names below.
pub(super) const META: TableDefinition<&str, i64> = TableDefinition::new("meta");
pub(super) const SCHEMA: &str = "schema";
pub(super) const CLOCK_LATEST: &str = "clock-latest";
pub(super) const CLOCK_BEHIND: &str = "clock-behind";
pub(super) const NEXT_VIEW: &str = "next-view";
pub(super) const NEXT_CREATED: &str = "next-created";
pub(super) const NEXT_LATEST: &str = "next-latest";
/// When views were last looked through for unused ones.
pub(super) const SWEPT: &str = "swept";
/// Tags that vanished before this time are forgotten.
pub(super) const VANISHED_BEFORE: &str = "vanished-before";

/// Repository and access of a view, and its number.
pub(super) const VIEWS: TableDefinition<(&str, &str), u32> = TableDefinition::new("views");
/// Time, fingerprint of the tags ([`NO_SCAN`] or [`fingerprint`]) and ETag of the last scan of a view; true in between
/// when tags came to [`TAGS`] in another way since.
pub(super) const SCANS: TableDefinition<u32, (i64, u128, bool, Option<&str>)> = TableDefinition::new("scans");
/// The fingerprint where there was no scan that may be relied on.
pub(super) const NO_SCAN: u128 = 0;
/// When a tag was first seen, and when it was found to have vanished.
pub(super) const TAGS: TableDefinition<(u32, &str), (i64, Option<i64>)> = TableDefinition::new("tags");
/// The digests of a tag, each as [`push_digest`] writes it.
pub(super) const DIGESTS: TableDefinition<(u32, &str), &[u8]> = TableDefinition::new("digests");
/// Tags that have vanished, by when: which of them to forget.
pub(super) const VANISHED: TableDefinition<(i64, u32, &str), ()> = TableDefinition::new("vanished");
/// Views that are gone, whose rows are still to be removed.
pub(super) const DOOMED: TableDefinition<u32, ()> = TableDefinition::new("doomed");
/// Build time of an image by its digest, and its place in [`CREATED_ORDER`].
pub(super) const CREATED: TableDefinition<&[u8], (i64, i64)> = TableDefinition::new("created");
pub(super) const CREATED_ORDER: TableDefinition<i64, &[u8]> = TableDefinition::new("created-order");
/// Image, previous image, specs, since when, and the place in [`LATEST_ORDER`], by namespace and name of a policy.
pub(super) const LATEST: TableDefinition<(&str, &str), LatestRow<'static>> = TableDefinition::new("latest");
pub(super) const LATEST_ORDER: TableDefinition<i64, (&str, &str)> = TableDefinition::new("latest-order");

pub(super) type LatestRow<'a> = (&'a str, Option<&'a str>, &'a str, i64, i64);

/// Of one tag: the first and the newest ones.
const DIGESTS_MAX: usize = 50;

/// The digests of one tag with the time of each, oldest first.
pub(super) type History = Vec<(Digest, i64)>;

/// What the table keeps of a time.
pub(super) fn rounded(time: Timestamp) -> Timestamp {
    timestamp(time.as_millisecond())
}

/// A time of a row; one beyond all calendars is as far as they go.
pub(super) fn timestamp(milliseconds: i64) -> Timestamp {
    let limit = if milliseconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(milliseconds).unwrap_or(limit)
}

/// Tells two sets of tags apart; never [`NO_SCAN`].
pub(super) fn fingerprint<'a>(sorted: impl IntoIterator<Item = &'a str>) -> u128 {
    let mut hash = Sha256::new();
    for tag in sorted {
        hash.update(tag);
        // No tag holds a line feed.
        hash.update(b"\n");
    }
    let bytes = hash.finalize();
    u128::from_be_bytes(*bytes.first_chunk().expect("32 bytes")).max(1)
}

pub(super) fn tag(text: &str) -> Result<Tag, Fault> {
    text.parse().map_err(|_| Fault::Row("a tag"))
}

const ALGORITHMS: [(u8, &str, usize); 3] = [(1, "sha256", 32), (2, "sha384", 48), (3, "sha512", 64)];

/// A digest in a third of its text: one byte for the algorithm, then the hash.
pub(super) fn digest_key(digest: &Digest) -> Vec<u8> {
    let known = ALGORITHMS.iter().find(|(_, name, _)| *name == digest.algorithm());
    let (number, ..) = known.expect("a digest has one of these algorithms");
    let nibble = |digit: &u8| if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 };
    let hash = digest.hex().as_bytes().chunks(2).map(|pair| nibble(&pair[0]) << 4 | nibble(&pair[1]));
    std::iter::once(*number).chain(hash).collect()
}

/// Reads what [`digest_key`] wrote at the start of `bytes`, and gives the rest.
pub(super) fn split_digest(bytes: &[u8]) -> Result<(Digest, &[u8]), Fault> {
    let wrong = || Fault::Row("a digest");
    let (number, rest) = bytes.split_first().ok_or_else(wrong)?;
    let (_, name, length) = ALGORITHMS.iter().find(|(known, ..)| known == number).ok_or_else(wrong)?;
    let (hash, rest) = rest.split_at_checked(*length).ok_or_else(wrong)?;
    Ok((Digest::of_hash(name, hash).map_err(|_| wrong())?, rest))
}

pub(super) fn push_digest(row: &mut Vec<u8>, digest: &Digest, time: i64) {
    row.extend_from_slice(&time.to_be_bytes());
    row.extend_from_slice(&digest_key(digest));
}

pub(super) fn history_row(history: &History) -> Vec<u8> {
    let mut row = Vec::new();
    history.iter().for_each(|(digest, time)| push_digest(&mut row, digest, *time));
    row
}

pub(super) fn history(mut row: &[u8]) -> Result<History, Fault> {
    let mut history = Vec::new();
    while !row.is_empty() {
        let (time, rest) = row.split_first_chunk().ok_or(Fault::Row("the time of a digest"))?;
        let (digest, rest) = split_digest(rest)?;
        history.push((digest, i64::from_be_bytes(*time)));
        row = rest;
    }
    Ok(history)
}

/// Drops what is too much: never the first one, never the last.
pub(super) fn shorten(history: &mut History) {
    let excess = history.len().saturating_sub(DIGESTS_MAX);
    history.drain(1..=excess);
}
