//! The driver without a cluster: objects from YAML files, Secrets from files and the environment.
//!
//! A [`World`] is what the files say; [`round`] runs the four steps over it once and gives a [`Report`].

mod access;
mod automate;
mod decide;
mod git_secret;
mod inputs;
mod report;
mod round;
mod secrets;
mod signing;

pub use access::access_name;
pub use decide::Undecided;
pub use inputs::{InputError, World, read};
pub use report::{AutomationReport, LatestReport, PolicyReport, Report};
pub use round::{Context, Memory, latest, round};
pub use secrets::SecretSource;
pub use signing::Signers;
