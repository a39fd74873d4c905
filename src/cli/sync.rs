//! `tagwright sync`: the whole pipeline without a cluster, once or again and again.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::failure::Failure;
use super::git::{GitArgs, PushArgs};
use super::objects::ObjectArgs;
use super::report::{self, Json};
use super::{Format, Outcome, output, runtime};
use crate::api;
use crate::engine::update::Mode;
use crate::metrics::Metrics;
use crate::net::{Http, Settings};
use crate::registry::{Client, Limits};
use crate::standalone::{self, Context, Memory, Report, World};
use crate::telemetry::Shutdown;

/// How long a single run waits for the push budget; a repeated one leaves the push to a later round.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the whole pipeline without a cluster: scan, select, update, commit, push
///
/// Reads the objects from files, scans the image repositories, selects the latest image of each policy, rewrites the
/// marked fields of each automation's Git repository and pushes one commit per automation. Exit code 2 when an object
/// failed; the others are done all the same.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("inputs").required(true).args(["objects"]),
    after_help = "Examples:
  tagwright sync --objects ./clusters/production --dry-run
  tagwright sync --objects ./clusters/production --secret flux-system/git=env:GIT
  tagwright sync --objects ./clusters/production --secret flux-system/git=/run/secrets/git --every 1m"
)]
pub(super) struct Args {
    #[command(flatten)]
    objects: ObjectArgs,

    /// Repeat after this time, until SIGINT or SIGTERM; the run in hand is finished
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    every: Option<api::Duration>,

    /// Print the changes as a unified diff and push nothing
    #[arg(long)]
    dry_run: bool,

    /// Exit with 1 when something changed, or would
    #[arg(long)]
    exit_code: bool,

    /// Format of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,

    #[command(flatten)]
    git: GitArgs,

    #[command(flatten)]
    push: PushArgs,
}

fn interval(text: &str) -> Result<api::Duration, String> {
    match text.parse::<api::Duration>() {
        Ok(interval) if interval.get().is_zero() => Err("expected some time between two rounds".to_owned()),
        parsed => parsed.map_err(|error| error.to_string()),
    }
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let runtime = runtime()?;
    let metrics = Metrics::default();
    let http = Http::new(observed_by(&metrics))?;
    let context = Context {
        registry: Client::new(http.clone(), Limits::default()).with_registries(args.objects.registries.read()?),
        git: args.git.open(http, runtime.handle().clone())?.with_metrics(metrics.clone()),
        mode: if args.dry_run { Mode::DryRun } else { Mode::Push },
        signers: Default::default(),
        budget: args.push.budget(if args.every.is_some() { Duration::ZERO } else { PATIENCE }),
    };
    match &args.every {
        None => runtime.block_on(once(args, &context, &mut Memory::new(), &mut None)),
        Some(interval) => runtime.block_on(repeat(args, &context, interval.get())),
    }
}

fn observed_by(metrics: &Metrics) -> Settings {
    let (exchanges, waits) = (metrics.clone(), metrics.clone());
    let observer = move |host: &str, code| exchanges.count_exchange(host, code);
    let waits = move |host: &str, waited| waits.count_rate_wait(host, waited);
    Settings { observer: Some(Arc::new(observer)), waits: Some(Arc::new(waits)), ..Settings::default() }
}

/// Rounds that never overlap, until the process is asked to end.
async fn repeat(args: &Args, context: &Context, interval: Duration) -> Result<Outcome, Failure> {
    let mut shutdown = Shutdown::listen()?;
    let (mut memory, mut told) = (Memory::new(), None);
    loop {
        // A round that fails as a whole (unreadable objects, say) is told and tried again: files get mended.
        let outcome = match once(args, context, &mut memory, &mut told).await {
            Ok(outcome) => outcome,
            Err(failure) if failure.is_closed_pipe() => return Err(failure),
            Err(failure) => {
                if is_news(&mut told, failure.cause().message.clone()) {
                    output::failure(failure.cause());
                }
                Outcome::PartlyFailed
            }
        };
        if shutdown.within(interval).await {
            return Ok(outcome);
        }
    }
}

/// One round, told unless it says the same as the one before.
async fn once(
    args: &Args,
    context: &Context,
    memory: &mut Memory,
    told: &mut Option<String>,
) -> Result<Outcome, Failure> {
    let world = args.objects.read()?;
    let progress = output::progress("syncing");
    let report = standalone::round(context, &world, memory, Timestamp::now()).await;
    progress.finish_and_clear();
    let json = serde_json::to_string(&Json::of(&report, &world.problems))?;
    if is_news(told, json.clone()) {
        match args.output {
            Format::Json if args.every.is_some() => output::line(&json)?,
            Format::Json => output::json(&Json::of(&report, &world.problems))?,
            Format::Text => report::print(&report, &world.problems)?,
        }
    }
    Ok(outcome(args, &world, &report))
}

/// True when `text` is not what was told last; it is from now on.
fn is_news(told: &mut Option<String>, text: String) -> bool {
    let before = told.replace(text);
    before != *told
}

fn outcome(args: &Args, world: &World, report: &Report) -> Outcome {
    if world.has_errors() || report.has_failures() {
        Outcome::PartlyFailed
    } else if args.exit_code && report.has_changes() {
        Outcome::Negative
    } else {
        Outcome::Done
    }
}
