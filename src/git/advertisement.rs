//! What a server offers: its branches and what it can do (`gitprotocol-http`, `gitprotocol-pack`).
//!
//! Takes the body of `info/refs`, gives the branches and tags; any other reference is looked up in the body when it is
//! asked for. libgit2 never sees the body itself: it gets one that was written here and names the wanted reference
//! alone, so hostile or a million references cost it nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use git2::Oid;

use super::branch::{Branch, FullName};
use super::error::{Fault, printable};
use super::pktline::{self, Packet};

/// The branches and tags of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refs {
    pub heads: BTreeMap<String, Oid>,
    /// What each tag is at in the end: for an annotated one not the tag object, but what that names.
    pub tags: BTreeMap<String, Oid>,
    /// The branch that `HEAD` names, when it exists.
    pub default_branch: Option<String>,
}

/// One listing of references.
#[derive(Clone, Debug, Default)]
pub(super) struct Advertisement {
    pub(super) refs: Arc<Refs>,
    capabilities: Vec<String>,
    /// The whole of it, for references that are neither branches nor tags.
    body: Vec<u8>,
}

/// A reference to bring here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) name: String,
    /// What is asked for: servers hand out what their references are at, and that may be an annotated tag.
    pub(super) object: Oid,
    /// What it is at in the end.
    pub(super) commit: Oid,
}

/// What we let libgit2 use in a fetch, of what the server offers.
const FETCH_CAPABILITIES: &[&str] = &["multi_ack", "multi_ack_detailed", "side-band-64k", "ofs-delta", "thin-pack"];

impl Advertisement {
    pub(super) fn parse(body: Vec<u8>) -> Result<Self, Fault> {
        let mut listing = Listing::default();
        read_lines(&body, |line| listing.line(line))?;
        let (refs, capabilities) = listing.finish()?;
        Ok(Self { refs: Arc::new(refs), capabilities, body })
    }

    /// The listing of a repository of this machine.
    pub(super) fn of(refs: Refs) -> Self {
        Self { refs: Arc::new(refs), ..Self::default() }
    }

    /// Any reference, by its full name.
    pub(super) fn find(&self, name: &FullName) -> Option<Wanted> {
        let (mut object, mut peeled) = (None, None);
        self.each(|id, found| match found.strip_suffix(b"^{}") {
            Some(found) if found == name.as_str().as_bytes() => peeled = Some(id),
            None if found == name.as_str().as_bytes() => object = Some(id),
            _ => {}
        });
        let object = object?;
        Some(Wanted { name: name.as_str().to_owned(), object, commit: peeled.unwrap_or(object) })
    }

    /// True when a reference is at `object`, so that the server hands it out.
    pub(super) fn has_at_tip(&self, object: Oid) -> bool {
        let mut is_there = false;
        self.each(|id, name| is_there |= id == object && !name.ends_with(b"^{}"));
        is_there
    }

    /// Shows the name of every reference that can be asked for.
    pub(super) fn each_name(&self, mut see: impl FnMut(&str)) {
        self.refs.heads.keys().for_each(|branch| see(&format!("refs/heads/{branch}")));
        self.each(|_, name| {
            if let Ok(name) = std::str::from_utf8(name) {
                see(name);
            }
        });
    }

    fn each(&self, mut see: impl FnMut(Oid, &[u8])) {
        let seen = read_lines(&self.body, |line| {
            if let Ok((id, name)) = reference(split_at_nul(line).0) {
                see(id, name);
            }
            Ok(())
        });
        debug_assert!(seen.is_ok() || self.body.is_empty(), "it was read before");
    }

    /// A branch moved by our own hand.
    pub(super) fn moved(&mut self, branch: &str, to: Oid) {
        Arc::make_mut(&mut self.refs).heads.insert(branch.to_owned(), to);
    }

    /// A newer listing of the branches.
    pub(super) fn heads_are(&mut self, heads: &BTreeMap<String, Oid>) {
        Arc::make_mut(&mut self.refs).heads.clone_from(heads);
    }

    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }

    /// The same listing for libgit2, as if the server had one reference. Over http it begins with the name of the
    /// service.
    pub(super) fn only(&self, wanted: &Wanted, names_service: bool) -> Vec<u8> {
        let capabilities: Vec<&str> = FETCH_CAPABILITIES.iter().copied().filter(|name| self.can(name)).collect();
        let mut out = Vec::new();
        if names_service {
            pktline::put(&mut out, b"# service=git-upload-pack\n");
            pktline::put_flush(&mut out);
        }
        pktline::put(&mut out, format!("{} {}\0{}\n", wanted.object, wanted.name, capabilities.join(" ")).as_bytes());
        pktline::put_flush(&mut out);
        out
    }
}

fn read_lines(mut body: &[u8], mut read: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
    loop {
        match pktline::take(&mut body)?.ok_or(Fault::Truncated)? {
            Packet::Line(line) if line.starts_with(b"# service=") => skip_flush(&mut body)?,
            Packet::Line(line) => read(line.strip_suffix(b"\n").unwrap_or(line))?,
            Packet::Flush => return Ok(()),
        }
    }
}

fn skip_flush(body: &mut &[u8]) -> Result<(), Fault> {
    match pktline::take(body)?.ok_or(Fault::Truncated)? {
        Packet::Flush => Ok(()),
        Packet::Line(_) => Err(Fault::Protocol { what: "no flush behind the name of the service".to_owned() }),
    }
}

#[derive(Default)]
struct Listing {
    heads: BTreeMap<String, Oid>,
    tags: BTreeMap<String, Oid>,
    head: Option<Oid>,
    capabilities: Option<Vec<String>>,
}

impl Listing {
    fn line(&mut self, line: &[u8]) -> Result<(), Fault> {
        if let Some(text) = line.strip_prefix(b"ERR ") {
            return Err(Fault::Says { text: printable(text, 1000) });
        }
        if line.starts_with(b"version ") || line.starts_with(b"shallow ") {
            return Ok(());
        }
        let (line, capabilities) = split_at_nul(line);
        if self.capabilities.is_none() {
            self.capabilities = Some(words(capabilities.unwrap_or_default()));
        }
        let (id, name) = reference(line)?;
        // Names that are not UTF-8 cannot be asked for.
        if let Ok(name) = std::str::from_utf8(name) {
            self.reference(id, name);
        }
        Ok(())
    }

    fn reference(&mut self, id: Oid, name: &str) {
        if name == "HEAD" {
            self.head = Some(id);
        } else if let Some(name) = name.strip_prefix("refs/heads/") {
            if Branch::new(name).is_ok() {
                self.heads.insert(name.to_owned(), id);
            }
        } else if let Some(tag) = name.strip_prefix("refs/tags/") {
            // What an annotated tag names stands behind the tag, and replaces it.
            let (name, tag) = (name.trim_end_matches("^{}"), tag.trim_end_matches("^{}"));
            if FullName::new(name).is_ok() {
                self.tags.insert(tag.to_owned(), id);
            }
        }
    }

    fn finish(self) -> Result<(Refs, Vec<String>), Fault> {
        let capabilities = self.capabilities.unwrap_or_default();
        let format = capabilities.iter().find_map(|word| word.strip_prefix("object-format="));
        if let Some(format) = format.filter(|format| *format != "sha1") {
            return Err(Fault::ObjectFormat { format: printable(format.as_bytes(), 40) });
        }
        let default_branch = default_branch(&capabilities, self.head, &self.heads);
        Ok((Refs { heads: self.heads, tags: self.tags, default_branch }, capabilities))
    }
}

fn split_at_nul(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|byte| *byte == 0) {
        Some(at) => (&line[..at], Some(&line[at + 1..])),
        None => (line, None),
    }
}

fn words(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text).split_ascii_whitespace().map(str::to_owned).collect()
}

fn reference(line: &[u8]) -> Result<(Oid, &[u8]), Fault> {
    let malformed = || Fault::Protocol { what: format!("{:?} is not a reference", printable(line, 80)) };
    let at = line.iter().position(|byte| *byte == b' ').ok_or_else(malformed)?;
    // A SHA-256 id is 64 digits long; `finish` names that case by the capability, so it passes here.
    let hex = line.get(..at.min(40)).and_then(|hex| std::str::from_utf8(hex).ok()).ok_or_else(malformed)?;
    let id = (at >= 40).then(|| hex.parse::<Oid>().ok()).flatten().ok_or_else(malformed)?;
    Ok((id, &line[at + 1..]))
}

/// `HEAD`'s branch as the server names it; where it does not (before Git 1.8.5), the branch at the same commit.
fn default_branch(capabilities: &[String], head: Option<Oid>, heads: &BTreeMap<String, Oid>) -> Option<String> {
    let named = capabilities.iter().find_map(|word| word.strip_prefix("symref=HEAD:refs/heads/"));
    if let Some(name) = named {
        return heads.contains_key(name).then(|| name.to_owned());
    }
    let head = head?;
    let same = |name: &str| heads.get(name) == Some(&head);
    let usual = ["main", "master"].into_iter().find(|name| same(name)).map(str::to_owned);
    usual.or_else(|| heads.iter().find(|(_, id)| **id == head).map(|(name, _)| name.clone()))
}
