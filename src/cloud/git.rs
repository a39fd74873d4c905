//! Logins for Git servers of clouds: AWS CodeCommit and Azure DevOps.

use super::aws::{AwsKeys, CodeCommit, git_login};
use super::azure::devops_token;
use super::clouds::{Clouds, Provider, stranger};
use super::error::Error;
use crate::net::{Deadline, Http, Url};
use crate::secret::Secret;

/// What a Git server takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitLogin {
    /// Without one the secret is a bearer token. CodeCommit's holds the session of the keys.
    pub username: Option<Secret>,
    pub secret: Secret,
    /// Made of what was given just now, and not kept from before: to ask for another would change nothing.
    pub is_new: bool,
    keys: Option<AwsKeys>,
}

impl Clouds {
    /// Whether the server of `url` is one that the provider's logins are for; others are never shown one.
    pub fn check_git(&self, provider: Provider, url: &Url) -> Result<(), Error> {
        let host = host(url);
        let host = self.endpoints().true_name(&host);
        let is_known = match provider {
            Provider::Aws => CodeCommit::parse(host).is_some(),
            Provider::Azure => host == "dev.azure.com" || host.ends_with(".visualstudio.com"),
            Provider::Gcp => false,
        };
        let expected = match provider {
            Provider::Aws => "git-codecommit.REGION.amazonaws.com",
            Provider::Azure => "dev.azure.com or ORGANIZATION.visualstudio.com",
            Provider::Gcp => "none: it has no Git servers",
        };
        if is_known { Ok(()) } else { Err(stranger(host, provider, expected)) }
    }

    /// A login for the repository at `url`; another than `refused`, which the server did not accept. For `http` the same
    /// holds as for registries.
    pub async fn git_login(
        &self,
        http: &Http,
        provider: Provider,
        url: &Url,
        refused: Option<&GitLogin>,
        deadline: Deadline,
    ) -> Result<GitLogin, Error> {
        self.check_git(provider, url)?;
        let (errand, host) = (self.errand(http, deadline), host(url));
        match CodeCommit::parse(errand.endpoints.true_name(&host)) {
            Some(place) => {
                let refused = refused.and_then(|login| login.keys.as_ref());
                let (login, kept) = git_login(&errand, &place, url.path(), refused).await?;
                let (username, keys) = (Some(Secret::new(login.username)), Some(kept.given.token));
                Ok(GitLogin { username, secret: login.password, is_new: kept.is_new, keys })
            }
            None => {
                let kept = devops_token(&errand, refused.map(|login| &login.secret)).await?;
                Ok(GitLogin { username: None, secret: kept.given.token, is_new: kept.is_new, keys: None })
            }
        }
    }
}

/// With a port that is not the scheme's own.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
