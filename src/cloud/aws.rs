//! AWS: keys of the chain that its SDKs follow, and what they are good for: logins of ECR and of CodeCommit.

mod codecommit;
mod container;
mod ecr;
mod endpoint;
mod instance;
mod keys;
mod registry;
mod sigv4;
mod web_identity;

pub(super) use codecommit::{CodeCommit, git_login};
pub(super) use ecr::ecr_login;
pub use keys::AwsKeys;
pub(super) use registry::Registry;
pub use sigv4::{Signable, aws_authorization};
