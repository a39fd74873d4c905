//! How the verbs reach Git: where stores are kept, and how servers are spoken to.

use std::env;
use std::path::PathBuf;

use tokio::runtime::Handle;

use super::failure::Failure;
use crate::git::Git;
use crate::net::Http;

/// Access to Git
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Git")]
pub(super) struct GitArgs {
    /// Where the Git stores are kept (default: $XDG_STATE_HOME/tagwright or ~/.local/state/tagwright)
    #[arg(long, value_name = "DIR", env = "TAGWRIGHT_STATE")]
    state: Option<PathBuf>,
}

impl GitArgs {
    pub(super) fn open(&self, http: Http, runtime: Handle) -> Result<Git, Failure> {
        Ok(Git::new(self.state_folder()?, http, runtime, Default::default()))
    }

    fn state_folder(&self) -> Result<PathBuf, Failure> {
        let default = || match env::var_os("XDG_STATE_HOME") {
            Some(home) => Some(PathBuf::from(home).join("tagwright")),
            None => Some(env::home_dir()?.join(".local/state/tagwright")),
        };
        let known = self.state.clone().or_else(default);
        known.ok_or_else(|| Failure::new("no place for the Git stores is known").hint("name one with --state DIR"))
    }
}
