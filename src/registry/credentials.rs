//! Who asks: the credential for one registry, and how its user allows it to be used.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use crate::cloud::Provider;
use crate::net::Connection;
use crate::registry::Fault;
use crate::registry::text::shown;
use crate::secret::Secret;

/// What a caller may show to a registry. Resolved by the driver; printed without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Credentials {
    Basic {
        username: String,
        password: Secret,
    },
    /// A refresh token that the registry's token server turns into access tokens (`identitytoken`).
    IdentityToken {
        token: Secret,
    },
    /// A bearer token that the registry takes as it is (`registrytoken`).
    RegistryToken {
        token: Secret,
    },
    /// None that can be shown: a program keeps it (`docker-credential-HELPER`), which is not run.
    Kept {
        helper: String,
    },
    /// None that can be shown: the Secrets that were named have none for this repository.
    Absent {
        secrets: String,
    },
    /// None that can be shown: they are not of the object that asks, and whoever wrote its `field` could read them.
    Withheld {
        whose: &'static str,
        field: &'static str,
    },
}

/// How one repository is asked. Requests for one repository with equal accesses are the same request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Access {
    /// Tried in order, the next when access is denied with the one before. Without any, the registry is asked anonymously.
    pub credentials: Vec<Credentials>,
    pub sources: Sources,
    /// Whose tokens are shown; then `credentials` are not.
    pub cloud: Option<Provider>,
    /// How the registry and its token server are reached.
    pub connection: Connection,
    /// Plain HTTP, and credentials over it.
    pub insecure: bool,
    /// For a whole operation; the client's limit if absent.
    pub timeout: Option<Duration>,
}

/// Where credentials are from, in words and in their order; an empty text where there is nothing to say. It is told when
/// access is denied and changes nothing else: accesses that differ in it are equal.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<String>);

impl From<Vec<String>> for Sources {
    fn from(sources: Vec<String>) -> Self {
        Self(sources)
    }
}

impl PartialEq for Sources {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Sources {}

impl Hash for Sources {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// Who one request comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    Anonymous,
    Known(Credentials),
    /// Whoever this process is to the cloud.
    Cloud(Provider),
}

impl Access {
    /// Who may ask, in the order in which they do.
    pub(super) fn identities(&self) -> Vec<Identity> {
        match (self.cloud, self.credentials.as_slice()) {
            (Some(provider), _) => vec![Identity::Cloud(provider)],
            (None, []) => vec![Identity::Anonymous],
            (None, credentials) => {
                let mut identities: Vec<Identity> = credentials.iter().map(Identity::of).collect();
                identities.dedup();
                identities
            }
        }
    }

    /// A denial with what the registry may have wanted to see, where there is something that is not shown.
    pub(super) fn explain(&self, denial: Fault) -> Fault {
        let unshown = self.credentials.iter().find(|credentials| !credentials.is_shown());
        match unshown {
            Some(Credentials::Kept { helper }) => Fault::Helper { helper: shown(helper), denial: Box::new(denial) },
            Some(Credentials::Absent { secrets }) => {
                Fault::NoEntry { secrets: secrets.clone(), denial: Box::new(denial) }
            }
            Some(Credentials::Withheld { whose, field }) => Fault::Withheld { whose, field, denial: Box::new(denial) },
            _ => denial,
        }
    }

    /// What would be shown first, in words; `None` for nobody.
    pub(super) fn given(&self) -> Option<String> {
        self.identities().first().and_then(|identity| self.named(identity))
    }

    /// One of those who may ask, in words and with where the credential is from, without a secret; `None` for nobody.
    pub(super) fn named(&self, identity: &Identity) -> Option<String> {
        let named = match identity {
            Identity::Anonymous => return None,
            Identity::Cloud(provider) => return Some(format!("the login that {provider} gives")),
            Identity::Known(credentials) => credentials.named(),
        };
        let is_asking = |credentials: &Credentials| Identity::of(credentials) == *identity;
        let source = self.credentials.iter().position(is_asking).and_then(|at| self.sources.0.get(at));
        Some(match source.filter(|source| !source.is_empty()) {
            Some(source) => format!("{named} from {source}"),
            None => named,
        })
    }
}

impl Identity {
    fn of(credentials: &Credentials) -> Self {
        match credentials {
            known if known.is_shown() => Self::Known(known.clone()),
            _ => Self::Anonymous,
        }
    }

    /// What must not be told.
    pub(super) fn secrets(&self) -> Vec<&[u8]> {
        match self {
            Self::Known(credentials) => credentials.secrets(),
            Self::Anonymous | Self::Cloud(_) => Vec::new(),
        }
    }
}

impl Credentials {
    /// Whether there is something that a registry gets to see.
    pub fn is_shown(&self) -> bool {
        !matches!(self, Self::Kept { .. } | Self::Absent { .. } | Self::Withheld { .. })
    }

    /// What must not be told, as it is sent.
    pub(super) fn secrets(&self) -> Vec<&[u8]> {
        match self {
            Self::Basic { password, .. } => vec![password.expose()],
            Self::IdentityToken { token } | Self::RegistryToken { token } => vec![token.expose()],
            Self::Kept { .. } | Self::Absent { .. } | Self::Withheld { .. } => Vec::new(),
        }
    }

    /// The credential in a sentence, without the secret: `asked with the password of alice`.
    fn named(&self) -> String {
        match self {
            Self::Basic { username, .. } => format!("the password of {}", shown(username)),
            Self::IdentityToken { .. } => "an identity token".to_owned(),
            Self::RegistryToken { .. } => "a registry token".to_owned(),
            Self::Kept { helper } => format!("what docker-credential-{} keeps", shown(helper)),
            Self::Absent { secrets } => format!("what Secret {secrets} has for it"),
            Self::Withheld { whose, .. } => (*whose).to_owned(),
        }
    }
}
