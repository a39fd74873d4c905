//! Signatures checked: the keys that are known, and the verdict on a commit.

use jiff::Timestamp;
use pgp::composed::{DetachedSignature, SignedPublicKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{PublicKey, PublicSubkey, SignatureType};
use pgp::types::KeyDetails;
use ssh_key::{Algorithm, HashAlg, SshSig};

use super::allowed::{self, Allowed};
use super::certificate::{self, Standing};
use super::payload::{self, Signed};
use super::{NAMESPACE, armor};

/// The keys whose signatures are believed. What can be judged without a commit is judged when a key is added.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    gpg: Vec<Known>,
    ssh: Vec<Allowed>,
}

/// A key of a certificate.
#[derive(Clone, Debug)]
struct Known {
    key: Public,
    fingerprint: String,
    owner: String,
    standing: Standing,
}

#[derive(Clone, Debug)]
enum Public {
    Primary(PublicKey),
    Subkey(PublicSubkey),
}

/// Why keys cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    #[error("the GPG keys are malformed")]
    Gpg(#[source] Box<pgp::errors::Error>),
    #[error("expected GPG public keys, found none")]
    NoKey,
    #[error("the list of allowed signers is not text")]
    NotText,
    #[error("line {line} of the list of allowed signers: {why}")]
    AllowedSigners { line: usize, why: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureKind {
    Gpg,
    Ssh,
}

/// What is to be said of the signature of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// The commit has none.
    None,
    /// Made by a known key, of a commit that is unchanged since.
    Good {
        kind: SignatureKind,
        fingerprint: String,
        signer: String,
    },
    Bad {
        why: String,
    },
    UnknownKey {
        kind: SignatureKind,
        fingerprint: String,
    },
    /// Neither good nor bad: of a kind that is not understood.
    Unsupported {
        what: String,
    },
}

impl Keyring {
    /// Adds the certificates of a file, as `gpg --export` writes them, armored or not.
    pub fn add_gpg(&mut self, bytes: &[u8]) -> Result<(), KeyringError> {
        let certificates: Vec<SignedPublicKey> =
            armor::all(bytes, armor::PUBLIC_KEY).map_err(|error| KeyringError::Gpg(Box::new(error)))?;
        if certificates.is_empty() {
            return Err(KeyringError::NoKey);
        }
        self.gpg.extend(certificates.iter().flat_map(known));
        Ok(())
    }

    /// Adds the keys of an `allowed_signers` file. Those that vouch for other keys (`cert-authority`) are left out.
    pub fn add_allowed_signers(&mut self, bytes: &[u8]) -> Result<(), KeyringError> {
        let text = std::str::from_utf8(bytes).map_err(|_| KeyringError::NotText)?;
        let allowed = allowed::parse(text).map_err(|(line, why)| KeyringError::AllowedSigners { line, why })?;
        self.ssh.extend(allowed);
        Ok(())
    }

    /// The verdict on the signature of a commit, given the bytes of its object. What held when the signature was made
    /// decides: a key that has expired since is good for what it signed before.
    pub fn verify(&self, raw_commit: &[u8]) -> Signature {
        let signed = match payload::split(raw_commit) {
            Ok(Some(signed)) => signed,
            Ok(None) => return Signature::None,
            Err(why) => return bad(why),
        };
        let verdict = match label(&signed.signature) {
            Some(armor::SIGNATURE) => self.verify_gpg(&signed),
            Some("SSH SIGNATURE") => self.verify_ssh(&signed),
            Some("SIGNED MESSAGE") => Err(unsupported("an X.509 signature")),
            _ => Err(bad("it is neither a GPG nor an ssh signature")),
        };
        verdict.unwrap_or_else(|verdict| verdict)
    }

    fn verify_gpg(&self, signed: &Signed) -> Result<Signature, Signature> {
        let (signature, time) = gpg_signature(signed)?;
        let (ids, fingerprints) = (signature.signature.issuer_key_id(), signature.signature.issuer_fingerprint());
        let named = |known: &&Known| {
            ids.contains(&&known.key.details().legacy_key_id())
                || fingerprints.contains(&&known.key.details().fingerprint())
        };
        let named: Vec<&Known> = self.gpg.iter().filter(named).collect();
        if named.is_empty() {
            let name = fingerprints.first().map(ToString::to_string).or(ids.first().map(ToString::to_string));
            let fingerprint = name.ok_or_else(|| bad("it does not say which key made it"))?.to_ascii_uppercase();
            return Ok(Signature::UnknownKey { kind: SignatureKind::Gpg, fingerprint });
        }
        let made: Vec<&Known> = named.into_iter().filter(|known| known.key.made(&signature, &signed.payload)).collect();
        let known = made.first().ok_or_else(|| bad("it does not fit the commit"))?;
        // A certificate that is there twice may have been revoked in the newer copy.
        match made.iter().find_map(|known| known.standing.flaw_at(time)) {
            Some(flaw) => Ok(bad(&format!("key {} {flaw}", known.fingerprint))),
            None => Ok(good(SignatureKind::Gpg, &known.fingerprint, &known.owner)),
        }
    }

    fn verify_ssh(&self, signed: &Signed) -> Result<Signature, Signature> {
        let signature = ssh_signature(signed)?;
        let fingerprint = signature.public_key().fingerprint(HashAlg::Sha256).to_string();
        let key = ssh_key::PublicKey::from(signature.public_key().clone());
        // Before the list is looked at: who made a signature that does not hold, nobody knows.
        key.verify(NAMESPACE, &signed.payload, &signature).map_err(|_| bad("it does not fit the commit"))?;
        let time = payload::committed_at(&signed.payload).and_then(|seconds| Timestamp::from_second(seconds).ok());
        let time = time.ok_or_else(|| bad("the commit has no time to judge it by"))?;
        let mut flaw = None;
        for allowed in self.ssh.iter().filter(|allowed| allowed.key == *signature.public_key()) {
            match allowed.flaw_at(time) {
                None => return Ok(good(SignatureKind::Ssh, &fingerprint, &allowed.principals)),
                some => flaw = some,
            }
        }
        Ok(match flaw {
            Some(flaw) => bad(&format!("key {fingerprint} {flaw}")),
            None => Signature::UnknownKey { kind: SignatureKind::Ssh, fingerprint },
        })
    }
}

/// The keys of a certificate that its owner vouches for.
fn known(certificate: &SignedPublicKey) -> Vec<Known> {
    let Some(primary) = certificate::primary(certificate) else { return Vec::new() };
    let owner = certificate::user(certificate).unwrap_or_default();
    let known = |key: Public, standing| Known {
        fingerprint: certificate::fingerprint(key.details()),
        owner: owner.clone(),
        key,
        standing,
    };
    let subkeys = certificate.public_subkeys.iter().filter_map(|subkey| {
        let standing = certificate::subkey(certificate, &primary, subkey)?;
        Some(known(Public::Subkey(subkey.key.clone()), standing))
    });
    std::iter::once(known(Public::Primary(certificate.primary_key.clone()), primary)).chain(subkeys).collect()
}

impl Public {
    fn details(&self) -> &dyn KeyDetails {
        match self {
            Self::Primary(key) => key,
            Self::Subkey(key) => key,
        }
    }

    fn made(&self, signature: &DetachedSignature, payload: &[u8]) -> bool {
        match self {
            Self::Primary(key) => signature.verify(key, payload).is_ok(),
            Self::Subkey(key) => signature.verify(key, payload).is_ok(),
        }
    }
}

/// The one signature in the header, and when it was made.
fn gpg_signature(signed: &Signed) -> Result<(DetachedSignature, Timestamp), Signature> {
    let all: Vec<DetachedSignature> =
        armor::all(&signed.signature, armor::SIGNATURE).map_err(|_| bad("it is malformed"))?;
    let [signature] =
        all.try_into().map_err(|all: Vec<_>| bad(&format!("expected one signature, found {}", all.len())))?;
    let packet = &signature.signature;
    let hash = packet.hash_alg().ok_or_else(|| unsupported("this version of GPG signatures"))?;
    if matches!(hash, HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::Ripemd160) {
        return Err(bad(&format!("it is made with {hash}, which is broken")));
    }
    // Text signatures hold for other line ends too.
    if packet.typ() != Some(SignatureType::Binary) {
        return Err(bad("it is not a signature of bytes"));
    }
    if packet.signature_expiration_time().is_some_and(|lifetime| lifetime.as_secs() > 0) {
        return Err(unsupported("a signature that expires"));
    }
    let time = packet.created().map(certificate::time).ok_or_else(|| bad("it does not say when it was made"))?;
    Ok((signature, time))
}

fn ssh_signature(signed: &Signed) -> Result<SshSig, Signature> {
    let signature = SshSig::from_pem(&signed.signature).map_err(|error| match error {
        ssh_key::Error::AlgorithmUnknown | ssh_key::Error::AlgorithmUnsupported { .. } => {
            unsupported(&error.to_string())
        }
        _ => bad("it is malformed"),
    })?;
    if signature.namespace() != NAMESPACE {
        return Err(bad("it was made for another purpose than git"));
    }
    match (signature.public_key(), signature.algorithm()) {
        (ssh_key::public::KeyData::Certificate(_), _) => Err(unsupported("a signature with an ssh certificate")),
        (_, Algorithm::Rsa { hash: None }) => Err(bad("it is made with SHA-1, which is broken")),
        (_, Algorithm::Dsa) => Err(unsupported("a DSA key")),
        _ => Ok(signature),
    }
}

fn label(signature: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(signature).ok()?.lines().next()?;
    line.trim_end().strip_prefix("-----BEGIN ")?.strip_suffix("-----")
}

fn good(kind: SignatureKind, fingerprint: &str, signer: &str) -> Signature {
    Signature::Good { kind, fingerprint: fingerprint.to_owned(), signer: signer.to_owned() }
}

fn bad(why: &str) -> Signature {
    Signature::Bad { why: why.to_owned() }
}

fn unsupported(what: &str) -> Signature {
    Signature::Unsupported { what: what.to_owned() }
}
