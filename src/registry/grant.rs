//! Grants: what a registry accepted last from whom, so that the next request starts with it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::image::Repository;
use crate::net::Connection;
use crate::net::header::HeaderValue;
use crate::registry::Access;
use crate::registry::credentials::Identity;

/// A slot is locked while its grant is fetched, so that however many ask, one fetches.
pub(super) type Slot = Arc<tokio::sync::Mutex<Option<Grant>>>;

/// The grants of one client, by registry, repository and credential. Never written anywhere.
#[derive(Default)]
pub(super) struct Grants(Mutex<HashMap<Key, Slot>>);

/// Slots that nobody uses are dropped when there are this many.
const SLOTS_MAX: usize = 10_000;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    repository: Repository,
    identity: Identity,
    connection: Connection,
    insecure: bool,
}

/// The value of an `Authorization` header.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) header: HeaderValue,
    pub(super) kind: GrantKind,
    /// When it stops being used; a moment before the registry stops taking it.
    pub(super) until: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum GrantKind {
    /// The credential itself.
    Credential,
    /// A token from the token server.
    Token,
}

impl Grant {
    pub(super) fn is_live(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

impl Grants {
    pub(super) fn slot(&self, repository: &Repository, access: &Access, identity: &Identity) -> Slot {
        let key = Key {
            repository: repository.clone(),
            identity: identity.clone(),
            connection: access.connection.clone(),
            insecure: access.insecure,
        };
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= SLOTS_MAX {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        slots.entry(key).or_default().clone()
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Grants")
    }
}
