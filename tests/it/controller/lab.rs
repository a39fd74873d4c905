//! A controller in this process, in a namespace of a real API server, with a registry and a Git server of its own.

use axum::http::Request;
use serde_json::Value;
use tagwright::api;
use tagwright::cluster::{Cluster as Connection, Recorder, Reporter, Scope, Settings};
use tagwright::controller::{Behaviour, Controller, Setup};
use tagwright::engine::budget::PushBudget;
use tagwright::engine::decide::Selecting;
use tagwright::engine::memory::Memory;
use tagwright::git::{Git, Limits};
use tagwright::ledger::Ledger;
use tagwright::metrics::Metrics;
use tagwright::net::Http;
use tagwright::registry::{self, Client};
use tagwright::schedule::Backoff;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, watch};
use tokio::task::JoinHandle;

use crate::kube::{Cluster, TestNamespace, apply, eventually};
use crate::servers::fake_registry::FakeRegistry;
use crate::servers::git_http::GitServer;

pub(super) const REPOSITORY: &str = "
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: web, namespace: NAMESPACE}
spec: {image: REGISTRY/acme/web, interval: 1h}
";

pub(super) struct Lab {
    pub(super) namespace: TestNamespace,
    pub(super) registry: FakeRegistry,
    pub(super) git: GitServer,
}

/// A running controller.
pub(super) struct Running {
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
    _state: TempDir,
}

/// Runs a test. The servers have runtimes of their own, which must not be started or ended in another.
pub(super) fn in_lab(test: impl AsyncFnOnce(&Lab)) {
    let (registry, git) = (FakeRegistry::start(), GitServer::start());
    let runtime = Runtime::new().expect("a runtime");
    let namespace = runtime.block_on(async {
        let namespace = Cluster::shared().namespace().await;
        define_kinds(&namespace).await;
        namespace
    });
    let lab = Lab { namespace, registry, git };
    runtime.block_on(test(&lab));
}

impl Lab {
    /// Applies manifests in which `REGISTRY`, `GIT` and `NAMESPACE` stand for what this lab has.
    pub(super) async fn apply(&self, manifests: &str) {
        let manifests = manifests
            .replace("REGISTRY", &self.registry.addr().to_string())
            .replace("GIT/", &self.git.url(""))
            .replace("NAMESPACE", &self.namespace.name);
        self.namespace.apply(&manifests).await.expect("manifests that the API server takes");
    }

    /// Starts a controller for this namespace alone.
    pub(super) async fn start(&self) -> Running {
        self.start_with(Behaviour::default()).await
    }

    pub(super) async fn start_with(&self, behaviour: Behaviour) -> Running {
        let state = tempfile::tempdir().expect("a temporary folder");
        let kubeconfig = Some(Cluster::shared().kubeconfig_file("admin"));
        let cluster = Connection::connect(&Settings { kubeconfig, ..Settings::default() }).await.expect("a cluster");
        let http = Http::new(Default::default()).expect("HTTP clients");
        let reporter = Reporter { controller: "tagwright".to_owned(), instance: "test".to_owned() };
        let recorder = Recorder::new(&cluster, reporter, None);
        let (ledger, _) = Ledger::open(state.path()).expect("a ledger");
        let setup = Setup {
            recorder: recorder.clone(),
            cluster,
            selecting: Selecting {
                registry: Client::new(http.clone(), registry::Limits::default()),
                memory: Memory::new(Some(ledger)),
                metrics: Metrics::default(),
                allow_older: false,
                patterns: Default::default(),
            },
            git: Git::new(state.path(), http, tokio::runtime::Handle::current(), Limits::default()),
            budget: PushBudget::default(),
            scope: Scope { namespace: Some(self.namespace.name.clone()), labels: None },
            backoff: Backoff::default(),
            behaviour,
        };
        let (stop, may_work) = watch::channel(true);
        let running = tokio::spawn(async move {
            let telling = tokio::spawn({
                let recorder = recorder.clone();
                async move { recorder.run().await }
            });
            Controller::new(setup).run(may_work, Default::default()).await;
            recorder.close();
            telling.await.expect("events");
        });
        Running { stop, running, _state: state }
    }

    /// The object as the API server has it, once `is_so`.
    pub(super) async fn once(&self, plural: &str, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let url = self.url(plural, name);
        eventually(&format!("{plural}/{name}: {what}"), || async {
            self.get(&url).await.filter(|object| is_so(object))
        })
        .await
    }

    /// Deletes an object, and waits until it is gone.
    pub(super) async fn delete(&self, plural: &str, name: &str) {
        let url = self.url(plural, name);
        let request = Request::delete(&url).body(Vec::new()).expect("a request");
        self.namespace.client.request::<Value>(request).await.expect("an answer");
        eventually(&format!("{plural}/{name} is gone"), || async { self.get(&url).await.is_none().then_some(()) })
            .await;
    }

    fn url(&self, plural: &str, name: &str) -> String {
        format!("/apis/image.toolkit.fluxcd.io/v1/namespaces/{}/{plural}/{name}", self.namespace.name)
    }

    /// What the API server answers; `None` when it refuses.
    pub(super) async fn get(&self, url: &str) -> Option<Value> {
        let request = Request::get(url).body(Vec::new()).expect("a request");
        self.namespace.client.request(request).await.ok()
    }
}

/// Our kinds, for all tests of the process.
async fn define_kinds(namespace: &TestNamespace) {
    static DEFINED: OnceCell<()> = OnceCell::const_new();
    let define = async || {
        for definition in api::crds() {
            apply(&namespace.client, &namespace.name, &definition.yaml()).await.expect("a definition");
        }
    };
    DEFINED.get_or_init(define).await;
}

impl Running {
    /// Asks it to end, and waits until it has.
    pub(super) async fn stop(self) {
        self.stop.send_replace(false);
        self.running.await.expect("a controller that ends in order");
    }
}

/// The condition `Ready` of an object: its status, reason and message.
pub(super) fn ready(object: &Value) -> Option<(String, String, String)> {
    let conditions = object["status"]["conditions"].as_array()?;
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready")?;
    let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
    Some((text("status"), text("reason"), text("message")))
}
