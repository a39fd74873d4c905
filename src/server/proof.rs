//! Whether a message was made by who knows the secret. Every comparison takes the same time, whatever differs.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::sender::{Hash, Message, Proof};
use crate::secret::Secret;

/// How old or how far in the future a signed time may be.
const SIGNED_SECONDS_MAX: i64 = 5 * 60;
/// More signatures in one header are not tried.
const SIGNATURES_MAX: usize = 4;
/// What secrets of the Standard Webhooks specification begin with; base64 follows.
const STANDARD_PREFIX: &str = "whsec_";

/// Whether `proof` holds. Google's needs keys of its own and is not asked here.
pub(super) fn holds(proof: Proof, secret: &Secret, message: &Message<'_>) -> bool {
    match proof {
        Proof::Header(name) => message.headers.get(name).is_some_and(|value| is_secret(secret, value.as_bytes())),
        Proof::Hmac { header, prefix, hash } => {
            let signature = message.header(header).and_then(|value| value.strip_prefix(prefix)).and_then(hex);
            signature.is_some_and(|signature| is_signed(hash, secret.expose(), message.body, &signature))
        }
        Proof::StandardWebhooks => is_signed_by_standard(secret, message).unwrap_or(false),
        Proof::Google => false,
    }
}

/// Compared by their hashes, so that the time tells neither where nor in how many bytes the two differ.
pub(super) fn is_same(expected: &[u8], given: &[u8]) -> bool {
    let hash = |bytes| digest::digest(&digest::SHA256, bytes);
    constant_time::verify_slices_are_equal(hash(expected).as_ref(), hash(given).as_ref()).is_ok()
}

fn is_secret(secret: &Secret, given: &[u8]) -> bool {
    let bare = given.strip_prefix(b"Bearer ").unwrap_or(given);
    // Both are always compared: the secret may itself be written with `Bearer`.
    is_same(secret.expose(), given) | is_same(secret.expose(), bare)
}

fn is_signed(hash: Hash, key: &[u8], signed: &[u8], signature: &[u8]) -> bool {
    let algorithm = match hash {
        Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => hmac::HMAC_SHA256,
    };
    hmac::verify(&hmac::Key::new(algorithm, key), signed, signature).is_ok()
}

fn is_signed_by_standard(secret: &Secret, message: &Message<'_>) -> Option<bool> {
    let (id, time) = (message.header("webhook-id")?, message.header("webhook-timestamp")?);
    let age = message.now.as_second().saturating_sub(time.parse::<i64>().ok()?);
    if age.saturating_abs() > SIGNED_SECONDS_MAX {
        return Some(false);
    }
    let key = standard_key(secret)?;
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", message.body].concat();
    let signatures = message.header("webhook-signature")?.split(' ').take(SIGNATURES_MAX);
    let mut decoded = signatures.filter_map(|it| STANDARD.decode(it.strip_prefix("v1,")?).ok());
    Some(decoded.any(|signature| is_signed(Hash::Sha256, &key, &signed, &signature)))
}

fn standard_key(secret: &Secret) -> Option<Vec<u8>> {
    match secret.expose_text().and_then(|text| text.strip_prefix(STANDARD_PREFIX)) {
        Some(encoded) => STANDARD.decode(encoded).ok(),
        None => Some(secret.expose().to_vec()),
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
