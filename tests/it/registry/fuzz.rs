//! Fuzz targets: every reader of what a registry sends is fed arbitrary bytes, and good samples with some of their bytes
//! changed, lost, doubled or moved. None may panic, and what it understands must hold.
//!
//! `PROPTEST_CASES=1000000 tests/run fuzz` runs longer; a failure is printed with its smallest input.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use tagwright::image::{Digest, Tag};
use tagwright::net::header::{HeaderMap, HeaderName, HeaderValue, LINK, LOCATION, WWW_AUTHENTICATE};
use tagwright::net::{Redirects, StatusCode, Url, follow, quota, retry_after, same_host};
use tagwright::registry::{Platform, docker_config, judge_realm, parse};

/// One change of a sample.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Double(Index, usize),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    // Bytes that mean something are more likely.
    let byte = prop_oneof![3 => proptest::sample::select(&b"{}[]\",:\\<>;=ux0 \n\t-.e"[..]), 1 => any::<u8>()];
    let bytes = proptest::collection::vec(byte.clone(), 1..6);
    prop_oneof![
        4 => (any::<Index>(), byte).prop_map(|(at, byte)| Change::Set(at, byte)),
        2 => (any::<Index>(), bytes).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (any::<Index>(), 1..20_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        2 => (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Change::Double(at, length)),
        1 => any::<Index>().prop_map(Change::Cut),
    ]
}

fn changed(mut sample: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let (length, place) = (sample.len(), |at: &Index| at.index(sample.len() + 1));
        match change {
            Change::Set(at, byte) if length > 0 => sample[at.index(length)] = *byte,
            Change::Set(..) => {}
            Change::Insert(at, bytes) => drop(sample.splice(place(at)..place(at), bytes.iter().copied())),
            Change::Remove(at, more) => drop(sample.drain(place(at)..length.min(place(at) + more))),
            Change::Double(at, more) => {
                let (start, end) = (place(at), length.min(place(at) + more));
                let part = sample[start..end].to_vec();
                drop(sample.splice(end..end, part));
            }
            Change::Cut(at) => sample.truncate(at.index(length + 1)),
        }
    }
    sample
}

/// Arbitrary bytes, or one of the samples with a few changes.
fn input(samples: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let sample = (proptest::sample::select(samples), proptest::collection::vec(change(), 0..6));
    let sample = sample.prop_map(|(sample, changes)| changed(sample.as_bytes().to_vec(), &changes));
    prop_oneof![9 => sample, 1 => proptest::collection::vec(any::<u8>(), 0..200)]
}

const PAGES: &[&str] = &[
    r#"{"name":"acme/web","tags":["1.0.0","latest","sha256-00.sig"]}"#,
    r#"{"tags":null,"child":[],"manifest":{"sha256:00":{"tag":["a"],"size":"1","n":-1.5e3,"b":true}}}"#,
    " { \"x\" : [ { } , [ ] , \"\\u00e9\\ud83d\\ude00\\n\" , null , false , 0 ] , \"tags\" : [ \"\\u0061\" , \"b\\/c\" ] } ",
    r#"{"tags":[]}"#,
    "<html>",
];
const LINKS: &[&str] = &[
    r#"</v2/acme/web/tags/list?n=2&last=b>; rel="next""#,
    "<https://registry.example/v2/acme/web/tags/list?last=b>; title=\"a, b\"; rel=next",
    "<https://docs.example/>; rel=help, <?last=x%20y>; rel=\"prev next\"",
    "<//other.example:8443/x>; rel=next",
];
const CHALLENGES: &[&str] = &[
    r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull""#,
    r#"Basic realm="Registry, \"the\" one", charset=UTF-8"#,
    "Negotiate, Bearer realm=\"http://user:secret@[::1]:5000/token?x=y\"",
];
const TOKENS: &[&str] = &[
    r#"{"token":"abc.def","access_token":"x","expires_in":300,"issued_at":"2024-01-01T00:00:00Z"}"#,
    r#"{"access_token":"abc","expires_in":-1e308,"refresh_token":null}"#,
];
const MANIFESTS: &[&str] = &[
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[
        {"mediaType":"application/vnd.oci.image.manifest.v1+json","size":7,"platform":{"os":"linux","architecture":"arm64","variant":"v8"},
         "digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}]}"#,
    r#"{"schemaVersion":2,"config":{"digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
        "layers":[],"annotations":{"org.opencontainers.image.created":"2024-01-01T00:00:00Z","a":"b"}}"#,
];
const CONFIGS: &[&str] = &[
    r#"{"created":"2024-01-01T00:00:00.123456789+02:00","os":"linux","architecture":"amd64","variant":"v3","config":{"Env":["A=b"]}}"#,
    r#"{"created":"0001-01-01T00:00:00Z","history":[{"created":"2024-01-01T00:00:00Z"}]}"#,
];
const LOCATIONS: &[&str] = &[
    "/v2/acme/web/tags/list?n=7",
    "https://registry.example/v2/?x=y#z",
    "http://user:secret@registry.example:8443/v2/",
    "//registry.example.evil.example/v2/",
    "https:\\\\registry.example\\@evil.example",
];
const REALMS: &[&str] = &[
    "https://auth.registry.example/token",
    "https://registry.example:8443/token?service=x",
    "https://registry.example.evil.example/",
    "http://registry.example@evil.example/",
    "https://[::ffff:127.0.0.1]/",
];
const DIGESTS: &[&str] = &[
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "sha384:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
];
const LISTS: &[&str] = &[
    r#"{"schemaVersion":2,"manifests":[{"digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "artifactType":"application/spdx+json","annotations":{"dev.sigstore.bundle.predicateType":"https://slsa.dev/"}}]}"#,
    r#"{"manifests":[]}"#,
];
const REFUSALS: &[&str] = &[
    r#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known","detail":{"name":"a/b"}}]}"#,
    r#"{"errors":[{"code":null,"message":"\u001b[31m"}]}"#,
];
const DOCKER_CONFIGS: &[&str] = &[
    r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YWxpY2U6czNjcmV0"},"*.example:5000/a":{"username":"u","password":"p","identitytoken":"t"}},"credHelpers":{"x":"y"}}"#,
    r#"{"registry.example":{"auth":"YTpi","email":"a@b"}}"#,
];

/// The header with this value, if one can have it.
fn headers(name: HeaderName, value: &[u8]) -> HeaderMap {
    HeaderValue::from_bytes(value).map(|value| (name, value)).into_iter().collect()
}

/// What serde says of a page, if it is one for it.
fn by_serde(json: &[u8]) -> Option<(Vec<String>, usize)> {
    let page: Value = serde_json::from_slice(json).ok()?;
    let entries = match page.as_object()?.get("tags") {
        None | Some(Value::Null) => Vec::new(),
        Some(tags) => tags.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?,
    };
    let tags: Vec<String> = entries.iter().filter(|tag| tag.parse::<Tag>().is_ok()).map(ToString::to_string).collect();
    let skipped = entries.len() - tags.len();
    Some((tags, skipped))
}

/// Cases are many, and as many as the environment says.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(2000);
    ProptestConfig { failure_persistence: None, cases, ..ProptestConfig::default() }
}

const QUOTAS: &[&str] = &["\"default\";r=50;t=30", "limit=100, remaining=50, reset=30", "76;w=21600", "1700000000"];

/// Whether it is JSON, but for what serde refuses and Go and we do not: halves of surrogate pairs, what is not UTF-8.
fn is_json(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.contains("\\u") || serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn fuzz_pages(json in input(PAGES), size in 1..9_usize, entries_max in prop_oneof![Just(1000), 0..4_usize]) {
        let whole = parse::page([json.as_slice()], entries_max);
        let pieces = parse::page(json.chunks(size), entries_max);
        prop_assert_eq!(whole.as_ref().ok(), pieces.as_ref().ok(), "in pieces of {}", size);
        if let Ok((tags, skipped)) = &whole {
            prop_assert!(tags.len() + skipped <= entries_max);
            prop_assert!(tags.iter().all(|tag| tag.parse::<Tag>().is_ok()));
        }
        // Of two lists serde takes the last; we refuse them.
        let is_twice = json.windows(4).filter(|word| word == b"tags").count() > 1;
        let is_full = whole.as_ref().is_err_and(|error| error == "too many entries");
        if let Some(expected) = by_serde(&json).filter(|_| !is_twice && !is_full) {
            prop_assert_eq!(whole, Ok(expected));
        } else if !is_json(&json) {
            prop_assert!(whole.is_err(), "{whole:?}");
        }
    }

    #[test]
    fn fuzz_links(link in input(LINKS)) {
        let here = Url::parse("https://registry.example/v2/acme/web/tags/list?n=2").expect("a URL");
        if let Ok(Some(next)) = parse::next_page(&here, &headers(LINK, &link)) {
            prop_assert_eq!((next.scheme(), next.host(), next.port()), (here.scheme(), here.host(), here.port()));
            prop_assert!(next.username().is_empty() && next.password().is_none() && next.as_str().len() < 40_000);
        }
    }

    #[test]
    fn fuzz_redirects(location in input(LOCATIONS), is_plain in any::<bool>(), is_blob in any::<bool>()) {
        let here = if is_plain { "http://registry.example/v2/" } else { "https://registry.example/v2/" };
        let here = Url::parse(here).expect("a URL");
        let rule = if is_blob { Redirects::Anywhere } else { Redirects::SameHost };
        if let Ok(Some(to)) = follow(&here, StatusCode::FOUND, &headers(LOCATION, &location), rule) {
            prop_assert!(to.username().is_empty() && to.password().is_none());
            prop_assert!(is_blob || same_host(&here, &to), "{to}");
            prop_assert!(to.scheme() == "https" || (is_plain && same_host(&here, &to)), "{to}");
        }
    }

    #[test]
    fn fuzz_realms(realm in input(REALMS), insecure in any::<bool>()) {
        let registry = Url::parse("https://registry.example/v2/").expect("a URL");
        let realm = std::str::from_utf8(&realm).ok().and_then(|realm| Url::parse(realm).ok());
        if let Some(realm) = realm.filter(|realm| judge_realm(realm, &registry, true, insecure).is_ok()) {
            let host = realm.host_str().unwrap_or_default().trim_end_matches('.');
            prop_assert!(host == "registry.example" || host.ends_with(".registry.example"), "{realm}");
            prop_assert!(realm.scheme() == "https" || insecure, "{realm}");
        }
    }

    #[test]
    fn fuzz_digests(text in input(DIGESTS)) {
        if let Some(digest) = std::str::from_utf8(&text).ok().and_then(|text| text.parse::<Digest>().ok()) {
            prop_assert_eq!(digest.as_str().as_bytes(), text.as_slice());
            prop_assert!(digest.hex().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        }
    }

    #[test]
    fn fuzz_referrers(json in input(LISTS)) {
        match parse::referrers(&json) {
            Ok(found) => prop_assert!(found.iter().all(|one| one.artifact_type.as_ref().is_none_or(|it| it.len() < 256))),
            Err(error) => prop_assert!(is_told_well(Some(error))),
        }
    }

    #[test]
    fn fuzz_challenges(challenge in input(CHALLENGES)) {
        if let Ok(Some(realm)) = parse::challenge(headers(WWW_AUTHENTICATE, &challenge)) {
            prop_assert!(matches!(realm.scheme(), "http" | "https") && realm.has_host());
            prop_assert!(realm.username().is_empty() && realm.password().is_none());
        }
    }

    #[test]
    fn fuzz_tokens(body in input(TOKENS)) {
        if let Err(error) = parse::token(&body) {
            // What it holds is never told.
            prop_assert!(!error.contains("abc"), "{error}");
        }
    }

    #[test]
    fn fuzz_manifests(json in input(MANIFESTS), wanted in any::<bool>()) {
        let wanted: Option<Platform> = wanted.then(|| "linux/arm64/v9.3".parse().expect("a platform"));
        prop_assert!(is_told_well(parse::manifest(&json, wanted.as_ref()).err()));
    }

    #[test]
    fn fuzz_configs(json in input(CONFIGS)) {
        prop_assert!(is_told_well(parse::config(&json).err()));
    }

    #[test]
    fn fuzz_refusals(body in input(REFUSALS)) {
        prop_assert!(is_told_well(Some(parse::refusal(&body))));
    }

    #[test]
    fn fuzz_docker_configs(json in input(DOCKER_CONFIGS)) {
        let repository = "a.example:5000/a/b".parse().expect("a repository");
        if let Ok(config) = docker_config(&json) {
            drop(config.credentials(&repository));
        }
    }

    #[test]
    fn fuzz_quotas(texts in proptest::collection::vec((0..8_usize, input(QUOTAS)), 0..4)) {
        const NAMES: [&str; 8] = [
            "ratelimit", "ratelimit-policy", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset",
            "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after",
        ];
        let mut all = HeaderMap::new();
        texts.iter().for_each(|(name, text)| all.extend(headers(HeaderName::from_static(NAMES[*name]), text)));
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        // It is enough that they end.
        let _ = (quota(&all, now), retry_after(&all, now));
    }

    #[test]
    fn fuzz_platforms(text in "[a-z0-9/._ A-Z-]{0,40}|\\PC{0,20}") {
        match text.parse::<Platform>() {
            Ok(platform) => prop_assert_eq!(platform.to_string().parse::<Platform>(), Ok(platform)),
            Err(error) => prop_assert!(is_told_well(Some(error.to_string()))),
        }
    }
}

/// Nothing that steers a terminal, and no more than a screen of it.
fn is_told_well(error: Option<String>) -> bool {
    error.is_none_or(|error| error.len() < 2000 && !error.contains(char::is_control))
}
