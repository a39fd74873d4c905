//! Tokens that were given, kept until shortly before they expire; who asks while one is on its way waits for it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::error::Error;
use super::github::{GithubApp, Given};
use crate::net::{self, Deadline, Http, Step};
use crate::secret::Secret;

/// The tokens of more installations are not kept.
const INSTALLATIONS_MAX: usize = 256;
/// Longer than one operation with a Git server may take; GitHub's tokens live an hour.
const EXPIRES_SOON: SignedDuration = SignedDuration::from_mins(5);

/// A token, and whether it was given just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GithubToken {
    pub token: Secret,
    pub is_new: bool,
}

/// The tokens of one process. Clones share them.
#[derive(Clone, Default)]
pub struct GithubTokens(Arc<Mutex<Vec<Entry>>>);

/// Most recently used last; the key tells app, installation, server and key apart.
struct Entry {
    fingerprint: [u8; 32],
    slot: Slot,
}

/// Locked while a token is asked for.
type Slot = Arc<tokio::sync::Mutex<Option<Given>>>;

impl GithubTokens {
    /// A token that is good for some minutes, from here or from GitHub. `http` is for the API.
    pub async fn token(&self, http: &Http, app: &GithubApp, deadline: Deadline) -> Result<GithubToken, Error> {
        self.get(http, app, None, deadline).await
    }

    /// Another token than `refused`, which a server did not accept though it should be good.
    pub async fn renew(
        &self,
        http: &Http,
        app: &GithubApp,
        refused: &Secret,
        deadline: Deadline,
    ) -> Result<GithubToken, Error> {
        self.get(http, app, Some(refused), deadline).await
    }

    async fn get(
        &self,
        http: &Http,
        app: &GithubApp,
        refused: Option<&Secret>,
        deadline: Deadline,
    ) -> Result<GithubToken, Error> {
        let slot = self.slot(app);
        let Ok(mut held) = tokio::time::timeout_at(deadline.at(), slot.lock()).await else {
            return Err(app.timeout(deadline));
        };
        let now = Timestamp::now();
        if let Some(given) = held.as_ref().filter(|given| is_good(given, now) && Some(&given.token) != refused) {
            return Ok(GithubToken { token: given.token.clone(), is_new: false });
        }
        *held = None;
        let given = app.ask(http, now, deadline).await?;
        let token = given.token.clone();
        *held = Some(given);
        Ok(GithubToken { token, is_new: true })
    }

    fn slot(&self, app: &GithubApp) -> Slot {
        let fingerprint = app.fingerprint();
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = match entries.iter().position(|entry| entry.fingerprint == fingerprint) {
            Some(place) => entries.remove(place),
            None => Entry { fingerprint, slot: Slot::default() },
        };
        if entries.len() == INSTALLATIONS_MAX {
            entries.remove(0);
        }
        let slot = entry.slot.clone();
        entries.push(entry);
        slot
    }
}

impl fmt::Debug for GithubTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GithubTokens")
    }
}

fn is_good(given: &Given, now: Timestamp) -> bool {
    now + EXPIRES_SOON < given.expires_at
}

impl GithubApp {
    /// Another request for the token took all the time.
    fn timeout(&self, deadline: Deadline) -> Error {
        let host = self.host();
        self.net_error(net::Error::Timeout { host, step: Step::Answer, after: deadline.limit() })
    }
}
