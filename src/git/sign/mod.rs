//! Signatures of commits: made with a GPG or an ssh key, and checked against keys that are known.
//!
//! In: key bytes as Secrets and files hold them, and the bytes of a commit. Out: the text of its `gpgsig` header, or a
//! verdict on one. No agent, no key server, no program. Private ssh keys are read by [`super::private_key`].

mod allowed;
mod armor;
mod certificate;
mod gpg;
mod keyring;
mod payload;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use ssh_key::{HashAlg, LineEnding, PrivateKey};

pub use self::keyring::{Keyring, KeyringError, Signature, SignatureKind};
pub(super) use self::payload::header;

use self::gpg::GpgKey;
use super::private_key::{self, KeyError};
use crate::secret::Secret;

/// What ssh signatures of commits are made for; one made for something else is none.
const NAMESPACE: &str = "git";

/// Signatures with smaller ones prove little. To log in with such a key is between its owner and the server.
const RSA_BITS_MIN: u32 = 2048;

/// A key that signs commits, unlocked. Cheap to clone.
#[derive(Clone)]
pub struct Signer(Key);

#[derive(Clone)]
enum Key {
    Gpg(Arc<GpgKey>),
    Ssh(Arc<PrivateKey>),
}

/// Why a key cannot sign. Names the key where it is known, never what is in it.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    #[error("the GPG key is malformed")]
    Gpg(#[source] Box<pgp::errors::Error>),
    #[error("expected a GPG secret key, found none")]
    NoKey,
    #[error("expected a GPG secret key, found a public key")]
    PublicKey,
    #[error("expected one GPG key, found {found}")]
    SeveralKeys { found: usize },
    #[error("GPG key {key} has no key that may sign")]
    NoSigningKey { key: String },
    #[error("GPG key {key} {flaw}")]
    Unfit { key: String, flaw: String },
    #[error("the secret part of GPG key {key} is not here: it is a stub, or on a card")]
    Elsewhere { key: String },
    #[error("GPG key {key} is locked, and no passphrase is given")]
    PassphraseMissing { key: String },
    #[error("the passphrase does not unlock GPG key {key}")]
    PassphraseWrong { key: String },
    #[error(transparent)]
    Ssh(#[from] KeyError),
    #[error("the RSA key has {bits} bits, and at least {RSA_BITS_MIN} are needed")]
    WeakRsa { bits: u32 },
    #[error("signing with the ssh key")]
    SshSign(#[source] ssh_key::Error),
}

impl Signer {
    /// `key` is what `gpg --export-secret-keys` gives, armored or not. Unlocks it, which is slow on purpose.
    pub fn gpg(key: &Secret, passphrase: Option<&Secret>, now: Timestamp) -> Result<Self, SigningError> {
        gpg::load(key.expose(), passphrase, now).map(|key| Self(Key::Gpg(Arc::new(key))))
    }

    /// `identity` is a private key in OpenSSH's or a PEM form. Unlocks it, which is slow on purpose.
    pub fn ssh(identity: &Secret, password: Option<&Secret>) -> Result<Self, SigningError> {
        let key = private_key::read(identity, password)?;
        match key.public_key().key_data().rsa().map(|rsa| rsa.key_size()) {
            Some(bits) if bits < RSA_BITS_MIN => Err(SigningError::WeakRsa { bits }),
            _ => Ok(Self(Key::Ssh(Arc::new(key)))),
        }
    }

    /// Of the key that signs: a subkey's own, for GPG.
    pub fn fingerprint(&self) -> String {
        match &self.0 {
            Key::Gpg(key) => key.fingerprint(),
            Key::Ssh(key) => key.fingerprint(HashAlg::Sha256).to_string(),
        }
    }

    /// False once the key has expired.
    pub fn is_fit(&self, now: Timestamp) -> bool {
        match &self.0 {
            Key::Gpg(key) => key.is_fit(now),
            Key::Ssh(_) => true,
        }
    }

    /// An armored signature of `payload`, made at `now`.
    pub(super) fn sign(&self, payload: &[u8], now: Timestamp) -> Result<String, SigningError> {
        match &self.0 {
            Key::Gpg(key) => key.sign(payload, now),
            Key::Ssh(key) => {
                let signature = key.sign(NAMESPACE, HashAlg::Sha512, payload);
                signature.and_then(|signature| signature.to_pem(LineEnding::LF)).map_err(SigningError::SshSign)
            }
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.fingerprint())
    }
}

impl SigningError {
    fn gpg(source: pgp::errors::Error) -> Self {
        Self::Gpg(Box::new(source))
    }

    /// What a user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Gpg(_) | Self::NoKey | Self::PublicKey => Some("gpg --armor --export-secret-keys KEY writes one"),
            Self::SeveralKeys { .. } => Some("gpg --armor --export-secret-keys KEY writes one key alone"),
            Self::NoSigningKey { .. } => Some("gpg --quick-add-key FINGERPRINT ed25519 sign adds one"),
            Self::Unfit { .. } => Some("renew it with gpg --quick-set-expire, or add a subkey, and export it again"),
            Self::Elsewhere { .. } => Some("export it where the secret key is, or make a signing subkey for this"),
            Self::PassphraseMissing { .. } => Some("put it under the key passphrase of the same Secret"),
            Self::Ssh(error) => error.hint(),
            Self::WeakRsa { .. } => Some("ssh-keygen -t ed25519 -N '' -f KEY makes one that works"),
            Self::PassphraseWrong { .. } | Self::SshSign(_) => None,
        }
    }
}
