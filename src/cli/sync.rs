//! `tagwright sync`: the whole pipeline without a cluster, once or again and again.

use std::sync::Arc;
use std::time::Duration;

use super::failure::Failure;
use super::git::{GitArgs, PushArgs};
use super::objects::ObjectArgs;
use super::report::{self, Json};
use super::service::{self, ServeArgs};
use super::told::Told;
use super::{Format, Outcome, memory, output, runtime};
use crate::api::{self, Problem, Severity};
use crate::cloud::Clouds;
use crate::engine::decide::Selecting;
use crate::engine::update::Mode;
use crate::metrics::Metrics;
use crate::net::{Http, Settings};
use crate::registry::{Client, Limits};
use crate::standalone::{self, Context, Report};

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
  tagwright sync --objects ./clusters/production --secret flux-system/git=/run/secrets/git --every 1m
  tagwright sync --objects ./clusters/production --every 1m --listen 0.0.0.0:8080 --hooks flux-system/hooks"
)]
pub(super) struct Args {
    /// Repeat until SIGINT or SIGTERM: look at the objects and the Git repositories after this time, and at each image
    /// repository at its own interval; the run in hand is finished
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    pub(super) every: Option<api::Duration>,

    /// Print the changes as a unified diff and push nothing
    #[arg(long)]
    dry_run: bool,

    /// Let policies go back to older images than they selected before
    #[arg(long)]
    allow_older: bool,

    /// Exit with 1 when something changed, or would
    #[arg(long)]
    exit_code: bool,

    /// Format of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,

    #[command(flatten)]
    pub(super) objects: ObjectArgs,

    #[command(flatten)]
    pub(super) serve: ServeArgs,

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
    // Registries and Git servers of a cloud are shown one identity.
    let clouds = Clouds::from_env();
    let registry = Client::new(http.clone(), Limits::default()).with_registries(args.objects.registries.read()?);
    let git = args.git.open(http.clone(), runtime.handle().clone())?;
    let memory = memory::open(&args.git.state.folder()?);
    let context = Context {
        selecting: Selecting {
            registry: registry.with_clouds(clouds.clone()).with_metrics(metrics.clone()),
            memory: if args.dry_run { memory.dry() } else { memory },
            metrics: metrics.clone(),
            allow_older: args.allow_older,
            patterns: Default::default(),
        },
        git: git.with_metrics(metrics.clone()).with_clouds(clouds),
        mode: if args.dry_run { Mode::DryRun } else { Mode::Push },
        signers: Default::default(),
        budget: args.push.budget(if args.every.is_some() { Duration::ZERO } else { PATIENCE }),
    };
    match &args.every {
        None => runtime.block_on(once(args, &context)),
        Some(interval) => runtime.block_on(service::repeat(args, context, interval.get(), metrics, http)),
    }
}

pub(super) fn observed_by(metrics: &Metrics) -> Settings {
    let (exchanges, repeated, waiting) = (metrics.clone(), metrics.clone(), metrics.clone());
    let observer = move |host: &str, code| exchanges.count_exchange(host, code);
    let retries = move |host: &str, code| repeated.count_retry(host, code);
    let waits = move |host: &str, waited| waiting.count_rate_wait(host, waited);
    Settings {
        observer: Some(Arc::new(observer)),
        retries: Some(Arc::new(retries)),
        waits: Some(Arc::new(waits)),
        ..Settings::default()
    }
}

async fn once(args: &Args, context: &Context) -> Result<Outcome, Failure> {
    let mut world = args.objects.read()?;
    let problems = std::mem::take(&mut world.problems);
    let progress = output::progress("syncing");
    let report = standalone::round(context, world).await;
    progress.finish_and_clear();
    match args.output {
        Format::Json => output::json(&Json::of(&report, &problems))?,
        Format::Text => report::print(&report, &problems)?,
    }
    Ok(outcome(args, &problems, &report))
}

/// Tells a round of many, unless it says nothing that was not told.
pub(super) fn tell(args: &Args, problems: &[Problem], report: &Report, told: &mut Told) -> Result<(), Failure> {
    let json = Json::of(report, problems);
    if !told.note(report.is_whole, &json.problems()?, json.objects())? {
        return Ok(());
    }
    match args.output {
        Format::Json => output::line(&serde_json::to_string(&json)?),
        Format::Text => report::print(report, problems),
    }
}

/// True when `text` is not what was told last; it is from now on.
pub(super) fn is_news(told: &mut Option<String>, text: String) -> bool {
    let before = told.replace(text);
    before != *told
}

pub(super) fn outcome(args: &Args, problems: &[Problem], report: &Report) -> Outcome {
    if problems.iter().any(|problem| problem.severity == Severity::Error) || report.has_failures() {
        Outcome::PartlyFailed
    } else if args.exit_code && report.has_changes() {
        Outcome::Negative
    } else {
        Outcome::Done
    }
}
