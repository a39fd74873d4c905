//! Tokens of clouds, for Git servers and registries: who we are becomes a credential that ends soon.
//!
//! In: an identity as a Secret, the environment or a metadata service holds it. Out: a token, kept until shortly before
//! it expires. Nobody else asks metadata services.

mod aws;
mod azure;
mod clouds;
mod endpoints;
mod environment;
mod errand;
mod error;
mod gcp;
mod git;
mod github;
mod tokens;

pub use aws::{AwsKeys, Signable, aws_authorization};
pub use clouds::{Clouds, Provider, RegistryLogin};
pub use endpoints::Endpoints;
pub use environment::Environment;
pub use error::{Error, SettingError};
pub use git::GitLogin;
pub use github::{GithubApp, GithubSettings, GithubToken, GithubTokens, Installation};
