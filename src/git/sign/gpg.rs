//! OpenPGP keys that sign commits: read, chosen among the keys of one owner, unlocked.

use jiff::Timestamp;
use pgp::composed::{
    ArmorOptions, DetachedSignature, SignedPublicKey, SignedPublicSubKey, SignedSecretKey, SubpacketConfig,
};
use pgp::packet::{SecretKey, SecretSubkey, Subpacket, SubpacketData};
use pgp::types::{KeyDetails, Password, S2kParams, SecretParams, SigningKey, StringToKey};

use super::certificate::{self, Flaw, Standing, fingerprint};
use super::{SigningError, armor};
use crate::secret::Secret;

/// How GnuPG marks a secret key that is elsewhere (`gnu-dummy`, on a card).
const S2K_ELSEWHERE: u8 = 101;

/// A key that can sign at once: nothing of it is locked any more.
pub(super) struct GpgKey {
    key: Packet,
    standing: Standing,
}

enum Packet {
    Primary(SecretKey),
    Subkey(SecretSubkey),
}

/// A key of the owner, with what its certificate says of it.
struct Candidate<'k> {
    key: CandidateKey<'k>,
    standing: Standing,
}

#[derive(Clone, Copy)]
enum CandidateKey<'k> {
    Primary(&'k SecretKey),
    Subkey(&'k SecretSubkey),
    /// Only its public half is in the file.
    Public,
}

/// Reads `git.asc`: the keys of exactly one owner, of which the newest subkey that may sign at `now` is taken, else
/// the primary key.
pub(super) fn load(bytes: &[u8], passphrase: Option<&Secret>, now: Timestamp) -> Result<GpgKey, SigningError> {
    let owner = one_owner(bytes)?;
    let candidates = candidates(&owner)?;
    let chosen = choose(&candidates, &owner, now)?;
    let key = match chosen.key {
        CandidateKey::Primary(key) => Packet::Primary(unlocked(key.clone(), passphrase, SecretKey::remove_password)?),
        CandidateKey::Subkey(key) => Packet::Subkey(unlocked(key.clone(), passphrase, SecretSubkey::remove_password)?),
        CandidateKey::Public => return Err(SigningError::Elsewhere { key: fingerprint(&owner.primary_key) }),
    };
    Ok(GpgKey { key, standing: chosen.standing })
}

fn one_owner(bytes: &[u8]) -> Result<SignedSecretKey, SigningError> {
    let mut owners: Vec<SignedSecretKey> = armor::all(bytes, armor::SECRET_KEY).map_err(SigningError::gpg)?;
    match owners.len() {
        1 => Ok(owners.remove(0)),
        0 if armor::all::<SignedPublicKey>(bytes, armor::PUBLIC_KEY).is_ok_and(|keys| !keys.is_empty()) => {
            Err(SigningError::PublicKey)
        }
        0 => Err(SigningError::NoKey),
        found => Err(SigningError::SeveralKeys { found }),
    }
}

/// All keys of the owner that the certificate vouches for.
fn candidates(owner: &SignedSecretKey) -> Result<Vec<Candidate<'_>>, SigningError> {
    let certificate = owner.to_public_key();
    let primary = certificate::primary(&certificate)
        .ok_or_else(|| SigningError::NoSigningKey { key: fingerprint(&owner.primary_key) })?;
    let subkey = |key, public: &SignedPublicSubKey| {
        let standing = certificate::subkey(&certificate, &primary, public)?;
        Some(Candidate { key, standing })
    };
    let secret =
        owner.secret_subkeys.iter().filter_map(|key| subkey(CandidateKey::Subkey(&key.key), &key.signed_public_key()));
    let public = owner.public_subkeys.iter().filter_map(|key| subkey(CandidateKey::Public, key));
    let mut candidates: Vec<Candidate<'_>> = secret.chain(public).collect();
    // The newest first, the primary key last.
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.standing.created));
    candidates.push(Candidate { key: CandidateKey::Primary(&owner.primary_key), standing: primary });
    Ok(candidates)
}

fn choose<'c, 'k>(
    candidates: &'c [Candidate<'k>],
    owner: &SignedSecretKey,
    now: Timestamp,
) -> Result<&'c Candidate<'k>, SigningError> {
    let key = || fingerprint(&owner.primary_key);
    let mut fit = candidates.iter().filter(|candidate| candidate.standing.flaw_at(now).is_none()).peekable();
    if fit.peek().is_some() {
        return fit.find(|candidate| candidate.key.is_here()).ok_or_else(|| SigningError::Elsewhere { key: key() });
    }
    // What is wrong with the key that would be taken otherwise.
    let flaws: Vec<Flaw> = candidates.iter().filter_map(|candidate| candidate.standing.flaw_at(now)).collect();
    match flaws.into_iter().find(|flaw| *flaw != Flaw::Purpose) {
        Some(flaw) => Err(SigningError::Unfit { key: key(), flaw: flaw.to_string() }),
        None => Err(SigningError::NoSigningKey { key: key() }),
    }
}

impl CandidateKey<'_> {
    fn is_here(self) -> bool {
        let params = match self {
            Self::Primary(key) => key.secret_params(),
            Self::Subkey(key) => key.secret_params(),
            Self::Public => return false,
        };
        let SecretParams::Encrypted(locked) = params else { return true };
        match locked.string_to_key_params() {
            S2kParams::Cfb { s2k, .. } | S2kParams::MalleableCfb { s2k, .. } | S2kParams::Aead { s2k, .. } => {
                !matches!(s2k, StringToKey::Private { typ: S2K_ELSEWHERE, .. })
            }
            S2kParams::Unprotected | S2kParams::LegacyCfb { .. } => true,
        }
    }
}

fn unlocked<K: KeyDetails>(
    mut key: K,
    passphrase: Option<&Secret>,
    unlock: impl FnOnce(&mut K, &Password) -> pgp::errors::Result<()>,
) -> Result<K, SigningError> {
    // An empty one opens nothing, and does no harm to a key that is not locked.
    let password = passphrase.map_or_else(Password::empty, |passphrase| Password::from(passphrase.expose()));
    unlock(&mut key, &password).map_err(|_| match passphrase {
        Some(_) => SigningError::PassphraseWrong { key: fingerprint(&key) },
        None => SigningError::PassphraseMissing { key: fingerprint(&key) },
    })?;
    Ok(key)
}

impl GpgKey {
    pub(super) fn fingerprint(&self) -> String {
        match &self.key {
            Packet::Primary(key) => fingerprint(key),
            Packet::Subkey(key) => fingerprint(key),
        }
    }

    pub(super) fn is_fit(&self, now: Timestamp) -> bool {
        self.standing.flaw_at(now).is_none()
    }

    /// An armored detached signature made at `now`.
    pub(super) fn sign(&self, payload: &[u8], now: Timestamp) -> Result<String, SigningError> {
        if let Some(flaw) = self.standing.flaw_at(now) {
            return Err(SigningError::Unfit { key: self.fingerprint(), flaw: flaw.to_string() });
        }
        let signature = match &self.key {
            Packet::Primary(key) => detached(key, payload, now),
            Packet::Subkey(key) => detached(key, payload, now),
        };
        let armored = signature.and_then(|signature| signature.to_armored_string(ArmorOptions::default()));
        armored.map_err(SigningError::gpg)
    }
}

fn detached(key: &impl SigningKey, payload: &[u8], now: Timestamp) -> pgp::errors::Result<DetachedSignature> {
    let seconds = u32::try_from(now.as_second()).unwrap_or(u32::MAX);
    let created = pgp::types::Timestamp::from_secs(seconds);
    let hashed = vec![
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        Subpacket::regular(SubpacketData::SignatureCreationTime(created))?,
    ];
    let unhashed = match key.version() {
        pgp::types::KeyVersion::V4 => {
            vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?]
        }
        _ => Vec::new(),
    };
    let subpackets = SubpacketConfig::UserDefined { hashed, unhashed };
    let (rng, hash) = (rand::thread_rng(), key.hash_alg());
    DetachedSignature::sign_binary_data_with_subpackets(rng, key, &Password::empty(), hash, payload, subpackets)
}
