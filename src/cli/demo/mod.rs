//! `tagwright demo`: the whole story on this machine, with the commands to repeat it by hand.
//!
//! The story is told by the verbs themselves: each step is a command line that is printed and then run.

mod registry;
mod world;

use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::failure::Failure;
use super::{Cli, Outcome, output};
use crate::telemetry::Shutdown;
use registry::DemoRegistry;

/// Tells the whole story on this machine: registry, policy, commit, audit trail
///
/// Starts a registry inside this process and makes a local bare repository with manifests; then a new tag appears.
/// Needs nothing installed and no network.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tagwright demo
  tagwright demo --keep /tmp/demo --wait")]
pub(super) struct Args {
    /// Leave the repository, the objects and the list of tags in this directory, which must be empty or absent
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,

    /// In the end keep the registry running until SIGINT, so that every step can be repeated by hand
    #[arg(long)]
    wait: bool,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let temporary = tempfile::tempdir()?;
    let folder = match &args.keep {
        Some(folder) => world::empty_folder(folder)?,
        None => temporary.path().to_owned(),
    };
    let registry = DemoRegistry::start(&["1.0.0", "1.0.1", "1.1.0-rc.1"])?;
    world::create(&folder, &registry.image())?;
    tell(&folder, &registry)?;
    if args.keep.is_some() || args.wait {
        let repository = folder.join("infrastructure.git");
        output::text(&format!("\nThe commit as Git shows it:  git --git-dir {} show\n", repository.display()))?;
    }
    if args.wait {
        wait(&registry)?;
    } else if args.keep.is_some() {
        output::talk("The registry ends with this process; --wait keeps it running.");
    } else {
        output::talk("All of it is removed again; `tagwright demo --keep DIR --wait` leaves it for you to look at.");
    }
    Ok(Outcome::Done)
}

fn tell(folder: &Path, registry: &DemoRegistry) -> Result<(), Failure> {
    let (image, place) = (registry.image(), |name: &str| folder.join(name).display().to_string());
    let (objects, state, repository) = (place("objects"), place("state"), place("infrastructure.git"));
    let sync = ["sync", "--objects", &objects, "--state", &state];
    chapter("A registry on this machine holds three tags. The policy wants ^1.0:")?;
    step(&["select", &image, "--semver", "^1.0", "--explain"])?;
    chapter("The manifests in the repository run 1.0.0, the policy says 1.0.1. One sync brings them there:")?;
    step(&sync)?;
    chapter("Nothing is left to do:")?;
    step(&sync)?;
    registry.push("1.1.0");
    chapter("Tag 1.1.0 appears in the registry. What would happen?")?;
    step(&[&sync[..], &["--dry-run"]].concat())?;
    chapter("Then let it happen:")?;
    step(&sync)?;
    chapter("The audit trail is Git itself:")?;
    step(&["history", &repository, "--state", &state])
}

fn chapter(text: &str) -> Result<(), Failure> {
    output::text(&format!("\n{}\n", output::styled(output::STRONG, text)))
}

/// Prints a command line and runs it in this process.
fn step(args: &[&str]) -> Result<(), Failure> {
    let quoted =
        args.iter().map(|arg| if arg.contains(['^', ' ', '*']) { format!("'{arg}'") } else { (*arg).to_owned() });
    let command = quoted.collect::<Vec<_>>().join(" ");
    output::text(&format!("{}\n", output::styled(output::DIM, &format!("$ tagwright {command}"))))?;
    let cli = Cli::try_parse_from(["tagwright"].iter().chain(args))?;
    match super::perform(&cli.verb)? {
        Outcome::PartlyFailed => Err(Failure::new(format!("the step `tagwright {command}` failed"))),
        Outcome::Done | Outcome::Negative => Ok(()),
    }
}

fn wait(registry: &DemoRegistry) -> Result<(), Failure> {
    output::talk(&format!(
        "The registry of {} runs until Ctrl-C; the commands above can be repeated.",
        registry.image()
    ));
    let runtime = super::runtime()?;
    runtime.block_on(async {
        Shutdown::listen()?.asked().await;
        Ok(())
    })
}
