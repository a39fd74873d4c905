//! GitHub Apps: a signed statement of who we are, exchanged for a token of an installation.
//!
//! After <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app>
//! and <https://docs.github.com/en/rest/apps/apps>. An installation that is named by its owner is looked up by
//! `GET /orgs/{org}/installation`, then by `GET /users/{username}/installation`: two requests at most, however many
//! installations the app has.

mod tokens;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};

pub use tokens::{GithubToken, GithubTokens};

use super::error::{Error, SettingError, fit_for_terminal};
use super::tokens::{Fingerprint, Given, fingerprint};
use crate::net::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use crate::net::{self, Answer, Deadline, Http, Method, Request, StatusCode, Url, host, is_loopback};
use crate::secret::Secret;

const BASE_URL: &str = "https://api.github.com";
const API_VERSION: HeaderValue = HeaderValue::from_static("2022-11-28");
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.github+json");
/// The answers are a few kilobytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// GitHub advises 60 s, against clocks that differ.
const ISSUED_BEFORE: SignedDuration = SignedDuration::from_secs(60);
/// GitHub takes at most ten minutes by its own clock; ours may be ahead.
const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// A GitHub App on one account, and the key to speak for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GithubApp {
    id: String,
    installation: Installation,
    base: Url,
    key: Secret,
}

/// The same as text, as a Secret holds it.
#[derive(Clone, Debug)]
pub struct GithubSettings<'a> {
    pub app_id: &'a str,
    pub installation: Installation,
    /// Of the API; GitHub's own without one.
    pub base_url: Option<&'a str>,
    /// RSA, in PEM.
    pub private_key: Secret,
}

/// Where an app is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installation {
    Id(String),
    /// The only installation on this user's or organization's account.
    Owner(String),
}

impl fmt::Display for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "installation {id}"),
            Self::Owner(owner) => write!(f, "installation of {owner}"),
        }
    }
}

impl fmt::Display for GithubApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitHub App {} ({})", self.id, self.installation)
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iat: i64,
    exp: i64,
    iss: &'a str,
}

#[derive(Deserialize)]
struct InstallationAnswer {
    id: u64,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: String,
    expires_at: String,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl GithubApp {
    pub fn new(settings: GithubSettings<'_>) -> Result<Self, SettingError> {
        let GithubSettings { app_id, installation, base_url, private_key } = settings;
        let app_id = app_id.trim();
        if !is_word(app_id, "._-") {
            return Err(SettingError::AppId);
        }
        let installation = match installation {
            Installation::Id(id) if id.trim().parse::<u64>().is_err() => return Err(SettingError::InstallationId),
            Installation::Id(id) => Installation::Id(id.trim().to_owned()),
            Installation::Owner(owner) if !is_word(owner.trim(), "-_") => return Err(SettingError::Owner),
            Installation::Owner(owner) => Installation::Owner(owner.trim().to_owned()),
        };
        EncodingKey::from_rsa_pem(private_key.expose()).map_err(|_| SettingError::Key)?;
        let base = base_of(base_url.map(str::trim).filter(|base| !base.is_empty()).unwrap_or(BASE_URL))?;
        Ok(Self { id: app_id.to_owned(), installation, base, key: private_key })
    }

    /// Tells apps, installations, servers and keys apart, and cannot be turned back into a key.
    fn fingerprint(&self) -> Fingerprint {
        let installation = self.installation.to_string();
        let parts = [self.id.as_bytes(), installation.as_bytes(), self.base.as_str().as_bytes(), self.key.expose()];
        fingerprint(&parts)
    }

    /// Asks GitHub for a new token.
    async fn ask(&self, http: &Http, now: Timestamp, deadline: Deadline) -> Result<Given<Secret>, Error> {
        let statement = self.statement(now)?;
        let id = match &self.installation {
            Installation::Id(id) => id.clone(),
            Installation::Owner(owner) => self.look_up(owner, http, &statement, deadline).await?,
        };
        let path = format!("/app/installations/{id}/access_tokens");
        let answer = self.call(Method::POST, &path, http, &statement, deadline).await?;
        let given: TokenAnswer = self.read(&answer, "no token with its end in the answer")?;
        let expires_at = given.expires_at.parse().map_err(|_| self.answer_error("the token's end is not a time"))?;
        // It goes into a header: what does not fit there is none.
        if given.token.is_empty() || !given.token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.answer_error("the token is not one word"));
        }
        Ok(Given { token: Secret::new(given.token), expires_at })
    }

    async fn look_up(
        &self,
        owner: &str,
        http: &Http,
        statement: &HeaderValue,
        deadline: Deadline,
    ) -> Result<String, Error> {
        let organization = format!("/orgs/{owner}/installation");
        let mut answer = self.call(Method::GET, &organization, http, statement, deadline).await?;
        if answer.status == StatusCode::NOT_FOUND {
            let user = format!("/users/{owner}/installation");
            answer = self.call(Method::GET, &user, http, statement, deadline).await?;
        }
        self.read(&answer, "no installation in the answer").map(|found: InstallationAnswer| found.id.to_string())
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        http: &Http,
        statement: &HeaderValue,
        deadline: Deadline,
    ) -> Result<Answer, Error> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        let request = Request::new(method, url, ANSWER_BYTES_MAX)
            .header(ACCEPT, MEDIA_TYPE)
            .header(HeaderName::from_static("x-github-api-version"), API_VERSION)
            .header(AUTHORIZATION, statement.clone());
        http.fetch(&request, deadline).await.map_err(|source| self.net_error(source))
    }

    fn net_error(&self, source: net::Error) -> Error {
        Error::Net { host: self.host(), what: self.wanted(), source: Box::new(source), hint: None }
    }

    fn host(&self) -> String {
        host(&self.base)
    }

    /// The JSON of an answer that says yes.
    fn read<'a, T: Deserialize<'a>>(&self, answer: &'a Answer, what: &'static str) -> Result<T, Error> {
        if !answer.status.is_success() {
            return Err(Error::Refused {
                host: self.host(),
                what: self.wanted(),
                status: answer.status,
                code: String::new(),
                message: message(&answer.body),
                hint: hint(answer.status),
            });
        }
        serde_json::from_slice(&answer.body).map_err(|_| self.answer_error(what))
    }

    fn answer_error(&self, what: &'static str) -> Error {
        let hint = Some("githubAppBaseURL of GitHub Enterprise Server ends with /api/v3");
        Error::Answer { host: self.host(), expected: "GitHub's API", what, hint }
    }

    fn wanted(&self) -> String {
        format!("a token of {self}")
    }

    /// The statement of who we are (a JWT), as a header.
    fn statement(&self, now: Timestamp) -> Result<HeaderValue, Error> {
        let claims =
            Claims { iat: (now - ISSUED_BEFORE).as_second(), exp: (now + LIFETIME).as_second(), iss: &self.id };
        let signed = EncodingKey::from_rsa_pem(self.key.expose())
            .and_then(|key| jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key));
        let signed = signed.map_err(|source| Error::Sign { who: self.to_string(), source })?;
        let mut header = HeaderValue::try_from(format!("Bearer {signed}")).expect("a JWT is base64 and dots");
        header.set_sensitive(true);
        Ok(header)
    }
}

/// Names become parts of paths.
fn is_word(text: &str, more: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
    (1..=100).contains(&text.len()) && text.chars().all(fits) && text.contains(|c: char| c.is_ascii_alphanumeric())
}

/// The statement of who we are goes there, hence https, or this machine.
fn base_of(text: &str) -> Result<Url, SettingError> {
    let url: Url = text.parse().map_err(|error| SettingError::BaseUrl(format!("{error}")))?;
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        return Err(SettingError::NotHttps);
    }
    let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    match is_bare && url.fragment().is_none() {
        true => Ok(url),
        false => Err(SettingError::BaseUrl("it holds more than a host and a path".to_owned())),
    }
}

fn hint(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::UNAUTHORIZED => {
            Some("check githubAppID, that githubAppPrivateKey is of this app, and the clock of this machine")
        }
        StatusCode::NOT_FOUND => Some(
            "check that the app is installed there: githubAppInstallationID or githubAppInstallationOwner, \
             and githubAppBaseURL",
        ),
        StatusCode::FORBIDDEN => Some("the installation may be suspended, or GitHub limits the rate"),
        _ => None,
    }
}

/// What GitHub says, made fit for a terminal.
fn message(body: &[u8]) -> String {
    let said = serde_json::from_slice(body).map(|refusal: Refusal| refusal.message).unwrap_or_default();
    fit_for_terminal(&said)
}
