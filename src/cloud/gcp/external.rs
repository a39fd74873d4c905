//! Workload identity federation: a token of another issuer becomes one of Google, and that one of a service account.
//!
//! After <https://google.aip.dev/auth/4117>.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::errand::{Errand, Question, Refusal, is_word};
use super::super::error::Error;
use super::super::tokens::Given;
use super::{SCOPE, read};
use crate::net::header::{AUTHORIZATION, HeaderName};
use crate::net::{Method, Url, is_loopback};
use crate::secret::Secret;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

#[derive(Deserialize)]
pub(in super::super) struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: Source,
    service_account_impersonation_url: Option<String>,
    service_account_impersonation: Option<Impersonation>,
}

#[derive(Deserialize)]
struct Impersonation {
    token_lifetime_seconds: Option<u32>,
}

/// Where the token of the other issuer is.
#[derive(Deserialize)]
struct Source {
    file: Option<String>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    format: Format,
}

#[derive(Default, Deserialize)]
struct Format {
    #[serde(rename = "type")]
    kind: Option<String>,
    subject_token_field_name: Option<String>,
}

impl ExternalAccount {
    pub(super) async fn ask(&self, errand: &Errand<'_>) -> Result<Given<Secret>, Error> {
        let subject = self.credential_source.token(errand).await?;
        let federated = self.exchange(errand, &subject).await?;
        match &self.service_account_impersonation_url {
            Some(url) => self.impersonate(errand, url, &federated.token).await,
            None => Ok(federated),
        }
    }

    async fn exchange(&self, errand: &Errand<'_>, subject: &Secret) -> Result<Given<Secret>, Error> {
        let url = errand.named_url("token_url", &self.token_url, is_loopback)?;
        let question = Question::new(Method::POST, url, "Google's STS", format!("a token for {}", self.audience));
        let fields = [
            ("grant_type", EXCHANGE),
            ("audience", &self.audience),
            ("scope", SCOPE),
            ("requested_token_type", ACCESS_TOKEN),
            ("subject_token_type", &self.subject_token_type),
            ("subject_token", subject.expose_text().unwrap_or_default()),
        ];
        let question = question.form(&fields).hiding(subject).hint(hint_exchange);
        read(&question, &errand.ask_json(&question).await?, Timestamp::now())
    }

    async fn impersonate(&self, errand: &Errand<'_>, url: &str, token: &Secret) -> Result<Given<Secret>, Error> {
        let url = errand.named_url("service_account_impersonation_url", url, is_loopback)?;
        let lifetime = self.service_account_impersonation.as_ref().and_then(|it| it.token_lifetime_seconds);
        let body = json!({"scope": [SCOPE], "lifetime": format!("{}s", lifetime.unwrap_or(3600))});
        let what = format!("a token of {}", account(&url));
        let question = Question::new(Method::POST, url, "Google's IAM", what).json(&body).hint(hint_impersonate);
        let question = question.secret_header(AUTHORIZATION, "Bearer ", token)?;
        let answer = errand.ask_json(&question).await?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let token = text("accessToken").filter(|text| is_word(text));
        let token = token.ok_or_else(|| question.odd("no token in the answer"))?;
        let end = text("expireTime").and_then(|text| text.parse().ok());
        let end = end.ok_or_else(|| question.odd("the token's end is not a time"))?;
        Ok(Given { token: Secret::new(token), expires_at: end })
    }
}

/// The service account in `…/serviceAccounts/NAME:generateAccessToken`.
fn account(url: &Url) -> String {
    let last = url.path().rsplit('/').next().unwrap_or_default();
    last.split(':').next().unwrap_or_default().to_owned()
}

impl Source {
    async fn token(&self, errand: &Errand<'_>) -> Result<Secret, Error> {
        let name = "credential_source";
        match (&self.file, &self.url) {
            (Some(path), None) => {
                let text = errand.file("credential_source.file", path)?;
                let odd = || Error::Setting { name, why: format!("names {path}, which holds no token"), hint: None };
                self.format.read(text.expose()).ok_or_else(odd)
            }
            (None, Some(url)) => self.ask_url(errand, url).await,
            _ => {
                let why = "has neither a file nor a url".to_owned();
                let hint = Some("programs, certificates and AWS as source are not supported here");
                Err(Error::Setting { name, why, hint })
            }
        }
    }

    /// Asked directly when it is plain http, which metadata services speak.
    async fn ask_url(&self, errand: &Errand<'_>, url: &str) -> Result<Secret, Error> {
        let is_plain = url.starts_with("http:");
        let url = errand.named_url("credential_source.url", url, |_| true)?;
        let mut question = Question::new(Method::GET, url, "a source of subject tokens", "a subject token");
        question.direct = is_plain;
        for (name, value) in &self.headers {
            let odd = |_| Error::Setting {
                name: "credential_source.headers",
                why: "has a name that is none".to_owned(),
                hint: None,
            };
            let name: HeaderName = name.parse().map_err(odd)?;
            question = question.secret_header(name, "", &Secret::new(value.as_str()))?;
        }
        let answer = errand.ask(&question).await?;
        self.format.read(&answer.body).ok_or_else(|| question.odd("no token in the answer"))
    }
}

impl Format {
    fn read(&self, body: &[u8]) -> Option<Secret> {
        let is_json = self.kind.as_deref() == Some("json");
        let token = match is_json {
            true => {
                let body: Value = serde_json::from_slice(body).ok()?;
                body.get(self.subject_token_field_name.as_deref()?)?.as_str()?.to_owned()
            }
            false => std::str::from_utf8(body).ok()?.trim().to_owned(),
        };
        is_word(&token).then(|| Secret::new(token))
    }
}

fn hint_exchange(refusal: &Refusal<'_>) -> Option<&'static str> {
    match refusal.code {
        "invalid_grant" => {
            Some("the provider of the pool must trust the issuer, the audience and the subject of this token")
        }
        "invalid_target" => Some("check the audience of the file: the pool or its provider may be gone or disabled"),
        _ => None,
    }
}

fn hint_impersonate(refusal: &Refusal<'_>) -> Option<&'static str> {
    (refusal.status == 403)
        .then_some("the subject needs roles/iam.workloadIdentityUser (or serviceAccountTokenCreator) on this account")
}
