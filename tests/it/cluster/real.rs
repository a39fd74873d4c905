//! The same edge against a real API server.

use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Event as CoreEvent;
use kube::api::ListParams;
use serde_json::json;
use tagwright::api::{ImagePolicySpec, Version, crds};
use tagwright::cluster::{
    Cluster, Error, Event, Involved, Leadership, Leases, Live, Occurrence, Recorder, Reporter, Scope, Settings,
    Severity, Terms, watch,
};
use tagwright::object::NamespacedName;

use super::super::kube::{Cluster as Server, TestNamespace, apply};

type Events = Pin<Box<dyn Stream<Item = Event<ImagePolicySpec>> + Send>>;

const POLICY: &str = "
apiVersion: image.toolkit.fluxcd.io/v1beta2
kind: ImagePolicy
metadata: {name: web, labels: {team: web}}
spec: {imageRepositoryRef: {name: web}, policy: {semver: {range: RANGE}}}
";

async fn connect(server: &Server, user: &str) -> Cluster {
    let settings = Settings { kubeconfig: Some(server.kubeconfig_file(user)), ..Settings::default() };
    Cluster::connect(&settings).await.expect("a cluster")
}

/// A namespace of a server that serves our kinds.
async fn place(server: &Server) -> TestNamespace {
    let place = server.namespace().await;
    for definition in crds() {
        apply(&place.client, &place.name, &definition.yaml()).await.expect("a definition");
    }
    place
}

async fn put(place: &TestNamespace, range: &str) {
    place.apply(&POLICY.replace("RANGE", range)).await.expect("a policy");
}

fn events(cluster: &Cluster, place: &TestNamespace) -> Events {
    Box::pin(watch(cluster, Scope { namespace: Some(place.name.clone()), labels: Some("team=web".to_owned()) }))
}

async fn next(events: &mut Events) -> Event<ImagePolicySpec> {
    let event = tokio::time::timeout(Duration::from_secs(120), events.next()).await;
    event.expect("an event in time").expect("no end")
}

async fn applied(events: &mut Events) -> Live<ImagePolicySpec> {
    match next(events).await {
        Event::Applied(live) => live,
        other => panic!("{other:?}"),
    }
}

fn range(live: &Live<ImagePolicySpec>) -> &str {
    &live.spec.as_ref().expect("a good object").policy.semver.as_ref().expect("a range").range
}

#[tokio::test]
async fn an_object_is_watched_changed_and_deleted() {
    let server = Server::shared();
    let place = place(server).await;
    let cluster = connect(server, "admin").await;
    put(&place, "1.x").await;
    let mut events = events(&cluster, &place);
    let seen = applied(&mut events).await;
    assert_eq!(range(&seen), "1.x");
    assert_eq!(next(&mut events).await, Event::Synced);
    assert_eq!(
        cluster.served(Live::<ImagePolicySpec>::KIND).await.expect("an answer").expect("a kind").version,
        Version::V1
    );
    assert_eq!(cluster.has_own_fields(Live::<ImagePolicySpec>::KIND).await.expect("an answer"), Some(true));

    let name = seen.name();
    let patch = json!({ "observedGeneration": 1, "lastHandledReconcileAt": "now" });
    let changed =
        cluster.patch_status::<ImagePolicySpec>(&name, &seen.resource_version, &patch).await.expect("a change");
    assert_eq!(applied(&mut events).await, changed);
    assert_eq!(changed.generation, seen.generation, "a status is no change of what people write");
    let late = cluster.patch_status::<ImagePolicySpec>(&name, &seen.resource_version, &patch).await;
    assert!(matches!(late, Err(Error::Conflict { .. })), "{late:?}");

    let suspended =
        cluster.patch_spec::<ImagePolicySpec>(&name, None, &json!({ "suspend": true })).await.expect("a change");
    assert_eq!(suspended.generation, seen.generation + 1);
    let finalizers = json!({ "finalizers": ["finalizers.fluxcd.io"] });
    let version = Some(suspended.resource_version.as_str());
    let held = cluster.patch_metadata::<ImagePolicySpec>(&name, version, &finalizers).await.expect("a change");
    assert_eq!(held.finalizers, ["finalizers.fluxcd.io"]);
    let listed = cluster.list::<ImagePolicySpec>(&Scope { namespace: Some(place.name.clone()), labels: None }).await;
    assert_eq!(listed.expect("a list"), [held]);
    cluster
        .patch_metadata::<ImagePolicySpec>(&name, None, &json!({ "labels": { "team": null } }))
        .await
        .expect("a change");
    loop {
        // What no longer has the label is gone for who asked for it.
        match next(&mut events).await {
            Event::Applied(_) => {}
            Event::Deleted(gone) => break assert_eq!(gone, name),
            Event::Synced => panic!("the watch began anew"),
        }
    }
}

#[tokio::test]
async fn what_an_account_may_not_do_is_told() {
    let server = Server::shared();
    let place = place(server).await;
    let alice = connect(server, "alice").await;
    let secret = alice.secret(&NamespacedName::new(&place.name, "login")).await;
    assert!(matches!(secret, Err(Error::Denied { .. })), "{secret:?}");
    let policies = alice.list::<ImagePolicySpec>(&Scope::default()).await;
    let denied = policies.expect_err("a refusal").chain();
    assert!(denied.contains("User \"alice\" cannot list resource \"imagepolicies\""), "{denied}");
}

#[tokio::test]
async fn tokens_and_events_are_made() {
    let server = Server::shared();
    let place = place(server).await;
    let cluster = connect(server, "admin").await;
    let account = NamespacedName::new(&place.name, "default");
    let token = cluster.token(&account, "sts.amazonaws.com", Duration::from_secs(600)).await.expect("a token");
    assert_eq!(token.secret.expose_text().expect("a text").split('.').count(), 3, "a JWT");
    assert!(token.expires > jiff::Timestamp::now());
    assert!(!format!("{token:?}").contains(token.secret.expose_text().expect("a text")));

    let object = Involved {
        api_version: "image.toolkit.fluxcd.io/v1".to_owned(),
        kind: "ImagePolicy",
        name: NamespacedName::new(&place.name, "web"),
        uid: String::new(),
        resource_version: String::new(),
    };
    let reporter = Reporter { controller: "tagwright".to_owned(), instance: "tagwright-0".to_owned() };
    let recorder = Recorder::new(&cluster, reporter, None);
    let (reason, message) = ("Succeeded".to_owned(), "two\nlines".to_owned());
    let severity = Severity::Error;
    recorder.record(Occurrence { object, severity, reason, message, metadata: [].into(), at: jiff::Timestamp::now() });
    recorder.close();
    recorder.run().await;
    let told = place.api::<CoreEvent>().list(&ListParams::default()).await.expect("events").items;
    let told: Vec<_> = told.iter().filter(|event| event.involved_object.name.as_deref() == Some("web")).collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].message.as_deref(), Some("two\nlines"));
    assert_eq!(told[0].type_.as_deref(), Some("Warning"));
}

#[tokio::test]
async fn leases_go_from_one_to_the_other() {
    let server = Server::shared();
    let place = place(server).await;
    let cluster = connect(server, "admin").await;
    let names = ["tagwright", "image-reflector-controller"].map(|name| NamespacedName::new(&place.name, name));
    let terms = Terms { retry: Duration::from_millis(100), ..Terms::default() };
    let (first, mut leads_first) = Leases::new(&cluster, names.clone(), "first", terms);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let first = tokio::spawn(first.hold(async { drop(stopped.await) }));
    leads_first.wait_for(Leadership::is_leading).await.expect("no end");
    let (second, mut leads_second) = Leases::new(&cluster, names, "second", terms);
    let second = tokio::spawn(second.hold(std::future::pending()));
    leads_second.wait_for(|leadership| matches!(leadership, Leadership::HeldBy { .. })).await.expect("no end");
    stop.send(()).expect("a task");
    first.await.expect("an end");
    // It was given back: nobody waits for half a minute.
    let waited = tokio::time::timeout(Duration::from_secs(20), leads_second.wait_for(Leadership::is_leading)).await;
    waited.expect("in time").expect("no end");
    second.abort();
}

#[tokio::test]
async fn a_restart_of_the_server_is_no_news() {
    let mut server = Server::own();
    let place = place(&server).await;
    let cluster = connect(&server, "admin").await;
    put(&place, "1.x").await;
    let mut events = events(&cluster, &place);
    applied(&mut events).await;
    assert_eq!(next(&mut events).await, Event::Synced);
    server.stop_api_server();
    server.start_api_server();
    put(&place, "2.x").await;
    let changed = loop {
        match next(&mut events).await {
            Event::Applied(live) => break live,
            Event::Synced => {}
            Event::Deleted(name) => panic!("{name} is there"),
        }
    };
    assert_eq!(range(&changed), "2.x");
}
