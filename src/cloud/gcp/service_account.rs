//! The key of a service account signs a statement of who we are, which is exchanged for a token.
//!
//! After <https://developers.google.com/identity/protocols/oauth2/service-account>.

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};

use super::super::errand::{Errand, Question, Refusal};
use super::super::error::Error;
use super::super::tokens::Given;
use super::file::VARIABLE;
use super::{SCOPE, read};
use crate::net::{Method, is_loopback};
use crate::secret::Secret;

const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The longest that Google takes.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// A key as Google gives it.
#[derive(Deserialize)]
pub(in super::super) struct ServiceAccount {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: Option<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl ServiceAccount {
    pub(super) async fn ask(&self, errand: &Errand<'_>) -> Result<Given<Secret>, Error> {
        let now = Timestamp::now();
        let audience = self.token_uri.as_deref().unwrap_or(TOKEN_URL);
        let url = errand.named_url("token_uri", audience, is_loopback)?;
        let statement = Secret::new(self.statement(audience, now)?);
        let text = statement.expose_text().unwrap_or_default();
        let what = format!("a token of {}", self.client_email);
        let question = Question::new(Method::POST, url, "Google's token service", what)
            .form(&[("grant_type", JWT_BEARER), ("assertion", text)])
            .hiding(&statement)
            .hint(hint);
        read(&question, &errand.ask_json(&question).await?, now)
    }

    fn statement(&self, audience: &str, now: Timestamp) -> Result<String, Error> {
        let (iat, exp) = (now.as_second(), (now + LIFETIME).as_second());
        let claims = Claims { iss: &self.client_email, scope: SCOPE, aud: audience, iat, exp };
        let header = Header { kid: self.private_key_id.clone(), ..Header::new(Algorithm::RS256) };
        let no_key = |_| {
            let why = "names a file whose private_key is not an RSA key in PEM".to_owned();
            Error::Setting { name: VARIABLE, why, hint: None }
        };
        let key = EncodingKey::from_rsa_pem(self.private_key.as_bytes()).map_err(no_key)?;
        jsonwebtoken::encode(&header, &claims, &key)
            .map_err(|source| Error::Sign { who: self.client_email.clone(), source })
    }
}

fn hint(refusal: &Refusal<'_>) -> Option<&'static str> {
    (refusal.code == "invalid_grant")
        .then_some("the key may be deleted or its service account disabled; check the clock of this machine too")
}
