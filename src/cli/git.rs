//! How the verbs reach Git: where stores are kept, and how servers are spoken to.

use std::env;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::Handle;

use super::failure::Failure;
use crate::engine::budget::{PushBudget, PushLimit};
use crate::git::{Git, Limits, SshAlgorithms};
use crate::net::Http;

/// Where state is kept
#[derive(Debug, clap::Args)]
pub(super) struct StateArgs {
    /// Where Git stores and memory are kept (default: $XDG_STATE_HOME/tagwright or ~/.local/state/tagwright)
    #[arg(long, value_name = "DIR", env = "TAGWRIGHT_STATE")]
    state: Option<PathBuf>,
}

/// Access to Git
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Git")]
pub(super) struct GitArgs {
    #[command(flatten)]
    pub(super) state: StateArgs,

    /// What all stores may take together; those that were not used for longest are removed
    #[arg(long, value_name = "SIZE", env = "TAGWRIGHT_STATE_MAX", default_value = "10Gi", value_parser = quantity)]
    state_max: u64,

    /// Key exchange methods of ssh, most wanted first (default: those without SHA-1)
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    ssh_kex_algos: Vec<String>,

    /// Host key algorithms of ssh, most wanted first (default: those without SHA-1)
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    ssh_hostkey_algos: Vec<String>,
}

/// Bytes as Kubernetes writes them: `500M`, `10Gi`.
fn quantity(text: &str) -> Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, suffix) = text.split_at(end);
    let unit = match suffix {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return Err("expected a whole number of k, M, G, T, Ki, Mi, Gi or Ti, such as 10Gi".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "expected a size such as 10Gi".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "the size is too large".to_owned())
}

/// How often to push
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Git")]
pub(super) struct PushArgs {
    /// At most this many pushes a minute to one repository, 0 for any number (default: 6 for github.com, else any number);
    /// what comes too early is pushed later, together with what came meanwhile
    #[arg(long, value_name = "N")]
    git_pushes_per_minute: Option<u32>,
}

impl PushArgs {
    /// How often this process may push; `patience` is how long a push may wait for its turn.
    pub(super) fn budget(&self, patience: Duration) -> PushBudget {
        let limit = match self.git_pushes_per_minute.map(NonZeroU32::new) {
            None => PushLimit::ByHost,
            Some(None) => PushLimit::Unlimited,
            Some(Some(limit)) => PushLimit::PerMinute(limit),
        };
        PushBudget::new(limit, patience)
    }
}

impl GitArgs {
    pub(super) fn open(&self, http: Http, runtime: Handle) -> Result<Git, Failure> {
        let limits = Limits { state_bytes: self.state_max, ..Limits::default() };
        let git = Git::new(self.state.folder()?, http, runtime, limits);
        Ok(git.with_ssh(self.ssh_algorithms()?))
    }

    fn ssh_algorithms(&self) -> Result<SshAlgorithms, Failure> {
        let kex = SshAlgorithms::default().with_kex(&self.ssh_kex_algos);
        let kex = kex.map_err(|error| Failure::from(error).doing("reading --ssh-kex-algos"))?;
        let both = kex.with_host_keys(&self.ssh_hostkey_algos);
        both.map_err(|error| Failure::from(error).doing("reading --ssh-hostkey-algos"))
    }
}

impl StateArgs {
    /// The state directory.
    pub(super) fn folder(&self) -> Result<PathBuf, Failure> {
        let default = || match env::var_os("XDG_STATE_HOME") {
            Some(home) => Some(PathBuf::from(home).join("tagwright")),
            None => Some(env::home_dir()?.join(".local/state/tagwright")),
        };
        let known = self.state.clone().or_else(default);
        known.ok_or_else(|| Failure::new("no place for state is known").hint("name one with --state DIR"))
    }
}
