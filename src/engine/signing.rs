//! The keys that automations sign with: read from their Secrets, and unlocked once for as long as a Secret stays as
//! it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::access::{AccessError, find};
use super::cause::Cause;
use crate::api::{Objects, SigningKey, SigningKeyKind};
use crate::git::Signer;
use crate::object::NamespacedName;
use crate::secret::SecretData;

/// The keys that this process has unlocked. Clones share them.
#[derive(Clone, Default)]
pub struct Signers(Arc<Mutex<BTreeMap<(NamespacedName, SigningKeyKind), Unlocked>>>);

struct Unlocked {
    from: SecretData,
    signer: Signer,
}

impl Signers {
    /// The key that `reference` of `object` names, in the object's own namespace.
    pub fn signer(
        &self,
        reference: &SigningKey,
        object: &str,
        namespace: &str,
        objects: &Objects,
        now: Timestamp,
    ) -> Result<Signer, Cause> {
        let (secret, entries) = find(objects, object, reference.secret_ref.within(namespace))?;
        let place = (secret.clone(), reference.kind);
        let mut unlocked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A key that has expired meanwhile may have a successor in the same Secret.
        if let Some(held) = unlocked.get(&place).filter(|held| held.from == *entries && held.signer.is_fit(now)) {
            return Ok(held.signer.clone());
        }
        let signer = unlock(reference.kind, &secret, entries, now)?;
        unlocked.insert(place, Unlocked { from: entries.clone(), signer: signer.clone() });
        Ok(signer)
    }
}

fn unlock(
    kind: SigningKeyKind,
    secret: &NamespacedName,
    entries: &SecretData,
    now: Timestamp,
) -> Result<Signer, Cause> {
    let (name, lock) = names(kind);
    let Some(key) = entries.get(name) else { return Err(missing(kind, secret, entries)) };
    let password = entries.get(lock);
    let signer = match kind {
        SigningKeyKind::Gpg => Signer::gpg(key, password, now),
        SigningKeyKind::Ssh => Signer::ssh(key, password),
    };
    let refused = |error| AccessError::SigningKey { secret: secret.clone(), key: name, source: Box::new(error) };
    Ok(signer.map_err(refused)?)
}

/// Where a Secret keeps a key of this kind, and what unlocks it.
fn names(kind: SigningKeyKind) -> (&'static str, &'static str) {
    match kind {
        SigningKeyKind::Gpg => ("git.asc", "passphrase"),
        SigningKeyKind::Ssh => ("identity", "password"),
    }
}

fn missing(kind: SigningKeyKind, secret: &NamespacedName, entries: &SecretData) -> Cause {
    let (word, other, other_word) = match kind {
        SigningKeyKind::Gpg => ("gpg", SigningKeyKind::Ssh, "ssh"),
        SigningKeyKind::Ssh => ("ssh", SigningKeyKind::Gpg, "gpg"),
    };
    let (name, other_name) = (names(kind).0, names(other).0);
    match entries.get(other_name) {
        Some(_) => Cause::with_hint(
            format!("Secret {secret}: a signing key of type {word} is under {name}, and the Secret holds {other_name}"),
            format!("set spec.git.commit.signingKey.type to {other_word} to sign with {other_name}"),
        ),
        None => {
            let found = entries.keys().collect::<Vec<_>>().join(", ");
            Cause::new(format!("Secret {secret}: expected a signing key of type {word} under {name}, found {found}"))
        }
    }
}
