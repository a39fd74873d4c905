//! The file with application default credentials: what it holds, and who is asked with it.

use jiff::Timestamp;
use serde::Deserialize;

use super::super::errand::{Errand, Question, Refusal};
use super::super::error::Error;
use super::super::tokens::Given;
use super::external::ExternalAccount;
use super::read;
use super::service_account::ServiceAccount;
use crate::net::Method;
use crate::secret::Secret;

pub(super) const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// Where `gcloud auth application-default login` puts it.
const WELL_KNOWN: &str = "application_default_credentials.json";
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

/// What a file holds, by its field `type`.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Credentials {
    ServiceAccount(ServiceAccount),
    AuthorizedUser(AuthorizedUser),
    ExternalAccount(Box<ExternalAccount>),
}

/// Who logged in with `gcloud`.
#[derive(Deserialize)]
pub(super) struct AuthorizedUser {
    client_id: String,
    client_secret: String,
    refresh_token: String,
}

/// The credentials that a file holds, if the environment or a home directory has one.
pub(super) fn find(errand: &Errand<'_>) -> Result<Option<Credentials>, Error> {
    let Some(path) = errand.variable(VARIABLE).or_else(|| well_known(errand)) else { return Ok(None) };
    let text = errand.file(VARIABLE, &path)?;
    let odd = |_| {
        // The words of the parser may repeat a value.
        let why = format!("names {path}, which is not a file with credentials of a known type");
        Error::Setting {
            name: VARIABLE,
            why,
            hint: Some("known are service_account, authorized_user and external_account"),
        }
    };
    serde_json::from_slice(text.expose()).map(Some).map_err(odd)
}

fn well_known(errand: &Errand<'_>) -> Option<String> {
    let folder =
        errand.variable("CLOUDSDK_CONFIG").or_else(|| Some(format!("{}/.config/gcloud", errand.variable("HOME")?)))?;
    let path = format!("{folder}/{WELL_KNOWN}");
    std::path::Path::new(&path).is_file().then_some(path)
}

impl Credentials {
    pub(super) async fn ask(&self, errand: &Errand<'_>) -> Result<Given<Secret>, Error> {
        match self {
            Self::ServiceAccount(account) => account.ask(errand).await,
            Self::AuthorizedUser(user) => user.ask(errand).await,
            Self::ExternalAccount(account) => account.ask(errand).await,
        }
    }
}

impl AuthorizedUser {
    async fn ask(&self, errand: &Errand<'_>) -> Result<Given<Secret>, Error> {
        let question =
            Question::new(Method::POST, errand.url(TOKEN_URL), "Google's token service", "a token of a gcloud user");
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.client_id),
            ("client_secret", &self.client_secret),
            ("refresh_token", &self.refresh_token),
        ];
        let hidden = [&self.client_secret, &self.refresh_token].map(|text| Secret::new(text.as_str()));
        let question = question.form(&fields).hiding(&hidden[0]).hiding(&hidden[1]).hint(hint);
        read(&question, &errand.ask_json(&question).await?, Timestamp::now())
    }
}

fn hint(refusal: &Refusal<'_>) -> Option<&'static str> {
    (refusal.code == "invalid_grant").then_some("log in again: gcloud auth application-default login")
}
