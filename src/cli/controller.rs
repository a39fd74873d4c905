//! `tagwright controller`: the driver in a cluster, in place of Flux's two image controllers.

mod flags;
mod lead;

use std::collections::BTreeMap;
use std::env;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::info;

use self::flags::{AddressArgs, KubeArgs, LeaderArgs, ScopeArgs, gates};
use self::lead::{Lead, Led};
use super::failure::Failure;
use super::git::{GitArgs, PushArgs};
use super::registries::RegistriesArgs;
use super::sync::observed_by;
use super::{Outcome, memory, runtime};
use crate::cloud::Clouds;
use crate::cluster::{Cluster, Receiver, Recorder, Reporter, Scope, Settings};
use crate::controller::{Behaviour, Controller, Setup};
use crate::engine::decide::Selecting;
use crate::metrics::Metrics;
use crate::net::Http;
use crate::registry::{Client, Limits};
use crate::server::{self, CurrentHooks, Hooks, Shared, due_queue};
use crate::telemetry::Shutdown;

/// The name under which events are told.
const NAME: &str = "tagwright";

/// Feature gates of Flux's controllers. What they turn on or off is always so here; see docs/differences.md.
const GATES: &[&str] = &[
    "CacheSecretsAndConfigMaps",
    "FluxStorage",
    "GitAllBranchReferences",
    "GitForcePushBranch",
    "GitShallowClone",
    "GitSparseCheckout",
    "ObjectLevelWorkloadIdentity",
];

/// Runs in a cluster: scans, selects and commits for the image objects of its API server
///
/// Does the work of Flux's image-reflector-controller and image-automation-controller on the same objects
/// (ImageRepository, ImagePolicy, ImageUpdateAutomation), and tells of it in their status and in events. Ends on SIGINT or
/// SIGTERM, when the work in hand is done.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tagwright controller --enable-leader-election
  tagwright controller --watch-all-namespaces=false --no-cross-namespace-refs
  tagwright controller --kubeconfig ~/.kube/config --context kind-dev --state /tmp/tagwright")]
pub(super) struct Args {
    #[command(flatten)]
    scope: ScopeArgs,

    #[command(flatten)]
    leader: LeaderArgs,

    #[command(flatten)]
    addresses: AddressArgs,

    #[command(flatten)]
    kube: KubeArgs,

    /// Feature gates as Flux has them, such as GitShallowClone=true
    #[arg(long, value_name = "NAME=BOOL,…", value_parser = gates, default_value = "")]
    feature_gates: BTreeMap<String, bool>,

    #[command(flatten)]
    registries: RegistriesArgs,

    #[command(flatten)]
    git: GitArgs,

    #[command(flatten)]
    push: PushArgs,
}

pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    check_gates(&args.feature_gates)?;
    let runtime = runtime()?;
    runtime.block_on(control(args, runtime.handle()))
}

fn check_gates(gates: &BTreeMap<String, bool>) -> Result<(), Failure> {
    match gates.keys().find(|gate| !GATES.contains(&gate.as_str())) {
        Some(gate) => Err(Failure::new(format!("--feature-gates: {gate} is not known"))
            .hint(format!("expected some of {}", GATES.join(", ")))),
        None => Ok(()),
    }
}

async fn control(args: &Args, runtime: &Handle) -> Result<Outcome, Failure> {
    let mut shutdown = Shutdown::listen()?;
    let metrics = Metrics::default();
    let http = Http::new(observed_by(&metrics))?;
    let cluster = connect(args, &metrics).await?;
    let recorder = recorder(args, &cluster, &http)?;
    let controller = Controller::new(setup(args, cluster.clone(), recorder.clone(), &metrics, &http, runtime)?);
    let ready = Arc::new(AtomicBool::new(false));
    serve(args, metrics, http, ready.clone()).await?;
    let telling = tokio::spawn({
        let recorder = recorder.clone();
        async move { recorder.run().await }
    });
    let lead = Lead::start(&args.leader, &cluster, &namespace(&cluster));
    let (stop, stopped) = watch::channel(false);
    let may_work = lead.may_work(stopped);
    let working = tokio::spawn(controller.run(may_work.clone(), ready));
    let led = Lead::until(shutdown.asked(), may_work).await;
    stop.send_replace(true);
    drop(working.await);
    recorder.close();
    drop(telling.await);
    lead.release().await;
    match led {
        Led::Asked => Ok(Outcome::Done),
        // The process that has the lease now works on; this one starts anew and waits for it.
        Led::Lost => Err(Failure::new("the lease was lost")),
    }
}

async fn connect(args: &Args, metrics: &Metrics) -> Result<Cluster, Failure> {
    let settings = Settings {
        kubeconfig: args.kube.kubeconfig.clone(),
        context: args.kube.context.clone(),
        allow_exec_auth: false,
        metrics: metrics.clone(),
    };
    Ok(Cluster::connect(&settings).await?)
}

fn recorder(args: &Args, cluster: &Cluster, http: &Http) -> Result<Recorder, Failure> {
    let receiver = args.addresses.events_addr.as_ref().filter(|address| !address.is_empty());
    let receiver = receiver.map(|address| {
        let url = address.parse().map_err(|error| Failure::new(format!("--events-addr {address:?}: {error}")))?;
        Ok::<_, Failure>(Receiver { http: http.clone(), url })
    });
    let instance = env::var("HOSTNAME").unwrap_or_else(|_| NAME.to_owned());
    let reporter = Reporter { controller: NAME.to_owned(), instance };
    Ok(Recorder::new(cluster, reporter, receiver.transpose()?))
}

fn setup(
    args: &Args,
    cluster: Cluster,
    recorder: Recorder,
    metrics: &Metrics,
    http: &Http,
    runtime: &Handle,
) -> Result<Setup, Failure> {
    // Registries and Git servers of a cloud are shown one identity.
    let clouds = Clouds::from_env();
    let registry = Client::new(http.clone(), Limits::default()).with_registries(args.registries.read()?);
    let git = args.git.open(http.clone(), runtime.clone())?;
    Ok(Setup {
        selecting: Selecting {
            registry: registry.with_clouds(clouds.clone()).with_metrics(metrics.clone()),
            memory: memory::open(&args.git.state.folder()?),
            metrics: metrics.clone(),
            allow_older: false,
            patterns: Default::default(),
        },
        git: git.with_metrics(metrics.clone()).with_clouds(clouds),
        budget: args.push.budget(Default::default()),
        scope: Scope {
            namespace: (!args.scope.watch_all_namespaces).then(|| namespace(&cluster)),
            labels: args.scope.watch_label_selector.clone(),
        },
        backoff: args.scope.backoff(),
        behaviour: Behaviour {
            no_cross_namespace_refs: args.scope.no_cross_namespace_refs,
            requeue_dependency: args.scope.requeue_dependency,
        },
        cluster,
        recorder,
    })
}

/// The namespace that this process runs in.
fn namespace(cluster: &Cluster) -> String {
    env::var("RUNTIME_NAMESPACE").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| cluster.namespace().to_owned())
}

/// Serves metrics and health, each at its address.
async fn serve(args: &Args, metrics: Metrics, http: Http, ready: Arc<AtomicBool>) -> Result<(), Failure> {
    let shared = Shared { metrics, ready, hooks: CurrentHooks::new(Hooks::default()), http };
    let addresses = [args.addresses.metrics_addr, args.addresses.health_addr];
    for address in addresses {
        let listener = listen(address).await?;
        info!(address = %listener.local_addr()?, "listening");
        tokio::spawn(server::serve(listener, shared.clone(), due_queue().0));
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| Failure::from(error).doing(format!("listening at {address}")))
}
