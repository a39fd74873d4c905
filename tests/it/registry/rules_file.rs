//! The `--registries` file: what is read, what is refused, and what its rules do to requests.

use std::collections::HashMap;
use std::io;
use std::sync::OnceLock;

use tagwright::image::Repository;
use tagwright::registry::{Access, Registries, RegistriesFile, registries_file};

use super::{client, login, repository};
use crate::servers::fake_registry::FakeRegistry;
use crate::servers::tls::{Authority, TlsServer};

fn read(text: &str) -> Result<RegistriesFile, String> {
    static AUTHORITY: OnceLock<Vec<u8>> = OnceLock::new();
    let authority = AUTHORITY.get_or_init(|| Authority::new().certificate());
    let cut = &authority[..authority.len() / 2];
    let files = HashMap::from([("/ca.pem", authority.as_slice()), ("/key.pem", b"secret"), ("/cut.pem", cut)]);
    let file =
        |path: &str| files.get(path).map(|pem| pem.to_vec()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound));
    registries_file(text, file).map_err(|errors| {
        errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect::<Vec<_>>().join("\n")
    })
}

fn rules(text: &str) -> Registries {
    read(text).expect("a good file").registries
}

/// As Argo CD Image Updater documents it, in the ConfigMap that it lies in.
const ARGO: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-image-updater-config
data:
  log.level: debug
  registries.conf: |
    registries:
    - name: Docker Hub
      prefix: docker.io
      api_url: https://registry-1.docker.io
      credentials: secret:foo/bar#creds
      defaultns: library
      default: true
      ping: yes
      credsexpire: 10h30m
      tagsortmode: latest-first
    - name: Quay
      api_url: https://quay.io/v2/
      prefix: quay.io
      credentials: env:REGISTRY_SECRET
      insecure: no
      limit: 40
      ca_file: /ca.pem
    - name: ECR
      api_url: https://123456789.dkr.ecr.eu-west-1.amazonaws.com
      prefix: 123456789.dkr.ecr.eu-west-1.amazonaws.com
      credentials: pullsecret:argocd/ecr
";

#[test]
fn the_file_of_argo_cd_is_read() {
    let file = read(ARGO).expect("a good file");
    assert_eq!(file.warnings, ["registry Docker Hub: tagsortmode has no effect here yet"]);
    let check = |image: &str, name: &str, credentials: &str, rate: u32| {
        let rule = file.registries.rule(&image.parse().expect("an image")).expect("a rule");
        let source = rule.credentials.as_ref().map(ToString::to_string).unwrap_or_default();
        assert_eq!((rule.name.as_str(), source.as_str()), (name, credentials), "{image}");
        let found = file.registries.rate(rule.api.host_str().expect("a host")).per_second;
        assert_eq!(found.map(|found| found.get()), Some(rate), "{image}");
    };
    check("nginx", "Docker Hub", "Secret foo/bar, key creds", 10);
    check("quay.io/acme/web", "Quay", "the environment variable REGISTRY_SECRET", 40);
    check("123456789.dkr.ecr.eu-west-1.amazonaws.com/web", "ECR", "Secret argocd/ecr", 20);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let check = |text: &str, expected: &str| assert_eq!(read(text).expect_err("wrong"), expected, "{text}");
    let entry = |field: &str, expected: &str| {
        let text = format!("registries:\n- name: a\n  api_url: https://a.example\n  {field}\n");
        check(&text, &format!("registries[0].{expected}"));
    };
    entry("limits: 5", "limits: unknown field; did you mean limit?");
    entry("token_hosts: [a]", "token_hosts: unknown field; did you mean tokenHosts?");
    entry("zzz: 5", "zzz: unknown field");
    entry("limit: 0", "limit: expected a number from 1 to 10000, found 0");
    entry("burst: 10001", "burst: expected a number from 1 to 10000, found 10001");
    entry("limit: fast", "limit: invalid type: string \"fast\", expected u32");
    entry("limit: -1", "limit: invalid value: integer `-1`, expected u32");
    entry("tagsortmode: newest", "tagsortmode: \"newest\" is not one of none, latest-first, latest-last");
    entry(
        "tokenHosts: [\"https://a.example\"]",
        "tokenHosts[0]: \"https://a.example\" is not a host, expected one such as auth.example.com",
    );
    entry(
        "tokenHosts: [\"a.example/b\"]",
        "tokenHosts[0]: \"a.example/b\" is not a host, expected one such as auth.example.com",
    );
    entry("ca_file: /absent.pem", "ca_file: reading /absent.pem: entity not found");
    entry("ca_file: /key.pem", "ca_file: no PEM block `CERTIFICATE` in it");
    entry("ca_file: /cut.pem", "ca_file: it is not well-formed PEM");
    entry("ca_data: nothing", "ca_data: no PEM block `CERTIFICATE` in it");
    entry(
        "insecure: yes",
        "insecure: certificates are always checked, expected the authority of this registry in ca_file or ca_data (or \
         http:// in api_url, where `insecure: true` lets credentials go over plain http)",
    );
    entry(
        "credentials: ext:/scripts/login.sh",
        "credentials: ext: would run a program, and none is run here: have it write a Secret, or use env:VARIABLE",
    );
    let forms = "expected pullsecret:NAMESPACE/NAME, secret:NAMESPACE/NAME#FIELD or env:VARIABLE";
    for wrong in ["alice:s3cret", "pullsecret:name", "pullsecret:a/b/c", "secret:a/b", "secret:a/b#", "env:", "none"] {
        entry(&format!("credentials: '{wrong}'"), &format!("credentials: {forms}"));
    }
    let address = "is not the address of a registry, expected a URL such as https://registry.example.com";
    let api = |api: &str, expected: &str| {
        check(
            &format!("registries:\n- {{name: a, api_url: {api:?}}}\n"),
            &format!("registries[0].api_url: {expected}"),
        );
    };
    api("ftp://a.example", address);
    api("https://a.example/?x=1", address);
    api("alice:s3cret@a.example", address);
    api("a.example", "is not a URL, expected a URL such as https://registry.example.com");
    check("registries:\n- name: a\n", "registries[0].api_url: is required");
    check("registries: 5", "registries: expected a list, found the number 5");
    check("{}", "registries: is required");
    check("", ": is empty, expected `registries:` with a list");
    check("a: 1\n---\nb: 2\n", ": has several YAML documents, expected one");
    check("registries: [", ": line 1, column 13: unclosed bracket '['");
    check("kind: ConfigMap\ndata: {a: b}", "data[\"registries.conf\"]: is required in this ConfigMap, as text");
    check("kind: ConfigMap\ndata:\n  registries.conf: |\n    {}\n", "registries: is required");
    check(&" ".repeat(1 << 21), ": is larger than 1048576 bytes");
    let two = "registries:\n- {name: a, api_url: 'https://a.example', prefix: a.example, default: true}\n- {name: b, \
               api_url: 'https://b.example', prefix: a.example/, default: true}\n";
    check(two, "registries[1].prefix: another entry has the same\nregistries[1].default: another entry is the default");
}

#[test]
fn credentials_are_looked_up_where_they_are_sent() {
    let registries = rules(
        "registries:
- {name: hub, prefix: docker.io, api_url: 'https://index.docker.io', default: true}
- {name: mirror, prefix: quay.io, api_url: 'https://mirror.example.com:8443/quay'}
- {name: same, api_url: 'https://harbor.example.com'}",
    );
    let check = |image: &str, expected: &str| {
        assert_eq!(registries.asked_as(&image.parse::<Repository>().expect("an image")).to_string(), expected);
    };
    check("nginx", "docker.io/library/nginx");
    check("quay.io/acme/web", "mirror.example.com:8443/acme/web");
    check("harbor.example.com/acme/web", "harbor.example.com/acme/web");
    check("ghcr.io/acme/web", "ghcr.io/acme/web");
}

/// The tags that a client with these rules finds, or the error; and what the registry was asked.
async fn asked(registry: &FakeRegistry, rules: Registries, image: &str, access: &Access) -> (String, Vec<String>) {
    registry.forget_requests();
    let found = client().with_registries(rules).tags(&repository(image), access).await;
    let text = found.map_or_else(
        |error| format!("{error}: {}", error.fault()),
        |list| list.tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    );
    (text, registry.calls())
}

#[tokio::test]
async fn requests_go_where_the_rule_says() {
    let registry = FakeRegistry::start();
    registry.push("acme/web", "v1");
    registry.push("library/nginx", "1.27");
    registry.push("proxy/nginx", "1.28");
    let of =
        |fields: &str| rules(&format!("registries:\n- {{name: a, api_url: 'http://{}', {fields}}}", registry.addr()));
    let anonymous = Access::default();
    let (found, calls) = asked(&registry, of("prefix: quay.io"), "quay.io/acme/web", &anonymous).await;
    assert_eq!((found.as_str(), calls[0].as_str()), ("v1", "GET /v2/acme/web/tags/list?n=1000"));
    let (found, _) = asked(&registry, of("prefix: docker.io"), "nginx", &anonymous).await;
    assert_eq!(found, "1.27");
    let (found, _) = asked(&registry, of("default: true, defaultns: proxy"), "nginx", &anonymous).await;
    assert_eq!(found, "1.28");
    let (found, _) = asked(&registry, of("default: true, defaultns: proxy"), "acme/web", &anonymous).await;
    assert_eq!(found, "v1");
    // Below a path, as Artifactory has it.
    let below = rules(&format!(
        "registries:\n- {{name: a, api_url: 'http://{}/v2/acme', prefix: quay.io/team}}",
        registry.addr()
    ));
    let (_, calls) = asked(&registry, below, "quay.io/team/web", &anonymous).await;
    assert_eq!(calls[0], "GET /v2/acme/v2/team/web/tags/list?n=1000");
}

#[tokio::test]
async fn one_name_at_two_registries_is_two_grants() {
    let (own, hub) = (FakeRegistry::start(), FakeRegistry::start());
    for registry in [&own, &hub] {
        registry.push("library/nginx", "1.27");
        registry.require_login("alice", "s3cret");
    }
    let client = client().with_registries(rules(&format!(
        "registries:\n- {{name: own, api_url: 'http://{}', prefix: own.example.com, default: true, defaultns: library}}\n\
         - {{name: hub, api_url: 'http://{}', prefix: docker.io}}",
        own.addr(),
        hub.addr()
    )));
    let access = super::login("alice", "s3cret");
    client.tags(&repository("nginx"), &access).await.expect("a listing");
    client.tags(&repository("docker.io/library/nginx"), &access).await.expect("a listing");
    assert_eq!((own.requests().len(), hub.requests().len()), (2, 2));
    assert_eq!(hub.requests()[0].authorization, None, "what another registry was shown");
}

#[tokio::test]
async fn a_rule_names_the_authority_of_its_registry() {
    let server = TlsServer::start(r#"{"tags": ["v1"]}"#);
    let authority = String::from_utf8(server.authority()).expect("PEM");
    let text =
        |ca: &str| format!("registries:\n- name: a\n  api_url: {}\n  prefix: registry.example.com\n{ca}", server.url());
    let ca = format!("  ca_data: |\n{}", authority.lines().map(|line| format!("    {line}\n")).collect::<String>());
    let image = repository("registry.example.com/acme/web");
    let with = client().with_registries(rules(&text(&ca))).tags(&image, &Access::default()).await.expect("trusted");
    assert_eq!(with.tags.len(), 1);
    let without = client().with_registries(rules(&text(""))).tags(&image, &Access::default()).await;
    assert!(without.expect_err("a stranger").fault().to_string().contains("UnknownIssuer"));
}

#[tokio::test]
async fn credentials_go_over_plain_http_by_rule_only() {
    let alice = login("alice", "s3cret");
    let of = |fields: &str| rules(&format!("registries:\n- {{name: a, api_url: 'http://10.255.255.1:1', {fields}}}"));
    let refused = client().with_registries(of("prefix: quay.io")).tags(&repository("quay.io/acme/web"), &alice).await;
    let told = refused.expect_err("no leave").fault().to_string();
    assert_eq!(told, "the password of alice is not sent to 10.255.255.1:1 over plain HTTP");
}
