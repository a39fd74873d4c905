//! Senders who mean harm: floods, large and slow bodies, and payloads made to hurt the reader.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use reqwest::{Method, StatusCode};
use tagwright::server::{pushed, senders};

use crate::server::running::{Running, TOKEN};

#[tokio::test]
async fn a_flood_for_one_repository_is_one_name() {
    let mut server = Running::start(&[]).await;
    let server_ref = &server;
    for _ in 0..100 {
        let posts = (0..100).map(|_| server_ref.post("generic", &[], r#"{"repository":"ghcr.io/acme/web"}"#));
        assert!(futures::future::join_all(posts).await.iter().all(|status| *status == StatusCode::ACCEPTED));
    }
    assert_eq!(server.names(), ["ghcr.io/acme/web"]);
}

#[tokio::test]
async fn refusals_of_one_address_become_short_but_do_not_shut_out_the_good() {
    let mut server = Running::start(&[]).await;
    let path = format!("/hooks/generic/{}", TOKEN.to_uppercase());
    for number in 1..=100 {
        let expected = if number <= 60 { StatusCode::NOT_FOUND } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(server.call(Method::POST, &path, &[], "{}").await, (expected, String::new(), String::new()));
    }
    assert_eq!(server.post("generic", &[], r#"{"repository":"acme/web"}"#).await, StatusCode::ACCEPTED);
    assert_eq!(server.call(Method::GET, "/healthz", &[], "").await.0, StatusCode::OK);
    assert_eq!(server.names(), ["*/acme/web"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_a_gigabyte_is_refused_by_its_head() {
    let server = Running::start(&[]).await;
    let head = format!("POST /hooks/generic/{TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n");
    let answer = talk(&server, &head, b"\r\n{");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // Who asks before sending is not told to go on.
    let answer = talk(&server, &format!("{head}Expect: 100-continue\r\n"), b"\r\n");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_a_length_is_read_up_to_the_limit() {
    let mut server = Running::start(&[]).await;
    let head = format!("POST /hooks/generic/{TOKEN} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n");
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    let body = [b"\r\n".to_vec(), chunk.repeat(20)].concat();
    let answer = talk(&server, &head, &body);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let answer = talk(&server, &head, b"\r\nno number\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let whole = r#"{"repository":"acme/web"}"#;
    let fitting = format!("{whole}{}", " ".repeat((1 << 20) - whole.len()));
    assert_eq!(server.post("generic", &[], &fitting).await, StatusCode::ACCEPTED);
    assert_eq!(server.post("generic", &[], &format!("{fitting} ")).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(server.names(), ["*/acme/web"]);
}

/// What the server says to a head, and a body that is written while it listens.
fn talk(server: &Running, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.addr).expect("a connection");
    stream.write_all(head.as_bytes()).expect("the head is taken");
    // The server may have had enough before all is written.
    let _ = stream.write_all(body);
    heard(&mut stream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn slow_senders_are_left_and_hold_nobody() {
    let server = Running::start(&[]).await;
    let start = Instant::now();
    let slow = || {
        let mut stream = TcpStream::connect(server.addr).expect("a connection");
        stream.write_all(b"POST /hooks/generic/").expect("a beginning");
        stream
    };
    // This one knows the token, promises a body and sends none.
    let mut promise = TcpStream::connect(server.addr).expect("a connection");
    let head = format!("POST /hooks/generic/{TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{");
    let _ = promise.write_all(head.as_bytes());
    let mut streams: Vec<TcpStream> = (0..300).map(|_| slow()).collect();
    // 256 of them have a place; one that has not asked for anything yet gives it to who comes.
    assert_eq!(server.call(Method::GET, "/healthz", &[], "").await.0, StatusCode::OK);
    for stream in [0, 299] {
        heard(&mut streams[stream]);
    }
    let answer = heard(&mut promise);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(start.elapsed() < Duration::from_secs(60), "slow senders are closed");
}

/// All that is said until the connection ends.
fn heard(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

const DEEP: usize = 100_000;

#[test]
fn hostile_bodies_are_bounded_and_ignored() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(DEEP), close.repeat(DEEP));
    let event = r#"{"action":"push","target":{"repository":"acme/web","tag":"1"}}"#;
    let many = format!(r#"{{"events":[{}]}}"#, vec![event; 16_000].join(","));
    let zeros = format!(r#"{{"events":[{}0]}}"#, "0,".repeat(500_000));
    let long = format!(r#"{{"repository":"{}"}}"#, "a".repeat(1_000_000));
    let bodies: Vec<Vec<u8>> = vec![
        deep("[", "]").into_bytes(),
        deep("{\"a\":", "}").into_bytes(),
        deep("{\"detail\":", "}").into_bytes(),
        format!("{{\"repository\":{}}}", deep("[", "]")).into_bytes(),
        zeros.into_bytes(),
        long.into_bytes(),
        b"{\"repository\":\"\xff\xfe\"}".to_vec(),
        b"{\"repository\":\"a\\u0000b\"}".to_vec(),
        b"{\"repository\":\"acme/web\\r\\nX: y\"}".to_vec(),
        b"{\"repository\":\"../../etc\"}".to_vec(),
        b"{\"repository\":1e999}".to_vec(),
        b"\x00\x00".to_vec(),
    ];
    for kind in senders() {
        for body in &bodies {
            let found = pushed(kind, &event_headers(), "", body);
            assert!(
                found.is_none_or(|dues| dues.is_empty()),
                "{kind}: {}",
                String::from_utf8_lossy(&body[..40.min(body.len())])
            );
        }
    }
    let found = pushed("distribution", &HeaderMap::new(), "", many.as_bytes()).expect("events");
    assert_eq!(found.len(), 1000, "only the beginning of a list is read");
}

/// Events that each sender has, so that its body is looked at.
fn event_headers() -> HeaderMap {
    let pairs =
        [("x-github-event", "package"), ("ce-type", "image.push"), ("ce-source", "arn:aws:ecr:r:1:repository/x")];
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

/// Keys and values that the readers look for, in any shape.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let keys = concat!(
        "(action|type|object_kind|repository|package|events|event_data|detail|data|message|component|target|",
        "tag|name|owner|login|updated_tags|docker_url|repo_name|repo_full_name|repository-name|account|",
        "region|source|project|path_with_namespace|domain|event_type|image_name|push_data|host|request|",
        "format|package_version|package_url)",
    );
    let texts = concat!(
        "(push|PUSH|INSERT|created|CREATED|published|pushed|docker|container|success|build|pipeline|",
        "PUSH_ARTIFACT|acme/web|ghcr.io/a/b:1|a:ecr:b:c|[ -~]{0,20}|\\PC{0,8})",
    );
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        texts.prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::vec((keys, inner), 0..8)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_read_without_harm(value in json(), headers in any::<bool>()) {
        let headers = if headers { event_headers() } else { HeaderMap::new() };
        for kind in senders() {
            for due in pushed(kind, &headers, "", value.to_string().as_bytes()).unwrap_or_default() {
                prop_assert!(is_name(&due.repository) && due.host.as_deref().is_none_or(is_name), "{:?}", due);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_without_harm(body in prop::collection::vec(any::<u8>(), 0..200), query in "\\PC{0,40}") {
        for kind in senders() {
            for due in pushed(kind, &event_headers(), &query, &body).unwrap_or_default() {
                prop_assert!(is_name(&due.repository) && due.host.as_deref().is_none_or(is_name), "{:?}", due);
            }
        }
    }
}

/// What may stand in a log line.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/:[]".contains(&b))
}
