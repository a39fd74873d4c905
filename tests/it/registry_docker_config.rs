//! Docker's file of credentials: its shapes, and which entry is for which repository.

use tagwright::registry::{Credentials, DockerConfig, DockerConfigError, docker_config};

/// The credentials as `user:password`, `identity TOKEN` or `registry TOKEN`, joined by commas, `none`, or the error.
fn found(json: &str, repository: &str) -> String {
    let repository = repository.parse().expect("a repository");
    match docker_config(json.as_bytes()).and_then(|config: DockerConfig| config.credentials(&repository)) {
        Ok(none) if none.is_empty() => "none".to_owned(),
        Ok(found) => found.iter().map(told).collect::<Vec<_>>().join(", "),
        Err(error) => error.to_string(),
    }
}

fn told(credentials: &Credentials) -> String {
    let text = |secret: &tagwright::secret::Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    match credentials {
        Credentials::Basic { username, password } => format!("{username}:{}", text(password)),
        Credentials::IdentityToken { token } => format!("identity {}", text(token)),
        Credentials::RegistryToken { token } => format!("registry {}", text(token)),
        Credentials::Kept { helper } => format!("kept by {helper}"),
        Credentials::Absent { secrets } => format!("not in {secrets}"),
        Credentials::Withheld { whose, .. } => format!("withheld: {whose}"),
    }
}

fn check(json: &str, repository: &str, expected: &str) {
    assert_eq!(found(json, repository), expected, "{repository} in {json}");
}

#[test]
fn every_shape_of_entry_is_read() {
    let entry = |entry: &str, expected: &str| {
        check(&format!(r#"{{"auths":{{"ghcr.io":{entry}}}}}"#), "ghcr.io/acme/web", expected);
        check(&format!(r#"{{"ghcr.io":{entry}}}"#), "ghcr.io/acme/web", expected);
    };
    entry(r#"{"auth":"YWxpY2U6czNjcmV0"}"#, "alice:s3cret");
    entry(r#"{"auth":"YWxpY2U6YTpiOmM="}"#, "alice:a:b:c");
    entry(r#"{"auth":"YWxpY2U6YTpiOmM"}"#, "alice:a:b:c");
    entry(r#"{"auth":"YWxpY2U6czNjcmV0AAA="}"#, "alice:s3cret");
    entry(r#"{"username":"alice","password":"s3cret","email":"a@example.com"}"#, "alice:s3cret");
    entry(r#"{"auth":"YWxpY2U6czNjcmV0","username":"bob","password":"x"}"#, "alice:s3cret");
    entry(r#"{"auth":"MDA6","identitytoken":"refresh"}"#, "identity refresh");
    entry(r#"{"registrytoken":"opaque"}"#, "registry opaque");
    entry(r#"{"auth":"","username":""}"#, "none");
    entry("{}", "none");
    entry(r#"{"auth":"YWxpY2U="}"#, "auths[\"ghcr.io\"].auth: expected USER:PASSWORD in base64");
    entry(r#"{"auth":"not base64"}"#, "auths[\"ghcr.io\"].auth: expected USER:PASSWORD in base64");
    entry(r#"{"auth":5}"#, "auths[\"ghcr.io\"]: expected an object whose fields are strings");
    entry(r#""text""#, "auths[\"ghcr.io\"]: expected an object whose fields are strings");
}

#[test]
fn files_that_are_none_are_refused() {
    let image = "ghcr.io/acme/web";
    check("", image, "expected Docker's configuration as JSON: line 1, column 0");
    check("{\n  nonsense", image, "expected Docker's configuration as JSON: line 2, column 3");
    check("[]", image, "the file: expected an object");
    check(r#"{"auths":[]}"#, image, "auths: expected an object");
    check(r#"{"auths":null}"#, image, "none");
    check("{}", image, "none");
    check(r#"{"auths":{"quay.io":{"auth":"%%%"},"ghcr.io":{"auth":"YTpi"}}}"#, image, "a:b");
}

/// The users of the entries are their keys.
fn chosen(keys: &[&str], repository: &str, expected: &str) {
    let entries: Vec<String> =
        keys.iter().map(|key| format!(r#""{key}":{{"username":"{key}","password":"x"}}"#)).collect();
    let expected = if expected == "none" { expected.to_owned() } else { format!("{expected}:x") };
    check(&format!(r#"{{"auths":{{{}}}}}"#, entries.join(",")), repository, &expected);
}

#[test]
fn entries_are_matched_as_kubernetes_does() {
    for (key, repository, matches) in [
        ("ghcr.io", "ghcr.io/acme/web", true),
        ("https://ghcr.io", "ghcr.io/acme/web", true),
        ("https://ghcr.io/v2/", "ghcr.io/acme/web", true),
        ("http://ghcr.io/v1", "ghcr.io/acme/web", true),
        ("ghcr.io/acme", "ghcr.io/acme/web", true),
        ("ghcr.io/acme/web", "ghcr.io/acme/web", true),
        ("ghcr.io/v2/acme", "ghcr.io/acme/web", true),
        ("ghcr.io/acme/web/more", "ghcr.io/acme/web", false),
        ("ghcr.io/other", "ghcr.io/acme/web", false),
        ("ghcr.io/acme/", "ghcr.io/acme-two/web", false),
        ("ghcr.io", "eu.ghcr.io/acme/web", false),
        ("*.ghcr.io", "eu.ghcr.io/acme/web", true),
        ("*.ghcr.io", "ghcr.io/acme/web", false),
        ("*.ghcr.io", "a.b.ghcr.io/acme/web", false),
        ("*.*.ghcr.io", "a.b.ghcr.io/acme/web", true),
        ("g?cr.io", "ghcr.io/acme/web", true),
        ("[f-h]hcr.*", "ghcr.io/acme/web", true),
        ("[^g]hcr.io", "ghcr.io/acme/web", false),
        ("[ghcr.io", "ghcr.io/acme/web", false),
        ("*r.io", "ghcr.io/acme/web", true),
        ("g*c*.io", "ghcr.io/acme/web", true),
        ("registry.example:5000", "registry.example:5000/web", true),
        ("registry.example", "registry.example:5000/web", false),
        ("registry.example:5000", "registry.example:5001/web", false),
        ("*.example:5000", "registry.example:5000/web", true),
        ("*.*.*.*:5000", "10.0.0.1:5000/web", true),
    ] {
        chosen(&[key], repository, if matches { key } else { "none" });
    }
}

#[test]
fn the_most_specific_entry_wins() {
    let keys = ["gcr.io", "*.io", "gcr.io/etcd-development", "gcr.io/etcd-development/etcd"];
    chosen(
        &keys,
        "gcr.io/etcd-development/etcd",
        "gcr.io/etcd-development/etcd:x, gcr.io/etcd-development:x, gcr.io:x, *.io",
    );
    chosen(&keys, "gcr.io/etcd-development/other", "gcr.io/etcd-development:x, gcr.io:x, *.io");
    chosen(&keys, "gcr.io/pause", "gcr.io:x, *.io");
    chosen(&keys, "quay.io/pause", "*.io");
    let json = r#"{"auths":{"gcr.io/acme":{},"gcr.io":{"username":"a","password":"b"}}}"#;
    check(json, "gcr.io/acme/web", "a:b");
}

#[test]
fn docker_hub_has_several_names() {
    for key in ["docker.io", "index.docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"] {
        for image in ["nginx", "docker.io/library/nginx", "acme/web", "index.docker.io/acme/web"] {
            chosen(&[key], image, key);
        }
        chosen(&[key], "ghcr.io/acme/web", "none");
    }
    chosen(&["docker.io/acme"], "acme/web", "docker.io/acme");
    chosen(&["docker.io/acme"], "nginx", "none");
}

#[test]
fn credential_helpers_are_named_and_not_run() {
    let json = r#"{"auths":{"https://index.docker.io/v1/":{},"ghcr.io":{"auth":"YTpi"}},"credsStore":"desktop",
        "credHelpers":{"gcr.io":"gcloud","quay.io":"pass"}}"#;
    check(json, "nginx", "kept by desktop");
    check(json, "gcr.io/acme/web", "kept by gcloud");
    check(json, "ghcr.io/acme/web", "a:b");
    check(json, "registry.example/web", "none");
}

#[test]
fn nothing_prints_a_secret() {
    let config = docker_config(br#"{"auths":{"ghcr.io":{"username":"alice","password":"s3cret"}}}"#).expect("a file");
    let text = format!("{config:?}");
    assert!(text.contains("ghcr.io") && !text.contains("s3cret"), "{text}");
    let errors: Vec<DockerConfigError> =
        ["{\"s3cret", "\"s3cret\""].into_iter().filter_map(|json| docker_config(json.as_bytes()).err()).collect();
    assert_eq!(errors.len(), 2);
    assert!(errors.iter().all(|error| !format!("{error} {error:?}").contains("s3cret")), "{errors:?}");
}

proptest::proptest! {
    #[test]
    fn no_file_brings_the_parser_down(json in ".{0,200}", key in "[ -~]{0,40}") {
        drop(docker_config(json.as_bytes()));
        let entry = serde_json::json!({ "auths": { key: { "username": "a", "password": "b" } } }).to_string();
        let config = docker_config(entry.as_bytes()).expect("an object");
        let _ = config.credentials(&"ghcr.io/acme/web".parse().expect("a repository"));
    }
}

#[test]
fn no_pattern_is_too_long_to_be_compared() {
    let long = "a".repeat(1 << 20);
    let of = |key: String| format!(r#"{{"auths":{{"{key}":{{"auth":"YWxpY2U6czNjcmV0"}}}}}}"#);
    assert_eq!(found(&of(format!("[{long}g]hcr.io")), "ghcr.io/acme/web"), "alice:s3cret");
    assert_eq!(found(&of(format!("[{long}]hcr.io")), "ghcr.io/acme/web"), "none");
    assert_eq!(found(&of(format!("{}.io", "*".repeat(1 << 20))), "ghcr.io/acme/web"), "alice:s3cret");
}
