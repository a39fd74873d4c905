//! Tokens of GitHub Apps, kept until shortly before they expire.

use jiff::SignedDuration;

use super::super::error::Error;
use super::super::tokens::Tokens;
use super::GithubApp;
use crate::net::{self, Deadline, Http, Step};
use crate::secret::Secret;

/// Longer than one operation with a Git server may take; GitHub's tokens live an hour.
const EXPIRES_SOON: SignedDuration = SignedDuration::from_mins(5);

/// A token, and whether it was given just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GithubToken {
    pub token: Secret,
    pub is_new: bool,
}

/// The tokens of one process. Clones share them.
#[derive(Clone, Debug)]
pub struct GithubTokens(Tokens<Secret>);

impl Default for GithubTokens {
    fn default() -> Self {
        Self(Tokens::new(EXPIRES_SOON))
    }
}

impl GithubTokens {
    /// A token that is good for some minutes, from here or from GitHub. `http` is for the API.
    pub async fn token(&self, http: &Http, app: &GithubApp, deadline: Deadline) -> Result<GithubToken, Error> {
        self.get(http, app, None, deadline).await
    }

    /// Another token than `refused`, which a server did not accept though it should be good.
    pub async fn renew(
        &self,
        http: &Http,
        app: &GithubApp,
        refused: &Secret,
        deadline: Deadline,
    ) -> Result<GithubToken, Error> {
        self.get(http, app, Some(refused), deadline).await
    }

    async fn get(
        &self,
        http: &Http,
        app: &GithubApp,
        refused: Option<&Secret>,
        deadline: Deadline,
    ) -> Result<GithubToken, Error> {
        let ask = async |now| app.ask(http, now, deadline).await;
        let kept = self.0.get(app.fingerprint(), refused, deadline, ask, || app.timeout(deadline)).await?;
        Ok(GithubToken { token: kept.given.token, is_new: kept.is_new })
    }
}

impl GithubApp {
    /// Another request for the token took all the time.
    fn timeout(&self, deadline: Deadline) -> Error {
        let host = self.host();
        self.net_error(net::Error::Timeout { host, step: Step::Answer, after: deadline.limit() })
    }
}
