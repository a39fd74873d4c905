//! Tokens of clouds, for Git servers and registries: who we are becomes a credential that ends soon.
//!
//! In: an identity as a Secret holds it. Out: a token, kept until shortly before it expires.

mod error;
mod github;
mod provider;
mod tokens;

pub use error::{Error, SettingError};
pub use github::{GithubApp, GithubSettings, Installation};
pub use provider::Provider;
pub use tokens::{GithubToken, GithubTokens};
