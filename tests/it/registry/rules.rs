//! What the operator's rules say about a host, an image repository and a realm.

use std::num::NonZeroU32;

use tagwright::registry::{LimitRule, Registries, RegistryRule};

fn rule(api: &str, prefix: Option<&str>) -> RegistryRule {
    RegistryRule {
        name: api.to_owned(),
        api: api.parse().expect("a URL"),
        prefix: prefix.map(str::to_owned),
        is_default: false,
        default_namespace: None,
        credentials: None,
        insecure: false,
        ca: None,
        limits: LimitRule::default(),
        token_hosts: Vec::new(),
    }
}

#[test]
fn a_host_has_the_rate_of_its_rule_or_the_default() {
    let limits = |per_second, burst, connections| LimitRule {
        per_second: NonZeroU32::new(per_second),
        burst: NonZeroU32::new(burst),
        connections: NonZeroU32::new(connections),
    };
    let registries = Registries::new(vec![
        RegistryRule { limits: limits(200, 0, 0), ..rule("https://harbor.example.com:8443", None) },
        RegistryRule { limits: limits(50, 2, 4), ..rule("https://mirror.example.com", Some("quay.io")) },
        RegistryRule { limits: limits(30, 0, 8), ..rule("https://mirror.example.com", Some("gcr.io")) },
        RegistryRule { limits: limits(0, 7, 0), ..rule("http://[::1]:5000", None) },
        RegistryRule {
            limits: limits(3, 0, 0),
            token_hosts: vec!["login.example.org".to_owned()],
            ..rule("https://example.org", None)
        },
    ]);
    let check = |host: &str, expected: (u32, u32, u32)| {
        let rate = registries.rate(host);
        let found = (rate.per_second.map_or(0, NonZeroU32::get), rate.burst.get(), rate.connections.get());
        assert_eq!(found, expected, "{host}");
    };
    check("harbor.example.com:8443", (200, 20, 16));
    check("harbor.example.com", (200, 20, 16));
    check("mirror.example.com:443", (30, 2, 4));
    check("quay.io", (20, 5, 16));
    check("registry-1.docker.io:443", (10, 5, 16));
    check("auth.docker.io", (10, 5, 16));
    check("notdocker.io", (20, 5, 16));
    check("127.0.0.1:5000", (0, 16, 16));
    check("localhost:5000", (0, 16, 16));
    check("[::1]:5000", (0, 7, 16));
    check("10.0.0.1:5000", (20, 5, 16));
    check("login.example.org:443", (3, 3, 16));
    check("", (20, 5, 16));
}

#[test]
fn the_longest_prefix_serves_an_image() {
    let registries = Registries::new(vec![
        rule("https://ghcr.io", Some("ghcr.io/")),
        rule("https://acme.example", Some("ghcr.io/acme")),
        rule("https://harbor.example.com:8443", None),
        RegistryRule { is_default: true, ..rule("https://mirror.example", Some("docker.io")) },
    ]);
    let check = |image: &str, expected: &str| {
        let rule = registries.rule(&image.parse().expect("an image"));
        assert_eq!(rule.map_or("", |rule| rule.name.as_str()), expected, "{image}");
    };
    check("ghcr.io/stefanprodan/podinfo", "https://ghcr.io");
    check("ghcr.io/acme/web", "https://acme.example");
    check("ghcr.io/acme-inc/web", "https://ghcr.io");
    check("ghcr.io.example.com/acme/web", "");
    check("harbor.example.com:8443/web", "https://harbor.example.com:8443");
    check("nginx", "https://mirror.example");
    check("docker.io/library/nginx", "https://mirror.example");
    check("index.docker.io/acme/web", "https://mirror.example");
    check("quay.io/acme/web", "");
}

#[test]
fn only_listed_hosts_are_token_servers_by_rule() {
    let token_hosts = vec!["login.example.org".to_owned()];
    let registries = Registries::new(vec![RegistryRule { token_hosts, ..rule("https://example.com", None) }]);
    let check = |image: &str, realm: &str, expected: bool| {
        let realm = realm.parse().expect("a URL");
        assert_eq!(registries.is_token_host(&image.parse().expect("an image"), &realm), expected, "{image} {realm}");
    };
    check("example.com/web", "https://login.example.org/token", true);
    check("example.com/web", "https://login.example.org:8443/token", true);
    check("example.com/web", "http://login.example.org/token", false);
    check("example.com/web", "https://evil.example.org/token", false);
    check("quay.io/web", "https://login.example.org/token", false);
}
