//! Which algorithms a connection may use, most wanted first.
//!
//! Takes names as `ssh -Q` prints them; gives what is offered to a server. An unknown name is an error that lists the
//! known ones.

use std::borrow::Cow;

use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, kex};

/// What is offered where nobody says otherwise: no SHA-1, and the exchange that outlives quantum computers first.
const KEX: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_GEX_SHA256,
    kex::DH_G18_SHA512,
    kex::DH_G16_SHA512,
    kex::DH_G14_SHA256,
];
/// Not methods but marks in the same list: extensions (RFC 8308), and the answer to the Terrapin attack.
const KEX_MARKS: &[kex::Name] = &[kex::EXTENSION_SUPPORT_AS_CLIENT, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT];

const HOST_KEYS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];
/// RSA with SHA-1: there for those who ask for it by name.
const SSH_RSA: Algorithm = Algorithm::Rsa { hash: None };

/// The algorithms of key exchange and of host keys, most wanted first.
#[derive(Clone, Debug)]
pub struct SshAlgorithms {
    kex: Vec<kex::Name>,
    host_keys: Vec<Algorithm>,
}

/// A name that is none of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no {what}; known are {}", known.join(", "))]
pub struct UnknownAlgorithm {
    name: String,
    what: &'static str,
    known: Vec<String>,
}

impl Default for SshAlgorithms {
    fn default() -> Self {
        Self { kex: KEX.to_vec(), host_keys: HOST_KEYS.to_vec() }
    }
}

impl SshAlgorithms {
    /// Exactly these methods of key exchange, in this order; the default ones where there are none.
    pub fn with_kex(mut self, names: &[String]) -> Result<Self, UnknownAlgorithm> {
        let known: Vec<kex::Name> =
            kex::ALL_KEX_ALGORITHMS.iter().map(|name| **name).filter(|name| *name != kex::NONE).collect();
        if !names.is_empty() {
            self.kex = chosen("key exchange method", names, &known, |name| name.as_ref().to_owned())?;
        }
        Ok(self)
    }

    /// Exactly these algorithms of host keys, in this order; the default ones where there are none.
    pub fn with_host_keys(mut self, names: &[String]) -> Result<Self, UnknownAlgorithm> {
        let known = [HOST_KEYS, &[SSH_RSA]].concat();
        if !names.is_empty() {
            self.host_keys = chosen("host key algorithm", names, &known, ToString::to_string)?;
        }
        Ok(self)
    }

    /// Whether RSA may sign with SHA-1.
    pub(super) fn allow_sha1(&self) -> bool {
        self.host_keys.contains(&SSH_RSA)
    }

    /// What is offered to a server of which the keys of kind `known` are known: those first, as OpenSSH does, else a
    /// host with several keys would show the one that nobody wrote down.
    pub(super) fn offer(&self, known: &[Algorithm]) -> Preferred {
        let is_known = |algorithm: &Algorithm| match algorithm {
            Algorithm::Rsa { .. } => known.iter().any(|known| matches!(known, Algorithm::Rsa { .. })),
            algorithm => known.contains(algorithm),
        };
        let (first, rest): (Vec<_>, Vec<_>) = self.host_keys.iter().cloned().partition(is_known);
        Preferred {
            kex: Cow::Owned([self.kex.as_slice(), KEX_MARKS].concat()),
            key: Cow::Owned([first, rest].concat()),
            // Packs are compressed already.
            compression: Cow::Borrowed(&[russh::compression::NONE]),
            ..Preferred::DEFAULT
        }
    }
}

fn chosen<T: Clone>(
    what: &'static str,
    names: &[String],
    known: &[T],
    spelt: fn(&T) -> String,
) -> Result<Vec<T>, UnknownAlgorithm> {
    let find = |name: &String| {
        let unknown = || UnknownAlgorithm { name: name.clone(), what, known: known.iter().map(spelt).collect() };
        known.iter().find(|known| spelt(known) == name.trim()).cloned().ok_or_else(unknown)
    };
    names.iter().map(find).collect()
}
