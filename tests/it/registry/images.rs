//! Images: the manifest for a platform, and when it was built, from annotations and configs, honest ones and others.

use serde_json::{Value, json};
use tagwright::image::Digest;
use tagwright::net::{Http, Settings};
use tagwright::registry::{Access, Client, Created, Error, Image, Limits, Platform, Reference};

use super::{causes, client, client_with, login, repository};
use crate::servers::block_on;
use crate::servers::docker_registry::DockerRegistry;
use crate::servers::fake_registry::{FakeRegistry, Fault};
use crate::servers::raw::{RawServer, Reply};
use crate::servers::tls::{Authority, TlsFront};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

fn by_tag(tag: &str) -> Reference {
    Reference::Tag(tag.parse().expect("a tag"))
}

fn by_digest(digest: &str) -> Reference {
    Reference::Digest(digest.parse().expect("a digest"))
}

fn platform(text: &str) -> Platform {
    text.parse().expect("a platform")
}

/// The descriptor of something that is for a platform, if it is for one.
fn entry(kind: &str, digest: &str, platform: &str) -> Value {
    let mut entry = json!({ "mediaType": kind, "digest": digest, "size": 7 });
    let mut parts = platform.split('/');
    if let (Some(os), Some(architecture)) = (parts.next(), parts.next()) {
        entry["platform"] = json!({ "os": os, "architecture": architecture, "variant": parts.next() });
    }
    entry
}

fn index(entries: &[Value]) -> Vec<u8> {
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }).to_string().into_bytes()
}

/// A manifest whose config is `config`; what it is to be found by.
fn push_image(registry: &FakeRegistry, config: &Value) -> String {
    registry.push_content(&manifest(registry, config))
}

fn manifest(registry: &FakeRegistry, config: &Value) -> Vec<u8> {
    let config = registry.push_content(config.to_string().as_bytes());
    let config = json!({ "mediaType": CONFIG, "digest": config, "size": 7 });
    json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [] }).to_string().into_bytes()
}

async fn image(registry: &FakeRegistry, tag: &str, wanted: Option<&str>) -> Result<Image, Error> {
    let web = repository(&registry.image("acme/web"));
    let wanted = wanted.map(platform);
    client().image(&web, &by_tag(tag), &Access::default(), wanted.as_ref()).await
}

async fn created(registry: &FakeRegistry, reference: &Reference, wanted: Option<&str>) -> Result<Created, Error> {
    let web = repository(&registry.image("acme/web"));
    client().created(&web, reference, &Access::default(), wanted.map(platform).as_ref()).await
}

/// The time, or the error with `HOST` for the server.
async fn time(registry: &FakeRegistry, tag: &str, wanted: Option<&str>) -> String {
    let text = match created(registry, &by_tag(tag), wanted).await {
        Ok(created) => created.at.map_or_else(|| "none".to_owned(), |at| at.to_string()),
        Err(error) => causes(&error),
    };
    let start = format!("reading when {}:{tag} was built: ", registry.image("acme/web"));
    text.strip_prefix(&start).unwrap_or(&text).replace(&registry.addr().to_string(), "HOST")
}

#[test]
fn platforms_have_one_name() {
    for (text, name) in [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("Linux/AArch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/i386", "linux/386"),
        ("macos/arm64", "darwin/arm64"),
        ("windows/amd64", "windows/amd64"),
    ] {
        assert_eq!(platform(text).to_string(), name, "{text}");
    }
    for text in ["", "linux", "linux/", "/amd64", "linux/amd64/v1/x", "linux/am d64", "a/\u{1b}[31m"] {
        let error = text.parse::<Platform>().expect_err("no platform").to_string();
        assert!(error.ends_with(", such as linux/arm64") && !error.contains('\u{1b}'), "{error}");
    }
}

#[tokio::test]
async fn the_manifest_of_an_index_is_chosen_as_containerd_does() {
    // What is wanted, what there is, the place of what is chosen.
    let cases: &[(&str, &[&str], usize)] = &[
        ("linux/amd64", &["linux/arm64", "linux/amd64", "linux/amd64/v2"], 1),
        ("linux/amd64/v3", &["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], 1),
        ("linux/amd64", &["windows/amd64", "linux/386"], 1),
        ("linux/arm64", &["linux/arm/v7", "linux/arm64/v8", "linux/arm64/v9"], 1),
        ("linux/arm64/v9.1", &["linux/arm64", "linux/arm64/v8.6", "linux/arm64/v9"], 2),
        ("linux/arm64/v9", &["linux/arm64", "linux/arm64/v8.5", "linux/arm64/v8.6"], 1),
        ("linux/arm64", &["linux/amd64", "linux/arm/v6", "linux/arm/v8"], 2),
        ("linux/arm/v6", &["linux/arm/v7", "linux/arm/v5"], 1),
        ("linux/arm", &["linux/arm/v6", "linux/arm"], 1),
        ("linux/riscv64", &["linux/amd64", "linux/riscv64"], 1),
        ("linux/amd64", &["unknown/unknown", "", "linux/arm64"], 1),
        ("linux/amd64", &["", "linux/amd64"], 1),
        ("linux/amd64", &["linux/amd64", "linux/amd64"], 0),
    ];
    let registry = FakeRegistry::start();
    for (number, (wanted, there, place)) in cases.iter().enumerate() {
        let digests: Vec<String> = (0..there.len()).map(|place| format!("sha256:{place:064x}")).collect();
        let entries: Vec<Value> =
            there.iter().zip(&digests).map(|(platform, digest)| entry(MANIFEST, digest, platform)).collect();
        let tag = format!("case{number}");
        let digest = registry.push_manifest("acme/web", &tag, &index(&entries));
        let image = image(&registry, &tag, Some(wanted)).await.expect("an image");
        assert_eq!(
            (image.digest.as_str(), image.manifest.as_str()),
            (digest.as_str(), digests[*place].as_str()),
            "{tag}"
        );
    }
}

#[tokio::test]
async fn attestations_are_no_images_and_what_is_not_there_is_named() {
    let registry = FakeRegistry::start();
    let mut attestation = entry(MANIFEST, &format!("sha256:{:064x}", 1), "");
    attestation["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest", "other": 5 });
    let arm = entry(MANIFEST, &format!("sha256:{:064x}", 2), "linux/arm64/v8");
    let odd = entry(MANIFEST, &format!("sha256:{:064x}", 3), "linux/\u{1b}[31m");
    registry.push_manifest("acme/web", "1", &index(&[attestation.clone(), arm, odd]));
    registry.push_manifest("acme/web", "2", &index(&[attestation]));
    assert_eq!(image(&registry, "1", None).await.expect("an image").platform, Some(platform("linux/arm64")));
    let told = causes(&image(&registry, "1", Some("linux/s390x")).await.expect_err("no such image"));
    let host = registry.addr();
    let expected = format!("the image at {host} is not for linux/s390x, but for: linux/arm64, linux/\\u{{1b}}[31m");
    assert_eq!(told, format!("reading the manifest of {host}/acme/web:1: {expected}"));
    let told = causes(&image(&registry, "2", None).await.expect_err("no image"));
    assert!(told.ends_with("is not for any platform, but for: none"), "{told}");
}

#[tokio::test]
async fn the_time_is_that_of_the_config_of_the_platform() {
    let registry = FakeRegistry::start();
    let amd = push_image(
        &registry,
        &json!({ "created": "2024-02-03T04:05:06.123456789Z", "os": "linux", "architecture": "amd64" }),
    );
    let arm = push_image(
        &registry,
        &json!({ "created": "2025-02-03T04:05:06+02:00", "os": "linux", "architecture": "arm64" }),
    );
    let entries = [entry(MANIFEST, &amd, "linux/amd64"), entry(MANIFEST, &arm, "linux/arm64")];
    let inner = registry.push_content(&index(&entries));
    let digest = registry.push_manifest("acme/web", "many", &index(&entries));
    registry.push_manifest("acme/web", "nested", &index(&[entry(INDEX, &inner, "")]));
    let config = json!({ "created": "2023-01-01T00:00:00Z", "os": "linux", "architecture": "amd64" });
    registry.push_manifest("acme/web", "one", &manifest(&registry, &config));
    for (tag, wanted, at) in [
        ("many", None, "2024-02-03T04:05:06.123456789Z"),
        ("many", Some("linux/arm64"), "2025-02-03T02:05:06Z"),
        ("nested", Some("linux/arm64"), "2025-02-03T02:05:06Z"),
        ("one", None, "2023-01-01T00:00:00Z"),
        ("one", Some("linux/amd64/v3"), "2023-01-01T00:00:00Z"),
        ("one", Some("linux/arm64"), "the image at HOST is not for linux/arm64, but for: linux/amd64"),
    ] {
        assert_eq!(time(&registry, tag, wanted).await, at, "{tag} {wanted:?}");
    }
    let found = created(&registry, &by_tag("many"), Some("linux/arm64")).await.expect("a time");
    assert_eq!((found.digest.as_str(), found.manifest.as_str()), (digest.as_str(), arm.as_str()));
    assert_eq!(created(&registry, &by_digest(&digest), Some("linux/arm64")).await.expect("a time"), found);
}

#[tokio::test]
async fn an_annotation_saves_the_config() {
    let registry = FakeRegistry::start();
    let annotated = |text: &str| {
        let config = registry.push_content(br#"{"created":"2020-01-01T00:00:00Z"}"#);
        let manifest = json!({
            "config": { "mediaType": CONFIG, "digest": config },
            "annotations": { "org.opencontainers.image.created": text, "n": 1 },
        });
        registry.push_manifest("acme/web", "1", manifest.to_string().as_bytes());
    };
    annotated("2024-05-06T07:08:09Z");
    assert_eq!(time(&registry, "1", None).await, "2024-05-06T07:08:09Z");
    assert_eq!(registry.calls(), ["GET /v2/acme/web/manifests/1"]);
    annotated("yesterday");
    assert_eq!(time(&registry, "1", None).await, "2020-01-01T00:00:00Z");
}

#[tokio::test]
async fn placeholders_are_given_and_known_as_such() {
    let registry = FakeRegistry::start();
    for (text, is_placeholder) in [
        ("0001-01-01T00:00:00Z", true),
        ("1970-01-01T00:00:00Z", true),
        ("1980-01-01T00:00:01Z", true),
        ("1980-01-01T00:00:02Z", false),
        ("2024-01-01T00:00:00Z", false),
    ] {
        registry.push_manifest("acme/web", "1", &manifest(&registry, &json!({ "created": text })));
        let found = created(&registry, &by_tag("1"), None).await.expect("a time");
        assert_eq!(found.at.map(|at| at.to_string()).as_deref(), Some(text));
        assert_eq!(found.is_placeholder(), is_placeholder, "{text}");
    }
}

#[tokio::test]
async fn what_has_no_time_has_none_and_what_is_no_time_is_told() {
    let registry = FakeRegistry::start();
    let check = async |content: &[u8], expected: &str| {
        registry.push_manifest("acme/web", "1", content);
        assert_eq!(time(&registry, "1", None).await, expected);
    };
    let with = |config: &Value| manifest(&registry, config);
    check(&with(&json!({ "os": "linux", "architecture": "amd64" })), "none").await;
    check(&with(&json!({ "created": "" })), "none").await;
    check(&with(&json!({ "created": null })), "none").await;
    let cause = "reading the answer of HOST: ";
    check(&with(&json!({ "created": "soon" })), &format!("{cause}soon is no time of creation")).await;
    let chart = json!({ "config": { "mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": format!("sha256:{:064x}", 1) } });
    check(chart.to_string().as_bytes(), "none").await;
    check(br#"{"layers":[]}"#, "none").await;
    let expected = format!("{cause}expected a manifest as JSON: ");
    for wrong in ["", "[]]", r#"{"manifests":5}"#, r#"{"config":{"digest":"md5:1"}}"#] {
        registry.push_manifest("acme/web", "1", wrong.as_bytes());
        let told = time(&registry, "1", None).await;
        assert!(told.starts_with(&expected), "{told}");
    }
    let many = vec![entry(MANIFEST, &format!("sha256:{:064x}", 1), "linux/amd64"); 1001];
    check(
        &index(&many),
        &format!("{expected}invalid length 1001, expected a list of at most 1000 manifests at line 1 column ..."),
    )
    .await;
}

#[tokio::test]
async fn indexes_in_indexes_end() {
    let registry = FakeRegistry::start();
    registry.create("acme/web");
    let mut digest = push_image(&registry, &json!({ "created": "2020-01-01T00:00:00Z" }));
    digest = registry.push_content(&index(&[entry(MANIFEST, &digest, "")]));
    for _ in 0..3 {
        digest = registry.push_content(&index(&[entry(INDEX, &digest, "")]));
    }
    let told = causes(&created(&registry, &by_digest(&digest), None).await.expect_err("too deep"));
    assert!(told.ends_with("lists more than 3 indexes inside each other"), "{told}");
    let inner = registry.push_content(&index(&[]));
    registry.push_manifest("acme/web", "1", &index(&[entry(MANIFEST, &inner, "")]));
    assert_eq!(time(&registry, "1", None).await, "reading the answer of HOST: its index names an index as an image");
}

#[tokio::test]
async fn content_with_another_digest_is_refused() {
    let registry = FakeRegistry::start();
    let config = br#"{"created":"2020-01-01T00:00:00Z"}"#;
    let claimed = format!("sha256:{:064x}", 5);
    let is = registry.push_content(config);
    registry.forge_content(&claimed, config);
    let manifest = json!({ "config": { "digest": claimed } }).to_string();
    let manifest_is = registry.push_manifest("acme/web", "1", manifest.as_bytes());
    assert_eq!(time(&registry, "1", None).await, format!("HOST gave something else for {claimed}: its digest is {is}"));
    registry.forge_content(&claimed, manifest.as_bytes());
    registry.push_manifest("acme/web", "2", &index(&[entry(MANIFEST, &claimed, "")]));
    let expected = format!("HOST gave something else for {claimed}: its digest is {manifest_is}");
    assert_eq!(time(&registry, "2", None).await, expected);
    registry.push_manifest("acme/web", "3", br#"{"config":{"digest":"sha256:00"}}"#);
    assert!(time(&registry, "3", None).await.contains("expected 64 lower-case hexadecimal digits"));
}

#[tokio::test]
async fn configs_have_a_limit() {
    let registry = FakeRegistry::start();
    let config = json!({ "created": "2020-01-01T00:00:00Z", "x": "y".repeat(2000) });
    registry.push_manifest("acme/web", "1", &manifest(&registry, &config));
    let client = client_with(Limits { manifest_bytes_max: 1999, ..Limits::default() });
    let web = repository(&registry.image("acme/web"));
    let told = client.created(&web, &by_tag("1"), &Access::default(), None).await.expect_err("too large");
    assert!(causes(&told).ends_with("larger than 1999 bytes"), "{}", causes(&told));
}

#[test]
fn blobs_come_from_elsewhere_over_https_and_no_credential_goes_there() {
    let authority = Authority::new();
    let registry = FakeRegistry::start();
    let config = r#"{"created":"2020-01-01T00:00:00Z"}"#;
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{config}", config.len());
    let store = RawServer::start(vec![Reply::text(&reply)]);
    let front = TlsFront::start(&authority, store.addr(), None);
    let digest = registry.push_content(config.as_bytes());
    registry.push_manifest("acme/web", "1", json!({ "config": { "digest": digest } }).to_string().as_bytes());
    registry.require_login("alice", "s3cret");
    registry.redirect_blobs(&front.url("store/"));
    let settings = Settings { ca: vec![authority.certificate()], ..Settings::default() };
    let client = Client::new(Http::new(settings).expect("a client"), Limits::default());
    let web = repository(&registry.image("acme/web"));
    let asked = || {
        let (client, web) = (client.clone(), web.clone());
        block_on(async move { client.created(&web, &by_tag("1"), &login("alice", "s3cret"), None).await })
    };
    let found = asked().expect("a time");
    assert_eq!(found.at.map(|at| at.to_string()).as_deref(), Some("2020-01-01T00:00:00Z"));
    let heads = store.heads();
    assert!(heads[0].starts_with(&format!("GET /store/{digest} ")), "{heads:?}");
    assert!(heads.iter().all(|head| !head.to_lowercase().contains("authorization")), "{heads:?}");

    let plain = RawServer::start_at("127.0.0.2", vec![Reply::text(&reply)]);
    registry.redirect_blobs(&format!("http://{}/", plain.addr()));
    let told = asked().expect_err("plain http");
    assert!(causes(&told).ends_with("which is not followed: not https"), "{}", causes(&told));
    assert_eq!(plain.connections(), 0);
    registry.redirect_blobs(&format!("http://{}/v2/acme/web/blobs/", registry.addr()));
    let told = asked().expect_err("for ever");
    assert!(causes(&told).ends_with("which is not followed: too many redirects"), "{}", causes(&told));
}

#[tokio::test]
async fn blobs_are_not_fetched_from_metadata_services() {
    let registry = FakeRegistry::start();
    let digest = registry.push_content(b"{}");
    registry.push_manifest("acme/web", "1", json!({ "config": { "digest": digest } }).to_string().as_bytes());
    registry.redirect_blobs("https://169.254.169.254/latest/");
    let told = time(&registry, "1", None).await;
    assert!(told.contains("only public addresses are allowed here"), "{told}");
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    assert_eq!(time(&registry, "v2", None).await, "the tag does not exist at HOST");
    registry.push_manifest("acme/web", "1", format!(r#"{{"config":{{"digest":"sha256:{:064x}"}}}}"#, 1).as_bytes());
    let expected = "HOST answered 404 Not Found: BLOB_UNKNOWN: blob unknown to registry";
    assert_eq!(time(&registry, "1", None).await, expected);
    registry.fault(Fault::answer(200, &[("content-type", "text/html")], "<html>"), 1);
    assert_eq!(time(&registry, "1", None).await, "HOST answered with a web page instead of JSON");
}

#[tokio::test]
async fn a_real_registry_tells_when_an_image_was_built() {
    let registry = DockerRegistry::start();
    let pushed = registry.push_image_of("acme/web", "1.0.0", "content", Some("2024-02-03T04:05:06Z"));
    let (client, web, access) = (client(), repository(&registry.image("acme/web")), Access::default());
    let amd64 = platform("linux/amd64");
    let found = client.created(&web, &by_tag("1.0.0"), &access, Some(&amd64)).await.expect("a time");
    let digest: Digest = pushed.parse().expect("a digest");
    let at = "2024-02-03T04:05:06Z".parse().ok();
    assert_eq!(found, Created { digest: digest.clone(), manifest: digest.clone(), at });
    let image = client.image(&web, &Reference::Digest(digest.clone()), &access, Some(&amd64)).await.expect("an image");
    assert_eq!(image, Image { digest: digest.clone(), manifest: digest, platform: None });
    let index = registry.push_index("acme/web", "many", &[(&pushed, "amd64")]);
    let found = client.created(&web, &by_tag("many"), &access, Some(&amd64)).await.expect("a time");
    assert_eq!((found.digest.as_str(), found.manifest.as_str(), found.at), (index.as_str(), pushed.as_str(), at));
    assert_eq!(client.digest(&web, &"many".parse().expect("a tag"), &access).await.expect("a digest").as_str(), index);
}
