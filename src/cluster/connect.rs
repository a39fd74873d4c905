//! How the API server is reached, and as whom.
//!
//! Takes a kubeconfig, or the account that a pod has; gives a [`Cluster`], whose clones share its connections and what
//! was learnt about the server. Nothing is asked here: the first request shows whether the server is there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::USER_AGENT;
use kube::client::{AuthError, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::error::{Error, root};
use super::secrets::Named;
use super::served::Served;
use crate::api::Kind;
use crate::metrics::Metrics;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A watch is asked to end after 290 s: a connection that is silent for longer is dead.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// Which API server, and what is allowed on the way to it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Without it: `$KUBECONFIG`, else the account of the pod, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig, if not its current one.
    pub context: Option<String>,
    /// Programs that a kubeconfig names may be run to log in.
    pub allow_exec_auth: bool,
    pub metrics: Metrics,
}

/// An API server. Clones share its connections.
#[derive(Clone)]
pub struct Cluster {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) client: kube::Client,
    pub(super) metrics: Metrics,
    /// `host:port`, as the counters name it.
    pub(super) host: String,
    pub(super) served: Mutex<BTreeMap<Kind, Served>>,
    pub(super) named: Named,
}

impl Cluster {
    pub async fn connect(settings: &Settings) -> Result<Self, Error> {
        let (config, place) = config(settings).await?;
        check(&config, settings, &place)?;
        Self::with_config(config, settings.metrics.clone(), &place)
    }

    /// The namespace that is meant where none is named: that of the pod, or of the kubeconfig's context.
    pub fn namespace(&self) -> &str {
        self.shared.client.default_namespace()
    }

    fn with_config(mut config: kube::Config, metrics: Metrics, place: &str) -> Result<Self, Error> {
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(SILENCE_MAX);
        config.reset_reader_on_write = true;
        // Whoever asks has a back-off of its own, and must know that the server has too much to do.
        config.default_retry = false;
        config.headers.push((USER_AGENT, HeaderValue::from_static(concat!("tagwright/", env!("CARGO_PKG_VERSION")))));
        let host = host(&config);
        let builder = ClientBuilder::try_from(config)
            .map_err(|error| Error::Settings { place: place.to_owned(), cause: login_fault(&error) })?;
        let shared =
            Shared { client: builder.build(), metrics, host, served: Mutex::default(), named: Named::default() };
        Ok(Self { shared: Arc::new(shared) })
    }
}

/// The configuration, and where it is from.
async fn config(settings: &Settings) -> Result<(kube::Config, String), Error> {
    let Some((kubeconfig, mut place)) = kubeconfig(settings)? else {
        let place = "the account of the pod".to_owned();
        let config =
            kube::Config::incluster().map_err(|error| Error::Settings { place: place.clone(), cause: root(&error) })?;
        return Ok((config, place));
    };
    let options = KubeConfigOptions { context: settings.context.clone(), ..KubeConfigOptions::default() };
    if let Some(context) = settings.context.as_ref().or(kubeconfig.current_context.as_ref()) {
        place = format!("context {context} of {place}");
    }
    match kube::Config::from_custom_kubeconfig(kubeconfig, &options).await {
        Ok(config) => Ok((config, place)),
        Err(error) => Err(unreadable(place, &error)),
    }
}

/// The file that is meant, if it is not the account of the pod: in the order that other controllers have.
fn kubeconfig(settings: &Settings) -> Result<Option<(Kubeconfig, String)>, Error> {
    if let Some(path) = &settings.kubeconfig {
        let place = path.display().to_string();
        return Kubeconfig::read_from(path)
            .map_err(|error| unreadable(place.clone(), &error))
            .map(|file| Some((file, place)));
    }
    let named = Kubeconfig::from_env().map_err(|error| unreadable("$KUBECONFIG".to_owned(), &error))?;
    if let Some(file) = named {
        return Ok(Some((file, "$KUBECONFIG".to_owned())));
    }
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        return Ok(None);
    }
    let place = "~/.kube/config".to_owned();
    Kubeconfig::read().map_err(|error| unreadable(place.clone(), &error)).map(|file| Some((file, place)))
}

/// What a kubeconfig of somebody else could do to its reader: run a program, or show a token to anybody between.
fn check(config: &kube::Config, settings: &Settings, place: &str) -> Result<(), Error> {
    let place = place.to_owned();
    if config.accept_invalid_certs {
        return Err(Error::Insecure { place });
    }
    let login = &config.auth_info;
    let exec = login.exec.as_ref().map(|exec| format!("the program {}", exec.command.as_deref().unwrap_or("?")));
    let provider = login.auth_provider.as_ref().map(|provider| format!("the auth-provider {}", provider.name));
    match exec.or(provider) {
        Some(way) if !settings.allow_exec_auth => Err(Error::ExecAuth { place, way }),
        _ => Ok(()),
    }
}

/// The parser shows the lines around a fault, which may hold a token: only the place is told.
fn unreadable(place: String, error: &KubeconfigError) -> Error {
    let cause = match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(at) => format!("not a kubeconfig at line {}, column {}", at.line(), at.column()),
            None => "not a kubeconfig".to_owned(),
        },
        KubeconfigError::ReadConfig(error, path) => format!("{}: {error}", path.display()),
        error => error.to_string(),
    };
    Error::Settings { place, cause }
}

/// What a program printed when it did not log in may hold what it should have given.
fn login_fault(error: &kube::Error) -> String {
    match error {
        kube::Error::Auth(AuthError::AuthExecRun { cmd, out }) => format!("{cmd} ended with {}", out.status),
        kube::Error::Auth(AuthError::AuthExecParse(_)) => "the program did not print credentials".to_owned(),
        error => root(error),
    }
}

fn host(config: &kube::Config) -> String {
    let url = &config.cluster_url;
    let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("http") { 80 } else { 443 });
    format!("{}:{port}", url.host().unwrap_or_default())
}
