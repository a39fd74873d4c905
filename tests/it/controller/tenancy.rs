//! What objects may not do, and what is left alone.

use serde_json::{Value, json};
use tagwright::controller::Behaviour;

use super::lab::{Lab, REPOSITORY, in_lab, ready};

/// A policy on the repository that is `REFERRED`.
const POLICY: &str = "
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: web, namespace: NAMESPACE}
spec:
  imageRepositoryRef: {REFERRED}
  policy: {semver: {range: '*'}}
";

/// What a policy is told that refers to a repository of this name in another namespace.
async fn told(lab: &Lab, repository: &str) -> (String, String, String) {
    lab.apply(&POLICY.replace("REFERRED", &format!("name: {repository}, namespace: kube-system"))).await;
    let names_it = |object: &Value| ready(object).is_some_and(|(_, _, message)| message.contains(repository));
    ready(&lab.once("imagepolicies", "web", "told", names_it).await).expect("a condition")
}

#[test]
fn a_repository_of_another_namespace_is_told_as_one_that_does_not_exist() {
    in_lab(async |lab| {
        lab.registry.push("acme/web", "1.0.0");
        let controller = lab.start().await;
        let (status, reason, message) = told(lab, "absent").await;
        assert_eq!((status.as_str(), reason.as_str()), ("False", "AccessDenied"), "{message}");
        assert!(message.contains("does not admit namespace") && message.contains("or does not exist"), "{message}");
        controller.stop().await;
        let controller = lab.start_with(Behaviour { no_cross_namespace_refs: true, ..Behaviour::default() }).await;
        let (_, reason, message) = told(lab, "other").await;
        assert_eq!(reason, "AccessDenied");
        assert!(message.contains("references to other namespaces are not allowed"), "{message}");
        controller.stop().await;
    });
}

#[test]
fn what_is_suspended_is_left_alone() {
    in_lab(async |lab| {
        lab.registry.push("acme/web", "1.0.0");
        lab.apply(&REPOSITORY.replace("interval: 1h", "interval: 1h, suspend: true")).await;
        lab.apply(&REPOSITORY.replace("name: web", "name: api")).await;
        let controller = lab.start().await;
        lab.once("imagerepositories", "api", "scanned", |object| ready(object).is_some()).await;
        let suspended = lab.once("imagerepositories", "web", "there", |_| true).await;
        assert_eq!(suspended["status"]["conditions"], Value::Null);
        lab.apply(&REPOSITORY.replace("interval: 1h", "interval: 1h, suspend: false")).await;
        lab.once("imagerepositories", "web", "scanned", |object| ready(object).is_some()).await;
        controller.stop().await;
    });
}

#[test]
fn what_is_deleted_goes_although_flux_held_it() {
    in_lab(async |lab| {
        // Nobody answers there.
        let held = REPOSITORY
            .replace("REGISTRY", "127.0.0.1:1")
            .replace("namespace: NAMESPACE}", "namespace: NAMESPACE, finalizers: [finalizers.fluxcd.io]}");
        lab.apply(&held).await;
        let controller = lab.start().await;
        lab.once("imagerepositories", "web", "failing", |object| ready(object).is_some()).await;
        lab.delete("imagerepositories", "web").await;
        controller.stop().await;
    });
}

#[test]
fn a_digest_is_reflected_from_a_registry_over_plain_http() {
    in_lab(async |lab| {
        let digest = lab.registry.push("acme/web", "1.0.0");
        lab.apply(REPOSITORY).await;
        let policy = POLICY
            .replace("REFERRED", "name: web")
            .replace("spec:\n", "spec:\n  digestReflectionPolicy: IfNotPresent\n");
        lab.apply(&policy).await;
        let controller = lab.start().await;
        let is_selected = |object: &Value| object["status"]["latestRef"]["tag"] == "1.0.0";
        let policy = lab.once("imagepolicies", "web", "selected", is_selected).await;
        let name = lab.registry.image("acme/web");
        assert_eq!(policy["status"]["latestRef"], json!({ "name": name, "tag": "1.0.0", "digest": digest }));
        controller.stop().await;
    });
}
