//! What the other tests rely on: the cluster of the tests is one.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::conditions;
use kube::{Api, Client, Config};
use serde_json::json;

use super::{Cluster, FAILS, eventually, wait_for};

const SETTINGS: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {of: PLACE}}";

/// Whoever is in the group `tenants`, and the service account `reader`, may list Secrets.
const READERS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [''], resources: [secrets], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: tenants}
- {kind: ServiceAccount, name: reader}
";

/// A definition and an object of it in one manifest.
const DEFINED: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: kites.test.tagwright.dev}
spec:
  group: test.tagwright.dev
  scope: Namespaced
  names: {kind: Kite, plural: kites}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {tail: {type: integer}}}}}}
---
apiVersion: test.tagwright.dev/v1
kind: Kite
metadata: {name: red}
spec: {tail: TAIL}
";

fn deployment(name: &str, annotations: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}, annotations: {{{annotations}}}}}
    spec: {{containers: [{{name: main, image: 'ghcr.io/acme/web:1.0.0'}}]}}
"
    )
}

#[tokio::test]
async fn namespaces_are_apart() {
    let cluster = Cluster::shared();
    let (one, other) = (cluster.namespace().await, cluster.namespace().await);
    for place in [&one, &other] {
        place.apply(&SETTINGS.replace("PLACE", &place.name)).await.expect("settings");
    }
    for place in [&one, &other] {
        let settings = place.api::<ConfigMap>().get("settings").await.expect("settings");
        assert_eq!(settings.data.expect("data")["of"], place.name);
    }
}

#[tokio::test]
async fn without_rights_nothing_is_given() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace().await;
    let name = &namespace.name;
    let (alice, bob) = (cluster.client_of("alice").await, cluster.client_of("bob").await);
    let account = cluster.client_as(name, "reader").await;
    refuses(&alice, name, "alice").await;
    refuses(&account, name, &format!("system:serviceaccount:{name}:reader")).await;

    namespace.apply(READERS).await.expect("a role");
    for client in [alice, account] {
        // It learns of roles a moment later.
        let secrets: Api<Secret> = Api::namespaced(client, name);
        eventually("Secrets are listed", || async { secrets.list(&ListParams::default()).await.ok() }).await;
    }
    refuses(&bob, name, "bob").await;
}

async fn refuses(client: &Client, namespace: &str, user: &str) {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let error = secrets.list(&ListParams::default()).await.expect_err("no rights").to_string();
    assert!(error.contains(&format!("User \"{user}\" cannot list resource \"secrets\"")), "{error}");
}

#[tokio::test]
async fn kubeconfigs_name_their_users() {
    let cluster = Cluster::shared();
    for (user, group) in [("admin", "system:masters"), ("alice", "tenants"), ("bob", "system:authenticated")] {
        let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig_file(user)).expect("a kubeconfig");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("a config");
        let reviews: Api<SelfSubjectReview> = Api::all(Client::try_from(config).expect("a client"));
        let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await.expect("a review");
        let told = review.status.expect("an answer").user_info.expect("a user");
        assert_eq!(told.username.as_deref(), Some(user));
        assert!(told.groups.iter().flatten().any(|one| one == group), "{told:?}");
    }
}

#[tokio::test]
async fn a_definition_is_served_before_its_objects_are_applied() {
    let namespace = Cluster::shared().namespace().await;
    let applied = namespace.apply(&DEFINED.replace("TAIL", "3")).await.expect("a kite");
    assert_eq!(applied[1].data["spec"]["tail"], 3);
    let refused = namespace.apply(&DEFINED.replace("TAIL", "long")).await.expect_err("no number").to_string();
    assert!(refused.contains("spec.tail"), "{refused}");
}

#[tokio::test]
async fn a_deployment_becomes_ready() {
    let namespace = Cluster::shared().namespace().await;
    namespace.apply(&deployment("web", "")).await.expect("a deployment");
    wait_for(&namespace.api::<Deployment>(), "web", "two replicas are ready", |deployment: Option<&Deployment>| {
        deployment.and_then(|deployment| deployment.status.as_ref()?.ready_replicas) == Some(2)
    })
    .await;
}

#[tokio::test]
async fn a_pod_that_is_told_to_fail_waits_until_it_is_told_otherwise() {
    let namespace = Cluster::shared().namespace().await;
    let deployment = deployment("web", &format!("{FAILS}: ImagePullBackOff"));
    namespace.apply(&deployment).await.expect("a deployment");
    let pods: Api<Pod> = namespace.api();
    let name = first_pod(&pods).await;
    wait_for(&pods, &name, "its container waits", |pod: Option<&Pod>| pod.and_then(waits) == Some("ImagePullBackOff"))
        .await;

    let well = Patch::Merge(json!({"metadata": {"annotations": {FAILS: null}}}));
    pods.patch(&name, &PatchParams::default(), &well).await.expect("a pod");
    wait_for(&pods, &name, "its container runs", |pod: Option<&Pod>| pod.is_some_and(|pod| waits(pod).is_none())).await;
}

async fn first_pod(pods: &Api<Pod>) -> String {
    eventually("there is a pod", || async {
        let pods = pods.list(&ListParams::default()).await.expect("pods");
        pods.items.into_iter().find_map(|pod| pod.metadata.name)
    })
    .await
}

/// Why the first container of a pod waits.
fn waits(pod: &Pod) -> Option<&str> {
    let state = pod.status.as_ref()?.container_statuses.as_ref()?.first()?.state.as_ref()?;
    state.waiting.as_ref()?.reason.as_deref()
}

#[tokio::test]
async fn a_deleted_namespace_goes_with_what_is_in_it() {
    let namespace = Cluster::shared().namespace().await;
    namespace.apply(&deployment("web", "")).await.expect("a deployment");
    let name = first_pod(&namespace.api()).await;
    let all: Api<Namespace> = Api::all(namespace.client.clone());
    all.delete(&namespace.name, &DeleteParams::default()).await.expect("a namespace");
    wait_for(&all, &namespace.name, "gone", |namespace: Option<&Namespace>| namespace.is_none()).await;
    assert!(namespace.api::<Pod>().get_opt(&name).await.expect("an answer").is_none());
}

#[tokio::test]
async fn a_cluster_of_its_own_keeps_its_objects_over_a_restart() {
    let mut cluster = Cluster::own();
    let namespace = cluster.namespace().await;
    let settings = namespace.apply(&SETTINGS.replace("PLACE", "here")).await.expect("settings").remove(0);
    let url = cluster.url();
    cluster.stop_api_server();
    cluster.client().await.apiserver_version().await.expect_err("nobody answers");
    cluster.start_api_server();
    assert_eq!(cluster.url(), url);
    let found = namespace.api::<ConfigMap>().get("settings").await.expect("settings");
    assert_eq!(found.metadata.uid, settings.metadata.uid);
    // The kubelet and the controllers have found it again.
    namespace.apply(&deployment("web", "")).await.expect("a deployment");
    wait_for(&namespace.api(), "web", "complete", conditions::is_deployment_completed()).await;

    let file = cluster.kubeconfig_file("admin");
    drop(cluster);
    eventually("its folder is gone", || async { (!file.exists()).then_some(()) }).await;
}
