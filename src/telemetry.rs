//! Logging and the signals that end a run.

use std::io;
use std::time::Duration;

use clap::ValueEnum;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// From which level on events are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// These log errors of their own for each one that our errors tell of.
const QUIET: &str = "rustls_platform_verifier=off,kube_client=off,kube_runtime=off";

/// Sends events to stderr. `RUST_LOG` wins over `level`, which is for our own events; libraries warn only.
pub fn start(level: LogLevel, format: LogFormat) {
    let level = format!("{level:?}").to_lowercase();
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(format!("warn,{QUIET},tagwright={level}")));
    let events = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
    // A second start (tests in one process) keeps the first subscriber.
    let _ = match format {
        LogFormat::Text => events.with_ansi(false).finish().with(without_keys()).try_init(),
        LogFormat::Json => events.json().finish().with(without_keys()).try_init(),
    };
}

/// The OpenPGP library logs the bytes of secret keys that it reads, so it logs nothing, whatever `RUST_LOG` says.
fn without_keys() -> FilterFn {
    filter_fn(|event| event.target() != "pgp" && !event.target().starts_with("pgp::"))
}

/// Hears SIGINT and SIGTERM from the moment it is made, also while nobody waits for it.
pub struct Shutdown {
    interrupt: Signal,
    terminate: Signal,
}

impl Shutdown {
    /// Must be called inside a runtime.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Ends when the process was asked to end.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits for `time`; true when the process was asked to end before or meanwhile.
    pub async fn within(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.asked()).await.is_ok()
    }
}
