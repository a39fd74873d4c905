//! The driver without a cluster: objects from YAML files, Secrets from files and the environment.
//!
//! A [`World`] is what the files say. [`round`] runs the four steps over it once; a [`Watch`] runs them again and again
//! for what is due. Both give a [`Report`].

mod advice;
mod agenda;
mod automate;
mod inputs;
mod jobs;
mod lanes;
mod looks;
mod plan;
mod report;
mod round;
mod rounds;
mod runs;
mod secrets;
mod watch;
mod workers;

pub use agenda::{Agenda, Ended};
pub use inputs::{InputError, Inputs, World};
pub use lanes::Lanes;
pub use report::{AutomationReport, LatestReport, PassedOverReport, PolicyReport, Report};
pub use round::{Context, latest, round};
pub use secrets::{SECRETS_FROM_OUTSIDE, SecretSource};
pub use watch::Watch;
