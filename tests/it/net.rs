//! The HTTP room: its rules by tables, its faults against servers that misbehave on purpose.

use std::io::Write as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::write::GzEncoder;
use tagwright::net::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use tagwright::net::{
    AddressClass, Answer, Deadline, Error, Http, Method, Reach, Redirects, Request, Settings, StatusCode, Url, class,
    follow, is_loopback, may_carry_credentials, pause, retry_after, same_host,
};

use crate::servers::fake_registry::FakeRegistry;
use crate::servers::raw::{RawServer, Reply};
use crate::servers::tls::TlsServer;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

#[test]
fn addresses_have_classes() {
    let check = |class_of: AddressClass, addresses: &[&str]| {
        for text in addresses {
            let address: IpAddr = text.parse().expect("an address");
            assert_eq!(class(address), class_of, "{text}");
        }
    };
    check(AddressClass::Public, &["8.8.8.8", "100.63.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"]);
    check(AddressClass::Private, &["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1", "fd12::1"]);
    check(AddressClass::Private, &["::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "::10.0.0.1"]);
    check(AddressClass::Loopback, &["127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"]);
    check(AddressClass::LinkLocal, &["169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200"]);
    check(AddressClass::LinkLocal, &["168.63.129.16", "192.0.0.192", "fd00:ec2::23", "fd20:ce::254", "::a9fe:a9fe"]);
    check(AddressClass::LinkLocal, &["64:ff9b:1::a9fe:a9fe", "64:ff9b:1:ffff::a9fe:a9fe"]);
    check(AddressClass::LinkLocal, &["224.0.0.1", "255.255.255.255", "ff02::1", "::ffff:169.254.169.254"]);
}

#[test]
fn loopback_is_told_by_its_name() {
    for (text, expected) in [
        ("http://127.0.0.1:5000/", true),
        ("http://127.1/", true),
        ("http://2130706433/", true),
        ("http://[::1]/", true),
        ("http://localhost:1/", true),
        ("http://LOCALHOST./", true),
        ("http://registry.localhost/", true),
        ("http://localhost.example.com/", false),
        ("http://notlocalhost/", false),
        ("http://10.0.0.1/", false),
    ] {
        assert_eq!(is_loopback(&url(text)), expected, "{text}");
    }
}

#[test]
fn credentials_want_https_or_this_machine_or_leave() {
    for (text, insecure, expected) in [
        ("https://a.example/", false, true),
        ("http://a.example/", false, false),
        ("http://a.example/", true, true),
        ("http://10.0.0.1/", false, false),
        ("http://127.0.0.1/", false, true),
        ("http://localhost/", false, true),
        ("ftp://a.example/", true, false),
    ] {
        assert_eq!(may_carry_credentials(&url(text), insecure), expected, "{text} {insecure}");
    }
}

#[test]
fn same_host_means_the_same_server() {
    for (from, to, expected) in [
        ("https://a.example/x", "https://a.example/y", true),
        ("https://a.example/x", "https://A.EXAMPLE:443/y", true),
        ("http://a.example/x", "https://a.example/y", true),
        ("http://a.example:5000/x", "https://a.example:5000/y", true),
        ("https://a.example/x", "http://a.example/y", false),
        ("https://a.example/x", "https://a.example:8443/y", false),
        ("https://a.example/x", "https://b.a.example/y", false),
        ("https://a.example/x", "https://a.example.evil.test/y", false),
        ("http://127.0.0.1:1/x", "http://127.0.0.2:1/x", false),
    ] {
        assert_eq!(same_host(&url(from), &url(to)), expected, "{from} -> {to}");
    }
}

#[test]
fn redirects_are_followed_by_rule() {
    let check = |rule, from: &str, location: &str, expected: &str| {
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_str(location).expect("a value"))]);
        let found = match follow(&url(from), StatusCode::TEMPORARY_REDIRECT, &headers, rule) {
            Ok(to) => to.map_or_else(|| "none".to_owned(), |to| to.to_string()),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{from} -> {location}");
    };
    let refused = |from: &str, to: &str, why: &str| format!("{from} redirects to {to}, which is not followed: {why}");
    let home = "https://a.example/x/y";
    check(Redirects::SameHost, home, "../z?q=1", "https://a.example/z?q=1");
    check(Redirects::SameHost, home, "https://a.example/z", "https://a.example/z");
    check(Redirects::SameHost, home, "https://u:p@a.example/z", "https://a.example/z");
    check(Redirects::SameHost, home, "//b.example/z", &refused("a.example:443", "b.example:443", "another host"));
    check(Redirects::SameHost, home, "http://a.example/z", &refused("a.example:443", "a.example:80", "not https"));
    check(Redirects::SameHost, home, "https://a.example:1/", &refused("a.example:443", "a.example:1", "another host"));
    check(Redirects::SameHost, home, "file:///etc/passwd", &refused("a.example:443", ":0", "not https"));
    check(Redirects::SameHost, "http://a.example/", "https://a.example/", "https://a.example/");
    check(Redirects::Anywhere, home, "https://b.example/z", "https://b.example/z");
    check(Redirects::Anywhere, home, "http://b.example/z", &refused("a.example:443", "b.example:80", "not https"));
    check(
        Redirects::Anywhere,
        "http://a.example/",
        "http://b.example/",
        &refused("a.example:80", "b.example:80", "not https"),
    );
    check(Redirects::Anywhere, "http://a.example/", "http://a.example/z", "http://a.example/z");
    let nowhere = "an unreadable place";
    check(Redirects::SameHost, home, "https://[", &refused("a.example:443", nowhere, "its Location is not a URL"));
}

#[test]
fn the_pause_doubles_and_obeys_the_server() {
    let millis = |number, asked: Option<u64>, jitter| {
        pause(number, asked.map(Duration::from_millis), jitter).map(|wait| wait.as_millis())
    };
    for (number, asked, jitter, expected) in [
        (0, None, 0.0, Some(250)),
        (1, None, 0.0, Some(500)),
        (2, None, 1.0, Some(1500)),
        (0, Some(100), 0.0, Some(250)),
        (0, Some(7_000), 0.5, Some(7_000)),
        (0, Some(3_600_000), 0.0, Some(3_600_000)),
        (0, Some(3_601_000), 0.0, None),
        (40, None, 0.0, None),
    ] {
        assert_eq!(millis(number, asked, jitter), expected, "{number} {asked:?} {jitter}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = "2026-11-21T08:00:00Z".parse().expect("a time");
    for (text, expected) in [
        ("0", Some(0)),
        (" 120 ", Some(120)),
        ("Sat, 21 Nov 2026 08:00:30 GMT", Some(30)),
        ("Sat, 21 Nov 2026 07:00:00 GMT", Some(0)),
        ("-1", None),
        ("soon", None),
        ("99999999999999", None),
    ] {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
        assert_eq!(retry_after(&headers, now).map(|wait| wait.as_secs()), expected, "{text}");
    }
}

/// What comes of one request to a server that gives these replies, `HOST` in place of its address.
async fn outcome(scheme: &str, replies: Vec<Reply>, change: impl FnOnce(&mut Settings, &mut Request)) -> String {
    let server = RawServer::start(replies);
    let mut settings = Settings::default();
    let mut request = get(&format!("{scheme}://{}/", server.addr()));
    change(&mut settings, &mut request);
    let http = Http::new(settings).expect("plain settings");
    let found = http.fetch(&request, Deadline::after(Duration::from_secs(20))).await;
    let times = server.connections();
    let text = match found {
        Ok(answer) => format!("{} {:?}", answer.status.as_u16(), String::from_utf8_lossy(&answer.body)),
        Err(error) => error.to_string(),
    };
    format!("{times}x {}", text.replace(&server.addr().to_string(), "HOST"))
}

#[tokio::test]
async fn statuses_that_pass_are_asked_again() {
    let status =
        |line: &str| Reply::text(&format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    let check = async |replies: Vec<Reply>, expected: &str| {
        assert_eq!(outcome("http", replies, |_, _| ()).await, expected);
    };
    check(vec![Reply::text(OK)], "1x 200 \"ok\"").await;
    check(vec![status("503 No"), status("429 No"), Reply::text(OK)], "3x 200 \"ok\"").await;
    check(vec![status("500 No")], "3x 500 \"\"").await;
    check(vec![status("408 No"), Reply::text(OK)], "2x 200 \"ok\"").await;
    check(vec![status("404 No")], "1x 404 \"\"").await;
    check(vec![status("501 No")], "1x 501 \"\"").await;
    check(vec![status("429 No\r\nRetry-After: 0"), Reply::text(OK)], "2x 200 \"ok\"").await;
    check(vec![status("429 No\r\nRetry-After: 3600"), Reply::text(OK)], "1x 429 \"\"").await;
    check(vec![status("503 No\r\nRetry-After: 30"), Reply::text(OK)], "1x 503 \"\"").await;
    check(vec![Reply::text(""), Reply::text(OK)], "2x 200 \"ok\"").await;
}

#[tokio::test]
async fn each_fault_has_one_clear_text() {
    let check = async |scheme, replies: Vec<Reply>, change: fn(&mut Settings, &mut Request), expected: &str| {
        assert_eq!(outcome(scheme, replies, change).await, expected);
    };
    let short: fn(&mut Settings, &mut Request) = |settings, _| settings.read_timeout = Duration::from_millis(500);
    let plain: fn(&mut Settings, &mut Request) = |_, _| ();
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun";
    check("http", vec![Reply::Silence], short, "1x waiting for the answer of HOST: timed out after 0.5 s").await;
    let stalled = vec![Reply::BytesThenSilence(begun.into())];
    check("http", stalled, short, "1x reading the answer of HOST: timed out after 0.5 s").await;
    let cut = "3x reading the answer of HOST: end of file before message length reached";
    check("http", vec![Reply::text(begun)], plain, cut).await;
    let closed = "3x waiting for the answer of HOST: connection closed before message completed";
    check("http", vec![Reply::text("")], plain, closed).await;
    let garbage = "3x waiting for the answer of HOST: invalid HTTP version parsed";
    check("http", vec![Reply::text("220 mail.example ESMTP ready\r\n")], plain, garbage).await;
    let small: fn(&mut Settings, &mut Request) = |_, request| request.body_max = 1;
    check("http", vec![Reply::text(OK)], small, "1x reading the answer of HOST: larger than 1 bytes").await;
    let tls = "1x connecting to HOST: TLS failure: received corrupt message of type InvalidContentType";
    check("https", vec![Reply::text(OK)], plain, tls).await;
    let hurried: fn(&mut Settings, &mut Request) = |settings, _| settings.connect_timeout = Duration::from_millis(50);
    check("https", vec![Reply::Silence], hurried, "3x connecting to HOST: timed out after 0.05 s").await;
    let guarded: fn(&mut Settings, &mut Request) = |_, request| request.reach = Reach::PUBLIC;
    let out_of_reach =
        "0x connecting to HOST: address 127.0.0.1 is not public, and only public addresses are allowed here";
    check("http", vec![Reply::text(OK)], guarded, out_of_reach).await;
}

#[tokio::test]
async fn hosts_that_are_not_there_are_named() {
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address");
    let refused = error_of(&format!("http://{free}/")).await;
    assert_eq!(refused.to_string(), format!("connecting to {free}: connection refused"));
    let unknown = error_of("https://registry.invalid/").await;
    assert_eq!(unknown.to_string(), "connecting to registry.invalid:443: unknown host");
}

#[tokio::test]
async fn the_deadline_ends_what_the_time_outs_of_reads_allow() {
    let server = RawServer::start(vec![Reply::Silence]);
    let http = Http::new(Settings::default()).expect("plain settings");
    let request = get(&format!("http://{}/", server.addr()));
    let error = http.fetch(&request, Deadline::after(Duration::from_millis(150))).await.expect_err("silence");
    assert_eq!(error.to_string(), format!("waiting for the answer of {}: timed out after 0.15 s", server.addr()));
}

#[tokio::test]
async fn names_are_guarded_when_they_are_resolved() {
    let server = RawServer::start(vec![Reply::text(OK)]);
    let mut request = get(&format!("http://localhost:{}/", server.addr().port()));
    request.reach = Reach::PUBLIC;
    let http = Http::new(Settings::default()).expect("plain settings");
    let deadline = Deadline::after(Duration::from_secs(20));
    let error = http.fetch(&request, deadline).await.expect_err("a loopback address").to_string();
    assert!(error.ends_with(" is not public, and only public addresses are allowed here"), "{error}");
    assert_eq!(server.connections(), 0);
    let address = |text: &str| text.parse().expect("an address");
    request.reach = Reach::of(address("127.0.0.1"));
    let answer = http.fetch(&request, deadline).await.expect("an answer");
    assert_eq!((answer.peer.is_some(), answer.reach()), (true, request.reach));
    assert_eq!(Reach::of(address("169.254.169.254")), Reach::PUBLIC);
    assert_eq!(Reach::of(address("fd00:ec2::254")), Reach::PUBLIC);
}

#[tokio::test]
async fn small_bodies_do_not_become_large_ones() {
    let mut packer = GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![b' '; 32 << 20]).expect("memory");
    let packed = packer.finish().expect("memory");
    assert!(packed.len() < 64 << 10);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", packed.len());
    let reply = Reply::Bytes([head.as_bytes(), &packed].concat());
    let found = outcome("http", vec![reply], |_, request| request.body_max = 1 << 20).await;
    assert_eq!(found, "1x reading the answer of HOST: larger than 1048576 bytes");
}

#[tokio::test]
async fn answers_to_head_have_no_body_to_unpack() {
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1234\r\nConnection: close\r\n\r\n";
    let found = outcome("http", vec![Reply::text(head)], |_, request| request.method = Method::HEAD).await;
    assert_eq!(found, "1x 200 \"\"");
}

#[tokio::test]
async fn redirects_stay_on_the_host() {
    let to = |location: &str| {
        Reply::text(&format!(
            "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ))
    };
    let other = RawServer::start_at("127.0.0.2", vec![Reply::text(OK)]);
    assert_eq!(outcome("http", vec![to("/there"), Reply::text(OK)], |_, _| ()).await, "2x 200 \"ok\"");
    let around = outcome("http", vec![to("/again")], |_, _| ()).await;
    assert_eq!(around, "6x HOST redirects to HOST, which is not followed: too many redirects");
    let away = outcome("http", vec![to(&format!("http://{}/", other.addr()))], |_, _| ()).await;
    assert_eq!(away, format!("1x HOST redirects to {}, which is not followed: another host", other.addr()));
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn exchanges_are_observed() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noting = |what: &'static str| -> tagwright::net::Observer {
        let noted = seen.clone();
        Arc::new(move |host, status| noted.lock().expect("a lock").push(format!("{what} {host} {status}")))
    };
    let busy = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let server = RawServer::start(vec![Reply::text(""), Reply::text(busy), Reply::text(OK)]);
    let (observer, retries) = (Some(noting("asked")), Some(noting("again")));
    let http = Http::new(Settings { observer, retries, ..Settings::default() }).expect("plain settings");
    let request = get(&format!("http://{}/", server.addr()));
    http.fetch(&request, Deadline::after(Duration::from_secs(20))).await.expect("the third attempt");
    let expected = ["asked HOST 0", "again HOST 0", "asked HOST 503", "again HOST 503", "asked HOST 200"];
    let expected = expected.map(|line| line.replace("HOST", &server.addr().to_string()));
    assert_eq!(*seen.lock().expect("a lock"), expected);
    assert!(server.heads()[0].contains("\nuser-agent: tagwright/"), "{:?}", server.heads());
}

#[tokio::test]
async fn authorities_are_trusted_when_they_are_given() {
    let server = TlsServer::start("hello");
    let stranger = error_of(&server.url()).await.to_string();
    let expected = format!("connecting to {}: TLS failure: invalid peer certificate: UnknownIssuer", server.addr());
    assert_eq!(stranger, expected);
    let server = TlsServer::start("hello");
    let settings = Settings { ca: vec![server.authority()], ..Settings::default() };
    let answer = fetch(settings, &server.url()).await.expect("a trusted server");
    assert_eq!(answer.body.as_ref(), b"hello");
}

#[tokio::test]
async fn blobs_are_followed_elsewhere_without_the_credential() {
    let elsewhere = TlsServer::start("blob");
    let moved = format!("HTTP/1.1 307 Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.url());
    let home = RawServer::start(vec![Reply::text(&moved)]);
    let settings = Settings { ca: vec![elsewhere.authority()], ..Settings::default() };
    let mut request = get(&format!("http://{}/blob", home.addr()));
    request.redirects = Redirects::Anywhere;
    request.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer s3cret"));
    let http = Http::new(settings).expect("plain settings");
    let answer = http.fetch(&request, Deadline::after(Duration::from_secs(20))).await.expect("a blob");
    assert_eq!(answer.body.as_ref(), b"blob");
    assert!(home.heads()[0].contains("authorization: Bearer s3cret"), "{:?}", home.heads());
    let heard = elsewhere.heard();
    assert!(heard.contains("GET /file HTTP/1.1") && !heard.contains("s3cret"), "{heard}");
}

#[tokio::test]
async fn servers_that_speak_tls_are_told_from_others() {
    let check = async |server: std::net::SocketAddr, expected: bool| {
        let http = Http::new(Settings::default()).expect("plain settings");
        let target = url(&format!("https://{server}/"));
        let found = http.speaks_tls(&target, Deadline::after(Duration::from_secs(20))).await;
        assert_eq!(found.expect("a server"), expected);
    };
    let bad_request = RawServer::start(vec![Reply::text("HTTP/1.1 400 Bad Request\r\n\r\n")]);
    check(bad_request.addr(), false).await;
    let closing = RawServer::start(vec![Reply::text("")]);
    check(closing.addr(), false).await;
    let registry = FakeRegistry::start();
    check(registry.addr(), false).await;
    let untrusted = TlsServer::start("hello");
    check(untrusted.addr(), true).await;
    // Handshake failure, as a TLS record.
    let picky = RawServer::start(vec![Reply::Bytes(vec![0x15, 3, 3, 0, 2, 2, 40])]);
    check(picky.addr(), true).await;
}

#[test]
fn bad_certificates_are_refused_at_once() {
    for (bundle, expected) in [
        ("", "reading a CA certificate: no PEM block `CERTIFICATE` in it"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "reading a CA certificate: "),
    ] {
        let settings = Settings { ca: vec![bundle.into()], ..Settings::default() };
        let error = Http::new(settings).expect_err("a bad bundle").to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

fn url(text: &str) -> Url {
    text.parse().expect("a URL")
}

fn get(target: &str) -> Request {
    Request::new(Method::GET, url(target), 1 << 20)
}

async fn error_of(target: &str) -> Error {
    fetch(Settings::default(), target).await.expect_err("no answer")
}

async fn fetch(settings: Settings, target: &str) -> Result<Answer, Error> {
    let http = Http::new(settings).expect("plain settings");
    http.fetch(&get(target), Deadline::after(Duration::from_secs(20))).await
}
