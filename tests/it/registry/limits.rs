//! Limits against servers that count: the operator's, and those that servers tell.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tagwright::engine::cause::Cause;
use tagwright::engine::scan::{Scan, ScanRequest, scan};
use tagwright::net::{Connection, Http, Proxy, Settings};
use tagwright::registry::{Access, Client, LimitRule, Limits, Registries, RegistryRule};

use super::{client, repository};
use crate::servers::fake_registry::{FakeRegistry, Fault};
use crate::servers::raw::{RawServer, Reply};

fn limited(registry: &FakeRegistry, per_second: u32, burst: u32, connections: u32) -> Client {
    client().with_registries(rules(registry, per_second, burst, connections))
}

fn rules(registry: &FakeRegistry, per_second: u32, burst: u32, connections: u32) -> Registries {
    let limits = LimitRule {
        per_second: NonZeroU32::new(per_second),
        burst: NonZeroU32::new(burst),
        connections: NonZeroU32::new(connections),
    };
    Registries::new(vec![RegistryRule {
        name: "fake".to_owned(),
        api: format!("http://{}", registry.addr()).parse().expect("a URL"),
        prefix: None,
        is_default: false,
        default_namespace: None,
        credentials: None,
        insecure: false,
        ca: None,
        limits,
        token_hosts: Vec::new(),
    }])
}

/// A registry with this many repositories, and requests for all of them.
fn registry_of(repositories: usize) -> (FakeRegistry, Vec<ScanRequest>) {
    let registry = FakeRegistry::start();
    let names: Vec<String> = (0..repositories).map(|number| format!("acme/web-{number}")).collect();
    names.iter().for_each(|name| drop(registry.push(name, "v1")));
    let requests = names.iter().map(|name| request(&registry.image(name), 60)).collect();
    (registry, requests)
}

fn request(image: &str, timeout_seconds: u64) -> ScanRequest {
    let access = Access { timeout: Some(Duration::from_secs(timeout_seconds)), ..Access::default() };
    ScanRequest { repository: repository(image), access, exclusions: Vec::new() }
}

fn failures(scans: &[Result<Scan, Cause>]) -> Vec<&str> {
    scans.iter().filter_map(|scan| scan.as_ref().err()).map(|cause| cause.message.as_str()).collect()
}

fn most_in_a_second(registry: &FakeRegistry) -> usize {
    let times: Vec<Instant> = registry.requests().iter().map(|logged| logged.at).collect();
    let within = |from: Instant| times.iter().filter(|at| **at >= from && **at - from < Duration::from_secs(1)).count();
    times.iter().map(|from| within(*from)).max().unwrap_or_default()
}

#[tokio::test]
async fn requests_keep_to_the_limit_and_none_is_wasted() {
    let (registry, requests) = registry_of(250);
    let began = Instant::now();
    let scans = scan(&limited(&registry, 100, 10, 16), &requests).await;
    let took = began.elapsed();
    assert_eq!(failures(&scans), Vec::<&str>::new());
    assert_eq!(registry.requests().len(), 250);
    // On a busy machine late requests arrive together with those behind them; `rate` has the exact rule.
    assert!(most_in_a_second(&registry) <= 150, "{}", most_in_a_second(&registry));
    // The limit's own floor is 2.4 s; the machine may be busy.
    assert!(took > Duration::from_millis(2300) && took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test]
async fn who_cannot_have_a_turn_in_time_is_told() {
    let (registry, requests) = registry_of(1);
    let client = limited(&registry, 1, 1, 1);
    let ScanRequest { repository, .. } = &requests[0];
    let hurried = Access { timeout: Some(Duration::from_millis(1500)), ..Access::default() };
    let ask = || client.tags(repository, &hurried);
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    assert!(first.is_ok() && second.is_ok());
    let told = Cause::from(third.expect_err("no turn"));
    let expected = format!(
        "listing tags of {repository}: waiting for a turn at {}, which is sent at most 1 requests a second, 1 at a \
         time: timed out after 1.5 s",
        registry.addr()
    );
    assert_eq!(told.message, expected);
    assert!(told.hint.expect("advice").contains("--registries"));
}

#[tokio::test]
async fn a_stalled_registry_delays_no_other() {
    let (registry, mut requests) = registry_of(100);
    let stalled = RawServer::start_at("127.0.0.2", vec![Reply::Silence]);
    let silent = (0..80).map(|number| request(&format!("{}/acme/web-{number}", stalled.addr()), 3));
    requests.splice(0..0, silent);
    let began = Instant::now();
    let scans = scan(&client(), &requests).await;
    let took = began.elapsed();
    assert_eq!(failures(&scans).len(), 80);
    assert!(scans[..80].iter().all(Result::is_err));
    let last = registry.requests().iter().map(|logged| logged.at).max().expect("requests");
    assert!(last < began + took.mul_f64(0.8), "{:?} of {took:?}", last - began);
    // The first sixteen were waited for, and those that began before the last of them failed; nobody behind them.
    assert!(took < Duration::from_secs(10), "{took:?}");
    let silent = scans.iter().filter(|scan| {
        scan.as_ref().is_err_and(|cause| cause.message.contains("it did not answer to many requests before this one"))
    });
    assert!(silent.count() >= 48);
}

#[tokio::test]
async fn a_storm_of_refusals_dies_down() {
    let (registry, requests) = registry_of(60);
    registry.fault(Fault::status(429), 40);
    let scans = scan(&client(), &requests).await;
    let failed = failures(&scans).len();
    // Each of the sixteen at a time asks three times at most; whoever comes later waits until it is over.
    assert!(failed <= 16, "{failed}");
    let requests = registry.requests();
    assert!(requests.len() <= 60 - failed + 40, "{}", requests.len());
}

#[tokio::test]
async fn who_is_asked_to_wait_waits_for_all_the_others_too() {
    let (registry, requests) = registry_of(6);
    registry.fault(Fault::answer(429, &[("retry-after", "2")], ""), 1);
    let client = client();
    let first = client.tags(&requests[0].repository, &requests[0].access);
    let rest = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        scan(&client, &requests[1..]).await
    };
    let (first, rest) = tokio::join!(first, rest);
    assert!(first.is_ok());
    assert_eq!(failures(&rest), Vec::<&str>::new());
    let times: Vec<Instant> = registry.requests().iter().map(|logged| logged.at).collect();
    assert_eq!(times.len(), 7);
    assert!(times[1..].iter().all(|at| *at - times[0] >= Duration::from_millis(1950)), "{times:?}");
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_told_and_not_waited_for() {
    let check = async |fault: Fault, first: &str, why: &str| {
        let (registry, requests) = registry_of(2);
        registry.fault(fault, 1);
        let client = client();
        let one = client.tags(&requests[0].repository, &requests[0].access).await;
        let told = one.map_or_else(|error| Cause::from(error).message, |list| format!("{} tags", list.tags.len()));
        assert!(told.ends_with(first), "{told}");
        let two = client.tags(&requests[1].repository, &requests[1].access).await.expect_err("closed");
        let told = Cause::from(two).message;
        assert!(told.contains(&format!("{} is not asked before 20", registry.addr())), "{told}");
        assert!(told.ends_with(why), "{told}");
        assert_eq!(registry.requests().len(), 1);
    };
    let listing = r#"{"tags":["v1"]}"#;
    check(
        Fault::answer(429, &[("retry-after", "100")], ""),
        "answered 429 Too Many Requests and asks to wait 100 s",
        "it answered 429",
    )
    .await;
    check(
        Fault::answer(503, &[("retry-after", "4294967295")], ""),
        "and asks to wait 4294967295 s",
        "it answered 503 and asks to wait",
    )
    .await;
    let quota = "its quota is used up";
    let hub = [("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "0;w=21600")];
    check(Fault::answer(200, &hub, listing), "1 tags", quota).await;
    check(Fault::answer(200, &[("ratelimit", "\"default\";r=0;t=90")], listing), "1 tags", quota).await;
}

#[tokio::test]
async fn hostile_limits_change_nothing() {
    let listing = r#"{"tags":["v1"]}"#;
    for (name, value) in [
        ("ratelimit-remaining", "-1"),
        ("ratelimit-remaining", "NaN"),
        ("ratelimit-remaining", "99999999999999999999999999"),
        ("ratelimit", "\"a\";r=;t=, limit, ;;;==="),
        ("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("retry-after", "-5"),
        ("retry-after", "100"),
    ] {
        let (registry, requests) = registry_of(2);
        registry.fault(Fault::answer(200, &[(name, value)], listing), 1);
        let scans = scan(&client(), &requests).await;
        assert_eq!(failures(&scans), Vec::<&str>::new(), "{name}: {value}");
    }
}

#[tokio::test]
async fn waits_are_counted() {
    let (registry, requests) = registry_of(12);
    let waits: Arc<Mutex<Vec<(String, Duration)>>> = Arc::default();
    let counted = waits.clone();
    let observer = move |host: &str, wait| counted.lock().expect("no panic").push((host.to_owned(), wait));
    let settings = Settings { waits: Some(Arc::new(observer)), ..Settings::default() };
    let client = Client::new(Http::new(settings).expect("plain settings"), Limits::default());
    let scans = scan(&client.with_registries(rules(&registry, 20, 2, 16)), &requests).await;
    assert_eq!(failures(&scans), Vec::<&str>::new());
    let waits = waits.lock().expect("no panic");
    assert!((9..=12).contains(&waits.len()), "{waits:?}");
    assert!(waits.iter().all(|(host, _)| *host == registry.addr().to_string()));
}

#[tokio::test]
async fn who_brings_a_proxy_closes_no_server_for_others() {
    let (_registry, requests) = registry_of(1);
    let enough =
        Reply::text("HTTP/1.1 503 Enough\r\nRetry-After: 100\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let server = RawServer::start(vec![enough]);
    let proxy = Some(Proxy::new(&format!("http://{}", server.addr()), None).expect("a proxy"));
    let other = Access { connection: Connection { proxy, ..Connection::default() }, ..requests[0].access.clone() };
    let client = client();
    for _ in 0..2 {
        client.tags(&requests[0].repository, &other).await.expect_err("503");
    }
    assert_eq!(server.connections(), 1, "closed for who brought it");
    assert_eq!(client.tags(&requests[0].repository, &requests[0].access).await.expect("a listing").tags.len(), 1);
}
