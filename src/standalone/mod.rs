//! The driver without a cluster: objects from YAML files, Secrets from files and the environment.
//!
//! A [`World`] is what the files say. [`round`] runs the four steps over it once; a [`Watch`] runs them again and again
//! for what is due. Both give a [`Report`].

mod access;
mod agenda;
mod automate;
mod decide;
mod git_secret;
mod inputs;
mod lanes;
mod latest;
mod looks;
mod plan;
mod remote;
mod report;
mod round;
mod rounds;
mod runs;
mod secrets;
mod signing;
mod watch;
mod workers;

pub use access::access_name;
pub use agenda::{Agenda, Ended};
pub use decide::{Patterns, Selecting, Undecided};
pub use inputs::{InputError, Inputs, World};
pub use lanes::Lanes;
pub use report::{AutomationReport, LatestReport, PassedOverReport, PolicyReport, Report};
pub use round::{Context, latest, round};
pub use secrets::{SECRETS_FROM_OUTSIDE, SecretSource};
pub use signing::Signers;
pub use watch::Watch;
