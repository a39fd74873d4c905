//! Names of images: the libraries' own answers, our own table, and what holds for any text.

use proptest::prelude::*;
use serde_json::Value;
use tagwright::image::{Digest, ImageRef, Repository, Scheme, Tag, TagKind};

use crate::oracle;

/// Where both libraries agree we agree; where they differ Docker's library decides.
#[test]
fn both_libraries_answers() {
    let Some(cases) = oracle::lines("reference.jsonl.gz") else { return };
    let failures: Vec<String> = cases.iter().filter_map(disagreement).collect();
    oracle::report("reference.jsonl.gz", cases.len(), &failures);
}

fn disagreement(case: &Value) -> Option<String> {
    let input = case["input"].as_str().expect("an input is text");
    let (incumbent, docker) = (&case["ggcr"], &case["distribution"]);
    let expected = if docker.get("error").is_none() { Some(parts_of_docker(docker, incumbent)) } else { None };
    let got = input.parse::<ImageRef>().ok().map(|image| parts(&image));
    let got_scheme = input.parse::<ImageRef>().ok().map(|image| scheme_name(&image));
    let scheme = incumbent.get("scheme").and_then(Value::as_str);
    let scheme_differs = scheme.is_some() && got_scheme.is_some() && got_scheme != scheme;
    (got != expected || scheme_differs)
        .then(|| format!("{input:?}: {got:?} {got_scheme:?}, expected {expected:?} {scheme:?}"))
}

fn parts(image: &ImageRef) -> [String; 4] {
    let text = |part: Option<String>| part.unwrap_or_default();
    let (tag, digest) = (image.tag.as_ref().map(Tag::to_string), image.digest.as_ref().map(Digest::to_string));
    [image.repository.registry().to_owned(), image.repository.path().to_owned(), text(tag), text(digest)]
}

/// Docker's library reads a host with underscores as a path without registry; the parts are then the incumbent's.
fn parts_of_docker(docker: &Value, incumbent: &Value) -> [String; 4] {
    let text = |from: &Value, key: &str| from.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let named = if docker.get("registry").is_some() { docker } else { incumbent };
    [text(named, "registry"), text(named, "repository"), text(docker, "tag"), text(docker, "digest")]
}

fn scheme_name(image: &ImageRef) -> &'static str {
    match image.repository.scheme() {
        Scheme::Http => "http",
        Scheme::Https => "https",
    }
}

/// `expected` is `registry path tag digest`, `-` for none.
#[test]
fn references() {
    let check = |text: &str, expected: &str| {
        let image: ImageRef = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        let parts = parts(&image).map(|part| if part.is_empty() { "-".to_owned() } else { part });
        assert_eq!(parts.join(" "), expected, "{text}");
        assert_eq!(image.written(), text);
    };
    check("nginx", "docker.io library/nginx - -");
    check("nginx:1.25", "docker.io library/nginx 1.25 -");
    check("acme/web", "docker.io acme/web - -");
    check("docker.io/nginx", "docker.io library/nginx - -");
    check("index.docker.io/acme/web:v1", "docker.io acme/web v1 -");
    check("registry-1.docker.io/nginx", "registry-1.docker.io nginx - -");
    check("docker.io:443/nginx", "docker.io:443 nginx - -");
    check("Docker.io/nginx", "Docker.io nginx - -");
    check("localhost/web", "localhost web - -");
    check("localhost:5000/web:v1", "localhost:5000 web v1 -");
    check("localhost:5000", "docker.io library/localhost 5000 -");
    check("Registry/web", "Registry web - -");
    check("[::1]:5000/web", "[::1]:5000 web - -");
    check("my_registry.example/web:v1", "my_registry.example web v1 -");
    check("ghcr.io/a.b/c_d/e__f/g---h:_x", "ghcr.io a.b/c_d/e__f/g---h _x -");
    let digest = format!("sha256:{}", "0a".repeat(32));
    check(&format!("web@{digest}"), &format!("docker.io library/web - {digest}"));
    check(&format!("web:v1@{digest}"), &format!("docker.io library/web v1 {digest}"));
    let longest = "a".repeat(255 - "library/".len());
    check(&longest, &format!("docker.io library/{longest} - -"));
    let longest = "a".repeat(255 - "my_registry.example/".len());
    check(&format!("my_registry.example/{longest}"), &format!("my_registry.example {longest} - -"));
}

#[test]
fn what_is_no_reference() {
    let check = |text: &str, expected: &str| {
        let error = text.parse::<ImageRef>().expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    };
    check("", "image reference \"\": expected a name");
    check("web app", "image reference \"web app\": expected no blanks");
    check("https://ghcr.io/acme/web", "expected a name without a scheme");
    check(&"0".repeat(64), "an image id");
    check("ghcr.io/Acme/web", "repository \"Acme/web\": expected lower-case letters");
    check("ghcr.io/acme//web", "repository \"acme//web\"");
    check("/web", "repository \"/web\"");
    check("a___b", "repository \"a___b\"");
    check("-a", "repository \"-a\"");
    check("a-", "repository \"a-\"");
    check("bücher", "repository \"bücher\"");
    check(&"a".repeat(248), "expected at most 255 characters");
    let long = "a".repeat(256 - "my_registry.example/".len());
    check(&format!("my_registry.example/{long}"), "expected at most 255 characters");
    check("ghcr.io:/web", "registry \"ghcr.io:\": expected a port of digits");
    check("ghcr.io:x/web", "registry \"ghcr.io:x\": expected a port of digits");
    check("a..b.io/web", "registry \"a..b.io\": expected a host name");
    check("my_registry.example:5000/web", "registry \"my_registry.example:5000\": expected a host name");
    check("user:pw@ghcr.io/web", "digest \"ghcr.io/web\"");
    check("[::ffff:10.0.0.1]/web", "registry \"[::ffff:10.0.0.1]\"");
    check("[::1]x/web", "registry \"[::1]x\"");
    check("2001:db8::1/web", "registry \"2001:db8::1\"");
    check("web:", "tag \"\": expected at least one character");
    check("web:-x", "tag \"-x\": expected a letter, a digit or `_` at the start");
    check("web:a+b", "tag \"a+b\": expected only letters");
    check(&format!("web:{}", "a".repeat(129)), "expected at most 128 characters");
    check("web@sha256", "digest \"sha256\": expected an algorithm");
    check("web@sha256:abc", "digest \"sha256:abc\": expected 64");
    check(&format!("web@sha256:{}", "A".repeat(64)), "expected 64 lower-case");
    check(&format!("web@md5:{}", "a".repeat(32)), "expected the algorithm `sha256`");
}

#[test]
fn a_repository_has_no_tag_and_no_digest() {
    let check = |text: &str, expected: &str| {
        let error = text.parse::<Repository>().expect_err(text).to_string();
        assert_eq!(error, expected, "{text}");
    };
    check("web:v1", "tag \"v1\": an image repository is named without a tag");
    check("web@sha256:00", "digest \"sha256:00\": an image repository is named without a digest");
    check("https://web", "image reference \"https://web\": expected a name without a scheme such as `https://`");
    check("web ", "image reference \"web \": expected no blanks");
}

#[test]
fn repositories_are_equal_by_normalised_name() {
    let parse = |text: &str| text.parse::<Repository>().unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(parse("nginx"), parse("index.docker.io/library/nginx"));
    assert_ne!(parse("nginx"), parse("registry-1.docker.io/library/nginx"));
    assert!(parse("nginx") < parse("ghcr.io/a/b"));
    assert_eq!(parse("nginx").written(), "nginx");
    assert_eq!(parse("nginx").to_string(), "docker.io/library/nginx");
    assert_eq!(parse("nginx").host(), "registry-1.docker.io");
    assert_eq!(parse("ghcr.io/a/b").host(), "ghcr.io");
}

#[test]
fn digests_have_two_halves() {
    let digest: Digest = format!("sha512:{}", "f".repeat(128)).parse().expect("a digest");
    assert_eq!((digest.algorithm(), digest.hex()), ("sha512", "f".repeat(128).as_str()));
}

#[test]
fn schemes() {
    let check = |registry: &str, expected: Scheme| {
        let repository: Repository = format!("{registry}/web").parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(repository.scheme(), expected, "{registry}");
    };
    for registry in
        "localhost:5000 localhost:123456 a.localhost a.localhost:5000 127.0.0.1 127.0.0.1:5000 [::1] [::1]:5000 \
                     10.1.2.3 10.1.2.3:5000 172.16.0.1 172.31.255.255 192.168.0.1:123456"
            .split_whitespace()
    {
        check(registry, Scheme::Http);
    }
    for registry in "docker.io ghcr.io localhost LOCALHOST:5000 a.localhost:123456 127.0.0.2 127.0.0.1.example.com 127.0.0.1:123456 \
                     [2001:db8::1] [::1]:123456 172.32.0.1 010.1.2.3 registry.local"
        .split_whitespace()
    {
        check(registry, Scheme::Https);
    }
}

proptest! {
    #[test]
    fn printed_and_parsed_again_is_the_same(text in "(([A-Za-z0-9-]{1,5}[.:_]?){1,3}/)?[a-z0-9]{1,3}([-._/]{1,3}[a-z0-9]{1,3}){0,3}(:[a-zA-Z0-9_.-]{1,5})?(@sha256:[0-9a-f]{64})?") {
        if let Ok(image) = text.parse::<ImageRef>() {
            prop_assert_eq!(&image.to_string().parse::<ImageRef>().expect("what is printed parses"), &image);
            prop_assert_eq!(&image.written(), &text);
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,40}|[a-zA-Z0-9.:/@_\\[\\]-]{0,40}") {
        let (image, repository) = (text.parse::<ImageRef>(), text.parse::<Repository>());
        prop_assert!(repository.is_err() || image.is_ok());
        let _ = (text.parse::<Tag>(), text.parse::<Digest>());
    }
}

#[test]
fn tags_about_images_are_told_from_those_of_images() {
    let check = |tag: String, kind: TagKind| {
        assert_eq!(tag.parse::<Tag>().expect("a tag").kind(), kind, "{tag}");
    };
    let hex = "0123456789abcdef".repeat(4);
    check(format!("sha256-{hex}.sig"), TagKind::Signature);
    check(format!("sha256-{hex}.att"), TagKind::Attestation);
    check(format!("sha256-{hex}.sbom"), TagKind::Sbom);
    check(format!("sha256-{hex}"), TagKind::Referrers);
    check(format!("sha512-{hex}"), TagKind::Referrers);
    check(format!("sha512-{}", &hex.repeat(2)[..121]), TagKind::Image);
    for image in ["1.0.0", "latest", "v1.sig", "sha256-abc.sig", "sha256"] {
        check(image.to_owned(), TagKind::Image);
    }
    for image in [format!("sha256-{hex}.txt"), format!("md5-{hex}"), format!("sha256-{}", hex.to_uppercase())] {
        check(image, TagKind::Image);
    }
}
