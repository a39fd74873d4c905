//! Registries that break HTTP or mean harm: every one ends with an error that says what it did, soon, and nothing leaks.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::write::GzEncoder;
use tagwright::net::{Http, Settings};
use tagwright::registry::{Access, Client, Limits};

use super::{causes, client, client_with, repository, tags_of};
use crate::servers::block_on;
use crate::servers::fake_registry::{FakeRegistry, Fault};
use crate::servers::raw::{RawServer, Reply};
use crate::servers::tls::{Authority, TlsFront};

fn hurried(seconds: f64) -> Access {
    Access { timeout: Some(Duration::from_secs_f64(seconds)), ..Access::default() }
}

/// The error of a listing, with `HOST` for the server, and how many connections it took.
async fn meets(reply: Reply, access: &Access) -> (String, usize) {
    let server = RawServer::start(vec![reply]);
    let name = repository(&format!("{}/acme/web", server.addr()));
    let error = client().tags(&name, access).await.expect_err("no listing");
    let text = causes(&error).replace(&server.addr().to_string(), "HOST");
    let text = text.strip_prefix("listing tags of HOST/acme/web: ").map(str::to_owned).unwrap_or(text);
    (text, server.connections())
}

async fn check(reply: &[u8], expected: &str, connections: usize) {
    let found = meets(Reply::Bytes(reply.to_vec()), &hurried(20.0)).await;
    assert_eq!(found, (expected.to_owned(), connections));
}

#[tokio::test]
async fn answers_that_break_http_are_told() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let list = r#"{"tags":["a"]}"#;
    let json = "reading the answer of HOST: expected a list of tags as JSON: ";
    check(
        format!("{ok}Content-Length: 5\r\n\r\n{list}").as_bytes(),
        &format!("{json}it ends in the middle at byte 5"),
        1,
    )
    .await;
    let ended = "reading the answer of HOST: end of file before message length reached";
    check(format!("{ok}Content-Length: 99\r\n\r\n{list}").as_bytes(), ended, 3).await;
    check(format!("{ok}\r\n{}", &list[..9]).as_bytes(), &format!("{json}it ends in the middle at byte 9"), 1).await;
    let chunk = "reading the answer of HOST: Invalid chunk size line: missing size digit";
    check(format!("{ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n{list}\r\n").as_bytes(), chunk, 3).await;
    let unended = "reading the answer of HOST: unexpected EOF during chunk size line";
    check(format!("{ok}Transfer-Encoding: chunked\r\n\r\ne\r\n{list}\r\n").as_bytes(), unended, 3).await;
    check(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", "waiting for the answer of HOST: invalid HTTP version parsed", 3).await;
    check(b"", "waiting for the answer of HOST: connection closed before message completed", 3).await;
    check(b"HTTP/1.1 204 No Content\r\n\r\n", "HOST answered 204 No Content", 1).await;
}

#[tokio::test]
async fn heads_without_an_end_are_told() {
    let large = "waiting for the answer of HOST: message head is too large";
    let header = format!("HTTP/1.1 200 OK\r\nX-Much: {}\r\n\r\n{{}}", "x".repeat(1 << 20));
    check(header.as_bytes(), large, 3).await;
    let headers = format!("HTTP/1.1 200 OK\r\n{}\r\n{{}}", "X-Many: x\r\n".repeat(10_000));
    check(headers.as_bytes(), large, 3).await;
    let never = Reply::BytesThenSilence(b"HTTP/1.1 200 OK\r\nX-Never: ".to_vec());
    let expected = "waiting for the answer of HOST: timed out after 1 s".to_owned();
    assert_eq!(meets(never, &hurried(1.0)).await, (expected, 1));
}

#[tokio::test]
async fn links_that_are_no_links_are_told() {
    let check = async |link: String, expected: &str| {
        let registry = FakeRegistry::start();
        registry.push("acme/web", "v1");
        registry.fault(Fault::Link(link), 1);
        let found = tags_of(&client(), &registry, "acme/web", &Access::default()).await;
        let start = "listing tags of HOST/acme/web: reading the answer of HOST: its Link header is ";
        assert_eq!(found, format!("{start}{expected}"));
    };
    check(format!("</v2/acme/web/tags/list?last={}>; rel=next", "x".repeat(9000)), "longer than 8 KiB").await;
    check("<caf\u{e9}>; rel=next".to_owned(), "not readable").await;
}

#[tokio::test]
async fn pages_without_an_end_are_told() {
    let registry = FakeRegistry::start();
    registry.fault(Fault::EndlessPages, usize::MAX);
    let few = Limits { pages_max: 300, ..Limits::default() };
    let told = tags_of(&client_with(few), &registry, "acme/web", &Access::default()).await;
    assert_eq!(told, "listing tags of HOST/acme/web: HOST lists more than 300 pages");
    assert_eq!(registry.calls().len(), 300);
}

#[tokio::test]
async fn a_drip_ends_at_the_time_limit_of_the_whole() {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "1.0.0");
    registry.fault(Fault::SlowDrip, usize::MAX);
    let start = Instant::now();
    let told = tags_of(&client(), &registry, "acme/web", &hurried(1.0)).await;
    assert!(told.ends_with("timed out after 1 s"), "{told}");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(registry.calls().len(), 1);
}

#[tokio::test]
async fn a_page_that_broke_is_read_from_its_beginning() {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "2.0.0");
    // It has sent `1.0.0` when it breaks.
    registry.fault(Fault::Truncated, 2);
    assert_eq!(tags_of(&client(), &registry, "acme/web", &Access::default()).await, "2.0.0");
    assert_eq!(registry.calls().len(), 3);
}

#[tokio::test]
async fn refusals_may_be_long() {
    let registry = FakeRegistry::start();
    registry.fault(Fault::answer(403, &[], vec![b' '; 10 << 20]), 1);
    let told = tags_of(&client(), &registry, "acme/web", &Access::default()).await;
    assert_eq!(told, "listing tags of HOST/acme/web: HOST denied access (403), asked anonymously");
}

#[tokio::test]
async fn endless_manifests_and_configs_end() {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "1.0.0");
    registry.fault(Fault::HeadRefused(405), 1);
    registry.fault(Fault::Endless, 1);
    let told = super::digest_of(&client(), &registry, "acme/web", "1.0.0", &Access::default()).await;
    let expected = "reading the digest of HOST/acme/web:1.0.0: reading the answer of HOST: larger than 4194304 bytes";
    assert_eq!(told, expected);
}

#[tokio::test]
async fn small_bodies_become_large_ones_nowhere() {
    let mut packer = GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![b' '; 64 << 20]).expect("memory");
    let bomb = packer.finish().expect("memory");
    let packed = |status: u16| Fault::answer(status, &[("content-encoding", "gzip")], &bomb);
    let registry = FakeRegistry::start();
    let subject = registry.push("acme/web", "1.0.0").parse().expect("a digest");
    let (large, none) = ("reading the answer of HOST: larger than 4194304 bytes", Access::default());
    registry.fault(Fault::HeadRefused(405), 1);
    registry.fault(packed(200), 1);
    let told = super::digest_of(&client(), &registry, "acme/web", "1.0.0", &none).await;
    assert_eq!(told, format!("reading the digest of HOST/acme/web:1.0.0: {large}"));
    registry.fault(packed(200), 1);
    let web = repository(&registry.image("acme/web"));
    let told = causes(&client().referrers(&web, &subject, None, &none).await.expect_err("no list"));
    assert!(told.replace(&registry.addr().to_string(), "HOST").ends_with(large), "{told}");
    registry.fault(packed(404), 1);
    let told = tags_of(&client(), &registry, "acme/web", &none).await;
    assert_eq!(told, "listing tags of HOST/acme/web: HOST answered 404 Not Found");
}

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small frame").to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

#[test]
fn resets_of_http2_are_told() {
    let authority = Authority::new();
    let settings = frame(4, 0, 0, b"");
    // `:status: 200` is entry 8 of the static table.
    let head = frame(1, 4, 1, &[0x88]);
    let some = frame(0, 0, 1, br#"{"tags":["a""#);
    let reset = frame(3, 0, 1, &[0, 0, 0, 2]);
    let go_away = frame(7, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 0xb]);
    for (frames, doing) in [
        ([settings.clone(), head.clone(), some, reset.clone()].concat(), "reading the answer of HOST: "),
        ([settings.clone(), reset].concat(), "waiting for the answer of HOST: "),
        ([settings.clone(), go_away].concat(), "waiting for the answer of HOST: "),
        ([settings, head, frame(0, 0, 1, &[b'x'; 100])].concat(), "reading the answer of HOST: "),
    ] {
        let server = RawServer::start(vec![Reply::BytesLater(frames)]);
        let front = TlsFront::start_http2(&authority, server.addr());
        let trusting = Settings { ca: vec![authority.certificate()], ..Settings::default() };
        let client = Client::new(Http::new(trusting).expect("a client"), Limits::default());
        // Loopback is spoken to by plain http, unless it sends us elsewhere.
        let registry = FakeRegistry::start();
        registry.create("acme/web");
        registry.fault(Fault::answer(307, &[("location", &front.url("list"))], ""), usize::MAX);
        let name = repository(&registry.image("acme/web"));
        let told = block_on(async move { client.tags(&name, &Access::default()).await }).expect_err("no list");
        let told = causes(&told).replace(&front.addr().to_string(), "HOST");
        assert!(told.contains(doing), "{told}");
        assert!((1..=3).contains(&server.connections()), "{}", server.connections());
    }
}
