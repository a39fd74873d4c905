//! `tagwright history`: the audit trail of a repository.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::failure::Failure;
use super::git::GitArgs;
use super::{Format, Outcome, output, runtime};
use crate::engine::history::{Entry, History, history};
use crate::git::{Auth, Remote, RemoteUrl, SshAuth};
use crate::net::Http;
use crate::object::NamespacedName;
use crate::secret::Secret;
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

    /// User of the Git server
    #[arg(long, value_name = "USER", requires = "password_stdin", group = "login")]
    username: Option<String>,

    /// Read the password, of the user or of the ssh key, from stdin
    #[arg(long, requires = "login")]
    password_stdin: bool,

    /// Private key for an ssh remote
    #[arg(long, value_name = "FILE", group = "login")]
    ssh_key: Option<PathBuf>,

    /// The host keys of ssh servers (default: ~/.ssh/known_hosts)
    #[arg(long, value_name = "FILE", requires = "ssh_key")]
    ssh_known_hosts: Option<PathBuf>,

    /// Send the password over plain http to any host (to this machine: always)
    #[arg(long)]
    insecure: bool,

    /// Format of the output
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,

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
    let remote = Remote {
        url: args.repository.clone(),
        identity: String::new(),
        auth: auth(args)?,
        connection: Default::default(),
        insecure: args.insecure,
        timeout: Duration::from_secs(300),
    };
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

fn auth(args: &Args) -> Result<Auth, Failure> {
    let password = args.password_stdin.then(super::access::read_password).transpose()?;
    match (&args.username, &args.ssh_key) {
        (Some(username), _) => Ok(Auth::Basic { username: username.clone(), password: password.unwrap_or_default() }),
        (None, Some(key)) => {
            let identity = Secret::new(read_file("the ssh key", key)?);
            let known_hosts = read_file("known hosts", &known_hosts_file(args)?)?;
            Ok(Auth::Ssh(SshAuth { identity, password, known_hosts }))
        }
        (None, None) => Ok(Auth::None),
    }
}

fn known_hosts_file(args: &Args) -> Result<PathBuf, Failure> {
    let known = args.ssh_known_hosts.clone().or_else(|| Some(env::home_dir()?.join(".ssh/known_hosts")));
    known.ok_or_else(|| Failure::new("no file of known hosts is known").hint("name one with --ssh-known-hosts FILE"))
}

fn read_file(what: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::from(error).doing(format!("reading {what} from {}", path.display())))
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
