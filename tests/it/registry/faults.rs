//! Each fault of a registry gives one clear error, and no credential leaves.

use std::io::Write as _;
use std::time::Duration;

use flate2::write::GzEncoder;
use tagwright::net::{Http, Settings};
use tagwright::registry::{Access, Client, Limits};

use super::{causes, client, client_with, login, repository, tags_of};
use crate::servers::fake_registry::{FakeRegistry, Fault};
use crate::servers::raw::{RawServer, Reply};
use crate::servers::tls::TlsServer;

/// The error of a listing that meets the fault, and how many requests it took.
async fn meets(fault: Fault, access: &Access) -> (String, usize) {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    registry.fault(fault, usize::MAX);
    let limits = Limits { page_bytes_max: 1 << 20, ..Limits::default() };
    let found = tags_of(&client_with(limits), &registry, "acme/web", access).await;
    let text = found.strip_prefix("listing tags of HOST/acme/web: ").map_or_else(|| found.clone(), str::to_owned);
    (text, registry.requests().len())
}

async fn check(fault: Fault, expected: &str, requests: usize) {
    let found = meets(fault, &Access::default()).await;
    assert_eq!(found, (expected.to_owned(), requests));
}

#[tokio::test]
async fn statuses_are_told_with_what_the_registry_says() {
    let error = |code: &str, message: &str| {
        format!(r#"{{"errors":[{{"code":"{code}","message":"{message}","detail":null}}]}}"#)
    };
    check(Fault::status(500), "HOST answered 500 Internal Server Error", 3).await;
    // The second request asks for smaller pages, the third leaves their size to the registry.
    check(Fault::status(400), "HOST answered 400 Bad Request", 3).await;
    check(Fault::status(204), "HOST answered 204 No Content", 1).await;
    let unavailable = Fault::answer(503, &[], error("UNAVAILABLE", "back soon"));
    check(unavailable, "HOST answered 503 Service Unavailable: UNAVAILABLE: back soon", 3).await;
    let limited = Fault::answer(429, &[("retry-after", "120")], error("TOOMANYREQUESTS", ""));
    check(limited, "HOST answered 429 Too Many Requests and asks to wait 120 s: TOOMANYREQUESTS", 1).await;
    let evil = Fault::answer(400, &[], error("X", "\\u001b[31m\\u202e"));
    check(evil, "HOST answered 400 Bad Request: X: \\u{1b}[31m\\u{202e}", 3).await;
    let forbidden = Fault::answer(403, &[], error("DENIED", "requested access is denied"));
    let expected = "HOST denied access (403: DENIED: requested access is denied), asked anonymously";
    check(forbidden, expected, 1).await;
    check(Fault::status(401), "reading the answer of HOST: status 401 without a challenge (WWW-Authenticate)", 1).await;
    let kerberos = Fault::answer(401, &[("www-authenticate", "Negotiate")], "");
    let expected = "reading the answer of HOST: status 401 asks for the scheme Negotiate, which is not supported";
    check(kerberos, expected, 1).await;
    let no_realm = Fault::answer(401, &[("www-authenticate", "Bearer service=\"x\"")], "");
    check(no_realm, "reading the answer of HOST: status 401 with a bearer challenge without a realm", 1).await;
    let bad_realm = Fault::answer(401, &[("www-authenticate", "Bearer realm=\"/token\"")], "");
    let expected = "reading the answer of HOST: status 401 with a bearer challenge whose realm is not a URL";
    check(bad_realm, expected, 1).await;
    check(Fault::answer(404, &[], error("NAME_UNKNOWN", "")), "the repository does not exist at HOST", 1).await;
    check(Fault::answer(404, &[], "<html>"), "HOST answered 404 Not Found: a web page", 1).await;
    let page = "<html><center>The plain HTTP request was sent to HTTPS port</center></html>";
    for said in ["Client sent an HTTP request to an HTTPS server.\n", page] {
        check(Fault::answer(400, &[], said), "HOST speaks TLS, and was asked over plain HTTP", 3).await;
    }
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_named() {
    let registry = FakeRegistry::start();
    let found = tags_of(&client(), &registry, "acme/nothing", &Access::default()).await;
    assert_eq!(found, "listing tags of HOST/acme/nothing: the repository does not exist at HOST");
}

#[tokio::test]
async fn bodies_that_are_no_listing_are_told_apart() {
    let page = "HOST answered with a web page instead of JSON";
    check(Fault::answer(200, &[("content-type", "text/html; charset=utf-8")], "Please log in"), page, 1).await;
    check(Fault::answer(200, &[], "\n <!DOCTYPE html><title>Log in</title>"), page, 1).await;
    let json = "reading the answer of HOST: expected a list of tags as JSON: ";
    let refused =
        async |body: &str, cause: &str| check(Fault::answer(200, &[], body), &format!("{json}{cause}"), 1).await;
    refused("", "it is empty at byte 0").await;
    refused(r#"{"tags":["#, "it ends in the middle at byte 9").await;
    refused(r#"{"tags":[5]}"#, "expected a string in the list of tags at byte 9").await;
    refused(&format!(r#"{{"tags":{}"#, "[".repeat(100_000)), "expected a string in the list of tags at byte 9").await;
    refused(&format!(r#"{{"x":{}"#, "[".repeat(100_000)), "it is nested too deep at byte 68").await;
    refused(r#"{"tags":{"a":1}}"#, "expected a list of tags at byte 8").await;
    refused(r#"{"tags":["a"],"tags":["b"]}"#, "`tags` is there twice at byte 15").await;
    refused(r#"["a"]"#, "expected an object at byte 0").await;
    refused(r#"{"tags":["a"]} {"#, "something follows the end at byte 15").await;
}

#[tokio::test]
async fn endless_and_broken_bodies_end() {
    let large = "reading the answer of HOST: larger than 1048576 bytes";
    check(Fault::Endless, large, 1).await;
    let mut packer = GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![b' '; 16 << 20]).expect("memory");
    let bomb = packer.finish().expect("memory");
    let packed = [("content-type", "application/json"), ("content-encoding", "gzip")];
    check(Fault::answer(200, &packed, bomb), large, 1).await;
    let corrupt = Fault::answer(200, &packed, "this is not gzip at all");
    let (text, _) = meets(corrupt, &Access::default()).await;
    assert!(text.starts_with("reading the answer of HOST: "), "{text}");
    check(Fault::Truncated, "reading the answer of HOST: end of file before message length reached", 3).await;
    let hurried = Access { timeout: Some(Duration::from_millis(1500)), ..Access::default() };
    let drip = meets(Fault::SlowDrip, &hurried).await;
    assert_eq!(drip, ("reading the answer of HOST: timed out after 1.5 s".to_owned(), 1));
}

#[tokio::test]
async fn credentials_do_not_follow_redirects() {
    let other = RawServer::start_at("127.0.0.2", vec![Reply::text("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]);
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    registry.require_login("alice", "s3cret");
    let location = format!("http://{}/v2/acme/web/tags/list", other.addr());
    registry.fault(Fault::answer(307, &[("location", &location)], ""), 1);
    let found = tags_of(&client(), &registry, "acme/web", &login("alice", "s3cret")).await;
    let expected = format!(
        "listing tags of HOST/acme/web: HOST redirects to {}, which is not followed: another host",
        other.addr()
    );
    assert_eq!(found, expected);
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn who_has_no_credential_may_be_sent_to_another_registry_over_https() {
    let other = TlsServer::start(r#"{"tags": ["v1"]}"#);
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    let location = other.url();
    registry.fault(Fault::answer(307, &[("location", &location)], ""), 2);
    let settings = Settings { ca: vec![other.authority()], ..Settings::default() };
    let client = Client::new(Http::new(settings).expect("a client"), Limits::default());
    assert_eq!(tags_of(&client, &registry, "acme/web", &Access::default()).await, "v1");
    assert!(!other.heard().contains("uthorization"));
}

#[tokio::test]
async fn nobody_is_sent_to_another_registry_over_http() {
    let other = RawServer::start_at("127.0.0.2", vec![Reply::text("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]);
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    let location = format!("http://{}/v2/acme/web/tags/list", other.addr());
    registry.fault(Fault::answer(307, &[("location", &location)], ""), 2);
    let found = tags_of(&client(), &registry, "acme/web", &Access::default()).await;
    let expected =
        format!("listing tags of HOST/acme/web: HOST redirects to {}, which is not followed: not https", other.addr());
    assert_eq!((found, other.connections()), (expected, 0));
}

#[tokio::test]
async fn redirects_on_the_host_keep_the_credential() {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    registry.require_login("alice", "s3cret");
    registry.fault(Fault::answer(307, &[("location", "/v2/acme/web/tags/list?n=7")], ""), 1);
    assert_eq!(tags_of(&client(), &registry, "acme/web", &login("alice", "s3cret")).await, "v1");
}

#[tokio::test]
async fn links_with_a_credential_stay_on_the_host() {
    let other = RawServer::start_at("127.0.0.2", vec![Reply::text("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]);
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    registry.require_login("alice", "s3cret");
    registry.fault(Fault::Link(format!("<http://{}/v2/acme/web/tags/list>; rel=\"next\"", other.addr())), 1);
    let found = tags_of(&client(), &registry, "acme/web", &login("alice", "s3cret")).await;
    let expected = format!(
        "listing tags of HOST/acme/web: HOST continues its list at {}, which is another host and not followed",
        other.addr()
    );
    assert_eq!(found, expected);
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn https_is_never_given_up_for_plain_http() {
    let plain = RawServer::start_at("127.0.0.2", vec![Reply::text("HTTP/1.1 400 Bad Request\r\n\r\n")]);
    let name = repository(&format!("{}/acme/web", plain.addr()));
    let error = client().tags(&name, &Access::default()).await.expect_err("no TLS there");
    let expected = format!(
        "listing tags of {name}: connecting to {}: TLS failure: received corrupt message of type InvalidContentType",
        plain.addr()
    );
    assert_eq!(causes(&error), expected);
    assert_eq!(error.hint(), Some("if the registry speaks plain HTTP, set `insecure: true`, or --insecure"));
    assert!(plain.heads().iter().all(|head| !head.contains("HTTP/1")), "{:?}", plain.heads());
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_named() {
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address");
    let name = repository(&format!("{free}/acme/web"));
    let error = client().tags(&name, &Access::default()).await.expect_err("nobody there");
    assert_eq!(causes(&error), format!("listing tags of {name}: connecting to {free}: connection refused"));
    let name = repository("registry.invalid/acme/web");
    let error = client().tags(&name, &Access::default()).await.expect_err("nobody there");
    assert_eq!(causes(&error), format!("listing tags of {name}: connecting to registry.invalid:443: unknown host"));
}
