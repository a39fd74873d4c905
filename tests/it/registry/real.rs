//! Debian's `docker-registry`, as it is.

use std::collections::BTreeMap;

use tagwright::image::Tag;
use tagwright::registry::Access;

use super::{causes, client, login, repository};
use crate::servers::docker_registry::DockerRegistry;

#[tokio::test]
async fn a_real_registry_lists_tags_and_digests() {
    let registry = DockerRegistry::start();
    let tags = ["1.0.0", "1.1.0", "2.0.0-rc.1", "latest"];
    let pushed: BTreeMap<&str, String> =
        tags.iter().map(|tag| (*tag, registry.push_image("acme/web", tag, &format!("content of {tag}")))).collect();
    let (client, web) = (client(), repository(&registry.image("acme/web")));
    let list = client.tags(&web, &Access::default()).await.expect("a listing");
    assert_eq!(list.tags.iter().map(Tag::as_str).collect::<Vec<_>>(), tags);
    assert_eq!(list.skipped, 0);
    for tag in &list.tags {
        let digest = client.digest(&web, tag, &Access::default()).await.expect("a digest");
        assert_eq!(digest.as_str(), pushed[tag.as_str()]);
    }
    let asked = registry.access_log();
    assert!(asked.iter().any(|line| line.contains("\"GET /v2/acme/web/tags/list?n=1000 HTTP/1.1\" 200")), "{asked:#?}");
    assert!(
        asked.iter().any(|line| line.contains("\"HEAD /v2/acme/web/manifests/latest HTTP/1.1\" 200")),
        "{asked:#?}"
    );
    assert!(!asked.iter().any(|line| line.contains("\"GET /v2/acme/web/manifests/")), "{asked:#?}");
}

/// It gives all tags whatever it is asked for, in no order, without a `Link`: so many look like a full page.
#[tokio::test]
async fn a_real_registry_with_as_many_tags_as_a_page_has() {
    let registry = DockerRegistry::start();
    registry.push_image("acme/web", "v0", "content");
    registry.copy_tag("acme/web", "v0", (1..1000).map(|number| format!("v{number}")));
    let web = repository(&registry.image("acme/web"));
    let list = client().tags(&web, &Access::default()).await.expect("a listing");
    assert_eq!(list.tags.len(), 1000);
    assert_eq!(registry.access_log().iter().filter(|line| line.contains("/tags/list")).count(), 2);
}

#[tokio::test]
async fn a_real_registry_says_what_is_not_there() {
    let registry = DockerRegistry::start();
    registry.push_image("acme/web", "1.0.0", "content");
    let host = registry.addr();
    let nothing = repository(&registry.image("acme/nothing"));
    let error = client().tags(&nothing, &Access::default()).await.expect_err("no such repository");
    assert_eq!(causes(&error), format!("listing tags of {nothing}: the repository does not exist at {host}"));
    let web = repository(&registry.image("acme/web"));
    let tag = "9.9.9".parse().expect("a tag");
    let error = client().digest(&web, &tag, &Access::default()).await.expect_err("no such tag");
    assert_eq!(causes(&error), format!("reading the digest of {web}:9.9.9: the tag does not exist at {host}"));
}

#[tokio::test]
async fn a_real_registry_checks_passwords() {
    let registry = DockerRegistry::start_with_login("alice", "s3cret");
    let pushed = registry.push_image("acme/web", "1.0.0", "content");
    let (client, web) = (client(), repository(&registry.image("acme/web")));
    let alice = login("alice", "s3cret");
    let list = client.tags(&web, &alice).await.expect("a listing");
    assert_eq!(client.digest(&web, &list.tags[0], &alice).await.expect("a digest").as_str(), pushed);
    let denied = |asked: &str| {
        let host = registry.addr();
        format!(
            "listing tags of {web}: {host} denied access (401: UNAUTHORIZED: authentication required), asked {asked}"
        )
    };
    for (access, expected) in [
        (login("alice", "guess"), denied("with the password of alice")),
        (login("mallory", "s3cret"), denied("with the password of mallory")),
        (Access::default(), denied("anonymously")),
    ] {
        let error = client.tags(&web, &access).await.expect_err("a wrong password");
        assert_eq!(causes(&error), expected);
    }
}
