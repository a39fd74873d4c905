//! Who asks: the credential for one registry, and how its user allows it to be used.

use std::time::Duration;

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
}

/// How one repository is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    pub credentials: Option<Credentials>,
    /// Plain HTTP, and credentials over it.
    pub insecure: bool,
    /// For a whole operation; the client's limit if absent.
    pub timeout: Option<Duration>,
}

impl Credentials {
    /// The credential in a sentence, without the secret: `asked with the password of alice`.
    pub(super) fn named(&self) -> String {
        match self {
            Self::Basic { username, .. } => format!("the password of {}", shown(username)),
            Self::IdentityToken { .. } => "an identity token".to_owned(),
            Self::RegistryToken { .. } => "a registry token".to_owned(),
        }
    }
}
