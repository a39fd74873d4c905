//! The door to the clouds: a provider and a registry's host in, a login for that registry out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use super::environment::Environment;
use super::error::Error;
use crate::net::{Deadline, Http};
use crate::secret::Secret;

/// Who vouches for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    Aws,
    Azure,
    Gcp,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
        })
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

/// Where other servers stand in for those of the clouds.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// What is asked of `https://HOST/PATH` is asked of `BASE/HOST/PATH` instead, whatever the host.
    pub base: Option<Url>,
    /// Registries that count as others: `127.0.0.1:5000` as `123456789012.dkr.ecr.eu-west-1.amazonaws.com`.
    pub registries: BTreeMap<String, String>,
}

/// The identities and tokens of one process. Clones share them.
#[derive(Clone, Debug)]
pub struct Clouds(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    environment: Environment,
    endpoints: Endpoints,
}

impl Clouds {
    /// As the environment of this process says. Nothing is read or asked yet.
    pub fn from_env() -> Self {
        Self::new(Environment::of_process(), Endpoints::default())
    }

    pub fn new(environment: Environment, endpoints: Endpoints) -> Self {
        Self(Arc::new(Shared { environment, endpoints }))
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
        self.login(http, provider, host, Some(&refused.password), deadline).await
    }

    async fn login(
        &self,
        _http: &Http,
        provider: Provider,
        host: &str,
        _refused: Option<&Secret>,
        _deadline: Deadline,
    ) -> Result<RegistryLogin, Error> {
        let Shared { environment, endpoints } = self.0.as_ref();
        let host = endpoints.registries.get(host).map_or(host, String::as_str).to_owned();
        let named = environment.get("AWS_REGION").filter(|_| provider == Provider::Aws);
        Err(Error::Unsupported { provider, host: named.map_or(host.clone(), |region| format!("{host} ({region})")) })
    }
}
