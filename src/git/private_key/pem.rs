//! The frame of a key, and the old encryption that a PEM frame may name (RFC 1421, as OpenSSL writes it).

use aws_lc_rs::cipher::{AES_128, AES_192, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey};
use aws_lc_rs::cipher::{AES_CBC_IV_LEN, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{KeyError, damaged};

/// `EVP_BytesToKey` takes this much of the vector as its salt.
const SALT_BYTES: usize = 8;

/// A key's frame, without what people leave around it.
pub(super) struct Pem {
    pub(super) label: String,
    pub(super) seal: Option<Seal>,
    pub(super) body: String,
    pub(super) text: String,
}

/// The `DEK-Info` of an encrypted key: a cipher and its vector in hexadecimal digits.
pub(super) struct Seal {
    pub(super) cipher: String,
    vector: String,
}

impl Pem {
    pub(super) fn read(text: &str) -> Result<Self, KeyError> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let Some((from, label)) = lines.iter().enumerate().find_map(|(at, line)| Some((at, label(line)?))) else {
            return Err(if is_public(text) { KeyError::Public } else { KeyError::NoKey });
        };
        if label.ends_with("PUBLIC KEY") {
            return Err(KeyError::Public);
        }
        let lines: Vec<&str> =
            lines[from + 1..].iter().take_while(|line| !line.starts_with("-----")).copied().collect();
        let seal = lines.iter().find_map(|line| line.strip_prefix("DEK-Info:")).map(Seal::read);
        let body = lines.iter().filter(|line| !line.contains(':')).copied().collect();
        Ok(Self { label: label.to_owned(), seal, body, text: framed(label, &lines.join("\n")) })
    }

    /// The key without its old encryption, framed again. A wrong password shows in the padding, or makes rubbish.
    pub(super) fn opened(&self, seal: &Seal, password: &str) -> Result<String, KeyError> {
        let mut bytes = STANDARD.decode(&self.body).map_err(|error| damaged(&error))?;
        let plain = seal.open(&self.label, &mut bytes, password.as_bytes())?;
        Ok(framed(&self.label, &STANDARD.encode(plain)))
    }
}

impl Seal {
    fn read(text: &str) -> Self {
        let (cipher, vector) = text.split_once(',').unwrap_or((text, ""));
        Self { cipher: cipher.trim().to_owned(), vector: vector.trim().to_owned() }
    }

    fn open<'b>(&self, label: &str, bytes: &'b mut [u8], password: &[u8]) -> Result<&'b [u8], KeyError> {
        let algorithm = self.algorithm().ok_or_else(|| KeyError::unusual(label, &self.cipher))?;
        let vector = self.vector().ok_or_else(|| damaged(&"its DEK-Info has no vector"))?;
        let key = derived(password, &vector[..SALT_BYTES], algorithm.1);
        let wrong = |_| KeyError::PasswordWrong;
        let key = UnboundCipherKey::new(algorithm.0, &key).and_then(PaddedBlockDecryptingKey::cbc_pkcs7);
        let context = DecryptionContext::Iv128(FixedLength::from(vector));
        key.map_err(wrong)?.decrypt(bytes, context).map(|plain| &*plain).map_err(wrong)
    }

    /// The cipher, and the length of its key in bytes.
    fn algorithm(&self) -> Option<(&'static Algorithm, usize)> {
        match self.cipher.as_str() {
            "AES-128-CBC" => Some((&AES_128, 16)),
            "AES-192-CBC" => Some((&AES_192, 24)),
            "AES-256-CBC" => Some((&AES_256, 32)),
            _ => None,
        }
    }

    fn vector(&self) -> Option<[u8; AES_CBC_IV_LEN]> {
        let digit = |at: usize| self.vector.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Vec<u8> = (0..self.vector.len()).step_by(2).map(digit).collect::<Option<_>>()?;
        bytes.try_into().ok()
    }
}

/// `EVP_BytesToKey` with MD5 and one round: all that the format has.
fn derived(password: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let mut key: Vec<u8> = Vec::new();
    let mut last: Vec<u8> = Vec::new();
    while key.len() < length {
        last = md5::compute([&last, password, salt].concat()).to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(length);
    key
}

fn framed(label: &str, body: &str) -> String {
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

fn label(line: &str) -> Option<&str> {
    line.strip_prefix("-----BEGIN ")?.strip_suffix("-----")
}

fn is_public(text: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-"].iter().any(|start| text.trim_start().starts_with(start))
}
