//! The `tagwright` program: arguments, telemetry, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use tagwright::cli::Cli;
use tagwright::telemetry;

fn main() -> ExitCode {
    let cli = Cli::parse();
    telemetry::start(cli.log_level, cli.log_format);
    tagwright::cli::run(&cli)
}
