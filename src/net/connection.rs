//! How one server is reached where the defaults do not do: whom to trust, who to be, which proxy to go through.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::error::Error;
use super::lane::LaneKey;
use super::proxy::Proxy;
use super::trust::{self, Pair};
use crate::secret::Secret;

/// What a client for one server needs beyond [`Settings`](super::Settings).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Connection {
    /// A PEM bundle of authorities that are trusted besides the system's.
    pub ca: Option<Vec<u8>>,
    pub client_certificate: Option<ClientCertificate>,
    /// Replaces the proxies of the environment, for loopback too.
    pub proxy: Option<Proxy>,
}

/// What a client shows a server that asks who it is (mutual TLS). Both in PEM: a chain that begins with the client's own
/// certificate, and its key as PKCS#8, PKCS#1 or SEC1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    pub certificate: Vec<u8>,
    pub key: Secret,
}

/// What of a connection no client can be made with, and why. Says nothing of what is in a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct Flaw {
    pub part: Part,
    pub cause: String,
}

/// A part of a connection that somebody gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Authorities,
    Certificate,
    Key,
}

impl Flaw {
    pub(super) fn new(part: Part, cause: impl Into<String>) -> Self {
        Self { part, cause: cause.into() }
    }
}

impl From<Flaw> for Error {
    fn from(Flaw { part, cause }: Flaw) -> Self {
        match part {
            Part::Authorities => Self::Certificate { cause },
            Part::Certificate | Part::Key => Self::ClientCertificate { cause },
        }
    }
}

/// Tells connections apart and says nothing of them: it is made of secrets.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint")
    }
}

impl Fingerprint {
    pub(super) fn bytes(self) -> [u8; 32] {
        self.0
    }
}

impl Connection {
    /// Finds what no client can be made with before one is: who gave it can then be told.
    pub fn check(&self) -> Result<(), Flaw> {
        self.ca.iter().try_for_each(|bundle| trust::authorities(bundle).map(drop))?;
        self.client_certificate.iter().try_for_each(|client| client.pair().map(drop))
    }

    /// What is done at `host` through this, among all that is done.
    pub fn lane(&self, host: &str) -> LaneKey {
        LaneKey::new(host, self.proxy.as_ref())
    }

    /// The same for equal connections, and small.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        let mut add = |part: Option<&[u8]>| {
            // With lengths, so that no two connections run into one text.
            hash.update(part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
            hash.update(part.unwrap_or_default());
        };
        let (client, proxy) = (self.client_certificate.as_ref(), self.proxy.as_ref());
        let login = proxy.and_then(|proxy| proxy.login.as_ref());
        add(self.ca.as_deref());
        add(client.map(|client| client.certificate.as_slice()));
        add(client.map(|client| client.key.expose()));
        add(proxy.map(|proxy| proxy.url.as_str().as_bytes()));
        add(login.map(|(username, _)| username.as_bytes()));
        add(login.map(|(_, password)| password.expose()));
        Fingerprint(hash.finalize().into())
    }
}

impl ClientCertificate {
    /// The two, which belong together.
    pub(super) fn pair(&self) -> Result<Pair, Flaw> {
        let chain: Vec<&[u8]> =
            blocks(&self.certificate).into_iter().filter(is_certificate).map(|(_, it)| it).collect();
        if chain.is_empty() {
            return Err(Flaw::new(Part::Certificate, "no PEM block `CERTIFICATE` in the certificate"));
        }
        let key = private_key(&blocks(self.key.expose())).map_err(|cause| Flaw::new(Part::Key, cause))?;
        let pair = Pair::from_pem(&chain.concat(), key)?;
        trust::check(&pair)?;
        Ok(pair)
    }
}

/// A PEM block with its label.
type Block<'a> = (&'a str, &'a [u8]);

fn is_certificate((label, _): &Block<'_>) -> bool {
    *label == "CERTIFICATE"
}

/// The one block that is a private key, or what is wrong; other blocks, such as `EC PARAMETERS`, may lie beside it.
fn private_key<'a>(blocks: &[Block<'a>]) -> Result<&'a [u8], &'static str> {
    let mut keys = blocks.iter().filter(|(label, _)| label.ends_with("PRIVATE KEY"));
    let (label, key) = keys.next().ok_or("no PEM block of a private key in the key")?;
    let is_encrypted = |key: &[u8]| key.windows(b"ENCRYPTED".len()).any(|part| part == b"ENCRYPTED");
    match *label {
        _ if keys.next().is_some() => Err("more than one private key in the key"),
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" if !is_encrypted(key) => Ok(key),
        "OPENSSH PRIVATE KEY" => Err("the key is in OpenSSH's format, expected PKCS#8, PKCS#1 or SEC1"),
        _ if is_encrypted(key) => Err("the key is encrypted, expected one without a passphrase"),
        _ => Err("the key is of an unknown kind, expected PKCS#8, PKCS#1 or SEC1"),
    }
}

/// The blocks between `-----BEGIN LABEL-----` and the next `-----END `, both lines included.
fn blocks(pem: &[u8]) -> Vec<Block<'_>> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut blocks = Vec::new();
    let mut rest = pem;
    while let Some(start) = find(rest, BEGIN) {
        let block = &rest[start..];
        let label = find(&block[BEGIN.len()..], b"-----").map(|end| &block[BEGIN.len()..BEGIN.len() + end]);
        let end = find(block, b"-----END ").map(|at| line_end(block, at));
        let (Some(label), Some(end)) = (label.and_then(|label| std::str::from_utf8(label).ok()), end) else { break };
        blocks.push((label, &block[..end]));
        rest = &block[end..];
    }
    blocks
}

fn line_end(text: &[u8], from: usize) -> usize {
    find(&text[from..], b"\n").map_or(text.len(), |at| from + at + 1)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, what)
}
