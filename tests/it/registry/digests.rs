//! Digests: HEAD first, GET and hash when it must be, and headers that lie.

use tagwright::registry::{Access, Limits};

use super::{client, client_with, digest_of, login};
use crate::servers::fake_registry::{FakeRegistry, Fault, TokenRules};

fn registry() -> (FakeRegistry, String) {
    let registry = FakeRegistry::start();
    let digest = registry.push("acme/web", "v1");
    (registry, digest)
}

fn methods(registry: &FakeRegistry) -> Vec<String> {
    registry.requests().into_iter().map(|logged| logged.method).collect()
}

#[tokio::test]
async fn head_is_enough() {
    let (registry, digest) = registry();
    assert_eq!(digest_of(&client(), &registry, "acme/web", "v1", &Access::default()).await, digest);
    assert_eq!(registry.calls(), ["HEAD /v2/acme/web/manifests/v1"]);
    let accept = registry.requests()[0].accept.clone().expect("an Accept header");
    for kind in ["oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.list.v2"] {
        assert!(accept.contains(&format!("application/vnd.{kind}+json")), "{accept}");
    }
    assert!(accept.contains("application/vnd.docker.distribution.manifest.v2+json"), "{accept}");
}

#[tokio::test]
async fn get_and_hash_when_head_says_nothing() {
    for fault in [Fault::DigestHeader(None), Fault::HeadRefused(404), Fault::HeadRefused(405), Fault::HeadRefused(501)]
    {
        let (registry, digest) = registry();
        registry.fault(fault, 2);
        assert_eq!(digest_of(&client(), &registry, "acme/web", "v1", &Access::default()).await, digest);
        assert_eq!(methods(&registry), ["HEAD", "GET"]);
    }
    let (registry, digest) = registry();
    registry.fault(Fault::DigestHeader(Some("nonsense".into())), 1);
    assert_eq!(digest_of(&client(), &registry, "acme/web", "v1", &Access::default()).await, digest);
}

#[tokio::test]
async fn digests_that_do_not_match_are_refused() {
    let wrong = format!("sha256:{}", "0".repeat(64));
    for said in [wrong, "nonsense".to_owned(), format!("sha512:{}", "0".repeat(128))] {
        let (registry, _) = registry();
        registry.fault(Fault::HeadRefused(405), 1);
        registry.fault(Fault::DigestHeader(Some(said.clone())), 1);
        let found = digest_of(&client(), &registry, "acme/web", "v1", &Access::default()).await;
        let algorithm = if said.starts_with("sha512") { "sha512" } else { "sha256" };
        let shown: String = said.chars().take(80).collect();
        let dots = if said.len() > 80 { "..." } else { "" };
        let start = format!(
            "reading the digest of HOST/acme/web:v1: HOST says that the digest is {shown}{dots}, but the manifest has {algorithm}:"
        );
        assert!(found.starts_with(&start), "{found}\n{start}");
    }
}

#[tokio::test]
async fn other_algorithms_are_checked_too() {
    let (registry, _) = registry();
    registry.push_manifest("acme/web", "abc", b"abc");
    // FIPS 180-4, example for SHA-512.
    let said = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
        2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    registry.fault(Fault::HeadRefused(405), 1);
    registry.fault(Fault::DigestHeader(Some(said.into())), 1);
    assert_eq!(digest_of(&client(), &registry, "acme/web", "abc", &Access::default()).await, said);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let (registry, _) = registry();
    let check = async |name: &str, tag: &str, expected: &str| {
        let found = digest_of(&client(), &registry, name, tag, &Access::default()).await;
        assert_eq!(found, format!("reading the digest of HOST/{name}:{tag}: {expected}"));
    };
    check("acme/web", "v2", "the tag does not exist at HOST").await;
    check("acme/nothing", "v1", "the repository does not exist at HOST").await;
    registry.fault(Fault::answer(200, &[("content-type", "text/html")], "<html>"), 2);
    check("acme/web", "v1", "HOST answered with a web page instead of JSON").await;
    registry.fault(Fault::status(400), 1);
    check("acme/web", "v1", "HOST answered 400 Bad Request").await;
    registry.fault(Fault::status(403), 1);
    check("acme/web", "v1", "HOST denied access (403), asked anonymously").await;
}

#[tokio::test]
async fn manifests_have_a_limit() {
    let (registry, _) = registry();
    registry.push_manifest("acme/web", "large", &vec![b' '; 2000]);
    registry.fault(Fault::HeadRefused(405), 1);
    let client = client_with(Limits { manifest_bytes_max: 1999, ..Limits::default() });
    let found = digest_of(&client, &registry, "acme/web", "large", &Access::default()).await;
    let expected = "reading the digest of HOST/acme/web:large: reading the answer of HOST: larger than 1999 bytes";
    assert_eq!(found, expected);
}

#[tokio::test]
async fn tags_and_digests_share_a_token() {
    let (registry, digest) = registry();
    let login_rules = Some(("alice".to_owned(), "s3cret".to_owned()));
    registry.require_tokens(TokenRules { login: login_rules, ..TokenRules::default() });
    let (client, access) = (client(), login("alice", "s3cret"));
    assert_eq!(digest_of(&client, &registry, "acme/web", "v1", &access).await, digest);
    assert_eq!(super::tags_of(&client, &registry, "acme/web", &access).await, "v1");
    assert_eq!(registry.calls().iter().filter(|call| call.starts_with("GET /token")).count(), 1);
}
