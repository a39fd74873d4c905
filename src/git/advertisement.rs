//! What a server offers: its branches and what it can do (`gitprotocol-http`, `gitprotocol-pack`).
//!
//! Takes the body of `info/refs`, gives the branches. libgit2 never sees the body itself: it gets one that
//! was written here and names the wanted branch alone, so hostile or a million references cost it nothing.

use std::collections::BTreeMap;

use git2::Oid;

use super::branch::Branch;
use super::error::{Fault, printable};
use super::pktline::{self, Packet};

/// The branches of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refs {
    pub heads: BTreeMap<String, Oid>,
    /// The branch that `HEAD` names, when it exists.
    pub default_branch: Option<String>,
}

/// One listing of references.
#[derive(Clone, Debug, Default)]
pub(super) struct Advertisement {
    pub(super) refs: Refs,
    capabilities: Vec<String>,
}

/// What we let libgit2 use in a fetch, of what the server offers.
const FETCH_CAPABILITIES: &[&str] = &["multi_ack", "multi_ack_detailed", "side-band-64k", "ofs-delta", "thin-pack"];

impl Advertisement {
    pub(super) fn parse(mut body: &[u8]) -> Result<Self, Fault> {
        let mut listing = Listing::default();
        loop {
            match pktline::take(&mut body)?.ok_or(Fault::Truncated)? {
                Packet::Line(line) if line.starts_with(b"# service=") => skip_flush(&mut body)?,
                Packet::Line(line) => listing.line(line.strip_suffix(b"\n").unwrap_or(line))?,
                Packet::Flush => break,
            }
        }
        listing.finish()
    }

    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }

    /// The same listing for libgit2, as if the server had one branch.
    pub(super) fn only(&self, branch: &Branch, tip: Oid) -> Vec<u8> {
        let capabilities: Vec<&str> = FETCH_CAPABILITIES.iter().copied().filter(|name| self.can(name)).collect();
        let mut out = Vec::new();
        pktline::put(&mut out, b"# service=git-upload-pack\n");
        pktline::put_flush(&mut out);
        pktline::put(&mut out, format!("{tip} {}\0{}\n", branch.reference(), capabilities.join(" ")).as_bytes());
        pktline::put_flush(&mut out);
        out
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
        // Names that are not UTF-8, tags, notes and pull requests are nobody's checkout branch.
        match std::str::from_utf8(name) {
            Ok("HEAD") => self.head = Some(id),
            Ok(name) => {
                if let Some(branch) = name.strip_prefix("refs/heads/").and_then(|name| Branch::new(name).ok()) {
                    self.heads.insert(branch.as_str().to_owned(), id);
                }
            }
            Err(_) => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Advertisement, Fault> {
        let capabilities = self.capabilities.unwrap_or_default();
        let format = capabilities.iter().find_map(|word| word.strip_prefix("object-format="));
        if let Some(format) = format.filter(|format| *format != "sha1") {
            return Err(Fault::ObjectFormat { format: printable(format.as_bytes(), 40) });
        }
        let default_branch = default_branch(&capabilities, self.head, &self.heads);
        Ok(Advertisement { refs: Refs { heads: self.heads, default_branch }, capabilities })
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
