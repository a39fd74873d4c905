//! The flags of Flux's image-reflector-controller and image-automation-controller, with the same names and defaults.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::api;
use crate::cluster::Terms;
use crate::schedule::Backoff;

/// Which objects are watched
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Objects")]
pub(super) struct ScopeArgs {
    /// Watch all namespaces; else the one that this process runs in (RUNTIME_NAMESPACE, or that of the kubeconfig)
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(super) watch_all_namespaces: bool,

    /// Watch only objects with these labels, such as sharding.fluxcd.io/key=shard1
    #[arg(long, value_name = "SELECTOR")]
    pub(super) watch_label_selector: Option<String>,

    /// Refuse references to objects of other namespaces
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value_t = false, action = clap::ArgAction::Set)]
    pub(super) no_cross_namespace_refs: bool,

    /// How long what waits for another object waits at most
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(super) requeue_dependency: Duration,

    /// How long what failed is left alone at first
    #[arg(long, value_name = "DURATION", default_value = "750ms", value_parser = duration)]
    min_retry_delay: Duration,

    /// How long what failed is left alone at most
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration)]
    max_retry_delay: Duration,
}

/// Who of several replicas acts
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Leader election")]
pub(super) struct LeaderArgs {
    /// Act only while holding the lease, and those of the controllers whose work this is
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value_t = false, action = clap::ArgAction::Set)]
    pub(super) enable_leader_election: bool,

    /// How long others wait after the last sign of life of a leader
    #[arg(long, value_name = "DURATION", default_value = "35s", value_parser = duration)]
    leader_election_lease_duration: Duration,

    /// How long a leader that cannot renew its lease goes on
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    leader_election_renew_deadline: Duration,

    /// The pause between two tries
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    leader_election_retry_period: Duration,
}

/// Where this process answers, and whom it tells
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Server")]
pub(super) struct AddressArgs {
    /// Where metrics are served
    #[arg(long, value_name = "[ADDR]:PORT", default_value = ":8080", value_parser = address)]
    pub(super) metrics_addr: SocketAddr,

    /// Where health is served
    #[arg(long, value_name = "[ADDR]:PORT", default_value = ":9440", value_parser = address)]
    pub(super) health_addr: SocketAddr,

    /// Where events are posted, such as http://notification-controller.flux-system.svc.cluster.local./
    #[arg(long, value_name = "URL", env = "EVENTS_ADDR")]
    pub(super) events_addr: Option<String>,
}

/// How the API server is reached
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Kubernetes")]
pub(super) struct KubeArgs {
    /// The kubeconfig (default: $KUBECONFIG, the account of the pod, ~/.kube/config)
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig, if not its current one
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<String>,
}

impl ScopeArgs {
    pub(super) fn backoff(&self) -> Backoff {
        Backoff { min: self.min_retry_delay, max: self.max_retry_delay.max(self.min_retry_delay) }
    }
}

impl LeaderArgs {
    pub(super) fn terms(&self) -> Terms {
        Terms {
            lease: self.leader_election_lease_duration,
            renew_deadline: self.leader_election_renew_deadline,
            retry: self.leader_election_retry_period,
        }
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<api::Duration>().map(api::Duration::get).map_err(|error| error.to_string())
}

/// As Go reads it: without a host, all addresses of this machine.
fn address(text: &str) -> Result<SocketAddr, String> {
    let full = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
    full.parse().map_err(|_| "expected [ADDR]:PORT, such as :8080 or 127.0.0.1:8080".to_owned())
}

/// `--feature-gates A=true,B=false`.
pub(super) fn gates(text: &str) -> Result<BTreeMap<String, bool>, String> {
    let entry = |entry: &str| {
        let (name, value) =
            entry.split_once('=').ok_or_else(|| format!("{entry:?}: expected NAME=true or NAME=false"))?;
        let value = value.parse().map_err(|_| format!("{entry:?}: expected true or false"))?;
        Ok((name.trim().to_owned(), value))
    };
    text.split(',').filter(|entry| !entry.trim().is_empty()).map(entry).collect()
}
