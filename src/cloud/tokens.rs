//! Tokens that were given, kept until shortly before they expire; who asks while one is on its way waits for it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::net::Deadline;

/// The tokens of more identities are not kept.
const IDENTITIES_MAX: usize = 256;

/// Tells identities apart, and cannot be turned back into a key.
pub(super) type Fingerprint = [u8; 32];

pub(super) fn fingerprint(parts: &[&[u8]]) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in parts {
        // With lengths, so that no two identities run into one text.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// A token as its server gave it.
#[derive(Clone)]
pub(super) struct Given<T> {
    pub(super) token: T,
    pub(super) expires_at: Timestamp,
}

/// A token, and whether it was given just now.
pub(super) struct Kept<T> {
    pub(super) given: Given<T>,
    pub(super) is_new: bool,
}

/// The tokens of one kind. Clones share them.
#[derive(Clone)]
pub(super) struct Tokens<T> {
    /// A token that has less left is not used again: longer than what it is wanted for may take.
    expires_soon: SignedDuration,
    entries: Arc<Mutex<Vec<Entry<T>>>>,
}

/// Most recently used last.
struct Entry<T> {
    fingerprint: Fingerprint,
    slot: Slot<T>,
}

/// Locked while a token is asked for.
type Slot<T> = Arc<tokio::sync::Mutex<Option<Given<T>>>>;

impl<T: Clone + PartialEq> Tokens<T> {
    pub(super) fn new(expires_soon: SignedDuration) -> Self {
        Self { expires_soon, entries: Arc::default() }
    }

    /// The kept token of an identity; what `ask` gives where there is none, it ends soon or it is the `refused` one.
    /// `late`: another who asks for it took all the time.
    pub(super) async fn get<E>(
        &self,
        fingerprint: Fingerprint,
        refused: Option<&T>,
        deadline: Deadline,
        ask: impl AsyncFnOnce(Timestamp) -> Result<Given<T>, E>,
        late: impl FnOnce() -> E,
    ) -> Result<Kept<T>, E> {
        let slot = self.slot(fingerprint);
        let Ok(mut held) = tokio::time::timeout_at(deadline.at(), slot.lock()).await else {
            return Err(late());
        };
        let now = Timestamp::now();
        let is_good = |given: &&Given<T>| now + self.expires_soon < given.expires_at && Some(&given.token) != refused;
        if let Some(given) = held.as_ref().filter(is_good) {
            return Ok(Kept { given: given.clone(), is_new: false });
        }
        *held = None;
        let given = ask(now).await?;
        *held = Some(given.clone());
        Ok(Kept { given, is_new: true })
    }

    fn slot(&self, fingerprint: Fingerprint) -> Slot<T> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = match entries.iter().position(|entry| entry.fingerprint == fingerprint) {
            Some(place) => entries.remove(place),
            None => Entry { fingerprint, slot: Slot::default() },
        };
        if entries.len() == IDENTITIES_MAX {
            entries.remove(0);
        }
        let slot = entry.slot.clone();
        entries.push(entry);
        slot
    }
}

impl<T> fmt::Debug for Tokens<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}
