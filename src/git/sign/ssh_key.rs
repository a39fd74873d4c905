//! Private ssh keys as people keep them: OpenSSH's own form, PKCS#8 and the older PEM forms, locked or not.

use russh::keys::decode_secret_key;
use ssh_key::{Algorithm, PrivateKey};

use crate::secret::Secret;

/// OpenSSH refuses smaller ones too.
const RSA_BITS_MIN: u32 = 2048;

/// Why a private key cannot be used. Says nothing of its content.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("expected a private key in OpenSSH's or a PEM form, found {found}")]
    Form { found: String },
    #[error("the private key is malformed")]
    Malformed(#[source] russh::keys::Error),
    #[error("the private key is locked, and no password is given")]
    PasswordMissing,
    #[error("the password does not unlock the private key")]
    PasswordWrong,
    #[error("the password is not text")]
    PasswordText,
    #[error("{what} is not supported")]
    Unsupported { what: String },
    #[error("the RSA key has {bits} bits, and at least {RSA_BITS_MIN} are needed")]
    WeakRsa { bits: u32 },
}

/// How the text of a key is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Only the content says whether it is locked.
    OpenSsh,
    Plain,
    Locked,
}

/// The private key in `bytes`, unlocked with `password` where it is locked.
pub(in crate::git) fn private_key(bytes: &[u8], password: Option<&Secret>) -> Result<PrivateKey, KeyError> {
    let text = std::str::from_utf8(bytes).map_err(|_| KeyError::Form { found: "what is not text".to_owned() })?;
    let form = form(text)?;
    let password = match form {
        // The decoder takes any key that comes with a password for a locked one.
        Form::Plain => None,
        Form::OpenSsh | Form::Locked => password,
    };
    if form == Form::Locked && password.is_none() {
        return Err(KeyError::PasswordMissing);
    }
    let password_text = password.map(|password| password.expose_text().ok_or(KeyError::PasswordText)).transpose()?;
    let key = decode_secret_key(text, password_text).map_err(|source| refused(source, form))?;
    check(&key)?;
    Ok(key)
}

fn form(text: &str) -> Result<Form, KeyError> {
    let label = text.lines().find_map(|line| line.trim_end().strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    let is_locked = text.lines().any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"));
    match label {
        Some("OPENSSH PRIVATE KEY") => Ok(Form::OpenSsh),
        Some("RSA PRIVATE KEY") if is_locked => match text.contains("DEK-Info: AES-128-CBC,") {
            true => Ok(Form::Locked),
            false => Err(unsupported("the cipher of the locked PEM key")),
        },
        Some("EC PRIVATE KEY") if is_locked => Err(unsupported("a locked EC key in the old PEM form")),
        Some("PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY") => Ok(Form::Plain),
        Some("ENCRYPTED PRIVATE KEY") => Ok(Form::Locked),
        Some("DSA PRIVATE KEY") => Err(unsupported("a DSA key")),
        Some(label) => Err(KeyError::Form { found: format!("{:?}", label.chars().take(40).collect::<String>()) }),
        None if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-") => {
            Err(KeyError::Form { found: "a public key".to_owned() })
        }
        None => Err(KeyError::Form { found: "no key".to_owned() }),
    }
}

fn refused(source: russh::keys::Error, form: Form) -> KeyError {
    use russh::keys::Error;
    match source {
        Error::KeyIsEncrypted => KeyError::PasswordMissing,
        Error::SshKey(ssh_key::Error::Crypto) => KeyError::PasswordWrong,
        Error::UnknownAlgorithm(oid) => unsupported(&format!("a key of the kind {oid}")),
        // A wrong password gives noise, and noise fails anywhere.
        _ if form == Form::Locked => KeyError::PasswordWrong,
        source => KeyError::Malformed(source),
    }
}

fn check(key: &PrivateKey) -> Result<(), KeyError> {
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => Ok(()),
        Algorithm::Rsa { .. } => {
            let bits = key.public_key().key_data().rsa().map_or(0, |key| key.key_size());
            if bits < RSA_BITS_MIN { Err(KeyError::WeakRsa { bits }) } else { Ok(()) }
        }
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => {
            Err(unsupported(&format!("a key on a security token ({})", key.algorithm())))
        }
        other => Err(unsupported(&format!("a key of the kind {other}"))),
    }
}

fn unsupported(what: &str) -> KeyError {
    KeyError::Unsupported { what: what.to_owned() }
}

impl KeyError {
    /// What a user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::PasswordMissing => Some("put it under the key password of the same Secret"),
            Self::Unsupported { .. } => {
                Some("ssh-keygen -t ed25519 -N '' -f key makes one that works; ssh-keygen -p -f key rewrites a key")
            }
            Self::WeakRsa { .. } => Some("ssh-keygen -t ed25519 -N '' -f key makes a new one"),
            _ => None,
        }
    }
}
