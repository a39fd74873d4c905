//! The command line: one file per verb. Data goes to stdout, talk to stderr.
//!
//! Exit codes: 0 done; 1 done, but `select` found no tag that qualifies, or `--exit-code` found changes; 2 error.

mod access;
mod build;
mod certificates;
mod completion;
#[cfg(feature = "cluster")]
mod controller;
mod crds;
mod demo;
mod failure;
mod findings;
mod git;
mod guard;
mod history;
mod hooks;
mod images;
mod input;
mod ledger;
mod login;
mod memory;
mod objects;
mod output;
mod reference;
mod registries;
mod replace;
mod report;
mod scan;
mod select;
mod service;
mod source;
mod sync;
mod template;
mod told;
mod update;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use tokio::runtime::{Builder, Runtime};

pub use reference::markdown;
pub use told::Told;

use crate::telemetry::{LogFormat, LogLevel};
use failure::Failure;

/// Keeps the images in a Git repository up to date, by policy, with an audit trail.
///
/// Tagwright lists the tags of image repositories, selects the latest image of each policy, rewrites exactly the
/// marked fields in Git and commits with a message people can audit. It reads the Flux objects that you have.
#[derive(Debug, Parser)]
#[command(name = "tagwright", version, propagate_version = true, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// From which level on events are logged to stderr
    #[arg(long, global = true, value_enum, default_value_t = LogLevel::Warn, value_name = "LEVEL")]
    pub log_level: LogLevel,

    /// How events are written
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,

    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Scan(scan::Args),
    Select(select::Args),
    Update(update::Args),
    Sync(sync::Args),
    #[cfg(feature = "cluster")]
    Controller(Box<controller::Args>),
    Build(Box<build::Args>),
    Images(Box<images::Args>),
    Template(template::Args),
    History(Box<history::Args>),
    Ledger(ledger::Args),
    Crds(crds::Args),
    Demo(demo::Args),
    Completion(completion::Args),
}

/// How a verb prints its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For machines
    Json,
}

/// What a verb that did its work has to say to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// Done, and the answer is no: no tag qualifies, or `--exit-code` found changes.
    Negative,
    /// Some objects failed; they were reported one by one.
    PartlyFailed,
}

/// Runs the verb and gives the exit code.
pub fn run(cli: &Cli) -> ExitCode {
    match perform(&cli.verb) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Negative) => ExitCode::from(1),
        Ok(Outcome::PartlyFailed) => ExitCode::from(2),
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(failure.cause());
            ExitCode::from(2)
        }
    }
}

fn perform(verb: &Verb) -> Result<Outcome, Failure> {
    match verb {
        Verb::Scan(args) => scan::run(args),
        Verb::Select(args) => select::run(args),
        Verb::Update(args) => update::run(args),
        Verb::Sync(args) => sync::run(args),
        #[cfg(feature = "cluster")]
        Verb::Controller(args) => controller::run(args),
        Verb::Build(args) => build::run(args),
        Verb::Images(args) => images::run(args),
        Verb::Template(args) => template::run(args),
        Verb::History(args) => history::run(args),
        Verb::Ledger(args) => ledger::run(args),
        Verb::Crds(args) => crds::run(args),
        Verb::Demo(args) => demo::run(args),
        Verb::Completion(args) => completion::run(args),
    }
}

/// The runtime of the verbs that do many things at once.
fn runtime() -> Result<Runtime, Failure> {
    built(&mut Builder::new_multi_thread())
}

/// The runtime of the verbs that ask registries and are done. On one thread no answer has to wake another: pages come in
/// less than half the time.
fn one_thread() -> Result<Runtime, Failure> {
    built(&mut Builder::new_current_thread())
}

fn built(builder: &mut Builder) -> Result<Runtime, Failure> {
    builder.enable_all().build().map_err(|error| Failure::from(error).doing("starting the runtime"))
}
