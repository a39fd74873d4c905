//! What the verbs read whole: files that are named, or standard input for `-`, up to a bound.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub(super) fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

/// The file, or standard input for `-`.
pub(super) fn source(file: &Path) -> io::Result<Box<dyn Read>> {
    Ok(if is_stdin(file) { Box::new(io::stdin()) } else { Box::new(File::open(file)?) })
}

/// All its bytes; `None` where they are more than `most`.
pub(super) fn bytes(source: impl Read, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    source.take(most + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// All its text; `None` where it is more than `most` bytes.
pub(super) fn text(source: impl Read, most: u64) -> io::Result<Option<String>> {
    let mut text = String::new();
    source.take(most + 1).read_to_string(&mut text)?;
    Ok((text.len() as u64 <= most).then_some(text))
}
