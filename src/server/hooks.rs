//! Who may make a scan due, and of what: the receivers of webhooks.
//!
//! Takes the Secret once and a request's path and body each time; gives [`Due`]s. Only what is known to be a push is
//! read out of a body, and nothing of it is trusted: a hook makes a scan due, the scan tells what is true.

use aws_lc_rs::{constant_time, digest};
use serde::Deserialize;

use super::due::Due;
use crate::secret::{Secret, SecretData, SecretError};

/// Shorter tokens can be guessed.
const TOKEN_BYTES_MIN: usize = 16;

/// The receivers and what they ask for. Without a token there are none.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    token: Option<Secret>,
}

/// Why the Secret of the receivers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HooksError {
    #[error("reading the secret of the webhooks")]
    Secret(#[source] SecretError),
    #[error("key token has {length} bytes, expected at least {TOKEN_BYTES_MIN} different enough to be random")]
    Token { length: usize },
}

impl HooksError {
    /// What its reader can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some("the token is what webhook URLs end in; make one with `openssl rand -hex 32`")
    }
}

impl Hooks {
    pub fn from_secret(secret: &SecretData) -> Result<Self, HooksError> {
        let token = secret.required_text("token").map_err(HooksError::Secret)?.trim_end();
        if !is_hard_to_guess(token) {
            return Err(HooksError::Token { length: token.len() });
        }
        Ok(Self { token: Some(Secret::new(token)) })
    }

    /// Whether a path `/hooks/TYPE/TOKEN` is one of ours.
    pub(super) fn admits(&self, kind: &str, token: &str) -> bool {
        self.token.as_ref().is_some_and(|expected| is_same(expected.expose(), token.as_bytes())) && kind == "generic"
    }

    /// What the body of an admitted request makes due.
    pub(super) fn dues(&self, body: &[u8]) -> Vec<Due> {
        let Ok(generic) = serde_json::from_slice::<Generic>(body) else { return Vec::new() };
        Due::parse(&generic.repository).into_iter().collect()
    }
}

#[derive(Deserialize)]
struct Generic {
    repository: String,
}

fn is_hard_to_guess(token: &str) -> bool {
    let different: std::collections::BTreeSet<u8> = token.bytes().collect();
    token.len() >= TOKEN_BYTES_MIN && different.len() >= TOKEN_BYTES_MIN / 2
}

/// Compared by their hashes, so that the time tells neither where nor in how many bytes the two differ.
fn is_same(expected: &[u8], given: &[u8]) -> bool {
    let hash = |bytes| digest::digest(&digest::SHA256, bytes);
    constant_time::verify_slices_are_equal(hash(expected).as_ref(), hash(given).as_ref()).is_ok()
}
