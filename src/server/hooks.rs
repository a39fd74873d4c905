//! Who may make a scan due: the receivers of webhooks.
//!
//! Takes the Secret, now and then another one, and a request's path and message each time; gives the sender that was believed. Nothing that
//! a message says is trusted: a hook makes a scan due, the scan tells what is true.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::google::{Google, KEYS_URL};
use super::proof::{holds, is_same};
use super::sender::{Message, Proof, SENDERS, Sender};
use crate::net::{Http, Url, may_carry_credentials};
use crate::secret::{Secret, SecretData, SecretError};

/// Shorter tokens can be guessed.
const TOKEN_BYTES_MIN: usize = 16;
const TOKEN_BYTES_MAX: usize = 512;
/// A random token of this length has about as many different characters.
const TOKEN_CHARACTERS_MIN: usize = 6;
const SECRET_BYTES_MIN: usize = 8;
const TOKEN: &str = "token";
const AUDIENCE: &str = "pubsub-audience";
const EMAIL: &str = "pubsub-email";
const KEYS: &str = "pubsub-keys-url";

/// The receivers and what they ask for. Without a token there are none.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    token: Option<Secret>,
    /// By the name of the sender. A sender that is in it must prove that it knows its secret.
    secrets: BTreeMap<&'static str, Secret>,
    google: Option<Google>,
}

/// The receivers as they are now: a Secret may be renewed while the server runs. Clones are of the same.
#[derive(Clone, Debug, Default)]
pub struct CurrentHooks(Arc<RwLock<Arc<Hooks>>>);

impl CurrentHooks {
    pub fn new(hooks: Hooks) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(hooks))))
    }

    /// From the next request on.
    pub fn set(&self, mut hooks: Hooks) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let (Some(new), Some(old)) = (&mut hooks.google, &current.google) {
            new.keep_keys(old);
        }
        *current = Arc::new(hooks);
    }

    pub(super) fn get(&self) -> Arc<Hooks> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why the Secret of the webhooks cannot be used. Names keys, never values.
#[derive(Debug, thiserror::Error)]
pub enum HooksError {
    #[error("reading the secret of the webhooks")]
    Secret(#[source] SecretError),
    #[error("key {TOKEN} is too easy to guess: expected {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} random characters")]
    WeakToken,
    #[error("key {TOKEN} has characters that a URL cannot carry: expected letters, digits, `-`, `_`, `.` and `~`")]
    TokenCharacters,
    #[error("key {key} is too short: expected at least {SECRET_BYTES_MIN} bytes")]
    WeakSecret { key: String },
    #[error("key {key}: {sender} cannot sign what it sends")]
    CannotSign { key: String, sender: &'static str },
    #[error("key {key} is a second secret for {sender}")]
    Twice { key: String, sender: &'static str },
    #[error("key {key} names no sender of webhooks")]
    UnknownKey { key: String },
    #[error("key {missing} is missing beside {present}")]
    Half { present: &'static str, missing: &'static str },
    #[error("key {KEYS} is no URL")]
    KeysUrl(#[source] url::ParseError),
    #[error("key {KEYS} must be an https URL: who answers there says whose tokens are good")]
    KeysPlain,
}

impl HooksError {
    /// What its reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Secret(_) | Self::WeakToken | Self::TokenCharacters => {
                Some("the token is what webhook URLs end in; make one with `openssl rand -hex 32`".to_owned())
            }
            Self::CannotSign { .. } => Some("remove the key: the token in the URL is all that it can show".to_owned()),
            Self::UnknownKey { .. } => Some(format!("keys are {TOKEN}, {AUDIENCE}, {EMAIL}, {}", signing().join(", "))),
            Self::Half { .. } => {
                Some("Google signs tokens for any audience, so the service account must be known as well".to_owned())
            }
            Self::WeakSecret { .. } | Self::Twice { .. } | Self::KeysUrl(_) | Self::KeysPlain => None,
        }
    }
}

/// The names of the senders that can have a secret.
fn signing() -> Vec<&'static str> {
    SENDERS.iter().filter(|sender| !sender.proofs.is_empty() && !sender.is_google()).map(Sender::name).collect()
}

impl Hooks {
    /// Reads the Secret of the webhooks: `token`, a key per sender that must sign, and what is expected of Pub/Sub.
    pub fn from_secret(secret: &SecretData) -> Result<Self, HooksError> {
        let token = checked_token(secret.required_text(TOKEN).map_err(HooksError::Secret)?)?;
        let mut secrets = BTreeMap::new();
        for key in secret.keys().filter(|key| ![TOKEN, AUDIENCE, EMAIL, KEYS].contains(key)) {
            let sender = signing_sender(key)?;
            let value = secret.required_text(key).map_err(HooksError::Secret)?.trim_end();
            if value.len() < SECRET_BYTES_MIN {
                return Err(HooksError::WeakSecret { key: key.to_owned() });
            }
            if secrets.insert(sender.name(), Secret::new(value)).is_some() {
                return Err(HooksError::Twice { key: key.to_owned(), sender: sender.name() });
            }
        }
        Ok(Self { token: Some(token), secrets, google: google(secret)? })
    }

    /// The sender of a path `/hooks/KIND/TOKEN`, if it has one and the token is ours.
    pub(super) fn admit(&self, kind: &str, token: &str) -> Option<&'static Sender> {
        let expected = self.token.as_ref()?;
        // Compared for unknown senders too: the time does not tell which there are.
        let (is_known, sender) = (is_same(expected.expose(), token.as_bytes()), Sender::named(kind));
        sender.filter(|_| is_known)
    }

    /// Whether the sender has shown all that is asked of it.
    pub(super) async fn believes(&self, sender: &Sender, message: &Message<'_>, http: &Http) -> bool {
        if sender.is_google() {
            return match &self.google {
                Some(google) => google.signed(http, message.header("authorization")).await,
                None => true,
            };
        }
        match self.secrets.get(sender.name()) {
            Some(secret) => sender.proofs.iter().any(|proof: &Proof| holds(*proof, secret, message)),
            None => true,
        }
    }
}

fn checked_token(token: &str) -> Result<Secret, HooksError> {
    let token = token.trim_end();
    if !token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b)) {
        return Err(HooksError::TokenCharacters);
    }
    let characters: BTreeSet<u8> = token.bytes().collect();
    let has_length = (TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len());
    if !has_length || characters.len() < TOKEN_CHARACTERS_MIN {
        return Err(HooksError::WeakToken);
    }
    Ok(Secret::new(token))
}

fn signing_sender(key: &str) -> Result<&'static Sender, HooksError> {
    match Sender::named(key) {
        Some(sender) if sender.proofs.is_empty() => {
            Err(HooksError::CannotSign { key: key.to_owned(), sender: sender.name() })
        }
        Some(sender) if !sender.is_google() => Ok(sender),
        _ => Err(HooksError::UnknownKey { key: key.to_owned() }),
    }
}

fn google(secret: &SecretData) -> Result<Option<Google>, HooksError> {
    let text = |key| {
        let text = secret.text(key).map_err(HooksError::Secret)?;
        Ok(text.map(str::trim).filter(|text| !text.is_empty()))
    };
    let keys_url = text(KEYS)?.unwrap_or(KEYS_URL);
    let keys_url = Url::parse(keys_url).map_err(HooksError::KeysUrl)?;
    if !may_carry_credentials(&keys_url, false) {
        return Err(HooksError::KeysPlain);
    }
    match (text(AUDIENCE)?, text(EMAIL)?) {
        (Some(audience), Some(email)) => {
            let (audience, email) = (audience.to_owned(), email.to_owned());
            Ok(Some(Google { audience, email, keys_url, keys: Arc::default() }))
        }
        (Some(_), None) => Err(HooksError::Half { present: AUDIENCE, missing: EMAIL }),
        (None, Some(_)) => Err(HooksError::Half { present: EMAIL, missing: AUDIENCE }),
        // A key that is there and empty, or of whitespace, asks for a proof as well: it must not be read as none.
        (None, None) => match secret.keys().find(|key| [AUDIENCE, EMAIL].contains(key)) {
            Some(key) => Err(HooksError::WeakSecret { key: key.to_owned() }),
            None => Ok(None),
        },
    }
}
