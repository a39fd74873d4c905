//! Events: written to the API server, and posted to who notifies people.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use tagwright::cluster::{Involved, Occurrence, Receiver, Recorder, Reporter, Severity};
use tagwright::net::{Http, Settings};
use tagwright::object::NamespacedName;

use super::super::servers::serve;
use super::fake::Fake;

fn occurrence(severity: Severity, message: &str) -> Occurrence {
    Occurrence {
        object: Involved {
            api_version: "image.toolkit.fluxcd.io/v1".to_owned(),
            kind: "ImagePolicy",
            name: NamespacedName::new("apps", "web"),
            uid: "u1".to_owned(),
            resource_version: "7".to_owned(),
        },
        severity,
        reason: "Succeeded".to_owned(),
        message: message.to_owned(),
        metadata: BTreeMap::from([("image.toolkit.fluxcd.io/revision".to_owned(), "v1".to_owned())]),
        at: "2026-01-02T03:04:05.678Z".parse().expect("a time"),
    }
}

fn reporter() -> Reporter {
    Reporter { controller: "tagwright".to_owned(), instance: "tagwright-0".to_owned() }
}

/// Records, tells all, and ends.
async fn tell(recorder: &Recorder, occurrences: impl IntoIterator<Item = Occurrence>) {
    for occurrence in occurrences {
        recorder.record(occurrence);
    }
    recorder.close();
    tokio::time::timeout(Duration::from_secs(60), recorder.run()).await.expect("an end");
}

#[tokio::test]
async fn an_event_is_written_beside_its_object() {
    let fake = Fake::start();
    let recorder = Recorder::new(&fake.cluster().await, reporter(), None);
    tell(&recorder, [occurrence(Severity::Error, "no tags")]).await;
    let at = occurrence(Severity::Error, "").at.as_nanosecond();
    let event = fake.object(&format!("/api/v1/namespaces/apps/events/web.{at:x}")).expect("an event");
    for (field, expected) in [
        ("/involvedObject/name", json!("web")),
        ("/involvedObject/uid", json!("u1")),
        ("/type", json!("Warning")),
        ("/reason", json!("Succeeded")),
        ("/message", json!("no tags")),
        ("/firstTimestamp", json!("2026-01-02T03:04:05Z")),
        ("/source/component", json!("tagwright")),
        ("/metadata/annotations", json!({ "image.toolkit.fluxcd.io/revision": "v1" })),
    ] {
        assert_eq!(event.pointer(field), Some(&expected), "{field}");
    }
}

#[tokio::test]
async fn an_event_is_posted_as_flux_posts_it() {
    let fake = Fake::start();
    let taken: Arc<Mutex<Vec<Value>>> = Arc::default();
    let answers = Arc::new(Mutex::new(vec![429, 202, 500]));
    let (address, runtime) = {
        let taken = taken.clone();
        serve(Router::new().route(
            "/",
            post(move |body: String| async move {
                taken.lock().expect("a list").push(serde_json::from_str(&body).expect("JSON"));
                StatusCode::from_u16(answers.lock().expect("a list").pop().unwrap_or(202)).expect("a status")
            }),
        ))
    };
    let http = Http::new(Settings::default()).expect("a client");
    let url = format!("http://{address}/").parse().expect("a URL");
    let recorder = Recorder::new(&fake.cluster().await, reporter(), Some(Receiver { http, url }));
    let told = [
        occurrence(Severity::Info, "first"),
        occurrence(Severity::Trace, "nothing new"),
        occurrence(Severity::Error, "second"),
        occurrence(Severity::Info, "third"),
    ];
    tell(&recorder, told).await;
    let taken = taken.lock().expect("a list").clone();
    // The first was answered with 500 and told again; 429 means that the second was known.
    let messages: Vec<_> = taken.iter().map(|event| event["message"].as_str().expect("a message")).collect();
    assert_eq!(messages, ["first", "first", "second", "third"]);
    let severities: Vec<_> = taken.iter().map(|event| event["severity"].as_str().expect("a word")).collect();
    assert_eq!(severities, ["info", "info", "error", "info"]);
    assert_eq!(taken[0]["reportingController"], "tagwright");
    assert_eq!(taken[0]["timestamp"], "2026-01-02T03:04:05Z");
    assert_eq!(fake.requests("POST /api/v1/namespaces/apps/events"), 4);
    runtime.shutdown_background();
}

#[tokio::test]
async fn what_is_too_much_pushes_out_the_oldest() {
    let fake = Fake::start();
    let cluster = fake.cluster().await;
    let recorder = Recorder::new(&cluster, reporter(), None);
    let many = (0..1003).map(|number| {
        let mut occurrence = occurrence(Severity::Info, "many");
        occurrence.at += jiff::SignedDuration::from_secs(number);
        occurrence
    });
    tell(&recorder, many).await;
    assert_eq!(fake.requests("POST /api/v1/namespaces/apps/events"), 1000);
}
