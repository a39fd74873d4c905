//! OpenPGP files: one armored block, several, or the bytes themselves.

use pgp::composed::Deserializable;
use pgp::errors::Result;

pub(super) const PUBLIC_KEY: &str = "PGP PUBLIC KEY BLOCK";
pub(super) const SECRET_KEY: &str = "PGP PRIVATE KEY BLOCK";
pub(super) const SIGNATURE: &str = "PGP SIGNATURE";

/// Everything of the kind `T` in a file. Blocks of another kind and text around the blocks are passed over.
pub(super) fn all<T: Deserializable>(bytes: &[u8], label: &str) -> Result<Vec<T>> {
    if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        return T::from_bytes_many(bytes)?.collect();
    }
    let mut found = Vec::new();
    for block in blocks(&String::from_utf8_lossy(bytes), label) {
        let (keys, _) = T::from_armor_many_buf(block.as_bytes())?;
        for key in keys {
            found.push(key?);
        }
    }
    Ok(found)
}

/// The armored blocks with this label, from `-----BEGIN` to the end of the line that ends them, or of the text.
fn blocks(text: &str, label: &str) -> Vec<String> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let block = |start: usize| {
        let rest = &text[start..];
        let length = rest.find(&end).map_or(rest.len(), |at| at + end.len());
        format!("{}\n", &rest[..length])
    };
    text.match_indices(&begin).map(|(at, _)| block(at)).collect()
}
