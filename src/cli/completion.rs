//! `tagwright completion`: scripts for shells.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::failure::Failure;
use super::{Cli, Outcome, output};

/// Prints the completion script of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  source <(tagwright completion bash)
  tagwright completion zsh > ~/.zfunc/_tagwright")]
pub(super) struct Args {
    /// The shell to complete for
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "tagwright", &mut script);
    output::raw(&script)?;
    Ok(Outcome::Done)
}
