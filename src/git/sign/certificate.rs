//! An OpenPGP certificate judged: which of its keys may sign, from when to when, and whose they are.
//!
//! Only self-signatures that hold are believed. As in GnuPG, the newest of them decides, also for the time before it.

use jiff::Timestamp;
use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{RevocationCode, Signature, SignatureType, SubpacketData};
use pgp::types::{Duration, KeyDetails, SignedUser, Tag};

/// What a certificate says of one of its keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) created: Timestamp,
    pub(super) expires: Option<Timestamp>,
    pub(super) revoked: Option<Revoked>,
    pub(super) may_sign: bool,
}

/// From when on a key must not be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Revoked {
    /// It may have been in the hands of somebody else, who can put any time on a signature.
    Always,
    /// It was replaced, or is no longer in use.
    Since(Timestamp),
}

/// Why a key may not sign at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flaw {
    #[error("is not meant for signing")]
    Purpose,
    #[error("was revoked")]
    Revoked,
    #[error("expired at {0}")]
    Expired(Timestamp),
    #[error("was made later, at {0}")]
    NotYet(Timestamp),
}

impl Standing {
    /// The first thing that speaks against a signature made at `time`.
    pub(super) fn flaw_at(&self, time: Timestamp) -> Option<Flaw> {
        let revoked = match self.revoked {
            Some(Revoked::Always) => true,
            Some(Revoked::Since(since)) => since <= time,
            None => false,
        };
        match self.expires {
            _ if !self.may_sign => Some(Flaw::Purpose),
            _ if revoked => Some(Flaw::Revoked),
            Some(end) if end <= time => Some(Flaw::Expired(end)),
            _ if time < self.created => Some(Flaw::NotYet(self.created)),
            _ => None,
        }
    }
}

/// What holds for the primary key; `None` where nothing in the certificate vouches for it.
pub(super) fn primary(certificate: &SignedPublicKey) -> Option<Standing> {
    let key = &certificate.primary_key;
    let (details, holds) = (&certificate.details, |sig: &&Signature| is_strong(sig) && sig.verify_key(key).is_ok());
    let direct =
        newest(details.direct_signatures.iter().filter(|sig| sig.typ() == Some(SignatureType::Key) && holds(sig)));
    let users = newest(details.users.iter().filter_map(|user| vouching(certificate, user)));
    let vouching: Vec<&Signature> = [direct, users].into_iter().flatten().collect();
    if vouching.is_empty() {
        return None;
    }
    Some(Standing {
        created: time(key.created_at()),
        expires: vouching.iter().find_map(|sig| end(sig, key.created_at())),
        revoked: details.revocation_signatures.iter().filter(holds).map(revocation).min(),
        // Without a word about its purpose a key serves for all that its algorithm can do.
        may_sign: key.algorithm().can_sign() && vouching.iter().find_map(|sig| signs(sig)).unwrap_or(true),
    })
}

/// What holds for a subkey under its primary key; `None` where the primary key does not vouch for it.
pub(super) fn subkey(
    certificate: &SignedPublicKey,
    primary: &Standing,
    subkey: &SignedPublicSubKey,
) -> Option<Standing> {
    let (owner, key) = (&certificate.primary_key, &subkey.key);
    let holds = |sig: &&Signature| is_strong(sig) && sig.verify_subkey_binding(owner, key).is_ok();
    let of = |typ| subkey.signatures.iter().filter(move |sig| sig.typ() == Some(typ)).filter(holds);
    let binding = newest(of(SignatureType::SubkeyBinding))?;
    // A subkey that signs must vouch for its owner too, or anybody could claim its signatures.
    let back = binding.embedded_signature().filter(is_strong);
    let vouches = back.is_some_and(|back| back.verify_primary_key_binding(key, owner).is_ok());
    let ends = [primary.expires, end(binding, key.created_at())];
    let revoked = of(SignatureType::SubkeyRevocation).map(revocation).chain(primary.revoked).min();
    Some(Standing {
        created: time(key.created_at()),
        expires: ends.into_iter().flatten().min(),
        revoked,
        may_sign: key.algorithm().can_sign() && vouches && signs(binding).unwrap_or(false),
    })
}

/// As GnuPG prints it.
pub(super) fn fingerprint(key: &(impl KeyDetails + ?Sized)) -> String {
    key.fingerprint().to_string().to_ascii_uppercase()
}

/// The user that the certificate puts first, in a printable form.
pub(super) fn user(certificate: &SignedPublicKey) -> Option<String> {
    let valid = certificate.details.users.iter().filter_map(|user| Some((vouching(certificate, user)?, user)));
    let (_, user) = valid.max_by_key(|(sig, _)| (sig.is_primary(), sig.created()))?;
    Some(super::super::error::printable(user.id.id(), 200).replace('\n', " "))
}

/// The newest signature of the owner over `user`, where it was not taken back.
fn vouching<'c>(certificate: &SignedPublicKey, user: &'c SignedUser) -> Option<&'c Signature> {
    let key = &certificate.primary_key;
    let holds = |sig: &&Signature| is_strong(sig) && sig.verify_certification(key, Tag::UserId, &user.id).is_ok();
    let newest = newest(user.signatures.iter().filter(holds))?;
    (newest.typ() != Some(SignatureType::CertRevocation)).then_some(newest)
}

fn newest<'s>(signatures: impl Iterator<Item = &'s Signature>) -> Option<&'s Signature> {
    signatures.max_by_key(|signature| signature.created())
}

/// MD5 is broken for this, too. SHA-1 is not, since the owner chose what was signed; old keys are full of it.
fn is_strong(signature: &&Signature) -> bool {
    signature.hash_alg().is_some_and(|hash| hash != HashAlgorithm::Md5)
}

fn signs(signature: &Signature) -> Option<bool> {
    let mut subpackets = signature.config()?.hashed_subpackets();
    subpackets.find_map(|subpacket| match &subpacket.data {
        SubpacketData::KeyFlags(flags) => Some(flags.sign()),
        _ => None,
    })
}

/// The end of what a self-signature says: the key's own, or that of the signature.
fn end(signature: &Signature, created: pgp::types::Timestamp) -> Option<Timestamp> {
    let end = |from: pgp::types::Timestamp, lifetime: Option<Duration>| {
        let lifetime = lifetime.filter(|lifetime| lifetime.as_secs() > 0)?;
        Timestamp::from_second(i64::from(from.as_secs()) + i64::from(lifetime.as_secs())).ok()
    };
    let of_signature = signature.created().and_then(|made| end(made, signature.signature_expiration_time()));
    [end(created, signature.key_expiration_time()), of_signature].into_iter().flatten().min()
}

fn revocation(signature: &Signature) -> Revoked {
    match (signature.revocation_reason_code(), signature.created()) {
        (Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired), Some(since)) => Revoked::Since(time(since)),
        _ => Revoked::Always,
    }
}

/// OpenPGP counts seconds in 32 bits, which is within what a timestamp can hold.
pub(super) fn time(time: pgp::types::Timestamp) -> Timestamp {
    Timestamp::from_second(i64::from(time.as_secs())).expect("32 bits of seconds are within the range")
}
