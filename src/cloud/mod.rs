//! Tokens of clouds, for Git servers and registries: who we are becomes a credential that ends soon.
//!
//! In: an identity as a Secret, the environment or a metadata service holds it. Out: a token, kept until shortly before
//! it expires. Nobody else asks metadata services.

mod clouds;
mod environment;
mod error;
mod github;
mod tokens;

pub use clouds::{Clouds, Endpoints, Provider, RegistryLogin};
pub use environment::Environment;
pub use error::{Error, SettingError};
pub use github::{GithubApp, GithubSettings, GithubToken, GithubTokens, Installation};
