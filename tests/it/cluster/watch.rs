//! What a watch tells: objects as they come, change and go, whatever happens to the server.

use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use serde_json::json;
use tagwright::api::ImagePolicySpec;
use tagwright::cluster::{Event, Scope, watch};

use super::fake::{Fake, POLICIES};

type Events = Pin<Box<dyn Stream<Item = Event<ImagePolicySpec>> + Send>>;

async fn events(fake: &Fake) -> Events {
    Box::pin(watch(&fake.cluster().await, Scope::default()))
}

/// The next so many events: `+name` with its range, `-name`, or `=` when all were told.
async fn next(events: &mut Events, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    while told.len() < count {
        let event = tokio::time::timeout(Duration::from_secs(60), events.next()).await;
        told.push(match event.expect("an event in time").expect("no end") {
            Event::Applied(live) => {
                let spec = live.spec.expect("a good object");
                format!("+{} {}", live.metadata.name, spec.policy.semver.expect("a range").range)
            }
            Event::Deleted(name) => format!("-{}", name.name),
            Event::Synced => "=".to_owned(),
        });
    }
    told
}

#[tokio::test]
async fn objects_are_told_as_they_come_change_and_go() {
    let fake = Fake::start();
    fake.put_policy("one", "1.x");
    let mut events = events(&fake).await;
    assert_eq!(next(&mut events, 2).await, ["+one 1.x", "="]);
    fake.put_policy("one", "2.x");
    fake.put_policy("two", "3.x");
    assert_eq!(next(&mut events, 2).await, ["+one 2.x", "+two 3.x"]);
    fake.delete_policy("one");
    assert_eq!(next(&mut events, 1).await, ["-one"]);
    assert_eq!(fake.requests("sendInitialEvents=true"), 1, "one request for all");
}

#[tokio::test]
async fn a_watch_that_ends_goes_on_where_it_was() {
    let fake = Fake::start();
    fake.put_policy("one", "1.x");
    let mut events = events(&fake).await;
    next(&mut events, 2).await;
    fake.cut();
    fake.put_policy("two", "2.x");
    assert_eq!(next(&mut events, 1).await, ["+two 2.x"]);
}

#[tokio::test]
async fn after_a_forgotten_history_only_what_is_new_or_gone_is_told() {
    let fake = Fake::start();
    for name in ["changed", "gone", "same"] {
        fake.put_policy(name, "1.x");
    }
    let mut events = events(&fake).await;
    next(&mut events, 4).await;
    fake.cut();
    fake.put_policy("changed", "2.x");
    fake.delete_policy("gone");
    fake.put_policy("new", "3.x");
    fake.forget();
    assert_eq!(next(&mut events, 4).await, ["+changed 2.x", "+new 3.x", "-gone", "="]);
}

#[tokio::test]
async fn a_server_without_streamed_lists_is_asked_for_pages() {
    let fake = Fake::start();
    fake.stop_streaming_lists();
    fake.put_policy("one", "1.x");
    let mut events = events(&fake).await;
    assert_eq!(next(&mut events, 2).await, ["+one 1.x", "="]);
    fake.put_policy("two", "2.x");
    assert_eq!(next(&mut events, 1).await, ["+two 2.x"]);
    assert_eq!(fake.requests("limit=500"), 1);
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_again() {
    let fake = Fake::start();
    fake.put_policy("one", "1.x");
    for (status, after) in [(500, None), (429, Some(1)), (503, None)] {
        fake.refuse_next(status, after);
    }
    assert_eq!(next(&mut events(&fake).await, 2).await, ["+one 1.x", "="]);
}

#[tokio::test]
async fn a_kind_that_is_not_served_has_no_objects() {
    let fake = Fake::start();
    fake.stop_serving_kinds();
    assert_eq!(next(&mut events(&fake).await, 1).await, ["="]);
}

#[tokio::test]
async fn a_bad_object_is_told_with_what_is_wrong_with_it() {
    let fake = Fake::start();
    let annotations = json!({ "kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "web" });
    let metadata = json!({ "annotations": annotations, "labels": { "app": "web" }, "generation": 3 });
    let spec = json!({ "imageRepositoryRef": { "name": "web" }, "policy": { "semver": { "range": "no range" } } });
    fake.put(POLICIES, "apps", "bad", &json!({ "metadata": metadata, "spec": spec }));
    let Some(Event::Applied(live)) = events(&fake).await.next().await else { panic!("an object") };
    let errors = live.spec.as_ref().expect_err("a bad object");
    assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["spec.policy.semver.range"]);
    assert_eq!(live.generation, 3);
    assert_eq!(live.metadata.labels["app"], "web");
    assert_eq!(live.metadata.annotations.keys().collect::<Vec<_>>(), ["team"], "what kubectl applied is not kept");
    assert_eq!(live.name().to_string(), "apps/bad");
}
