//! Tokens that Google signs for pushes of Pub/Sub.
//!
//! Takes the `Authorization` header, asks Google for its keys now and then, gives whether the token was made for us by
//! the service account that we expect. Anyone can have Google sign a token for any audience, so the account is what
//! tells, and both must be configured.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::net::{Deadline, Error, Http, Method, Request, Url};

pub(super) const KEYS_URL: &str = "https://www.googleapis.com/oauth2/v3/certs";
const ISSUERS: &[&str] = &["https://accounts.google.com", "accounts.google.com"];
const LEEWAY_SECONDS: u64 = 60;
const TOKEN_BYTES_MAX: usize = 8 << 10;
const KEYS_BYTES_MAX: usize = 64 << 10;
const KEYS_TIMEOUT: Duration = Duration::from_secs(5);
/// Google changes its keys every few days and shows new ones before it uses them.
const KEYS_AGE_MAX: Duration = Duration::from_secs(3600);
/// A token that names an unknown key does not make us ask again sooner than this.
const ASK_DISTANCE: Duration = Duration::from_secs(30);

/// Whom we believe. Clones share the keys.
#[derive(Clone, Debug)]
pub(super) struct Google {
    pub(super) audience: String,
    pub(super) email: String,
    pub(super) keys_url: Url,
    pub(super) keys: Arc<Mutex<Keys>>,
}

#[derive(Default)]
pub(super) struct Keys {
    by_id: HashMap<String, DecodingKey>,
    /// When they were fetched, and when that was last tried.
    fetched: Option<Instant>,
    asked: Option<Instant>,
}

#[derive(Deserialize)]
struct Claims {
    email: String,
    email_verified: bool,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<KeyEntry>,
}

#[derive(Deserialize)]
struct KeyEntry {
    kid: String,
    kty: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
}

impl Google {
    /// What was fetched from the same place is still known.
    pub(super) fn keep_keys(&mut self, before: &Self) {
        if self.keys_url == before.keys_url {
            self.keys = before.keys.clone();
        }
    }

    /// Whether the header holds a token of the expected account for us.
    pub(super) async fn signed(&self, http: &Http, authorization: Option<&str>) -> bool {
        let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
        let Some(token) = token.filter(|token| token.len() <= TOKEN_BYTES_MAX) else { return false };
        let id = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
        let Some(id) = id else { return false };
        let key = self.key(http, &id).await;
        key.is_some_and(|key| self.is_ours(token, &key))
    }

    fn is_ours(&self, token: &str, key: &DecodingKey) -> bool {
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_audience(&[&self.audience]);
        rules.set_issuer(ISSUERS);
        rules.set_required_spec_claims(&["exp", "aud", "iss"]);
        rules.leeway = LEEWAY_SECONDS;
        match jsonwebtoken::decode::<Claims>(token, key, &rules) {
            Ok(token) => token.claims.email_verified && token.claims.email == self.email,
            Err(_) => false,
        }
    }

    /// The key of this id. Who comes while keys are fetched waits for them.
    async fn key(&self, http: &Http, id: &str) -> Option<DecodingKey> {
        let mut keys = self.keys.lock().await;
        if keys.should_ask(id, Instant::now()) {
            keys.asked = Some(Instant::now());
            match self.fetch(http).await {
                Ok(by_id) => *keys = Keys { by_id, fetched: Some(Instant::now()), asked: keys.asked },
                // The keys that we have go on to be good.
                Err(error) => tracing::warn!(%error, "fetching the keys that sign pushes of Pub/Sub"),
            }
        }
        keys.by_id.get(id).cloned()
    }

    async fn fetch(&self, http: &Http) -> Result<HashMap<String, DecodingKey>, Error> {
        let request = Request::new(Method::GET, self.keys_url.clone(), KEYS_BYTES_MAX);
        let answer = http.fetch(&request, Deadline::after(KEYS_TIMEOUT)).await?;
        let set = serde_json::from_slice::<KeySet>(&answer.body).ok().filter(|_| answer.status.is_success());
        let keys = set.ok_or_else(|| answer.status_error())?.keys.into_iter().filter(|key| key.kty == "RSA");
        let read = |key: KeyEntry| Some((key.kid, DecodingKey::from_rsa_components(&key.n, &key.e).ok()?));
        Ok(keys.filter_map(read).collect())
    }
}

impl Keys {
    fn should_ask(&self, id: &str, now: Instant) -> bool {
        let since = |at: Option<Instant>| at.map_or(Duration::MAX, |at| now.duration_since(at));
        let is_wanted = since(self.fetched) > KEYS_AGE_MAX || !self.by_id.contains_key(id);
        is_wanted && since(self.asked) > ASK_DISTANCE
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.by_id.len())
    }
}
