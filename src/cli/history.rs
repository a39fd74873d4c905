//! `tagwright history`: the audit trail of a repository.

use serde::Serialize;

use super::failure::Failure;
use super::git::GitArgs;
use super::login::LoginArgs;
use super::{Format, Outcome, output, runtime};
use crate::engine::history::{Entry, History, history};
use crate::git::RemoteUrl;
use crate::net::Http;
use crate::object::NamespacedName;
use crate::trailer::ImageChange;

/// Shows the audit trail of a repository: when, which policy, from what to what, in which commit
///
/// Reads the trailers that every commit of tagwright carries. REPO is a URL, a bare repository or any local clone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tagwright history .
  tagwright history https://github.com/acme/infrastructure --branch main -o json
  tagwright history git@github.com:acme/infrastructure.git --ssh-key ~/.ssh/id_ed25519
  tagwright history . --policy flux-system/podinfo")]
pub(super) struct Args {
    /// The repository
    #[arg(value_name = "REPO")]
    repository: RemoteUrl,

    /// The branch (default: the one that HEAD names)
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,

    /// Only changes of this policy
    #[arg(long, value_name = "NS/NAME", value_parser = policy_name)]
    policy: Option<NamespacedName>,

    /// Read at most this many commits
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10_000)]
    max_count: usize,

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

/// One change as JSON (the shape is part of the interface).
#[derive(Serialize)]
struct Row<'a> {
    time: String,
    policy: &'a NamespacedName,
    old: &'a str,
    new: &'a str,
    commit: &'a str,
    automation: Option<&'a NamespacedName>,
    author: &'a str,
    subject: &'a str,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let runtime = runtime()?;
    let git = args.git.open(Http::new(Default::default())?, runtime.handle().clone())?;
    let remote = args.login.remote(&args.repository)?;
    let progress = output::progress(format!("reading {}", args.repository));
    let history = history(&git, &remote, args.branch.as_deref(), args.max_count)?;
    progress.finish_and_clear();
    let rows: Vec<Row<'_>> = history.entries.iter().flat_map(|entry| rows(args, entry)).collect();
    match args.output {
        Format::Json => output::json(&rows)?,
        Format::Text if rows.is_empty() => output::talk("no commit carries an audit trail"),
        Format::Text => output::table(&["TIME", "POLICY", "OLD", "NEW", "COMMIT"], rows.iter().map(cells).collect())?,
    }
    tell_omitted(&history, args.max_count);
    Ok(Outcome::Done)
}

/// Tells of what the rows do not show.
fn tell_omitted(history: &History, commits_max: usize) {
    for entry in history.entries.iter().filter(|entry| entry.omitted > 0) {
        output::warning(&format!("commit {} made {} more changes than it lists", short(&entry.commit), entry.omitted));
    }
    if history.is_cut {
        output::warning(&format!("only the latest {commits_max} commits were read"));
        output::hint("older commits are read with a larger -n");
    }
}

fn short(commit: &str) -> &str {
    &commit[..commit.len().min(7)]
}

fn rows<'a>(args: &'a Args, entry: &'a Entry) -> impl Iterator<Item = Row<'a>> {
    let wanted = |change: &&ImageChange| args.policy.as_ref().is_none_or(|policy| *policy == change.policy);
    entry.changes.iter().filter(wanted).map(|change| Row {
        time: entry.time.to_string(),
        policy: &change.policy,
        old: &change.old,
        new: &change.new,
        commit: &entry.commit,
        automation: entry.automation.as_ref(),
        author: &entry.author,
        subject: &entry.subject,
    })
}

fn cells(row: &Row<'_>) -> Vec<String> {
    vec![row.time.clone(), row.policy.to_string(), row.old.to_owned(), row.new.to_owned(), short(row.commit).to_owned()]
}
