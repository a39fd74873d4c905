//! How a verb logs in to the Git server of one repository that it is given by name.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::access::read_password;
use super::certificates::CertificateArgs;
use super::failure::Failure;
use crate::git::{Auth, Remote, RemoteUrl, SshAuth};
use crate::secret::Secret;

const TIMEOUT: Duration = Duration::from_secs(300);
const KNOWN_HOSTS_HINT: &str = "--ssh-known-hosts FILE names another file; ssh-keyscan HOST prints lines for one";

/// The login to a Git server
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Login")]
pub(super) struct LoginArgs {
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

    #[command(flatten)]
    certificates: CertificateArgs,
}

impl LoginArgs {
    /// The repository at `url`, with this login.
    pub(super) fn remote(&self, url: &RemoteUrl) -> Result<Remote, Failure> {
        Ok(Remote {
            url: url.clone(),
            identity: String::new(),
            auth: self.auth()?,
            connection: self.certificates.connection()?,
            insecure: self.insecure,
            timeout: TIMEOUT,
        })
    }

    fn auth(&self) -> Result<Auth, Failure> {
        let password = self.password_stdin.then(read_password).transpose()?;
        match (&self.username, &self.ssh_key) {
            (Some(username), _) => {
                Ok(Auth::Basic { username: username.clone(), password: password.unwrap_or_default() })
            }
            (None, Some(key)) => {
                let identity = Secret::new(read_file("the ssh key", key)?);
                let known_hosts = read_file("known hosts", &self.known_hosts_file()?);
                let known_hosts = known_hosts.map_err(|error| error.hint(KNOWN_HOSTS_HINT))?;
                Ok(Auth::Ssh(SshAuth { identity, password, known_hosts }))
            }
            (None, None) => Ok(Auth::None),
        }
    }

    fn known_hosts_file(&self) -> Result<PathBuf, Failure> {
        let known = self.ssh_known_hosts.clone().or_else(|| Some(env::home_dir()?.join(".ssh/known_hosts")));
        known
            .ok_or_else(|| Failure::new("no file of known hosts is known").hint("name one with --ssh-known-hosts FILE"))
    }
}

fn read_file(what: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::from(error).doing(format!("reading {what} from {}", path.display())))
}
