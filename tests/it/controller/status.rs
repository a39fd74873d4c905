//! What reconciles write into a status: conditions as kstatus reads them, and nothing that did not change.

use jiff::Timestamp;
use serde_json::{Value, json};
use tagwright::api::{
    ImagePolicyStatus, ImageRepositoryStatus, ImageUpdateAutomationStatus, MESSAGE_CHARS_MAX, ObservedImage, ScanResult,
};
use tagwright::controller::status::{
    Scanned, Selected, Standing, Subject, Updated, image_policy, image_repository, image_update_automation,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

const SUBJECT: Subject<'_> = Subject { generation: 3, requested: None };

fn ready() -> Standing {
    Standing::Ready { reason: "Succeeded", message: "fine".to_owned() }
}

fn retrying() -> Standing {
    Standing::Retrying { reason: "ReadOperationFailed", message: "no answer".to_owned() }
}

fn stalled() -> Standing {
    Standing::Stalled { reason: "ImageURLInvalid", message: "a tag".to_owned() }
}

/// The conditions after each of `standings`, ten seconds apart: `TYPE=STATUS REASON SINCE`, and what is observed.
fn conditions(standings: &[Standing]) -> Vec<String> {
    let mut status = ImageRepositoryStatus::default();
    let mut told = Vec::new();
    for (place, standing) in standings.iter().enumerate() {
        let now = at(10 * i64::try_from(place).expect("few"));
        status = image_repository(&status, SUBJECT, standing, None, now);
        let of = |held: &tagwright::api::Condition| {
            let since = held.last_transition_time.get().as_second();
            format!("{}={:?} {} {since}", held.kind, held.status, held.reason)
        };
        let held: Vec<String> = status.conditions.iter().map(of).collect();
        told.push(format!("{} | {}", held.join(", "), status.observed_generation.expect("always set")));
    }
    told
}

#[test]
fn an_object_is_ready_or_says_what_keeps_it_from_that() {
    let check = |standings: &[Standing], expected: &[&str]| assert_eq!(conditions(standings), expected);
    check(&[ready(), ready()], &["Ready=True Succeeded 0 | 3", "Ready=True Succeeded 0 | 3"]);
    let failing = "Reconciling=True ProgressingWithRetry 0, Ready=False ReadOperationFailed 0 | -1";
    check(&[retrying(), retrying()], &[failing, failing]);
    check(
        &[ready(), retrying(), stalled(), ready()],
        &[
            "Ready=True Succeeded 0 | 3",
            "Reconciling=True ProgressingWithRetry 10, Ready=False ReadOperationFailed 10 | 3",
            "Stalled=True ImageURLInvalid 20, Ready=False ImageURLInvalid 10 | 3",
            "Ready=True Succeeded 30 | 3",
        ],
    );
}

#[test]
fn a_message_fits_what_the_api_server_takes() {
    for (length, expected) in [(MESSAGE_CHARS_MAX, MESSAGE_CHARS_MAX), (MESSAGE_CHARS_MAX + 1, MESSAGE_CHARS_MAX)] {
        let standing = Standing::Retrying { reason: "Failure", message: "ä".repeat(length) };
        let status = image_repository(&ImageRepositoryStatus::default(), SUBJECT, &standing, None, at(0));
        assert!(status.conditions.iter().all(|held| held.message.chars().count() <= expected), "{length}");
    }
}

#[test]
fn a_scan_is_told_in_flux_s_words() {
    let result = ScanResult {
        tag_count: 2,
        scan_time: Some(at(7).into()),
        revision: Some("sha256:ab".to_owned()),
        latest_tags: vec!["2".to_owned(), "1".to_owned()],
    };
    let scanned = Scanned {
        result,
        canonical_name: "index.docker.io/library/alpine".to_owned(),
        exclusions: vec!["x".to_owned()],
    };
    let subject = Subject { requested: Some("now"), ..SUBJECT };
    let standing = scanned.standing();
    let status = image_repository(&ImageRepositoryStatus::default(), subject, &standing, Some(scanned), at(7));
    let expected = json!({
        "observedGeneration": 3,
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Succeeded", "observedGeneration": 3,
            "message": "successful scan: found 2 tags with checksum sha256:ab",
            "lastTransitionTime": "1970-01-01T00:00:07Z",
        }],
        "canonicalImageName": "index.docker.io/library/alpine",
        "lastScanResult": {
            "tagCount": 2, "scanTime": "1970-01-01T00:00:07Z", "revision": "sha256:ab", "latestTags": ["2", "1"],
        },
        "observedExclusionList": ["x"],
        "lastHandledReconcileAt": "now",
    });
    assert_eq!(serde_json::to_value(&status).expect("json"), expected);
    // What fails then keeps what the last scan found.
    let failed = image_repository(&status, SUBJECT, &retrying(), None, at(9));
    assert_eq!(
        (failed.last_scan_result, failed.canonical_image_name),
        (status.last_scan_result, status.canonical_image_name)
    );
    assert_eq!(failed.last_handled_reconcile_at.as_deref(), Some("now"));
}

fn image(tag: &str, digest: Option<&str>) -> ObservedImage {
    ObservedImage { name: "ghcr.io/acme/web".to_owned(), tag: tag.to_owned(), digest: digest.map(str::to_owned) }
}

/// The status after each of `images` was selected.
fn select(images: &[ObservedImage]) -> ImagePolicyStatus {
    images.iter().fold(ImagePolicyStatus::default(), |before, image| {
        let selected = Selected { image: image.clone(), remark: None };
        image_policy(&before, SUBJECT, &selected.standing(&before), Some(&selected), at(0))
    })
}

#[test]
fn a_policy_tells_the_latest_image_and_the_one_before() {
    let (one, two, pinned) = (image("1.0.0", None), image("1.1.0", None), image("1.1.0", Some("sha256:ab")));
    let message = |images: &[ObservedImage]| select(images).conditions[0].message.clone();
    let name = "ghcr.io/acme/web";
    let resolved = "Latest image tag for ghcr.io/acme/web resolved to";
    assert_eq!(message(std::slice::from_ref(&one)), format!("{resolved} 1.0.0"));
    assert_eq!(message(&[one.clone(), one.clone()]), format!("{resolved} 1.0.0"));
    assert_eq!(message(&[one.clone(), two.clone()]), format!("{resolved} 1.1.0 (previously {name}:1.0.0)"));
    assert_eq!(
        message(&[one.clone(), two.clone(), two.clone()]),
        format!("{resolved} 1.1.0 (previously {name}:1.0.0)"),
        "the message stays as long as the image does"
    );
    assert_eq!(
        message(&[two.clone(), pinned.clone()]),
        format!("{resolved} 1.1.0 with digest sha256:ab (previously {name}:1.1.0)")
    );
    assert_eq!(
        message(&[pinned.clone(), one.clone()]),
        format!("{resolved} 1.0.0 (previously {name}:1.1.0@sha256:ab)")
    );
    let status = select(&[one.clone(), two.clone()]);
    assert_eq!((status.latest_ref, status.observed_previous_ref), (Some(two), Some(one)));
    assert_eq!(status.latest_image.as_deref(), Some("ghcr.io/acme/web:1.1.0"), "for readers of v1beta1");
    assert_eq!(status.observed_previous_image.as_deref(), Some("ghcr.io/acme/web:1.0.0"), "for readers of v1beta2");
}

#[test]
fn a_policy_that_fails_keeps_its_image() {
    let before = select(&[image("1.0.0", None)]);
    let failed = image_policy(&before, SUBJECT, &retrying(), None, at(5));
    assert_eq!(failed.latest_ref, before.latest_ref);
    assert!(failed.conditions.iter().any(|held| held.kind == "Ready" && held.reason == "ReadOperationFailed"));
}

fn updated(commit: Option<&str>) -> Updated {
    Updated {
        policies: [("web".to_owned(), image("1.0.0", None))].into(),
        revision: Some("main@sha1:0a".to_owned()),
        pushed: commit.map(str::to_owned),
    }
}

fn value(status: &ImageUpdateAutomationStatus) -> Value {
    serde_json::to_value(status).expect("json")
}

#[test]
fn an_automation_writes_when_something_changed() {
    let pushed = image_update_automation(&Default::default(), SUBJECT, &ready(), Some(updated(Some("0a"))), at(5));
    let expected = json!({
        "observedGeneration": 3,
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Succeeded", "observedGeneration": 3, "message": "fine",
            "lastTransitionTime": "1970-01-01T00:00:05Z",
        }],
        "lastAutomationRunTime": "1970-01-01T00:00:05Z",
        "lastPushCommit": "0a",
        "lastPushTime": "1970-01-01T00:00:05Z",
        "observedPolicies": { "web": { "name": "ghcr.io/acme/web", "tag": "1.0.0" } },
        "observedSourceRevision": "main@sha1:0a",
    });
    assert_eq!(value(&pushed), expected);
    let idle = image_update_automation(&pushed, SUBJECT, &ready(), Some(updated(None)), at(65));
    assert_eq!(value(&idle), expected, "nothing to do, nothing to write");
    let failed = image_update_automation(&pushed, SUBJECT, &retrying(), None, at(65));
    assert_eq!(failed.last_push_commit.as_deref(), Some("0a"));
    assert_eq!(failed.last_automation_run_time, Some(at(65).into()));
}
