//! Grants: what a registry accepted last from whom, so that the next request starts with it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::cloud::RegistryLogin;
use crate::net::header::HeaderValue;
use crate::net::{Fingerprint, Url};
use crate::registry::Access;
use crate::registry::challenge::Challenge;
use crate::registry::credentials::Identity;

/// A slot is locked while its grant is fetched, so that however many ask, one fetches.
pub(super) type Slot = Arc<tokio::sync::Mutex<Option<Grant>>>;

/// The grants of one client, by where the repository is asked, identity and way there. Never written anywhere.
#[derive(Default)]
pub(super) struct Grants(Mutex<HashMap<Key, (Slot, Instant)>>);

/// When there are this many slots, the half that was not used for longer is dropped.
const SLOTS_MAX: usize = 10_000;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    /// One name may be of two registries: a rule of the operator serves what is written without a host.
    base: Url,
    identity: Identity,
    connection: Fingerprint,
    insecure: bool,
}

/// The value of an `Authorization` header, and what it answers to.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) header: HeaderValue,
    pub(super) kind: GrantKind,
    /// When it stops being used; a moment before the registry stops taking it.
    pub(super) until: Option<Instant>,
    /// The login of a cloud that it was made from, and what the registry asked for then.
    pub(super) login: Option<(RegistryLogin, Challenge)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum GrantKind {
    /// The credential itself.
    Credential,
    /// A token from the token server.
    Token,
}

impl Grant {
    /// What is shown is the user's own.
    pub(super) fn of_credential(header: HeaderValue) -> Self {
        Self { header, kind: GrantKind::Credential, until: None, login: None }
    }

    pub(super) fn is_live(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }

    /// Whether it was made from a login that was kept, and may be good no longer.
    pub(super) fn has_kept_login(&self) -> bool {
        self.login.as_ref().is_some_and(|(login, _)| !login.is_new)
    }

    /// As it is the next time.
    pub(super) fn kept(mut self) -> Self {
        if let Some((login, _)) = &mut self.login {
            login.is_new = false;
        }
        self
    }
}

impl Grants {
    /// Who may ask, with their slots: first those who were let in last time, else in the order of the user.
    pub(super) fn candidates(&self, base: &Url, access: &Access) -> Vec<(Identity, Slot)> {
        let connection = access.connection.fingerprint();
        let candidate = |identity: Identity| {
            let key = Key { base: base.clone(), identity, connection, insecure: access.insecure };
            (key.identity.clone(), self.slot(key))
        };
        let mut candidates: Vec<(Identity, Slot)> = access.identities().into_iter().map(candidate).collect();
        candidates.sort_by_key(|(_, slot)| slot.try_lock().is_ok_and(|grant| grant.is_none()));
        candidates
    }

    fn slot(&self, key: Key) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= SLOTS_MAX && !slots.contains_key(&key) {
            drop_older_half(&mut slots);
        }
        let (slot, used) = slots.entry(key).or_insert_with(|| (Slot::default(), Instant::now()));
        *used = Instant::now();
        slot.clone()
    }
}

fn drop_older_half(slots: &mut HashMap<Key, (Slot, Instant)>) {
    let mut times: Vec<Instant> = slots.values().map(|(_, used)| *used).collect();
    let middle = times.len() / 2;
    let (_, middle, _) = times.select_nth_unstable(middle);
    let middle = *middle;
    slots.retain(|_, (_, used)| *used > middle);
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Grants")
    }
}
