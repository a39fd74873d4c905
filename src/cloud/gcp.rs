//! Google Cloud: an access token by the application default credentials, which is a login of its registries.

mod external;
mod file;
mod metadata;
mod service_account;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::clouds::Login;
use super::endpoints::is_host_name;
use super::errand::{Errand, Question, is_word};
use super::error::Error;
use super::tokens::Given;
use crate::secret::Secret;

const USERNAME: &str = "oauth2accesstoken";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// `gcr.io` and what is below it, Artifact Registry, and that of S3NS.
pub(super) fn is_registry(host: &str) -> bool {
    let below = |end: &str| host.strip_suffix(end).is_some_and(is_host_name);
    ["gcr.io", "docker.s3nsregistry.fr"].contains(&host) || below(".gcr.io") || below("-docker.pkg.dev")
}

/// The access token as a login of any of Google's registries.
pub(super) async fn registry_login(errand: &Errand<'_>) -> Result<Given<Login>, Error> {
    let Given { token, expires_at } = access_token(errand).await?;
    Ok(Given { token: Login { username: USERNAME.to_owned(), password: token }, expires_at })
}

/// The file that the environment names, the one that `gcloud` left, else the metadata service.
async fn access_token(errand: &Errand<'_>) -> Result<Given<Secret>, Error> {
    match file::find(errand)? {
        Some(file) => file.ask(errand).await,
        None => metadata::ask(errand).await,
    }
}

/// The token of an answer, and how long it lives.
fn read(question: &Question, answer: &Value, now: Timestamp) -> Result<Given<Secret>, Error> {
    let token = answer.get("access_token").and_then(Value::as_str).filter(|text| is_word(text));
    let token = token.ok_or_else(|| question.odd("no token in the answer"))?;
    let lifetime = answer.get("expires_in").and_then(Value::as_i64).map(SignedDuration::from_secs);
    let end = lifetime.and_then(|lifetime| now.checked_add(lifetime).ok());
    let end = end.ok_or_else(|| question.odd("the token's end is not a time"))?;
    Ok(Given { token: Secret::new(token), expires_at: end })
}
