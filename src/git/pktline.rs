//! Git's packet lines (`gitprotocol-common`): four hexadecimal digits of length, then the payload.

use super::error::Fault;

/// The longest packet line, header included.
const PACKET_BYTES_MAX: usize = 65_520;

/// One packet line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    Line(&'a [u8]),
    Flush,
}

/// Takes the first packet off `rest`; `None` at the end of the input.
pub(super) fn take<'a>(rest: &mut &'a [u8]) -> Result<Option<Packet<'a>>, Fault> {
    if rest.is_empty() {
        return Ok(None);
    }
    let (head, tail) = rest.split_at_checked(4).ok_or(Fault::Truncated)?;
    let length = std::str::from_utf8(head).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
    match length {
        Some(0) => {
            *rest = tail;
            Ok(Some(Packet::Flush))
        }
        Some(length @ 4..=PACKET_BYTES_MAX) => {
            let (line, tail) = tail.split_at_checked(length - 4).ok_or(Fault::Truncated)?;
            *rest = tail;
            Ok(Some(Packet::Line(line)))
        }
        _ => Err(Fault::Protocol { what: "a packet without a valid length".to_owned() }),
    }
}

/// Follows packets that arrive in pieces, up to the first flush.
#[derive(Clone, Debug, Default)]
pub(super) struct Packets {
    head: Vec<u8>,
    /// Of the packet under way, still to come.
    missing: usize,
    flushed: bool,
}

impl Packets {
    pub(super) fn are_flushed(&self) -> bool {
        self.flushed
    }

    pub(super) fn feed(&mut self, mut piece: &[u8]) -> Result<(), Fault> {
        while !piece.is_empty() && !self.flushed {
            let passed = self.missing.min(piece.len());
            self.missing -= passed;
            piece = &piece[passed..];
            let head = piece.len().min(4 - self.head.len());
            self.head.extend_from_slice(&piece[..head]);
            piece = &piece[head..];
            if self.head.len() == 4 {
                self.begin()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Fault> {
        let length = std::str::from_utf8(&self.head).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
        match length {
            Some(0) => self.flushed = true,
            Some(length @ 4..=PACKET_BYTES_MAX) => self.missing = length - 4,
            _ => return Err(Fault::Protocol { what: "a packet without a valid length".to_owned() }),
        }
        self.head.clear();
        Ok(())
    }
}

/// Appends `line` as one packet.
pub(super) fn put(out: &mut Vec<u8>, line: &[u8]) {
    debug_assert!(line.len() + 4 <= PACKET_BYTES_MAX);
    out.extend_from_slice(format!("{:04x}", line.len() + 4).as_bytes());
    out.extend_from_slice(line);
}

pub(super) fn put_flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0000");
}
