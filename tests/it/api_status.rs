//! Statuses: what is written, and what is made of what others wrote.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tagwright::api::{
    self, Condition, ConditionStatus, GitRepositoryStatus, ImagePolicyStatus, ImageRepositoryStatus,
    ImageUpdateAutomationStatus, ObservedImage, Time,
};

fn time(text: &str) -> Time {
    text.parse::<Timestamp>().expect("a time").into()
}

/// A status is read, and written again without loss.
fn check_kept<T: Serialize + DeserializeOwned>(status: &Value) {
    let read: T = api::status(&json!({ "status": status })).unwrap_or_else(|| panic!("a status: {status}"));
    assert_eq!(&serde_json::to_value(&read).expect("JSON"), status);
}

fn condition() -> Value {
    json!({
        "type": "Ready", "status": "True", "reason": "Succeeded", "message": "",
        "lastTransitionTime": "2026-01-02T03:04:05Z", "observedGeneration": 3,
    })
}

#[test]
fn every_field_is_read_and_written() {
    let image = json!({ "name": "ghcr.io/acme/web", "tag": "1.2.3", "digest": "sha256:0a" });
    check_kept::<ImageRepositoryStatus>(&json!({
        "observedGeneration": 3, "conditions": [condition()], "canonicalImageName": "ghcr.io/acme/web",
        "lastScanResult": {
            "tagCount": 2, "scanTime": "2026-01-02T03:04:05Z", "revision": "1234", "latestTags": ["1.2.3", "1.2.2"],
        },
        "observedExclusionList": ["^sha-"], "lastHandledReconcileAt": "now",
    }));
    check_kept::<ImagePolicyStatus>(&json!({
        "observedGeneration": 3, "conditions": [condition()], "latestRef": image, "observedPreviousRef": image,
        "latestImage": "ghcr.io/acme/web:1.2.3", "observedPreviousImage": "ghcr.io/acme/web:1.2.2",
        "lastHandledReconcileAt": "now",
    }));
    check_kept::<ImageUpdateAutomationStatus>(&json!({
        "observedGeneration": -1, "conditions": [condition()], "lastAutomationRunTime": "2026-01-02T03:04:05Z",
        "lastPushCommit": "0a1b2c", "lastPushTime": "2026-01-02T03:04:05Z", "observedPolicies": { "web": image },
        "observedSourceRevision": "main@sha1:0a1b2c", "lastHandledReconcileAt": "now",
    }));
}

#[test]
fn what_is_absent_is_left_out() {
    check_kept::<ImageRepositoryStatus>(&json!({}));
    check_kept::<ImageRepositoryStatus>(&json!({ "lastScanResult": { "tagCount": 0 } }));
    check_kept::<ImagePolicyStatus>(&json!({ "latestRef": { "name": "web", "tag": "1" } }));
    check_kept::<ImageUpdateAutomationStatus>(&json!({}));
}

#[test]
fn what_others_wrote_is_taken_as_far_as_it_is_known() {
    let check = |object: Value, expected: Option<ImagePolicyStatus>| {
        assert_eq!(api::status::<ImagePolicyStatus>(&object), expected, "{object}");
    };
    check(json!({}), None);
    check(json!({ "status": null }), None);
    check(json!({ "status": "good" }), None);
    check(json!({ "status": { "latestRef": { "name": "web" } } }), None);
    check(json!({ "status": { "latestRef": "web:1" } }), None);
    check(json!({ "status": { "distributionPolicy": { "name": 1 } } }), Some(ImagePolicyStatus::default()));
    let latest_ref = Some(ObservedImage { name: "web".into(), tag: "1".into(), digest: None });
    let expected = ImagePolicyStatus { latest_ref, ..ImagePolicyStatus::default() };
    check(json!({ "status": { "latestRef": { "name": "web", "tag": "1", "digest": "" } } }), Some(expected.clone()));
    check(
        json!({ "status": { "latestRef": { "name": "web", "tag": "1", "age": 3 }, "conditions": null } }),
        Some(expected),
    );
}

#[test]
fn times_have_whole_seconds() {
    let at = time("2026-01-02T03:04:05.987654321Z");
    assert_eq!(at.to_string(), "2026-01-02T03:04:05Z");
    assert_eq!(at, time("2026-01-02T04:04:05.1+01:00"));
    let condition = Condition {
        kind: "Ready".into(),
        status: ConditionStatus::Unknown,
        reason: "Progressing".into(),
        message: "scanning".into(),
        last_transition_time: at,
        observed_generation: None,
    };
    let written = serde_json::to_value(&condition).expect("JSON");
    assert_eq!(written["lastTransitionTime"], "2026-01-02T03:04:05Z");
    assert_eq!(serde_json::from_value::<Condition>(written).expect("a condition"), condition);
}

#[test]
fn an_image_is_named_as_older_readers_expect() {
    let image = ObservedImage::new("ghcr.io/acme/web", &"1.2.3".parse().expect("a tag"), None);
    assert_eq!(image.name_and_tag(), "ghcr.io/acme/web:1.2.3");
}

#[test]
fn the_artifact_of_a_git_repository_is_read_from_every_version() {
    let read = |artifact: Value| {
        let status: Option<GitRepositoryStatus> = api::status(&json!({ "status": { "artifact": artifact } }));
        status.and_then(|status| status.artifact).expect("an artifact")
    };
    let old = read(json!({ "url": "http://source/a.tar.gz", "path": "a.tar.gz", "checksum": "0a" }));
    assert_eq!((old.checksum.as_deref(), old.revision), (Some("0a"), None));
    let new = read(json!({
        "url": "http://source/a.tar.gz", "path": "a.tar.gz", "revision": "main@sha1:0a", "digest": "sha256:0a",
        "lastUpdateTime": "2026-01-02T03:04:05Z", "size": 12, "metadata": { "a": "b" },
    }));
    assert_eq!((new.size, new.revision.as_deref()), (Some(12), Some("main@sha1:0a")));
}
