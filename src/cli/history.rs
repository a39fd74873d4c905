//! `tagwright history`: the audit trail of a repository.

mod check;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::Serialize;
use std::path::PathBuf;

use super::failure::Failure;
use super::git::GitArgs;
use super::login::LoginArgs;
use super::{Format, Outcome, output, runtime};
use crate::api;
use crate::engine::history::{Change, End, Entry, History, Query, Source, history};
use crate::git::{Git, Remote, RemoteUrl};
use crate::image::ImageRef;
use crate::net::Http;
use crate::object::NamespacedName;

/// So many commits that could not be compared are named.
const NAMED_MAX: usize = 5;

/// Shows the audit trail of a repository: when, which policy, from what to what, in which commit
///
/// Reads the trailers that every commit of tagwright carries, the messages of Argo CD Image Updater, and for commits of
/// Flux and other tools which marked fields they changed. REPO is a URL, a bare repository or any local clone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tagwright history .
  tagwright history . --since 24h
  tagwright history . --policy flux-system/podinfo -n 10
  tagwright history . --image ghcr.io/acme/web:1.2.3
  tagwright history https://github.com/acme/infrastructure --branch main -o json
  tagwright history git@github.com:acme/infrastructure.git --ssh-key ~/.ssh/id_ed25519
  tagwright history . --check
  tagwright history . --check --gpg-keys keys.asc --allowed-signers allowed_signers")]
pub(super) struct Args {
    /// The repository
    #[arg(value_name = "REPO")]
    repository: RemoteUrl,

    /// The branch (default: the one that HEAD names)
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,

    /// Only what was committed then or later: a time (RFC 3339), a date (UTC) or how long ago (24h)
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,

    /// Only what was committed then or earlier
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,

    /// Only changes of this policy
    #[arg(long, value_name = "NS/NAME", value_parser = policy_name)]
    policy: Option<NamespacedName>,

    /// Only changes from or to this image, in any version where none is named
    #[arg(long, value_name = "IMAGE[:TAG]")]
    image: Option<ImageRef>,

    /// At most the N newest commits that changed images
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_count: Option<u32>,

    /// Compare the files of every commit, not only of those that look like a tool's
    #[arg(long, conflicts_with = "check")]
    all_commits: bool,

    /// Check that the trailers of each commit agree with its files: exit code 1 when one does not
    #[arg(long)]
    check: bool,

    /// With --check: every commit must be signed by a key in one of these files (gpg --export)
    #[arg(long, value_name = "FILE", requires = "check")]
    gpg_keys: Vec<PathBuf>,

    /// With --check: every commit must be signed by one of these ssh keys (a file as ssh-keygen reads it)
    #[arg(long, value_name = "FILE", requires = "check")]
    allowed_signers: Vec<PathBuf>,

    /// Format of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,

    #[command(flatten)]
    login: LoginArgs,

    #[command(flatten)]
    git: GitArgs,
}

fn policy_name(text: &str) -> Result<NamespacedName, String> {
    let (namespace, name) = text.split_once('/').ok_or("expected NS/NAME")?;
    Ok(NamespacedName::new(namespace, name))
}

fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(date) = text.parse::<civil::Date>() {
        return date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|error| error.to_string());
    }
    let ago = text.parse::<api::Duration>().map_err(|_| "expected 2026-01-31T12:00:00Z, 2026-01-31 or 24h")?;
    Timestamp::now().checked_sub(ago.get()).map_err(|error| error.to_string())
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let runtime = runtime()?;
    let git = args.git.open(Http::new(Default::default())?, runtime.handle().clone())?;
    let remote = args.login.remote(&args.repository)?;
    if args.check { check::run(args, &git, &remote) } else { run_history(args, &git, &remote) }
}

fn query(args: &Args) -> Query {
    Query {
        branch: args.branch.clone(),
        since: args.since,
        until: args.until,
        policy: args.policy.clone(),
        image: args.image.clone(),
        commits_max: args.max_count.map(|count| count as usize),
        all_commits: args.all_commits,
    }
}

fn run_history(args: &Args, git: &Git, remote: &Remote) -> Result<Outcome, Failure> {
    let progress = output::progress(format!("reading {}", args.repository));
    let history = history(git, remote, &query(args))?;
    progress.finish_and_clear();
    let rows: Vec<Row<'_>> = history.entries.iter().flat_map(rows).collect();
    match args.output {
        Format::Json => output::json(&rows)?,
        Format::Text if rows.is_empty() => tell_none(args),
        Format::Text => {
            let headers = ["TIME", "POLICY", "OLD", "NEW", "COMMIT", "FROM"];
            output::table(&headers, rows.iter().map(cells).collect())?;
        }
    }
    tell_omitted(&history);
    tell_end(&history.end);
    Ok(Outcome::Done)
}

/// One change as JSON (the shape is part of the interface).
#[derive(Serialize)]
struct Row<'a> {
    time: String,
    policy: Option<&'a NamespacedName>,
    old: &'a str,
    new: &'a str,
    commit: &'a str,
    automation: Option<&'a NamespacedName>,
    author: &'a str,
    subject: &'a str,
    application: Option<&'a str>,
    from: Source,
    reverts: Option<&'a str>,
}

fn rows(entry: &Entry) -> impl Iterator<Item = Row<'_>> {
    entry.changes.iter().map(|change: &Change| Row {
        time: entry.time.to_string(),
        policy: change.policy.as_ref(),
        old: &change.old,
        new: &change.new,
        commit: &entry.commit,
        automation: change.automation.as_ref(),
        author: &entry.author,
        subject: &entry.subject,
        application: change.application.as_deref(),
        from: change.from,
        reverts: entry.reverts.as_deref(),
    })
}

fn cells(row: &Row<'_>) -> Vec<String> {
    let policy = row.policy.map(ToString::to_string).or(row.application.map(str::to_owned));
    let from = match row.from {
        Source::Trailer => "trailer",
        Source::Message => "message",
        Source::Diff => "diff",
    };
    let reverts = row.reverts.map(|commit| format!(", reverts {}", short(commit)));
    vec![
        row.time.clone(),
        policy.unwrap_or_else(|| "-".to_owned()),
        written(row.old).to_owned(),
        written(row.new).to_owned(),
        short(row.commit).to_owned(),
        format!("{from}{}", reverts.unwrap_or_default()),
    ]
}

/// An empty value as the trailers write it.
fn written(value: &str) -> &str {
    if value.is_empty() { "\"\"" } else { value }
}

fn short(commit: &str) -> &str {
    &commit[..commit.len().min(7)]
}

fn tell_none(args: &Args) {
    output::talk("no commit that changes an image was found");
    if !args.all_commits {
        output::hint("--all-commits compares the files of every commit, also of those made by hand");
    }
}

/// Tells of what the rows do not show.
fn tell_omitted(history: &History) {
    for entry in history.entries.iter().filter(|entry| entry.omitted > 0) {
        output::warning(&format!("commit {} made {} more changes than it lists", short(&entry.commit), entry.omitted));
    }
    for (commit, reason) in history.unread.iter().take(NAMED_MAX) {
        output::warning(&format!("the files of commit {} were not compared: {reason}", short(commit)));
    }
    if let Some(more) = history.unread.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        output::warning(&format!("the files of {more} more commits were not compared"));
    }
}

fn tell_end(end: &End) {
    if let Some(commit) = end.shallow.first() {
        output::warning(&format!("the history is cut at commit {}: this is a shallow clone", short(commit)));
        output::hint("git fetch --unshallow brings the rest");
    }
    if end.is_cut {
        output::warning("the history is longer than is ever read; older commits were left out");
    }
}
