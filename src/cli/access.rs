//! How the verbs reach registries: flags, and the credentials of Docker's `config.json`.

use std::env;
use std::io::{self, BufRead as _};
use std::path::PathBuf;
use std::time::Duration;

use super::certificates::CertificateArgs;
use super::failure::Failure;
use super::one_thread;
use super::registries::RegistriesArgs;
use crate::engine::cause::Cause;
use crate::engine::scan::{Scan, ScanRequest, scan};
use crate::engine::view::{name_of_others, view};
use crate::image::Repository;
use crate::ledger::View;
use crate::net::Http;
use crate::registry::{
    Access, Client, Credentials, CredentialsSource, DockerConfig, Limits, Registries, docker_config, user_password,
};
use crate::secret::Secret;

/// Access to registries
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Registry")]
pub(super) struct RegistryArgs {
    /// Speak plain HTTP to the registry (loopback and private addresses: always)
    #[arg(long)]
    insecure: bool,

    /// User of the registry (default: the credentials in Docker's config.json)
    #[arg(long, value_name = "USER", requires = "password_stdin")]
    username: Option<String>,

    /// Read the password from stdin
    #[arg(long, requires = "username")]
    password_stdin: bool,

    /// Time for all requests to one repository, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,

    #[command(flatten)]
    certificates: CertificateArgs,

    #[command(flatten)]
    rules: RegistriesArgs,
}

/// A client with the usual bounds that asks by these rules.
pub(super) fn registry_client(registries: Registries) -> Result<Client, Failure> {
    Ok(Client::new(Http::new(Default::default())?, Limits::default()).with_registries(registries))
}

impl RegistryArgs {
    /// The tags of `images`; the outcome at place `i` belongs to image `i`.
    pub(super) fn scan(&self, images: &[Repository]) -> Result<Vec<Result<Scan, Cause>>, Failure> {
        let (client, requests) = self.asking(images)?;
        Ok(one_thread()?.block_on(scan(&client, &requests)))
    }

    /// A client that asks by the `--registries` file, and how each of `images` is asked.
    pub(super) fn asking(&self, images: &[Repository]) -> Result<(Client, Vec<ScanRequest>), Failure> {
        let registries = self.rules.read()?;
        let requests = self.requests(images, &registries)?;
        Ok((registry_client(registries)?, requests))
    }

    fn requests(&self, images: &[Repository], registries: &Registries) -> Result<Vec<ScanRequest>, Failure> {
        let (login, connection) = (self.login()?, self.certificates.connection()?);
        let request = |image: &Repository| {
            let (credentials, source) = login.for_image(image, registries)?;
            let sources = vec![source; credentials.len()].into();
            let timeout = Some(Duration::from_secs(self.timeout));
            let (connection, insecure) = (connection.clone(), self.insecure);
            let access = Access { credentials, sources, cloud: None, connection, insecure, timeout };
            Ok(ScanRequest { repository: image.clone(), access, exclusions: Vec::new() })
        };
        images.iter().map(request).collect()
    }

    /// Who sees an image repository in the way of `request`: what is remembered of it is remembered by view.
    pub(super) fn view(&self, request: &ScanRequest, registries: &Registries) -> View {
        let user = match &self.username {
            Some(username) => Some(format!("username={username}")),
            None => name_of_others(&request.access, registries.rule(&request.repository)),
        };
        let insecure = self.insecure.then(|| "insecure".to_owned());
        let parts: Vec<String> = user.into_iter().chain(self.certificates.names()).chain(insecure).collect();
        view(&request.repository, registries, &parts.join(";"))
    }

    /// Read once, however many images there are: stdin holds one password.
    fn login(&self) -> Result<Login, Failure> {
        match &self.username {
            Some(username) => {
                Ok(Login::Given(Credentials::Basic { username: username.clone(), password: read_password()? }))
            }
            None => Ok(Login::User(user_docker_config()?)),
        }
    }
}

enum Login {
    Given(Credentials),
    /// What Docker's `config.json` of this user holds.
    User(Option<DockerConfig>),
}

impl Login {
    /// What is shown to the registry of `image`, and where it is from.
    fn for_image(&self, image: &Repository, registries: &Registries) -> Result<(Vec<Credentials>, String), Failure> {
        let rule = registries.rule(image);
        match (self, rule.and_then(|rule| rule.credentials.as_ref())) {
            (Self::Given(credentials), _) => Ok((vec![credentials.clone()], String::new())),
            (_, Some(source @ CredentialsSource::Variable(name))) => Ok((vec![variable(name)?], source.to_string())),
            (_, Some(source)) => {
                let doing = format!("reading the credentials of {image} by the --registries file");
                let failure = Failure::new(format!("they are in {source}, and Secrets are not read here"));
                Err(failure
                    .doing(doing)
                    .hint("give them with --username and --password-stdin, or as env:VARIABLE in the file"))
            }
            (Self::User(Some(config)), None) => {
                let file = user_docker_file().map_or_else(String::new, |file| file.display().to_string());
                let found = config.credentials(&registries.asked_as(image));
                let found = found.map_err(|error| Failure::from(error).doing(format!("reading {file}")))?;
                Ok((found, file))
            }
            (Self::User(None), None) => Ok((Vec::new(), String::new())),
        }
    }
}

/// The credential of `env:NAME`.
fn variable(name: &str) -> Result<Credentials, Failure> {
    let refused = |why: &str| {
        let failure = Failure::new(format!("the environment variable {name} {why}"));
        failure.doing("reading credentials of the --registries file")
    };
    let value = env::var(name).map_err(|_| refused("is not set"))?;
    user_password(&Secret::new(value)).ok_or_else(|| refused("does not hold USER:PASSWORD"))
}

/// The first line of stdin.
pub(super) fn read_password() -> Result<Secret, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::from(error).doing("reading the password from stdin"))?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::new("stdin holds no password")),
        password => Ok(Secret::new(password)),
    }
}

/// What Docker's `config.json` of this user holds; `None` where there is none.
pub(super) fn user_docker_config() -> Result<Option<DockerConfig>, Failure> {
    let Some(file) = user_docker_file() else { return Ok(None) };
    let doing = || format!("reading {}", file.display());
    match std::fs::read(&file) {
        Ok(json) => docker_config(&json).map(Some).map_err(|error| Failure::from(error).doing(doing())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::from(error).doing(doing())),
    }
}

/// `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`.
pub(super) fn user_docker_file() -> Option<PathBuf> {
    let folder = env::var_os("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".docker")));
    Some(folder?.join("config.json"))
}
