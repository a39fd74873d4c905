//! What the messages of each sender make due. The samples are written after the public documentation of the senders.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use tagwright::server::pushed;

use crate::server::running::name;

const UNREADABLE: &[&str] = &["unreadable"];

fn check(kind: &str, headers: &[(&'static str, &str)], body: &str, expected: &[&str]) {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value")))
        .collect();
    let found = match pushed(kind, &headers, "", body.as_bytes()) {
        Some(dues) => dues.iter().map(name).collect(),
        None => vec!["unreadable".to_owned()],
    };
    assert_eq!(found, expected, "{kind}: {body}");
}

#[test]
fn docker_hub() {
    let push = r#"{"callback_url":"https://registry.hub.docker.com/u/acme/web/hook/1/","push_data":{
            "pushed_at":1417566161,
        "pusher":"ci","tag":"1.2.3"},"repository":{"name":"web","namespace":"acme","owner":"acme",
            "repo_name":"acme/web",
        "repo_url":"https://registry.hub.docker.com/u/acme/web/","status":"Active"}}"#;
    check("dockerhub", &[], push, &["docker.io/acme/web"]);
    check("docker.io", &[], r#"{"repository":{"repo_name":"nginx"}}"#, &["docker.io/library/nginx"]);
    check("dockerhub", &[], r#"{"push_data":{}}"#, UNREADABLE);
}

#[test]
fn github() {
    let package = r#"{"name":"web","namespace":"Acme","package_type":"CONTAINER","owner":{"login":"Acme"},
        "package_version":{"package_url":"ghcr.io/acme/web:1.2.3","container_metadata":{"tag":{"name":"1.2.3"}}}}"#;
    let event = |action: &str, key: &str, package: &str| format!(r#"{{"action":"{action}","{key}":{package}}}"#);
    let web = &["ghcr.io/acme/web"];
    let of = |event: &'static str| [("x-github-event", event)];
    check("github", &of("package"), &event("published", "package", package), web);
    check("ghcr", &of("registry_package"), &event("updated", "registry_package", package), web);
    let untagged = package.replace(":1.2.3\"", ":\"");
    check("github", &of("package"), &event("published", "package", &untagged), web);
    let bare = r#"{"name":"web/api","namespace":"Acme","package_type":"container"}"#;
    check("github", &of("package"), &event("published", "package", bare), &["ghcr.io/acme/web/api"]);
    let owned = r#"{"name":"web","owner":{"login":"Acme"},"package_version":{"package_url":""}}"#;
    check("github", &of("package"), &event("published", "package", owned), web);
    let enterprise = package.replace("ghcr.io", "containers.github.example");
    check(
        "github",
        &of("package"),
        &event("published", "package", &enterprise),
        &["containers.github.example/acme/web"],
    );
    check("github", &of("package"), &event("deleted", "package", package), &[]);
    check("github", &of("package"), &event("published", "package", &package.replace("CONTAINER", "npm")), &[]);
    check("github", &of("ping"), r#"{"zen":"Design for failure.","hook_id":1}"#, &[]);
    check("github", &of("push"), r#"{"ref":"refs/heads/main"}"#, &[]);
    check("github", &[], &event("published", "package", package), UNREADABLE);
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &event("published", "package", package))
        .finish();
    let headers = [("x-github-event", "package"), ("content-type", "application/x-www-form-urlencoded")];
    check("github", &headers, &form, web);
}

#[test]
fn quay() {
    let push = r#"{"repository":"acme/web","namespace":"acme","name":"web","docker_url":"quay.io/acme/web",
        "homepage":"https://quay.io/repository/acme/web","updated_tags":["1.2.3"]}"#;
    check("quay", &[], push, &["quay.io/acme/web"]);
    check("quay.io", &[], &push.replace("quay.io/acme", "quay.example:8443/acme"), &["quay.example:8443/acme/web"]);
    check("quay", &[], r#"{"repository":"acme/web","updated_tags":["1"]}"#, &["*/acme/web"]);
    let scanned =
        r#"{"repository":"acme/web","docker_url":"quay.io/acme/web","tags":["1"],"vulnerability":{"id":"CVE-1"}}"#;
    check("quay", &[], scanned, &[]);
}

#[test]
fn harbor() {
    let repository = r#"{"repository":{"date_created":1586922308,"name":"web","namespace":"acme",
        "repo_full_name":"acme/web","repo_type":"private"},
        "resources":[{"digest":"sha256:00","tag":"1.2.3","resource_url":"harbor.example/acme/web:1.2.3"}]}"#;
    let old = |kind: &str| {
        format!(r#"{{"type":"{kind}","occur_at":1586922308,"operator":"admin","event_data":{repository}}}"#)
    };
    check("harbor", &[], &old("PUSH_ARTIFACT"), &["*/acme/web"]);
    for kind in ["PULL_ARTIFACT", "DELETE_ARTIFACT", "SCANNING_COMPLETED", "QUOTA_EXCEED", "REPLICATION"] {
        check("harbor", &[], &old(kind), &[]);
    }
    let cloud = format!(
        r#"{{"specversion":"1.0","id":"66e1","source":"/projects/2/webhook/policies/15","type":"harbor.artifact.pushed",
            "datacontenttype":"application/json","time":"2026-04-03T06:04:46Z","operator":"ci","data":{repository}}}"#
    );
    check("harbor", &[], &cloud, &["*/acme/web"]);
    check("harbor", &[], &cloud.replace("pushed", "deleted"), &[]);
    check("harbor", &[], r#"{"type":"PUSH_ARTIFACT"}"#, UNREADABLE);
}

#[test]
fn gitlab() {
    let pipeline = r#"{"object_kind":"pipeline","object_attributes":{"id":31,"ref":"main","status":"success"},
        "project":{"id":1,"path_with_namespace":"Acme/Shop","web_url":"https://gitlab.example/acme/shop"}}"#;
    check("gitlab", &[], pipeline, &["*/acme/shop/**"]);
    check("gitlab", &[], &pipeline.replace("success", "running"), &[]);
    let job = r#"{"object_kind":"build","build_name":"image","build_status":"success","project":{
            "path_with_namespace":"acme/shop"}}"#;
    check("gitlab", &[], job, &["*/acme/shop/**"]);
    check("gitlab", &[], r#"{"object_kind":"push","project":{"path_with_namespace":"acme/shop"}}"#, &[]);
}

#[test]
fn gitea() {
    let package = r#"{"action":"created","package":{"id":1,"owner":{"id":2,"login":"Acme","username":"Acme"},
            "type":"container",
        "name":"web","version":"1.2.3","html_url":"https://gitea.example/Acme/-/packages/container/web/1.2.3"}}"#;
    check("gitea", &[("x-gitea-event", "package")], package, &["*/acme/web"]);
    check("forgejo", &[("x-forgejo-event", "package")], package, &["*/acme/web"]);
    check("gitea", &[], &package.replace("\"login\":\"Acme\",", ""), &["*/acme/web"]);
    check("gitea", &[], &package.replace("created", "deleted"), &[]);
    check("gitea", &[], &package.replace("container\",", "npm\","), &[]);
    check("gitea", &[("x-gitea-event", "push")], r#"{"ref":"refs/heads/main"}"#, &[]);
}

#[test]
fn azure() {
    let push = r#"{"id":"cb8c","timestamp":"2026-11-17T16:52:01Z","action":"push","target":{"mediaType":
        "application/vnd.docker.distribution.manifest.v2+json","size":524,"digest":"sha256:00","length":524,
        "repository":"acme/web","tag":"1.2.3"},"request":{"id":"3cbb","host":"acme.azurecr.io","method":"PUT"}}"#;
    check("acr", &[], push, &["acme.azurecr.io/acme/web"]);
    check("acr", &[], &push.replace("\"push\"", "\"delete\""), &[]);
    check(
        "acr",
        &[],
        r#"{"id":"1","timestamp":"2026-11-17T16:52:01Z","action":"ping","target":null,"request":null}"#,
        &[],
    );
    // Event Grid's schema, CloudEvents', and its batches.
    let grid = |events: &[&str]| {
        let events = events.iter().map(|data| {
            let kind = r#""eventType":"Microsoft.ContainerRegistry.ImagePushed","eventTime":"2026-11-17T16:52:01Z""#;
            format!(r#"{{"id":"831e","topic":"/subscriptions/x","subject":"acme/web:1.2.3",{kind},"data":{data}}}"#)
        });
        format!(" [{}]", events.collect::<Vec<_>>().join(","))
    };
    check("acr", &[], &grid(&[push]), &["acme.azurecr.io/acme/web"]);
    let other = push.replace("acme/web", "acme/api");
    let both = &["acme.azurecr.io/acme/api", "acme.azurecr.io/acme/web"];
    check("eventgrid", &[], &grid(&[&other, push]), both);
    let deleted = push.replace("\"push\"", "\"delete\"");
    check("acr", &[], &grid(&[&deleted]), &[]);
    check("acr", &[], &grid(&[&deleted, "{}", push]), &["acme.azurecr.io/acme/web"]);
    check("acr", &[], &grid(&["{}"]), UNREADABLE);
    check("acr", &[], "[]", UNREADABLE);
    let cloud = format!(
        r#"{{"specversion":"1.0","id":"831e","source":"/subscriptions/x","subject":"acme/web:1.2.3",
        "type":"Microsoft.ContainerRegistry.ImagePushed","data":{push}}}"#
    );
    let structured = [("content-type", "application/cloudevents+json; charset=utf-8")];
    check("acr", &structured, &cloud, &["acme.azurecr.io/acme/web"]);
    check("acr", &[], &format!("[{cloud}]"), &["acme.azurecr.io/acme/web"]);
    let aliyun = r#"{"push_data":{"digest":"sha256:00","pushed_at":"2026-11-17 16:52:01","tag":"1.2.3"},"repository":{
        "name":"web","namespace":"acme","region":"cn-hangzhou","repo_full_name":"acme/web","repo_type":"PRIVATE"}}"#;
    check("aliyun-acr", &[], aliyun, &["*/acme/web"]);
}

#[test]
fn amazon() {
    let detail = r#"{"result":"SUCCESS","repository-name":"acme/web","image-digest":"sha256:00","action-type":"PUSH",
        "image-tag":"1.2.3"}"#;
    let event = format!(
        r#"{{"version":"0","id":"13cd","detail-type":"ECR Image Action","source":"aws.ecr","account":"123456789012",
            "time":"2026-11-16T01:54:34Z","region":"us-west-2","resources":[],"detail":{detail}}}"#
    );
    let web = &["123456789012.dkr.ecr.us-west-2.amazonaws.com/acme/web"];
    check("ecr", &[], &event, web);
    check("ecr", &[], &event.replace("PUSH", "DELETE"), &[]);
    check("ecr", &[], &event.replace("SUCCESS", "FAILURE"), &[]);
    check("ecr", &[], &event.replace("PUSH", "REPLICATE"), web);
    check(
        "ecr",
        &[],
        &event.replace("us-west-2", "cn-north-1"),
        &["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/acme/web"],
    );
    let structured = r#"{"specversion":"1.0","id":"1","type":"com.amazon.ecr.image.push",
        "source":"urn:aws:ecr:us-west-2:123456789012:repository/acme/web","subject":"acme/web:1.2.3",
        "data":{"repositoryName":"acme/web","imageTag":"1.2.3","registryId":"123456789012"}}"#;
    check("cloudevents", &[], structured, web);
    check("ecr", &[], &structured.replace("image.push", "image.delete"), &[]);
    let around = format!(r#"{{"specversion":"1.0","id":"1","type":"aws.ecr","source":"aws.ecr","data":{event}}}"#);
    check("ecr", &[], &around, web);
    let binary = [
        ("ce-type", "com.amazon.ecr.image.push"),
        ("ce-source", "arn:aws:ecr:us-west-2:123456789012:repository/acme/web"),
    ];
    check("ecr", &binary, r#"{"repositoryName":"acme/web"}"#, web);
    check("ecr", &[], detail, &["*/acme/web"]);
    check("ecr", &[], r#"{"detail-type":"EC2 Instance State-change Notification"}"#, UNREADABLE);
}

#[test]
fn google() {
    use base64::Engine as _;
    let wrap = |body: &str| {
        let encoded = base64::engine::general_purpose::STANDARD.encode(body);
        format!(
            r#"{{"message":{{"data":"{encoded}","messageId":"1","publishTime":"2026-01-01T00:00:00Z"}},
            "subscription":"projects/p/subscriptions/s"}}"#
        )
    };
    let push = r#"{"action":"INSERT","digest":"us-docker.pkg.dev/p/acme/web@sha256:00",
            "tag":"us-docker.pkg.dev/p/acme/web:1.2.3"}"#;
    let web = &["us-docker.pkg.dev/p/acme/web"];
    check("pubsub", &[], &wrap(push), web);
    check("gcr", &[], push, web);
    let untagged = format!(r#"{{"action":"INSERT","digest":"gcr.io/p/web@sha256:{}"}}"#, "0".repeat(64));
    check("gar", &[], &wrap(&untagged), &["gcr.io/p/web"]);
    check("pubsub", &[], &wrap(r#"{"action":"DELETE","tag":"gcr.io/p/web:1"}"#), &[]);
    check("pubsub", &[], &wrap("not json"), UNREADABLE);
    check("pubsub", &[], r#"{"message":{"data":"%%%"}}"#, UNREADABLE);
}

#[test]
fn nexus_and_artifactory() {
    let nexus = |part: &str| {
        format!(
            r#"{{"timestamp":"2026-11-14T19:32:13.515+0000","nodeId":"7FFA","initiator":"ci/10.0.0.1",
            "repositoryName":"docker-hosted","action":"CREATED",{part}}}"#
        )
    };
    let component = r#""component":{"id":"08909","componentId":"bnBt","format":"docker","name":"acme/web",
            "group":"","version":"1.2.3"}"#;
    check("nexus", &[], &nexus(component), &["*/*/acme/web"]);
    check("nexus", &[], &nexus(component).replace("CREATED", "DELETED"), &[]);
    check("nexus", &[], &nexus(component).replace("docker\",\"name", "npm\",\"name"), &[]);
    check(
        "nexus",
        &[],
        &nexus(r#""asset":{"format":"docker","name":"/v2/acme/web/manifests/1.2.3"}"#),
        &["*/*/acme/web"],
    );
    check("nexus", &[], &nexus(r#""asset":{"format":"docker","name":"v2/-/blobs/sha256:00"}"#), &[]);
    let jfrog = r#"{"domain":"docker","event_type":"pushed","data":{"repo_key":"docker-local","event_type":"pushed",
        "path":"acme/web/1.2.3/list.manifest.json","name":"list.manifest.json","sha256":"00","size":1206,
        "image_name":"acme/web","tag":"1.2.3"},"subscription_key":"test","jpd_origin":"https://jfrog.example",
            "source":"jfrog/ci"}"#;
    check("artifactory", &[], jfrog, &["*/*/acme/web"]);
    check("jfrog", &[], &jfrog.replace("\"pushed\",\"data", "\"promoted\",\"data"), &["*/*/acme/web"]);
    check("artifactory", &[], &jfrog.replace("\"pushed\",\"data", "\"deleted\",\"data"), &[]);
    check(
        "artifactory",
        &[],
        r#"{"domain":"artifact","event_type":"deployed","data":{"repo_key":"x","path":"a"}}"#,
        &[],
    );
}

#[test]
fn distribution() {
    let event = |action: &str, target: &str| {
        format!(
            r#"{{"id":"3209","timestamp":"2026-01-01T00:00:00Z","action":"{action}","target":{target},
            "request":{{"host":"registry:5000","method":"PUT"}},"actor":{{}},"source":{{}}}}"#
        )
    };
    let manifest = r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":524,
            "digest":"sha256:00","repository":"acme/web","tag":"1.2.3"}"#;
    let index = r#"{"mediaType":"application/vnd.oci.image.index.v1+json","repository":"acme/api"}"#;
    let blob = r#"{"mediaType":"application/octet-stream","size":708,"digest":"sha256:11","repository":"acme/web"}"#;
    let body = [
        event("push", blob),
        event("push", manifest),
        event("pull", index),
        event("push", index),
        event("delete", manifest),
    ];
    check("distribution", &[], &format!(r#"{{"events":[{}]}}"#, body.join(",")), &["*/acme/web", "*/acme/api"]);
    check("distribution", &[], r#"{"events":[]}"#, &[]);
    check("distribution", &[], r#"{"event":[]}"#, UNREADABLE);
}

#[test]
fn generic() {
    check("generic", &[], r#"{"repository":"https://ghcr.io/acme/web","tag":"1"}"#, &["ghcr.io/acme/web"]);
    check("generic", &[], r#"{"repository":"acme/web"}"#, &["*/acme/web"]);
    let curl = [("content-type", "application/x-www-form-urlencoded")];
    check("generic", &curl, r#"{"repository":"acme/web"}"#, &["*/acme/web"]);
    check("generic", &[], r#"{"repository":"no such name"}"#, &[]);
    check("generic", &[], "", UNREADABLE);
    let found = pushed("generic", &HeaderMap::new(), "a=b&repository=quay.io%2Facme%2Fweb", b"");
    assert_eq!(found.expect("a due").iter().map(name).collect::<Vec<_>>(), ["quay.io/acme/web"]);
}
