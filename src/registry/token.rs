//! Tokens: one request to a token server, by Docker's token protocol (GET) or OAuth2 with a refresh token (POST).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde::Deserialize;
use tokio::time::Instant;

use crate::net::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue};
use crate::net::{Answer, Method, Request, Url, host};
use crate::registry::grant::{Grant, GrantKind};
use crate::registry::{Credentials, Fault, refusal};

const TOKEN_BYTES_MAX: usize = 1 << 20;
/// The life of a token whose server does not tell it (Docker's token specification).
const LIFE_DEFAULT: Duration = Duration::from_secs(60);
const LIFE_MAX: Duration = Duration::from_secs(3600);
/// How long before its end a token is no longer used; half of its life if that is shorter.
const MARGIN: Duration = Duration::from_secs(10);

/// The request for a token that allows to pull `repository` (its path in the registry).
pub(super) fn request(realm: &Url, service: Option<&str>, repository: &str, given: Option<&Credentials>) -> Request {
    let scope = format!("repository:{repository}:pull");
    let mut asked = vec![("scope", scope.as_str())];
    asked.extend(service.map(|service| ("service", service)));
    match given {
        Some(Credentials::IdentityToken { token }) => {
            let refresh = String::from_utf8_lossy(token.expose());
            asked.extend([("grant_type", "refresh_token"), ("client_id", "tagwright"), ("refresh_token", &refresh)]);
            post(realm, &asked)
        }
        Some(Credentials::Basic { username, password }) => {
            get(realm, &asked).header(AUTHORIZATION, basic(username, password.expose()))
        }
        Some(
            Credentials::RegistryToken { .. }
            | Credentials::Kept { .. }
            | Credentials::Absent { .. }
            | Credentials::Withheld { .. },
        )
        | None => get(realm, &asked),
    }
}

/// Reads the answer of a token server. What it holds is never part of an error.
pub(super) fn read(answer: &Answer) -> Result<Grant, Fault> {
    let bad = |cause: &str| Fault::NotUnderstood { host: host(&answer.url), cause: cause.to_owned() };
    if refusal::is_web_page(answer) {
        return Err(Fault::WebPage { host: host(&answer.url) });
    }
    let body: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_| bad("expected a token as JSON"))?;
    let token = [body.token, body.access_token].into_iter().flatten().find(|token| !token.is_empty());
    let token = token.ok_or_else(|| bad("there is no token in it"))?;
    let header = bearer(token.as_bytes()).ok_or_else(|| bad("its token cannot be put in a header"))?;
    let life = life(body.expires_in.as_ref(), body.issued_at.and_then(|issued| age(&issued, answer)));
    Ok(Grant { header, kind: GrantKind::Token, until: Some(Instant::now() + life), login: None })
}

/// `Basic` with the credential (RFC 7617).
pub(super) fn basic(username: &str, password: &[u8]) -> HeaderValue {
    let pair = [username.as_bytes(), b":", password].concat();
    let mut value =
        HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).expect("base64 text fits in a header");
    value.set_sensitive(true);
    value
}

/// `Bearer` with the token, unless that has bytes that no header may have.
pub(super) fn bearer(token: &[u8]) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(&[b"Bearer ", token].concat()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<serde_json::Value>,
    /// RFC 3339; servers that keep tokens give one a second time.
    issued_at: Option<String>,
}

/// How long a token is used that lives from when it was issued, `age` ago. An age beyond its life is not believed:
/// some servers say that they issued it in the year 1.
fn life(expires_in: Option<&serde_json::Value>, age: Option<Duration>) -> Duration {
    let told = expires_in.and_then(serde_json::Value::as_f64).filter(|seconds| *seconds >= 0.0);
    let told = told.map(|seconds| Duration::from_secs_f64(seconds.min(LIFE_MAX.as_secs_f64())));
    let whole = told.unwrap_or(LIFE_DEFAULT);
    let life = age.and_then(|age| whole.checked_sub(age)).unwrap_or(whole);
    life - MARGIN.min(life / 2)
}

/// How long ago that was by the clock of the server, or by ours where it does not tell its own.
fn age(issued_at: &str, answer: &Answer) -> Option<Duration> {
    let issued = issued_at.parse::<Timestamp>().ok()?;
    let read = |date: &str| DateTimeParser::new().parse_timestamp(date).ok();
    let now = answer.header(&DATE).and_then(read).unwrap_or_else(Timestamp::now);
    now.duration_since(issued).try_into().ok()
}

fn get(realm: &Url, asked: &[(&str, &str)]) -> Request {
    let mut url = realm.clone();
    url.query_pairs_mut().extend_pairs(asked);
    Request::new(Method::GET, url, TOKEN_BYTES_MAX)
}

fn post(realm: &Url, asked: &[(&str, &str)]) -> Request {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(asked).finish();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    let mut request = Request::new(Method::POST, realm.clone(), TOKEN_BYTES_MAX).header(CONTENT_TYPE, form);
    request.body = body.into();
    request
}
