//! The door to the clouds: a provider and a server's host in, a login for that server out.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::endpoints::Endpoints;
use super::environment::Environment;
use super::errand::{Caches, Errand};
use super::error::Error;
use super::tokens::{Kept, fingerprint};
use super::{aws, azure, gcp};
use crate::net::{Deadline, Http};
use crate::secret::Secret;

/// Who vouches for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    Aws,
    Azure,
    Gcp,
}

impl Provider {
    fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a registry takes as user and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryLogin {
    pub username: String,
    pub password: Secret,
    pub until: Timestamp,
    /// Given just now, and not kept from before: to ask for another would change nothing.
    pub is_new: bool,
}

/// User and password, as they are kept.
#[derive(Clone, PartialEq)]
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: Secret,
}

/// The identities and tokens of one process. Clones share them.
#[derive(Clone, Debug)]
pub struct Clouds(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    environment: Environment,
    endpoints: Endpoints,
    caches: Caches,
}

/// Longer than a listing of tags may take; metadata services give the same token again until five minutes before its end.
const EXPIRES_SOON: SignedDuration = SignedDuration::from_mins(3);

impl Default for Clouds {
    fn default() -> Self {
        Self::from_env()
    }
}

impl Clouds {
    /// As the environment of this process says. Nothing is read or asked yet.
    pub fn from_env() -> Self {
        Self::new(Environment::of_process(), Endpoints::default())
    }

    pub fn new(environment: Environment, endpoints: Endpoints) -> Self {
        Self(Arc::new(Shared { environment, endpoints, caches: Caches::new(EXPIRES_SOON) }))
    }

    /// A login that is good for some minutes, from before or from the cloud. `http` is the way to the cloud's public
    /// endpoints: it may go through the proxy that an object names, but must not trust the authorities that an object
    /// brings, since tokens of this machine travel on it. Metadata services are asked directly.
    pub async fn registry_login(
        &self,
        http: &Http,
        provider: Provider,
        host: &str,
        deadline: Deadline,
    ) -> Result<RegistryLogin, Error> {
        self.login(http, provider, host, None, deadline).await
    }

    /// Another login than `refused`, which the registry did not accept though it should be good.
    pub async fn renew_registry_login(
        &self,
        http: &Http,
        provider: Provider,
        host: &str,
        refused: &RegistryLogin,
        deadline: Deadline,
    ) -> Result<RegistryLogin, Error> {
        let refused = Login { username: refused.username.clone(), password: refused.password.clone() };
        self.login(http, provider, host, Some(&refused), deadline).await
    }

    async fn login(
        &self,
        http: &Http,
        provider: Provider,
        host: &str,
        refused: Option<&Login>,
        deadline: Deadline,
    ) -> Result<RegistryLogin, Error> {
        let errand = self.errand(http, deadline);
        let host = errand.endpoints.true_name(host);
        let kept = match provider {
            Provider::Aws => {
                let registry =
                    aws::Registry::parse(host).ok_or_else(|| stranger(host, provider, provider.registries()))?;
                let key = fingerprint(&[b"ecr", registry.api_host().as_bytes(), &http.fingerprint()]);
                let ask = async |_| aws::ecr_login(&errand, &registry).await;
                errand.caches.logins.get(key, refused, deadline, ask, || errand.late(registry.api_host())).await
            }
            Provider::Azure => {
                azure::check_registry(&errand, host)?;
                let key = fingerprint(&[b"acr", host.as_bytes(), &http.fingerprint()]);
                let ask = async |_| azure::acr_login(&errand, host).await;
                errand.caches.logins.get(key, refused, deadline, ask, || errand.late(host)).await
            }
            Provider::Gcp if !gcp::is_registry(host) => Err(stranger(host, provider, provider.registries())),
            Provider::Gcp => {
                let key = fingerprint(&[b"gcp", &http.fingerprint()]);
                let ask = async |_| gcp::registry_login(&errand).await;
                errand.caches.logins.get(key, refused, deadline, ask, || errand.late("the token service of gcp")).await
            }
        };
        kept.map(registry_login)
    }

    pub(super) fn endpoints(&self) -> &Endpoints {
        &self.0.endpoints
    }

    pub(super) fn errand<'a>(&'a self, http: &'a Http, deadline: Deadline) -> Errand<'a> {
        let Shared { environment, endpoints, caches } = self.0.as_ref();
        Errand { http, environment, endpoints, caches, deadline }
    }
}

fn registry_login(kept: Kept<Login>) -> RegistryLogin {
    let Kept { given, is_new } = kept;
    let Login { username, password } = given.token;
    RegistryLogin { username, password, until: given.expires_at, is_new }
}

pub(super) fn stranger(host: &str, provider: Provider, expected: &'static str) -> Error {
    Error::Stranger { host: host.to_owned(), provider, expected }
}

impl Provider {
    pub(super) fn registries(self) -> &'static str {
        match self {
            Self::Aws => "ACCOUNT.dkr.ecr.REGION.amazonaws.com or public.ecr.aws",
            Self::Azure => "NAME.azurecr.io, .cn, .de or .us",
            Self::Gcp => "REGION-docker.pkg.dev or gcr.io",
        }
    }
}
