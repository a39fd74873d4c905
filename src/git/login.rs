//! Who asks a remote over http, request by request: nobody, a fixed credential, or a token that is renewed.

use reqwest::header::HeaderValue;
use tokio::runtime::Handle;

use super::credentials::{Auth, authorization};
use super::error::Fault;
use super::{Git, Remote};
use crate::cloud::{Clouds, GitLogin, GithubApp, GithubToken, GithubTokens, Provider};
use crate::net::{Connection, Deadline, Http, StatusCode, Url};
use crate::secret::Secret;

/// The user under which GitHub takes the tokens of apps.
const APP_USER: &str = "x-access-token";

/// What becomes the `Authorization` header of each request.
pub(super) enum Login {
    Fixed(Option<HeaderValue>),
    App { app: Box<GithubApp>, tokens: GithubTokens, http: Http, runtime: Handle },
    Cloud { provider: Provider, url: Box<Url>, clouds: Clouds, http: Http, runtime: Handle },
}

/// The header of one request, and what it is made of if that may be replaced.
pub(super) struct Presented {
    pub(super) header: Option<HeaderValue>,
    kept: Option<Kept>,
}

/// A credential from before, which may have become too old.
enum Kept {
    Token(Secret),
    Login(GitLogin),
}

impl Login {
    /// `http` is the way to the remote at `url`, and to GitHub's API; no request yet.
    pub(super) fn new(git: &Git, remote: &Remote, url: &Url, http: &Http) -> Result<Self, Fault> {
        match &remote.auth {
            Auth::Cloud(provider) => {
                git.clouds.check_git(*provider, url)?;
                // Tokens of this machine go to the cloud: what the remote's authorities vouch for does not get them.
                let way = Connection { proxy: remote.connection.proxy.clone(), ..Connection::default() };
                let (clouds, runtime, url) = (git.clouds.clone(), git.runtime.clone(), Box::new(url.clone()));
                Ok(Self::Cloud { provider: *provider, url, clouds, http: git.http.over(&way)?, runtime })
            }
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
            Self::Cloud { provider, url, clouds, http, runtime } => {
                let login = clouds.git_login(http, *provider, url, None, deadline);
                presented_login(runtime.block_on(login)?)
            }
        }
    }

    /// Whether this status may mean that the credential is too old. CodeCommit says so with a 403.
    pub(super) fn is_refusal(&self, status: StatusCode) -> bool {
        let is_codecommit = matches!(self, Self::Cloud { provider: Provider::Aws, .. });
        status == StatusCode::UNAUTHORIZED || (is_codecommit && status == StatusCode::FORBIDDEN)
    }

    /// After a refusal: another credential, if the one that was refused may just be too old.
    pub(super) fn renew(&self, refused: &Presented, deadline: Deadline) -> Result<Option<Presented>, Fault> {
        match (self, &refused.kept) {
            (Self::App { app, tokens, http, runtime }, Some(Kept::Token(token))) => {
                presented(runtime.block_on(tokens.renew(http, app, token, deadline))?).map(Some)
            }
            (Self::Cloud { provider, url, clouds, http, runtime }, Some(Kept::Login(login))) => {
                let login = clouds.git_login(http, *provider, url, Some(login), deadline);
                presented_login(runtime.block_on(login)?).map(Some)
            }
            _ => Ok(None),
        }
    }
}

fn presented_login(login: GitLogin) -> Result<Presented, Fault> {
    let auth = match login.username.as_ref().and_then(Secret::expose_text) {
        Some(username) => Auth::Basic { username: username.to_owned(), password: login.secret.clone() },
        None => Auth::Bearer(login.secret.clone()),
    };
    Ok(Presented { header: authorization(&auth)?, kept: (!login.is_new).then_some(Kept::Login(login)) })
}

fn presented(given: GithubToken) -> Result<Presented, Fault> {
    let basic = Auth::Basic { username: APP_USER.to_owned(), password: given.token.clone() };
    Ok(Presented { header: authorization(&basic)?, kept: (!given.is_new).then_some(Kept::Token(given.token)) })
}
