//! `tagwright history`: the audit trail of a repository.

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::Serialize;

use super::failure::Failure;
use super::git::GitArgs;
use super::login::LoginArgs;
use super::{Format, Outcome, output, runtime};
use crate::api;
use crate::engine::history::check::{Agreement, Checked, Checks, check};
use crate::engine::history::{Change, End, Entry, History, Query, Source, history};
use crate::git::{Git, Remote, RemoteUrl};
use crate::image::ImageRef;
use crate::net::Http;
use crate::object::NamespacedName;
use crate::trailer::ImageChange;

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
  tagwright history . --check")]
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
    if args.check { run_check(args, &git, &remote) } else { run_history(args, &git, &remote) }
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

/// One checked commit as JSON (the shape is part of the interface).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckRow<'a> {
    time: String,
    commit: &'a str,
    author: &'a str,
    subject: &'a str,
    /// `agrees`, `disagrees` or `unknown`.
    trailers: &'static str,
    not_made: &'a [ImageChange],
    not_listed: &'a [ImageChange],
    omitted: usize,
    reason: Option<&'a str>,
    signed: bool,
}

fn run_check(args: &Args, git: &Git, remote: &Remote) -> Result<Outcome, Failure> {
    let progress = output::progress(format!("checking {}", args.repository));
    let checks = check(git, remote, &query(args))?;
    progress.finish_and_clear();
    let rows: Vec<CheckRow<'_>> = checks.commits.iter().map(check_row).collect();
    match args.output {
        Format::Json => output::json(&rows)?,
        Format::Text if rows.is_empty() => output::talk("no commit carries an audit trail"),
        Format::Text => {
            let headers = ["TIME", "COMMIT", "TRAILERS", "SIGNED", "AUTHOR"];
            output::table(&headers, rows.iter().map(check_cells).collect())?;
            rows.iter().for_each(tell_problem);
        }
    }
    tell_end(&checks.end);
    Ok(verdict(&checks))
}

fn verdict(checks: &Checks) -> Outcome {
    let any = |wanted: fn(&Agreement) -> bool| checks.commits.iter().any(|checked| wanted(&checked.agreement));
    if any(|agreement| matches!(agreement, Agreement::Disagrees(_))) {
        Outcome::Negative
    } else if any(|agreement| matches!(agreement, Agreement::Unknown(_))) {
        Outcome::PartlyFailed
    } else {
        Outcome::Done
    }
}

fn check_row(checked: &Checked) -> CheckRow<'_> {
    let differences = match &checked.agreement {
        Agreement::Disagrees(differences) => Some(differences),
        _ => None,
    };
    CheckRow {
        time: checked.time.to_string(),
        commit: &checked.commit,
        author: &checked.author,
        subject: &checked.subject,
        trailers: match &checked.agreement {
            Agreement::Agrees => "agrees",
            Agreement::Disagrees(_) => "disagrees",
            Agreement::Unknown(_) => "unknown",
        },
        not_made: differences.map_or(&[], |differences| &differences.not_made),
        not_listed: differences.map_or(&[], |differences| &differences.not_listed),
        omitted: differences.map_or(0, |differences| differences.omitted),
        reason: match &checked.agreement {
            Agreement::Unknown(reason) => Some(reason),
            _ => None,
        },
        signed: checked.is_signed,
    }
}

fn check_cells(row: &CheckRow<'_>) -> Vec<String> {
    let signed = if row.signed { "yes" } else { "no" };
    let cells = [row.time.as_str(), short(row.commit), row.trailers, signed, row.author];
    cells.map(str::to_owned).to_vec()
}

fn tell_problem(row: &CheckRow<'_>) {
    let commit = short(row.commit);
    let told = |what: &str, changes: &[ImageChange]| {
        for change in changes {
            let (old, new) = (written(&change.old), written(&change.new));
            output::warning(&format!("commit {commit} {what}: {} {old} -> {new}", change.policy));
        }
    };
    told("lists a change that it did not make", row.not_made);
    told("made a change that it does not list", row.not_listed);
    if row.omitted > 0 {
        let (omitted, found) = (row.omitted, row.not_listed.len());
        output::warning(&format!(
            "commit {commit} speaks of {omitted} changes that it does not list, and made {found}"
        ));
    }
    if let Some(reason) = row.reason {
        output::warning(&format!("commit {commit} could not be checked: {reason}"));
    }
}
