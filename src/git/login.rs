//! Who asks a remote over http, request by request: nobody, a fixed credential, or a token that is renewed.

use reqwest::header::HeaderValue;
use tokio::runtime::Handle;

use super::credentials::{Auth, authorization};
use super::error::Fault;
use super::{Git, Remote};
use crate::cloud::{GithubApp, GithubToken, GithubTokens};
use crate::net::{Deadline, Http};
use crate::secret::Secret;

/// The user under which GitHub takes the tokens of apps.
const APP_USER: &str = "x-access-token";

/// What becomes the `Authorization` header of each request.
pub(super) enum Login {
    Fixed(Option<HeaderValue>),
    App { app: Box<GithubApp>, tokens: GithubTokens, http: Http, runtime: Handle },
}

/// The header of one request, and what it is made of if that may be replaced.
pub(super) struct Presented {
    pub(super) header: Option<HeaderValue>,
    kept: Option<Secret>,
}

impl Login {
    /// `http` is for the servers that give tokens; no request yet.
    pub(super) fn new(git: &Git, remote: &Remote, http: &Http) -> Result<Self, Fault> {
        match &remote.auth {
            Auth::GithubApp(app) => {
                let (tokens, runtime) = (git.tokens.clone(), git.runtime.clone());
                Ok(Self::App { app: app.clone(), tokens, http: http.clone(), runtime })
            }
            auth => authorization(auth).map(Self::Fixed),
        }
    }

    /// Whether requests carry a credential.
    pub(super) fn is_given(&self) -> bool {
        !matches!(self, Self::Fixed(None))
    }

    pub(super) fn present(&self, deadline: Deadline) -> Result<Presented, Fault> {
        match self {
            Self::Fixed(header) => Ok(Presented { header: header.clone(), kept: None }),
            Self::App { app, tokens, http, runtime } => presented(runtime.block_on(tokens.token(http, app, deadline))?),
        }
    }

    /// After a 401: another credential, if the one that was refused may just be too old.
    pub(super) fn renew(&self, refused: &Presented, deadline: Deadline) -> Result<Option<Presented>, Fault> {
        match (self, &refused.kept) {
            (Self::App { app, tokens, http, runtime }, Some(token)) => {
                presented(runtime.block_on(tokens.renew(http, app, token, deadline))?).map(Some)
            }
            _ => Ok(None),
        }
    }
}

fn presented(given: GithubToken) -> Result<Presented, Fault> {
    let basic = Auth::Basic { username: APP_USER.to_owned(), password: given.token.clone() };
    Ok(Presented { header: authorization(&basic)?, kept: (!given.is_new).then_some(given.token) })
}
