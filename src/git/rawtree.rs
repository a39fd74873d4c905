//! Git's tree objects, byte for byte: `mode SP name NUL id`, repeated (`gitformat-pack`, `git help mktree`).
//!
//! libgit2 would sort, merge doubles and check names while it reads. Here an entry that nobody touched comes
//! out as it went in, and what is odd is seen before it is used.

use std::cmp::Ordering;

use git2::Oid;

/// What an entry is, by its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tree,
    File,
    Symlink,
    Submodule,
    Unknown,
}

/// One entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawEntry<'a> {
    pub(super) mode: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) id: Oid,
}

pub(super) const MODE_TREE: &[u8] = b"40000";
pub(super) const MODE_FILE: &[u8] = b"100644";

impl<'a> RawEntry<'a> {
    pub(super) fn kind(&self) -> Kind {
        let mode = std::str::from_utf8(self.mode).ok().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        match mode.map(|mode| mode & 0o170_000) {
            Some(0o040_000) => Kind::Tree,
            Some(0o100_000) => Kind::File,
            Some(0o120_000) => Kind::Symlink,
            Some(0o160_000) => Kind::Submodule,
            _ => Kind::Unknown,
        }
    }

    /// The name, unless it is one that no honest tree holds.
    pub(super) fn safe_name(&self) -> Option<&'a str> {
        std::str::from_utf8(self.name).ok().filter(|name| is_safe(name))
    }

    /// Git's order: by bytes, a tree as if its name ended with a slash.
    pub(super) fn order(&self, other: &RawEntry<'_>) -> Ordering {
        sort_key(self).cmp(sort_key(other))
    }
}

/// Reads a tree object; `None` where it is not one.
pub(super) fn parse(mut data: &[u8]) -> Option<Vec<RawEntry<'_>>> {
    let mut entries = Vec::new();
    while !data.is_empty() {
        let space = memchr::memchr(b' ', data)?;
        let nul = space + memchr::memchr(0, &data[space..])?;
        let id = data.get(nul + 1..nul + 21)?;
        entries.push(RawEntry { mode: &data[..space], name: &data[space + 1..nul], id: Oid::from_bytes(id).ok()? });
        data = &data[nul + 21..];
    }
    Some(entries)
}

pub(super) fn write(entries: &[RawEntry<'_>]) -> Vec<u8> {
    let mut data = Vec::new();
    for entry in entries {
        data.extend_from_slice(entry.mode);
        data.push(b' ');
        data.extend_from_slice(entry.name);
        data.push(0);
        data.extend_from_slice(entry.id.as_bytes());
    }
    data
}

/// False for names that mean something to a file system, and for every spelling of `.git`.
pub(super) fn is_safe(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']) && !is_dot_git(name)
}

/// `.git` as any file system may read it: HFS+ passes over some characters, NTFS over what follows, and has the short
/// name `git~1`. What Git refuses to check out is not read here either (`core.protectHFS`, `core.protectNTFS`).
fn is_dot_git(name: &str) -> bool {
    let first = name.chars().find(|c| !is_ignored_by_hfs(*c));
    // Hardly any name begins like these, and trees hold many.
    if !matches!(first, Some('.' | 'g' | 'G')) {
        return false;
    }
    let seen: String = name.chars().filter(|c| !is_ignored_by_hfs(*c)).collect();
    let stem = seen.split([':', '\\']).next().unwrap_or_default().trim_end_matches(['.', ' ']);
    stem.eq_ignore_ascii_case(".git") || stem.eq_ignore_ascii_case("git~1")
}

fn is_ignored_by_hfs(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

fn sort_key<'e>(entry: &'e RawEntry<'_>) -> impl Iterator<Item = u8> + 'e {
    let slash = (entry.kind() == Kind::Tree).then_some(b'/');
    entry.name.iter().copied().chain(slash)
}
