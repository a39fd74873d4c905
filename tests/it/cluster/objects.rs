//! Reading and changing single objects, and what the answers mean.

use std::time::Duration;

use serde_json::{Value, json};
use tagwright::api::ImagePolicySpec;
use tagwright::cluster::{Error, merge_patch};
use tagwright::object::NamespacedName;

use super::fake::{Fake, merge};

const SECRETS: &str = "/api/v1/namespaces/{ns}/secrets";

fn name(name: &str) -> NamespacedName {
    NamespacedName::new("apps", name)
}

#[tokio::test]
async fn a_status_is_changed_by_who_has_seen_the_object_as_it_is() {
    let fake = Fake::start();
    fake.put_policy("one", "1.x");
    let cluster = fake.cluster().await;
    let seen = cluster.get::<ImagePolicySpec>(&name("one")).await.expect("an answer").expect("an object");
    let patch = json!({ "lastHandledReconcileAt": "now" });
    let version = &seen.resource_version;
    let changed = cluster.patch_status::<ImagePolicySpec>(&name("one"), version, &patch).await.expect("a change");
    assert_ne!(&changed.resource_version, version);
    assert_eq!(fake.requests("/imagepolicies/one/status?&fieldManager=tagwright"), 1);
    let late = cluster.patch_status::<ImagePolicySpec>(&name("one"), version, &patch).await;
    assert!(matches!(late, Err(Error::Conflict { .. })), "{late:?}");
    let annotate = json!({ "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } });
    let annotated = cluster.patch_metadata::<ImagePolicySpec>(&name("one"), None, &annotate).await.expect("a change");
    assert_eq!(annotated.metadata.annotations["reconcile.fluxcd.io/requestedAt"], "now");
}

#[tokio::test]
async fn refusals_are_sorted_by_what_can_be_done_about_them() {
    let fake = Fake::start();
    let cluster = fake.cluster().await;
    cluster.get::<ImagePolicySpec>(&name("one")).await.expect("an answer");
    let check = async |status, after, expected: &str, is_passing| {
        fake.refuse_next(status, after);
        let patched = cluster.patch_status::<ImagePolicySpec>(&name("one"), "1", &json!({})).await;
        let error = patched.expect_err("a refusal");
        assert!(format!("{error:?}").starts_with(expected), "{status}: {error:?}");
        assert_eq!(error.is_passing(), is_passing, "{status}");
        let text = format!("changing the status of ImagePolicy apps/one: the API server answered {status}: no");
        assert_eq!(error.chain(), text);
    };
    check(400, None, "Invalid", false).await;
    check(401, None, "Denied", false).await;
    check(403, None, "Denied", false).await;
    check(404, None, "Gone", false).await;
    check(409, None, "Conflict", true).await;
    check(422, None, "Invalid", false).await;
    check(429, Some(7), "Throttled { what: \"changing the status of ImagePolicy apps/one\", after: Some(7s)", true)
        .await;
    check(500, None, "Failed", true).await;
    check(503, Some(1), "Throttled", true).await;
}

#[tokio::test]
async fn who_asks_for_one_secret_at_the_same_time_asks_once() {
    let fake = Fake::start();
    fake.put(SECRETS, "apps", "login", &json!({ "data": { "password": "Y2FuYXJ5" } }));
    let cluster = fake.cluster().await;
    let (login, absent) = (name("login"), name("absent"));
    let found = futures::future::join_all((0..20).map(|_| cluster.secret(&login))).await;
    for secret in found {
        let secret = secret.expect("an answer").expect("a Secret");
        assert_eq!(secret.text("password").expect("a text"), Some("canary"));
    }
    for _ in 0..2 {
        assert!(cluster.secret(&absent).await.expect("an answer").is_none());
    }
    assert_eq!(fake.requests("GET /api/v1/namespaces/apps/secrets/login"), 1);
    assert_eq!(fake.requests("GET /api/v1/namespaces/apps/secrets/absent"), 1);
    fake.refuse_next(500, None);
    let other = name("other");
    cluster.secret(&other).await.expect_err("trouble");
    assert!(cluster.secret(&other).await.expect("an answer").is_none(), "trouble is not kept");
}

#[tokio::test]
async fn no_name_leads_out_of_its_place() {
    let fake = Fake::start();
    let cluster = fake.cluster().await;
    for bad in ["../../other/secrets/login", "login?x", "login#", "a%2fb", "", "..", "a\nb"] {
        let error = cluster.secret(&name(bad)).await.expect_err("a refusal");
        assert!(matches!(error, Error::Name { .. }), "{bad}: {error:?}");
        let error = cluster.secret(&NamespacedName::new(bad, "login")).await.expect_err("a refusal");
        assert!(matches!(error, Error::Name { .. }), "{bad}: {error:?}");
    }
    assert_eq!(fake.requests(""), 0);
}

#[tokio::test]
async fn accounts_labels_and_tokens_are_read() {
    let fake = Fake::start();
    fake.put("/api/v1/namespaces", "", "apps", &json!({ "metadata": { "labels": { "team": "web" } } }));
    let pulls = json!({ "imagePullSecrets": [{ "name": "login" }] });
    fake.put("/api/v1/namespaces/{ns}/serviceaccounts", "apps", "robot", &pulls);
    let cluster = fake.cluster().await;
    let labels = cluster.namespace_labels("apps").await.expect("an answer").expect("a namespace");
    assert_eq!(labels["team"], "web");
    let account = cluster.service_account(&name("robot")).await.expect("an answer").expect("an account");
    assert_eq!(account.image_pull_secrets[0].name, "login");
    fake.refuse_next(403, None);
    let refused = cluster.token(&name("robot"), "sts.amazonaws.com", Duration::from_secs(600)).await;
    assert!(matches!(refused, Err(Error::Denied { .. })), "{refused:?}");
}

#[test]
fn a_merge_patch_makes_the_new_of_the_old() {
    let check = |old: Value, new: Value, expected: Option<Value>| {
        let patch = merge_patch(&old, &new);
        assert_eq!(patch, expected, "{old} -> {new}");
        let mut patched = old.clone();
        merge(&mut patched, &patch.unwrap_or(json!({})));
        let mut wanted = json!({});
        merge(&mut wanted, &new);
        assert_eq!(patched, wanted, "{old} -> {new}");
    };
    check(json!({}), json!({}), None);
    check(json!({"a": 1}), json!({"a": 1}), None);
    check(json!({"a": 1}), json!({"a": 2}), Some(json!({"a": 2})));
    check(json!({"a": 1, "b": 2}), json!({"b": 2}), Some(json!({"a": null})));
    check(json!({"a": 1}), json!({"a": null}), Some(json!({"a": null})));
    check(json!({}), json!({"a": null}), None);
    check(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1, "c": 3}}), Some(json!({"a": {"c": 3}})));
    check(json!({"a": [1, 2]}), json!({"a": [1]}), Some(json!({"a": [1]})));
    check(json!({"a": 1}), json!({"a": {"b": 1}}), Some(json!({"a": {"b": 1}})));
    check(json!({"a": {"b": 1}}), json!({"a": {}}), Some(json!({"a": {"b": null}})));
    check(json!({}), json!({"a": {}}), Some(json!({"a": {}})));
}
