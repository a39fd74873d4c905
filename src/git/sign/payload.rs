//! A raw commit taken apart: what was signed, and the signature.
//!
//! Works on the bytes of the object, as Git does (`parse_signed_commit`): a commit that is parsed and written again
//! may not be the one that was signed.

/// Signatures are some hundred bytes to a few kilobytes.
const SIGNATURE_BYTES_MAX: usize = 64 << 10;

/// A signature and the bytes that it must hold for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// Where a line of a commit belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Payload,
    Signature,
    /// The signature of the same commit under SHA-256, which neither signature covers.
    Other,
}

/// `None` for a commit without a signature. More than one, and headers that look like one, are refused: Git would
/// read them together, or leave them out of what it checks.
pub(super) fn split(raw: &[u8]) -> Result<Option<Signed>, &'static str> {
    let (mut payload, mut signature) = (Vec::with_capacity(raw.len()), Vec::new());
    let (mut part, mut signatures, mut rest) = (Part::Payload, 0, raw);
    while !rest.is_empty() && rest[0] != b'\n' {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, behind) = rest.split_at(end);
        let (next, content) = part_of(line, part)?;
        signatures += usize::from(next == Part::Signature && line[0] != b' ');
        match next {
            Part::Payload => payload.extend_from_slice(content),
            Part::Signature => signature.extend_from_slice(content),
            Part::Other => {}
        }
        (part, rest) = (next, behind);
    }
    payload.extend_from_slice(rest);
    match signatures {
        0 => Ok(None),
        1 if signature.len() > SIGNATURE_BYTES_MAX => Err("the signature is longer than 64 KiB"),
        1 => Ok(Some(Signed { payload, signature })),
        _ => Err("the commit has more than one signature header"),
    }
}

fn part_of(line: &[u8], before: Part) -> Result<(Part, &[u8]), &'static str> {
    if let Some(content) = line.strip_prefix(b" ") {
        return Ok((before, if before == Part::Signature { content } else { line }));
    }
    if let Some(content) = line.strip_prefix(b"gpgsig ") {
        return Ok((Part::Signature, content));
    }
    match line.starts_with(b"gpgsig") {
        true if line.starts_with(b"gpgsig-sha256 ") => Ok((Part::Other, line)),
        true => Err("the commit has a header that looks like a signature and is none"),
        false => Ok((Part::Payload, line)),
    }
}

/// The time that the committer gives, in seconds since 1970.
pub(super) fn committed_at(payload: &[u8]) -> Option<i64> {
    let mut headers = payload.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let committer = headers.find_map(|line| line.strip_prefix(b"committer "))?;
    let behind = &committer[memchr::memrchr(b'>', committer)? + 1..];
    std::str::from_utf8(behind).ok()?.split_whitespace().next()?.parse().ok()
}

/// The `gpgsig` header of a commit: one blank in front of each line but the first.
pub(in crate::git) fn header(signature: &str) -> String {
    let lines: Vec<String> = signature.lines().map(|line| format!(" {line}\n")).collect();
    format!("gpgsig{}", lines.concat())
}
