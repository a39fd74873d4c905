//! The image kinds under a real API server: from a tag in a registry to a commit, told in the status of the objects.

use super::lab::{Lab, in_lab, ready};

const OBJECTS: &str = "
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: web, namespace: NAMESPACE}
spec: {image: REGISTRY/acme/web, interval: 1h}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: web, namespace: NAMESPACE}
spec:
  imageRepositoryRef: {name: web}
  policy: {semver: {range: ^1}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: apps, namespace: NAMESPACE}
spec: {url: GIT/apps.git, interval: 1m, ref: {branch: main}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: apps, namespace: NAMESPACE}
spec:
  interval: 1h
  sourceRef: {kind: GitRepository, name: apps}
  git: {commit: {author: {name: Bot, email: bot@example.com}, messageTemplate: Update images}}
  update: {path: .}
";

fn deployment(lab: &Lab, tag: &str) -> String {
    let (image, namespace) = (lab.registry.image("acme/web"), &lab.namespace.name);
    format!("image: {image}:{tag} # {{\"$imagepolicy\": \"{namespace}:web\"}}\n")
}

#[test]
fn a_tag_becomes_a_commit() {
    in_lab(async |lab| {
        lab.registry.push("acme/web", "1.0.0");
        lab.registry.push("acme/web", "1.1.0");
        lab.git.create("apps.git", &[("web.yaml", &deployment(lab, "1.0.0"))]);
        lab.apply(OBJECTS).await;
        let controller = lab.start().await;

        let repository = lab.once("imagerepositories", "web", "scanned", |object| ready(object).is_some()).await;
        let (status, reason, message) = ready(&repository).expect("a condition");
        assert_eq!((status.as_str(), reason.as_str()), ("True", "Succeeded"), "{message}");
        assert!(message.starts_with("successful scan: found 2 tags with checksum sha256:"), "{message}");
        let status = &repository["status"];
        assert_eq!(status["lastScanResult"]["tagCount"], 2);
        assert_eq!(status["lastScanResult"]["latestTags"], serde_json::json!(["1.1.0", "1.0.0"]));
        assert_eq!(status["canonicalImageName"], format!("{}/acme/web", lab.registry.addr()));
        assert_eq!((&status["observedGeneration"], &repository["metadata"]["generation"]), (&1.into(), &1.into()));

        let is_selected = |object: &serde_json::Value| object["status"]["latestRef"]["tag"] == "1.1.0";
        let policy = lab.once("imagepolicies", "web", "selected", is_selected).await;
        let message = ready(&policy).expect("a condition").2;
        let image = lab.registry.image("acme/web");
        assert_eq!(message, format!("Latest image tag for {image} resolved to 1.1.0"));

        let is_pushed = |object: &serde_json::Value| object["status"]["lastPushCommit"].is_string();
        let automation = lab.once("imageupdateautomations", "apps", "pushed", is_pushed).await;
        assert_eq!(lab.git.read("apps.git", "main", "web.yaml"), deployment(lab, "1.1.0"));
        assert_eq!(lab.git.log("apps.git", "main"), ["Update images", "first"]);
        let (status, commit) =
            (&automation["status"], automation["status"]["lastPushCommit"].as_str().expect("a hash"));
        assert_eq!(status["observedSourceRevision"], format!("main@sha1:{commit}"));
        assert_eq!(status["observedPolicies"]["web"]["tag"], "1.1.0");
        assert_eq!(ready(&automation).expect("a condition").2, "repository up-to-date");
        controller.stop().await;
    });
}

#[test]
fn who_asks_for_a_reconcile_is_answered() {
    in_lab(async |lab| {
        lab.registry.push("acme/web", "1.0.0");
        lab.git.create("apps.git", &[("web.yaml", &deployment(lab, "1.0.0"))]);
        lab.apply(OBJECTS).await;
        let controller = lab.start().await;
        lab.once("imagepolicies", "web", "selected", |object| object["status"]["latestRef"]["tag"] == "1.0.0").await;
        lab.registry.push("acme/web", "1.2.0");
        lab.apply(&OBJECTS.replacen(
            "namespace: NAMESPACE}",
            "namespace: NAMESPACE, annotations: {reconcile.fluxcd.io/requestedAt: now}}",
            1,
        ))
        .await;
        let is_handled = |object: &serde_json::Value| object["status"]["lastHandledReconcileAt"] == "now";
        let repository = lab.once("imagerepositories", "web", "handled", is_handled).await;
        assert_eq!(repository["status"]["lastScanResult"]["tagCount"], 2);
        let is_pushed = |object: &serde_json::Value| object["status"]["lastPushCommit"].is_string();
        lab.once("imageupdateautomations", "apps", "pushed", is_pushed).await;
        assert_eq!(lab.git.read("apps.git", "main", "web.yaml"), deployment(lab, "1.2.0"));
        controller.stop().await;
    });
}

#[test]
fn what_is_wrong_is_told_and_mended() {
    in_lab(async |lab| {
        lab.registry.push("acme/web", "1.0.0");
        lab.git.create("apps.git", &[("web.yaml", &deployment(lab, "0.9.0"))]);
        let broken = OBJECTS
            .replace("REGISTRY/acme/web,", "REGISTRY/acme/web:1.0.0,")
            .replace("range: ^1", "range: not a range")
            .replace("GIT/apps.git", "GIT/absent.git");
        lab.apply(&broken).await;
        let controller = lab.start().await;
        let reason = |expected: &'static str| {
            move |object: &serde_json::Value| ready(object).is_some_and(|(_, reason, _)| reason == expected)
        };
        lab.once("imagerepositories", "web", "stalled", reason("ImageURLInvalid")).await;
        lab.once("imagepolicies", "web", "stalled", reason("InvalidPolicy")).await;
        lab.once("imageupdateautomations", "apps", "failing", reason("GitOperationFailed")).await;
        lab.apply(OBJECTS).await;
        for (plural, name) in
            [("imagerepositories", "web"), ("imagepolicies", "web"), ("imageupdateautomations", "apps")]
        {
            lab.once(plural, name, "ready again", reason("Succeeded")).await;
        }
        let is_pushed = |object: &serde_json::Value| object["status"]["lastPushCommit"].is_string();
        lab.once("imageupdateautomations", "apps", "pushed", is_pushed).await;
        assert_eq!(lab.git.read("apps.git", "main", "web.yaml"), deployment(lab, "1.0.0"));
        controller.stop().await;
    });
}
