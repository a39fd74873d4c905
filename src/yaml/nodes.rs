//! Reading YAML into nodes, as kustomize's readers take it.
//!
//! Takes the bytes of a file and whose rules hold; gives the nodes of its documents with anchors, aliases and merge
//! keys resolved, or the place at which the text is refused. Size, nesting and what aliases add are bounded.

use std::borrow::Cow;

use granit_parser::{Parser, ScanError};
use memchr::memmem;

use super::assemble::{Assembly, Stop};
use super::comments;
use super::libyaml;
use super::load::{Error, TEXT_BYTES_MAX};
use super::outline::{DOCUMENT_BYTES_MAX, NESTING_MAX};
use super::scalar::Dialect;
use crate::object::Node;

/// The most bytes of a document that are read again, in sum, for what the parser refuses and libyaml does not.
const MENDED_BYTES_MAX: usize = 64 << 20;

/// Reads the documents of `text` in order; one without a value is null. `file` becomes part of every scalar's place.
///
/// Kustomization files have one document: what follows the first is not looked at.
pub fn nodes(text: &[u8], file: u32, dialect: Dialect) -> Result<Vec<Node>, Error> {
    let text = decoded(text)?;
    let mut assembly = Assembly::new(file, dialect);
    match dialect {
        Dialect::Kustomization => Ok(vec![document(&text, 1, &mut assembly)?]),
        Dialect::Resource => {
            let text = if text.contains("\r\n") { text.replace("\r\n", "\n").into() } else { text };
            pieces(&text)?.into_iter().map(|piece| document(piece.text, piece.line, &mut assembly)).collect()
        }
    }
}

/// One document of a resource file, and the line of the file on which it begins.
struct Piece<'a> {
    text: &'a str,
    line: usize,
}

/// Splits a resource file as kustomize does, before YAML is looked at: at each line that begins with `---`. Such a
/// line may hold a comment beside it and nothing else, but for the first line of the file, which is left to YAML.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, Error> {
    let mut pieces = Vec::new();
    let mut piece = Piece { text, line: 1 };
    while let Some(at) = memmem::find(piece.text.as_bytes(), b"\n---") {
        let behind = &piece.text[at + 4..];
        let Some(end) = memchr::memchr(b'\n', behind.as_bytes()) else { break };
        let line = piece.line + lines(&piece.text[..=at]);
        let beside = behind[..end].trim();
        if !beside.is_empty() && !beside.starts_with('#') {
            let message = format!("`---{}` is no line between documents", &behind[..end].trim_end());
            return Err(Error { line, column: 4, message });
        }
        pieces.push(Piece { text: &piece.text[..=at], line: piece.line });
        piece = Piece { text: &behind[end + 1..], line: line + 1 };
    }
    pieces.push(piece);
    Ok(pieces)
}

/// How many lines stand before the end of a document that has not begun.
fn lines_before_end(text: &str) -> Option<usize> {
    let is_content = |line: &&str| !line.trim_start().is_empty() && !line.trim_start().starts_with('#');
    let (before, line) = text.lines().enumerate().find(|(_, line)| is_content(line))?;
    libyaml::is_marker(line, "...").then_some(before)
}

/// Reads the first document of `text`, whose first line is line `first` of the file.
fn document(text: &str, first: usize, assembly: &mut Assembly) -> Result<Node, Error> {
    if text.len() > DOCUMENT_BYTES_MAX {
        let message = format!("the document is larger than {} MiB", DOCUMENT_BYTES_MAX >> 20);
        return Err(Error { line: first, column: 1, message });
    }
    if let Some(before) = lines_before_end(text) {
        let message = "a document ends here (`...`) before it begins".to_owned();
        return Err(Error { line: first + before, column: 1, message });
    }
    let written = text;
    let mut text = Cow::Borrowed(text);
    let mut mends = MENDED_BYTES_MAX / text.len().max(1);
    loop {
        assembly.begin(first);
        match parse(&text, assembly) {
            Ok(()) => return Ok(Node::null()),
            Err(Stop::Node(_)) if libyaml::foreign_breaks(&text) > assembly.quoted_breaks() => {
                let message =
                    "U+0085, U+2028 or U+2029, which end lines to kustomize, stands outside of quotes".to_owned();
                return Err(Error { line: first, column: 1, message });
            }
            Err(Stop::Node(mut node)) => {
                comments::mark(&mut node, written, first);
                return Ok(node);
            }
            Err(Stop::Refused(error)) => return Err(error),
            Err(Stop::Unread(error)) => match libyaml::mended(&text, &error).filter(|_| mends > 0) {
                Some(mended) => (text, mends) = (mended.into(), mends - 1),
                None => return Err(unread(&error, first)),
            },
        }
    }
}

fn parse(text: &str, assembly: &mut Assembly) -> Result<(), Stop> {
    let mut options = granit_parser::options! { flow_nesting_limit: NESTING_MAX, block_nesting_limit: NESTING_MAX };
    options.set_emit_comments(false);
    Parser::new_from_str_with_options(text, options).try_for_each(|event| {
        let (event, span) = event.map_err(Stop::Unread)?;
        assembly.take(event, &span, text)
    })
}

fn unread(error: &ScanError, first: usize) -> Error {
    let at = error.marker();
    Error { line: at.line() + first - 1, column: at.col() + 1, message: error.info() }
}

/// The characters of a file: UTF-8, or UTF-16 that says so by its first two bytes; those that YAML allows.
fn decoded(text: &[u8]) -> Result<Cow<'_, str>, Error> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the text is larger than {} MiB", TEXT_BYTES_MAX >> 20);
        return Err(Error { line: 1, column: 1, message });
    }
    let text = match text {
        [0xff, 0xfe, rest @ ..] => Cow::from(utf16(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?.into(),
        _ => utf8(text)?.into(),
    };
    match forbidden(&text) {
        Some(at) => Err(refusal(&text, at, "a control character is not YAML")),
        None => Ok(text),
    }
}

fn utf8(text: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(text).map_err(|error| {
        let valid = String::from_utf8_lossy(&text[..error.valid_up_to()]);
        refusal(&valid, valid.len(), "not UTF-8")
    })
}

fn utf16(text: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Error> {
    let units = text.chunks(2).map(|pair| unit([pair[0], pair.get(1).copied().unwrap_or_default()]));
    let decoded: Result<String, _> = char::decode_utf16(units).collect();
    decoded.map_err(|_| Error { line: 1, column: 1, message: "not UTF-16, as the first two bytes say".to_owned() })
}

/// The first character that YAML 1.1 §5.1 does not allow.
fn forbidden(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    // Behind 0xC2 may follow U+0080 to U+009F, behind 0xEF U+FFFE and U+FFFF.
    let is_suspect =
        |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r') || matches!(byte, 0x7f | 0xc2 | 0xef);
    let mut suspects = bytes.iter().enumerate().filter(|&(_, &byte)| is_suspect(byte));
    let is_allowed = |at: usize, byte: u8| match byte {
        0xc2 => bytes[at + 1] >= 0xa0 || bytes[at + 1] == 0x85,
        0xef => bytes[at + 1] != 0xbf || bytes[at + 2] < 0xbe,
        _ => false,
    };
    suspects.find(|&(at, &byte)| !is_allowed(at, byte)).map(|(at, _)| at)
}

fn refusal(text: &str, at: usize, message: &str) -> Error {
    let line_start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let (line, column) = (lines(&text[..at]) + 1, text[line_start..at].chars().count() + 1);
    Error { line, column, message: message.to_owned() }
}

fn lines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}
