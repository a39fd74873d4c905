//! A real API server, with etcd and the controller manager behind it, and a kubelet that runs nothing. Tests share one
//! on loopback, started by the first that asks, and work each in a namespace of its own.

mod access;
mod checks;
mod control_plane;
mod kubelet;
mod objects;
mod programs;

use std::path::PathBuf;
use std::sync::LazyLock;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client};

use control_plane::ControlPlane;
pub(crate) use kubelet::FAILS;
use kubelet::Kubelet;
pub(crate) use objects::{TestNamespace, apply, eventually, wait_for};

/// Ends when dropped; the shared one with the test process.
pub(crate) struct Cluster {
    _kubelet: Kubelet,
    plane: ControlPlane,
}

impl Cluster {
    #[track_caller]
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<Cluster> = LazyLock::new(Cluster::own);
        must_have_programs();
        &SHARED
    }

    /// For a test that stops the API server or counts what it is asked for.
    #[track_caller]
    pub(crate) fn own() -> Self {
        must_have_programs();
        let plane = ControlPlane::start();
        let kubelet = Kubelet::start(kubeconfig_of(&plane, access::ADMIN));
        Self { _kubelet: kubelet, plane }
    }

    pub(crate) fn url(&self) -> String {
        self.plane.url()
    }

    /// May do everything. Like all clients it is one of the runtime that the test runs in.
    pub(crate) async fn client(&self) -> Client {
        self.client_of(access::ADMIN).await
    }

    /// A user with no rights but those that the test binds: `alice`, who is in the group `tenants`, or `bob`.
    pub(crate) async fn client_of(&self, user: &str) -> Client {
        access::client(&kubeconfig_of(&self.plane, user)).await
    }

    /// A service account, which is made if it is not there, with a token as pods get it.
    pub(crate) async fn client_as(&self, namespace: &str, service_account: &str) -> Client {
        access::client(&self.kubeconfig_as(namespace, service_account).await).await
    }

    /// The file that a program finds `admin`, `alice` or `bob` in.
    pub(crate) fn kubeconfig_file(&self, user: &str) -> PathBuf {
        access::kubeconfig_file(self.plane.folder(), user)
    }

    pub(crate) async fn kubeconfig_as(&self, namespace: &str, service_account: &str) -> String {
        let token = token(self.client().await, namespace, service_account).await;
        access::kubeconfig(self.plane.folder(), &self.url(), &token)
    }

    /// A fresh namespace, ready for pods.
    pub(crate) async fn namespace(&self) -> TestNamespace {
        let client = self.client().await;
        let named = serde_json::json!({"metadata": {"generateName": "test-"}});
        let named: Namespace = serde_json::from_value(named).expect("a namespace");
        let made = Api::all(client.clone()).create(&PostParams::default(), &named).await.expect("a namespace");
        let namespace = TestNamespace { client, name: made.metadata.name.expect("a name") };
        // Without it pods are refused.
        let accounts = namespace.api::<ServiceAccount>();
        wait_for(&accounts, "default", "it is there", |account: Option<&ServiceAccount>| account.is_some()).await;
        namespace
    }

    /// Kills the API server: a cluster that is shared stays up.
    pub(crate) fn stop_api_server(&mut self) {
        self.plane.stop_api_server();
    }

    pub(crate) fn start_api_server(&mut self) {
        self.plane.start_api_server();
    }
}

#[track_caller]
fn must_have_programs() {
    if let Err(missing) = programs::are_there() {
        panic!("{missing}");
    }
}

fn kubeconfig_of(plane: &ControlPlane, user: &str) -> String {
    std::fs::read_to_string(access::kubeconfig_file(plane.folder(), user)).expect("a file of ours")
}

async fn token(client: Client, namespace: &str, service_account: &str) -> String {
    let manifest = format!("{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: {service_account}}}}}");
    apply(&client, namespace, &manifest).await.expect("a service account");
    let accounts: Api<ServiceAccount> = Api::namespaced(client, namespace);
    let request = TokenRequest { spec: Some(TokenRequestSpec::default()), ..TokenRequest::default() };
    let answer = accounts.create_token_request(service_account, &PostParams::default(), &request).await;
    answer.expect("an answer").status.and_then(|status| status.token).expect("a token")
}
