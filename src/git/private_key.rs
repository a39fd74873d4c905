//! Private ssh keys, to log in and to sign with: OpenSSH's form, and the PEM forms PKCS#1, SEC1 and PKCS#8.
//!
//! Takes the text of a key and the password that it may need; gives a key that can sign, or says what is the matter
//! with it and never what is in it.

mod pem;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs8::EncryptedPrivateKeyInfoRef;
use russh::keys::decode_secret_key;
use ssh_key::{Algorithm, Kdf, PrivateKey};

use self::pem::Pem;
use super::error::printable;
use crate::secret::Secret;

/// The longest key that people make, RSA with 16,384 bits, has 13 kB.
const KEY_BYTES_MAX: usize = 64 << 10;
/// `ssh-keygen -a` makes 24 by default; a thousand take seconds.
const BCRYPT_ROUNDS_MAX: u64 = 1000;
/// OpenSSL makes 2,048 by default; these take a second or two.
const PBKDF2_ROUNDS_MAX: u64 = 2_000_000;
/// The product of scrypt's three parameters, 128 bytes each. OpenSSL makes 131,072 by default; these are 256 MiB.
const SCRYPT_BLOCKS_MAX: u64 = 2 << 20;

/// What is told of a form or kind that nobody knows.
const NAME_BYTES_MAX: usize = 60;

/// Why a text is no private key to use. Says nothing of its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the private key is longer than {KEY_BYTES_MAX} bytes")]
    TooLong,
    #[error("this is a public key; the private key is needed")]
    Public,
    #[error("this is no private key in OpenSSH's or a PEM form")]
    NoKey,
    #[error("the private key is encrypted, and no password is given")]
    PasswordMissing,
    #[error("the password does not open the private key")]
    PasswordWrong,
    #[error("the password of the private key is not text")]
    PasswordText,
    #[error("private keys of the form {form} are not supported")]
    Form { form: String },
    #[error("private keys of the kind {kind} are not supported; ed25519, ecdsa and rsa are")]
    Kind { kind: String },
    #[error("the private key is on a security token ({kind}), which is not supported")]
    Token { kind: String },
    #[error("the private key asks for {rounds} rounds of key derivation; at most {max} are done")]
    Rounds { rounds: u64, max: u64 },
    #[error("the private key is damaged: {cause}")]
    Damaged { cause: String },
}

impl KeyError {
    fn unusual(label: &str, cipher: &str) -> Self {
        Self::Form { form: name(&format!("{label}, encrypted with {cipher}")) }
    }

    /// What a user can do about it.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::PasswordMissing => Some("put it under the key password of the same Secret"),
            Self::Form { .. } | Self::Rounds { .. } => {
                Some("ssh-keygen -p -f KEY rewrites a key in OpenSSH's own form")
            }
            Self::Kind { .. } | Self::Token { .. } => Some("ssh-keygen -t ed25519 -N '' -f KEY makes one that works"),
            _ => None,
        }
    }
}

/// A key in any of the forms; `password` is used where the key is encrypted.
pub(super) fn read(identity: &Secret, password: Option<&Secret>) -> Result<PrivateKey, KeyError> {
    if identity.expose().len() > KEY_BYTES_MAX {
        return Err(KeyError::TooLong);
    }
    let pem = Pem::read(identity.expose_text().ok_or(KeyError::NoKey)?)?;
    let key = match (pem.label.as_str(), &pem.seal) {
        ("OPENSSH PRIVATE KEY", _) => read_openssh(&pem, password)?,
        ("ENCRYPTED PRIVATE KEY", _) => read_encrypted(&pem, password)?,
        ("RSA PRIVATE KEY" | "EC PRIVATE KEY", Some(seal)) => {
            let opened = pem.opened(seal, text(password)?)?;
            decode_secret_key(&opened, None).map_err(|_| KeyError::PasswordWrong)?
        }
        // The decoder takes any key that comes with a password for an encrypted one.
        ("RSA PRIVATE KEY" | "EC PRIVATE KEY" | "PRIVATE KEY", None) => {
            decode_secret_key(&pem.text, None).map_err(refused)?
        }
        (label, Some(seal)) => return Err(KeyError::unusual(label, &seal.cipher)),
        (label, None) => return Err(KeyError::Form { form: name(label) }),
    };
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::Rsa { .. } => Ok(key),
        kind @ (Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256) => {
            Err(KeyError::Token { kind: kind.to_string() })
        }
        kind => Err(KeyError::Kind { kind: name(kind.as_str()) }),
    }
}

fn read_openssh(pem: &Pem, password: Option<&Secret>) -> Result<PrivateKey, KeyError> {
    let bytes = STANDARD.decode(&pem.body).map_err(|error| damaged(&error))?;
    let key = PrivateKey::from_bytes(&bytes).map_err(|error| damaged(&error))?;
    if !key.is_encrypted() {
        return Ok(key);
    }
    if let Kdf::Bcrypt { rounds, .. } = key.kdf() {
        bounded(u64::from(*rounds), BCRYPT_ROUNDS_MAX)?;
    }
    key.decrypt(text(password)?).map_err(|error| match error {
        ssh_key::Error::Crypto => KeyError::PasswordWrong,
        error => damaged(&error),
    })
}

/// A form whose parts cannot be told from rubbish before it is decrypted: what goes wrong is the password.
fn read_encrypted(pem: &Pem, password: Option<&Secret>) -> Result<PrivateKey, KeyError> {
    check_derivation(&STANDARD.decode(&pem.body).map_err(|error| damaged(&error))?)?;
    decode_secret_key(&pem.text, Some(text(password)?)).map_err(|error| match refused(error) {
        KeyError::Damaged { cause } if cause.contains("unsupported") => {
            KeyError::Form { form: format!("{}, encrypted with an unusual cipher", pem.label) }
        }
        KeyError::Damaged { .. } => KeyError::PasswordWrong,
        error => error,
    })
}

/// The old PEM form, which has one round, is no encrypted PKCS#8; the decoder judges what is neither.
fn check_derivation(bytes: &[u8]) -> Result<(), KeyError> {
    let Ok(info) = EncryptedPrivateKeyInfoRef::try_from(bytes) else { return Ok(()) };
    let Some(scheme) = info.encryption_algorithm.pbes2() else { return Ok(()) };
    if let Some(pbkdf2) = scheme.kdf.pbkdf2() {
        bounded(u64::from(pbkdf2.iteration_count), PBKDF2_ROUNDS_MAX)?;
    }
    if let Some(scrypt) = scheme.kdf.scrypt() {
        let blocks = u64::from(scrypt.block_size) * u64::from(scrypt.parallelization);
        bounded(scrypt.cost_parameter.saturating_mul(blocks), SCRYPT_BLOCKS_MAX)?;
    }
    Ok(())
}

fn bounded(rounds: u64, max: u64) -> Result<(), KeyError> {
    if rounds > max { Err(KeyError::Rounds { rounds, max }) } else { Ok(()) }
}

/// The password of a key that needs one.
fn text(password: Option<&Secret>) -> Result<&str, KeyError> {
    password.ok_or(KeyError::PasswordMissing)?.expose_text().ok_or(KeyError::PasswordText)
}

fn refused(error: russh::keys::Error) -> KeyError {
    match error {
        russh::keys::Error::UnknownAlgorithm(kind) => KeyError::Kind { kind: kind.to_string() },
        error => damaged(&error),
    }
}

fn damaged(error: &impl ToString) -> KeyError {
    KeyError::Damaged { cause: error.to_string() }
}

fn name(text: &str) -> String {
    printable(text.as_bytes(), NAME_BYTES_MAX)
}
