//! How the objects of a world say with which credentials and by which way a registry is reached.

use std::collections::BTreeMap;

use base64::Engine as _;
use tagwright::api::{SourceText, load};
use tagwright::cloud::Provider;
use tagwright::engine::access::access_name;
use tagwright::registry::{Access, Credentials, registries_file};
use tagwright::secret::Secret;

use crate::servers::proxy::{Kind, TestProxy};
use crate::servers::tls::{Authority, TlsFront, expired_self_signed, self_signed};
use crate::world::{World, automation, policy, source};

/// The simple world with `spec` in its ImageRepository, and `more` beside it.
fn world_with(spec: &str, more: &str) -> World {
    let world = World::simple();
    objects_with(&world, "REGISTRY/acme/web", spec, more);
    world
}

fn objects_with(world: &World, image: &str, spec: &str, more: &str) {
    let policy = policy("web", "^1").replace("interval: 1m}", &format!("interval: 1m, {spec}}}"));
    let policy = policy.replace("REGISTRY/acme/web", image);
    world.objects("all.yaml", &(policy + &source("app") + &automation("apps", "app", "./apps") + more));
}

/// A Secret; values stand as base64, since they may have any characters.
fn secret(name: &str, entries: &[(&str, &[u8])]) -> String {
    let encoded = |value: &[u8]| base64::engine::general_purpose::STANDARD.encode(value);
    let entries: BTreeMap<&str, String> = entries.iter().map(|(key, value)| (*key, encoded(value))).collect();
    let data = serde_json::to_string(&entries).expect("text");
    format!("---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: flux-system}}\ndata: {data}\n")
}

/// A Secret with the credentials of `user`, whose password is `s3cret`.
pub(crate) fn pull_secret(world: &World, name: &str, user: &str) -> String {
    let config =
        format!(r#"{{"auths": {{"{}": {{"username": "{user}", "password": "s3cret"}}}}}}"#, world.registry.addr());
    secret(name, &[(".dockerconfigjson", config.as_bytes())])
}

fn account(more: &str) -> String {
    format!("---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: puller, namespace: flux-system}}\n{more}\n")
}

#[test]
fn service_accounts_bring_their_pull_secrets_in_order() {
    let check = |spec: &str, secrets: &[(&str, &str)], pull: &str, asked: &[&str]| {
        let world = World::simple();
        world.registry.require_login("alice", "s3cret");
        let secrets: String = secrets.iter().map(|(name, user)| pull_secret(&world, name, user)).collect();
        objects_with(&world, "REGISTRY/acme/web", spec, &(secrets + &account(pull)));
        world.sync(&[]).ok();
        assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"), "{spec}");
        let users: Vec<String> = world.registry.requests().iter().filter_map(user).collect();
        assert_eq!(users, asked, "{spec}");
    };
    let both = "imagePullSecrets: [{name: one}, {name: two}]";
    let (one, two) = (("one", "bob"), ("two", "alice"));
    check("serviceAccountName: puller", &[one, two], both, &["bob", "alice"]);
    check("serviceAccountName: puller, secretRef: {name: two}", &[one, two], both, &["alice"]);
    check("secretRef: {name: one}, serviceAccountName: puller", &[one, two], both, &["bob", "alice"]);
    let again = "imagePullSecrets: [{name: one}, {name: one}, {name: two}]";
    check("serviceAccountName: puller", &[one, two], again, &["bob", "alice"]);
}

/// The user in a request's Basic credential.
fn user(logged: &crate::servers::fake_registry::Logged) -> Option<String> {
    let encoded = logged.authorization.as_ref()?.strip_prefix("Basic ")?;
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).expect("base64");
    Some(String::from_utf8_lossy(&decoded).split(':').next()?.to_owned())
}

#[test]
fn what_an_image_repository_names_must_be_there_and_fit() {
    let check = |spec: &str, more: &str, expected: &str| {
        let world = world_with(spec, more);
        let run = world.sync(&[]).code_is(2);
        assert!(run.stderr.contains(expected), "{expected:?} in {}", run.stderr);
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
        assert_eq!(world.git.log("app.git", "main"), ["first"]);
    };
    let object = "ImageRepository flux-system/web: ";
    let absent = |what: &str| format!("{object}{what} does not exist");
    let pulls = account("imagePullSecrets: [{name: x}]");
    check("serviceAccountName: puller", "", &absent("ServiceAccount flux-system/puller"));
    check("serviceAccountName: puller", &pulls, &absent("Secret flux-system/x"));
    check("secretRef: {name: x}", "", "hint: a Secret that is not among the objects comes with --secret NS/NAME=DIR");
    check("serviceAccountName: puller", &account("imagePullSecrets: [x]"), "is invalid: see above");
    check("certSecretRef: {name: x}", "", &absent("Secret flux-system/x"));
    check("proxySecretRef: {name: x}", "", &absent("Secret flux-system/x"));
    let empty = secret("x", &[("other", b"s3cret")]);
    check(
        "certSecretRef: {name: x}",
        &empty,
        "Secret flux-system/x: expected ca.crt, or tls.crt and tls.key, and found other",
    );
    check("proxySecretRef: {name: x}", &empty, "Secret flux-system/x: key address is missing");
    check("secretRef: {name: x}", &empty, "Secret flux-system/x: key .dockerconfigjson is missing");
    let half = secret("x", &[("tls.crt", b"s3cret")]);
    check("certSecretRef: {name: x}", &half, "key tls.key is missing, which belongs to tls.crt");
    let no_certificate = secret("x", &[("ca.crt", b"s3cret")]);
    let secret_of = format!("{object}Secret flux-system/x: ");
    let no_block = format!("{secret_of}key ca.crt: no PEM block `CERTIFICATE` in it");
    check("certSecretRef: {name: x}", &no_certificate, &no_block);
    check("certSecretRef: {name: x}", &no_certificate, "hint: expected PEM text of certificates");
    let with_cloud = "provider: gcp, serviceAccountName: puller";
    check(with_cloud, &pulls, "spec.serviceAccountName with a cloud's spec.provider needs a cluster");
    let way = secret("way", &[("address", b"http://proxy.test"), ("ca.crt", &Authority::new().certificate())]);
    let with_proxy = format!("{object}spec.provider aws with spec.proxySecretRef and ");
    let both = "provider: aws, proxySecretRef: {name: way}, ";
    check(&format!("{both}certSecretRef: {{name: way}}"), &way, &format!("{with_proxy}ca.crt in the Secret of"));
    check(&format!("{both}insecure: true"), &way, &format!("{with_proxy}spec.insecure"));
}

fn pair<'a>(names: [&'a str; 2], chain: &'a [u8], key: &'a [u8]) -> [(&'a str, &'a [u8]); 2] {
    [(names[0], chain), (names[1], key)]
}

/// What `openssl x509 -req` of Debian 12 makes without `-extfile`.
const VERSION_1: &str = "-----BEGIN CERTIFICATE-----
MIIBFjCBvQIUfU+BYUt3j7pmzqeur+6YjTCQ7t4wCgYIKoZIzj0EAwIwDjEMMAoG
A1UEAwwDYm90MB4XDTI2MTEyMTE5MzIwOFoXDTM2MTExODE5MzIwOFowDjEMMAoG
A1UEAwwDYm90MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEgYLcTrGdtlGMMl1F
TngDEGtSGoFUqpzA7DrV1mOTNaYe4igiT0CGYkwPs1vBh38wxePARuj/fKEj0BuY
PPaB0DAKBggqhkjOPQQDAgNIADBFAiEAsng2psQmszkKn3sV9j7XBGDcd5kv+V53
UlafMCEXjbACIHrGwr3Nn7H/90xd/nGPYWgs1xCZC/7enwranpoK+jeb
-----END CERTIFICATE-----
";

#[test]
fn a_certificate_or_key_that_cannot_serve_is_named_with_its_secret_and_key() {
    let authority = Authority::new();
    let (good, (chain, key)) = (authority.certificate(), authority.client("bot"));
    let (_, other) = authority.client("other");
    let encrypted = authority.convert(&key, &["pkcs8", "-topk8", "-passout", "pass:x"]);
    let block: &[u8] = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let second = [good.as_slice(), block].concat();
    let broken: &[u8] = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    let check = |entries: &[(&str, &[u8])], expected: &str, hint: &str| {
        let world = world_with("certSecretRef: {name: x}", &secret("x", entries));
        let run = world.sync(&[]).code_is(2);
        let expected = format!("ImageRepository flux-system/web: Secret flux-system/x: key {expected}");
        assert!(run.stderr.contains(&expected), "{expected:?} in {}", run.stderr);
        assert!(run.stderr.contains(&format!("hint: expected {hint}")), "{hint:?} in {}", run.stderr);
        assert!(world.registry.requests().is_empty());
    };
    let (authorities, own, fitting) = ("PEM text of certificates", "the client's own", "the key of the certificate");
    check(&[("ca.crt", &second)], "ca.crt: certificate 2 in it cannot be read: ", authorities);
    check(&[("caFile", broken)], "caFile: it is not well-formed PEM\n", authorities);
    let (names, older) = (["tls.crt", "tls.key"], ["certFile", "keyFile"]);
    check(&pair(names, b"x", &key), "tls.crt: no PEM block `CERTIFICATE` in the certificate\n", own);
    check(&pair(names, block, &key), "tls.crt: the certificate cannot be read: ", own);
    let version_1 = "tls.crt: the certificate cannot be read: it is of X.509 version 1, expected version 3";
    check(&pair(names, VERSION_1.as_bytes(), &key), version_1, own);
    check(&pair(names, &chain, b"x"), "tls.key: no PEM block of a private key in the key\n", fitting);
    check(&pair(names, &chain, &encrypted), "tls.key: the key is encrypted", fitting);
    check(&pair(older, &chain, &other), "keyFile: the key does not belong to the certificate\n", fitting);
}

#[test]
fn a_denial_says_where_each_credential_is_from() {
    let config = |world: &World, password: &str| {
        let host = world.registry.addr();
        format!(r#"{{"auths": {{"{host}": {{"username": "alice", "password": "{password}"}}}}}}"#)
    };
    let check = |spec: &str, expected: &str| {
        let world = World::simple();
        world.registry.require_login("alice", "right");
        let of =
            |name: &str| secret(name, &[(".dockerconfigjson", config(&world, &format!("s3cret-{name}")).as_bytes())]);
        let account = account("imagePullSecrets: [{name: one}, {name: two}, {name: two}]");
        objects_with(&world, "REGISTRY/acme/web", spec, &(of("one") + &of("two") + &account));
        std::fs::create_dir(world.path(".docker")).expect("a folder");
        std::fs::write(world.path(".docker/config.json"), config(&world, "s3cret")).expect("a file");
        let run = world.sync(&[]).code_is(2);
        let expected = expected.replace("REFUSED", "(401: UNAUTHORIZED: authentication required)");
        assert!(run.stderr.contains(&expected), "{expected:?} in {}", run.stderr);
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    };
    check(
        "secretRef: {name: two}",
        "denied access REFUSED, asked with the password of alice from Secret flux-system/two\n",
    );
    check(
        "serviceAccountName: puller",
        "denied access to all who asked: with the password of alice from Secret flux-system/one REFUSED; \
         with the password of alice from Secret flux-system/two REFUSED\n",
    );
    check("timeout: 1m", "asked with the password of alice from the user's Docker credentials\n");
}

#[test]
fn a_secret_without_an_entry_for_the_registry_is_named_when_access_is_denied() {
    let config: &[u8] = br#"{"auths": {"other.test": {"auth": "YTpzM2NyZXQ="}}}"#;
    let world = world_with("secretRef: {name: x}", &secret("x", &[(".dockerconfigjson", config)]));
    world.sync(&[]).ok();
    world.registry.require_login("alice", "s3cret");
    let run = world.sync(&[]).code_is(2);
    assert!(run.stderr.contains("asked anonymously; Secret flux-system/x has no entry for it\n"), "{}", run.stderr);
}

#[test]
fn registries_are_reached_by_certificates_and_proxies_of_secrets() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let (chain, key) = clients.client("robot");
    let check = |names: [&str; 3], separate: bool| {
        let world = World::simple();
        world.registry.require_login("alice", "s3cret");
        let front = TlsFront::start(&servers, world.registry.addr(), Some(&clients.certificate()));
        let proxy = TestProxy::start(Kind::Http, Some("u:p w"), &[("git.test", front.addr())]);
        let config = r#"{"auths": {"git.test": {"username": "alice", "password": "s3cret"}}}"#;
        let authority = servers.certificate();
        let certificates = [(names[0], authority.as_slice()), (names[1], &chain), (names[2], &key)];
        let login: [(&str, &[u8]); 1] = [(".dockerconfigjson", config.as_bytes())];
        let secrets = match separate {
            true => secret("one", &login) + &secret("two", &certificates),
            false => secret("one", &[&login[..], &certificates[..]].concat()),
        };
        let cert = if separate { "two" } else { "one" };
        let address = format!("http://{}", proxy.addr());
        let own = secret("proxy", &[("address", address.as_bytes()), ("username", b"u"), ("password", b"p w")]);
        let spec =
            format!("secretRef: {{name: one}}, certSecretRef: {{name: {cert}}}, proxySecretRef: {{name: proxy}}");
        objects_with(&world, "git.test/acme/web", &spec, &(secrets + &own));
        world.sync(&[]).ok();
        assert_eq!(world.web_image("main"), "git.test/acme/web:1.0.1");
        assert_eq!(proxy.asked(), ["CONNECT git.test:443 u:p w"], "one connection serves all requests");
        assert_eq!(front.handshakes(), 1);
    };
    check(["ca.crt", "tls.crt", "tls.key"], true);
    check(["ca.crt", "tls.crt", "tls.key"], false);
    check(["caFile", "certFile", "keyFile"], true);
}

#[test]
fn what_others_could_read_by_a_field_of_theirs_is_not_shown() {
    let authority = Authority::new();
    let ca = secret("ca", &[("ca.crt", &authority.certificate())]);
    let check = |spec: &str, field: &str| {
        let world = World::simple();
        world.registry.require_login("bot", "s3cret");
        let front = TlsFront::start(&authority, world.registry.addr(), None);
        let proxy = TestProxy::start(Kind::Http, None, &[("git.test", front.addr())]);
        let host = if spec.contains("proxy") { "git.test:443".to_owned() } else { front.addr().to_string() };
        let host = if spec.contains("cert") { host } else { world.registry.addr().to_string() };
        let login = r#"{"username": "bot", "password": "s3cret"}"#;
        std::fs::create_dir(world.path(".docker")).expect("a folder");
        let config = format!(r#"{{"auths": {{"{host}": {login}, "git.test": {login}}}}}"#);
        std::fs::write(world.path(".docker/config.json"), config).expect("a file");
        let address = format!("http://{}", proxy.addr());
        let secrets = ca.clone() + &secret("proxy", &[("address", address.as_bytes())]);
        objects_with(&world, &format!("{}/acme/web", host.trim_end_matches(":443")), spec, &secrets);
        let run = world.sync(&[]).code_is(2);
        let told =
            format!("asked anonymously; the user's Docker credentials are not shown where the object has {field}");
        assert!(run.stderr.contains(&told), "{told:?} in {}", run.stderr);
        assert!(world.registry.requests().iter().all(|request| request.authorization.is_none()), "{spec}");
        assert!(!world.registry.requests().is_empty(), "{spec}");
    };
    check("insecure: true", "spec.insecure");
    check("certSecretRef: {name: ca}", "ca.crt in the Secret of spec.certSecretRef");
    check("certSecretRef: {name: ca}, proxySecretRef: {name: proxy}", "spec.proxySecretRef");
}

#[test]
fn certificates_make_a_registry_of_this_machine_one_with_tls() {
    let authority = Authority::new();
    let world = World::simple();
    let front = TlsFront::start(&authority, world.registry.addr(), None);
    let image = format!("{}/acme/web", front.addr());
    let certificates = secret("ca", &[("ca.crt", &authority.certificate())]);
    objects_with(&world, &image, "certSecretRef: {name: ca}", &certificates);
    world.sync(&[]).ok();
    assert_eq!(world.web_image("main"), format!("{image}:1.0.1"));
}

#[test]
fn a_registry_of_this_machine_that_refuses_the_certificates_is_not_asked_by_plain_http() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let world = World::simple();
    let front = TlsFront::start(&servers, world.registry.addr(), Some(&clients.certificate()));
    let image = format!("{}/acme/web", front.addr());
    let certificates = secret("ca", &[("ca.crt", &servers.certificate())]);
    objects_with(&world, &image, "certSecretRef: {name: ca}", &certificates);
    let run = world.sync(&[]).code_is(2);
    assert!(run.stderr.contains("hint: the server may want a client certificate"), "{}", run.stderr);
}

#[test]
fn the_name_of_an_access_holds_names_and_no_values() {
    let check = |spec: &str, access: &Access, expected: &str| {
        let text = format!(
            "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {{name: web, namespace: team}}\n\
             spec: {{image: web, interval: 1m, {spec}}}\n"
        );
        let loaded = load([SourceText { file: "f", text: &text }], "default");
        let repository = loaded.objects.image_repositories.values().next().expect("an image repository");
        assert_eq!(access_name(repository, access, None), expected, "{spec}");
        for (source, name) in [
            ("env:LOGIN", "registries=env:LOGIN"),
            ("secret:team/x#k", "registries=secret:team/x#k"),
            ("pullsecret:team/x", "registries=pullsecret:team/x"),
        ] {
            let file = format!("registries:\n- {{name: a, api_url: 'https://a.example', credentials: '{source}'}}\n");
            let rules = registries_file(&file, |_| unreachable!("no ca_file")).expect("a file").registries;
            let rule = rules.rule(&"a.example/web".parse().expect("an image"));
            assert_eq!(access_name(repository, access, rule), expected.replace("dockerConfig", name), "{spec}");
        }
    };
    let anonymous = Access::default();
    let password = Credentials::Basic { username: "alice".into(), password: Secret::new("s3cret") };
    let known = Access { credentials: vec![password], ..Access::default() };
    let cloud = Access { cloud: Some(Provider::Aws), ..Access::default() };
    check("", &anonymous, "");
    check("", &known, "dockerConfig");
    let kept = Access { credentials: vec![Credentials::Kept { helper: "h".into() }], ..Access::default() };
    check("", &kept, "");
    check("secretRef: {name: a}", &known, "secretRef=team/a");
    check("secretRef: {name: a}, serviceAccountName: b", &anonymous, "secretRef=team/a;serviceAccountName=team/b");
    check("certSecretRef: {name: c}, insecure: true", &anonymous, "certSecretRef=team/c;insecure");
    check("proxySecretRef: {name: p}", &known, "dockerConfig;proxySecretRef=team/p");
    check("provider: aws, secretRef: {name: a}, certSecretRef: {name: c}", &cloud, "provider=aws;certSecretRef=team/c");
}

#[test]
fn a_certificate_that_is_listed_itself_is_trusted_by_registries_and_git() {
    let check = |shown: &(Vec<u8>, Vec<u8>), listed: &[u8], expected: Result<(), &str>| {
        let world = World::simple();
        let registry = TlsFront::showing(shown, world.registry.addr(), None);
        let git = TlsFront::showing(shown, world.git.addr(), None);
        let image = format!("{}/acme/web", registry.addr());
        let policy = policy("web", "^1")
            .replace("REGISTRY/acme/web", &image)
            .replace("interval: 1m}", "interval: 1m, certSecretRef: {name: ca}}");
        let source = source("app")
            .replace("GIT/app.git", &git.url("app.git"))
            .replace("interval: 1m,", "interval: 1m, secretRef: {name: ca},");
        let objects = policy + &source + &automation("apps", "app", "./apps") + &secret("ca", &[("ca.crt", listed)]);
        world.objects("all.yaml", &objects);
        let run = world.sync(&[]);
        match expected {
            Ok(()) => {
                run.ok();
                assert_eq!(world.web_image("main"), format!("{image}:1.0.1"));
            }
            Err(why) => {
                let run = run.code_is(2);
                for server in [&registry, &git] {
                    let told = format!("connecting to {}: TLS failure: invalid peer certificate: {why}", server.addr());
                    assert!(run.stderr.contains(&told), "{told:?} in {}", run.stderr);
                }
            }
        }
    };
    let here = "IP:127.0.0.1";
    let (own, other) = (self_signed(here), self_signed(here));
    check(&own, &own.0, Ok(()));
    check(&own, &[other.0.as_slice(), &own.0].concat(), Ok(()));
    check(&own, &other.0, Err("Other(OtherError(CaUsedAsEndEntity))"));
    let elsewhere = self_signed("DNS:elsewhere.test");
    check(&elsewhere, &elsewhere.0, Err("certificate not valid for name"));
    let expired = expired_self_signed(here);
    check(&expired, &expired.0, Err("certificate expired"));
}

/// An ImageRepository of `image`, and a policy of `namespace` that selects from it.
fn listed(name: &str, image: &str, spec: &str, namespace: &str) -> String {
    policy(name, "*")
        .replace(&format!("REGISTRY/acme/{name}"), image)
        .replace("interval: 1m}", &format!("interval: 1m, {spec}}}"))
        .replace(
            &format!("kind: ImagePolicy\nmetadata: {{name: {name}, namespace: flux-system}}"),
            &format!("kind: ImagePolicy\nmetadata: {{name: {name}, namespace: {namespace}}}"),
        )
        .replace("imageRepositoryRef: {", "imageRepositoryRef: {namespace: flux-system, ")
}

/// `NAME=TAG` or `NAME=error` of every policy.
fn decided(world: &World) -> Vec<String> {
    let json = world.sync(&["-o", "json"]).json();
    let told = |policy: &serde_json::Value| {
        let tag = policy["latest"]["tag"].as_str().unwrap_or("error").to_owned();
        format!("{}={tag}", policy["name"].as_str().expect("a name"))
    };
    json["policies"].as_array().expect("a list").iter().map(told).collect()
}

#[test]
fn exclusion_lists_never_disturb_each_other_and_one_listing_serves_all() {
    let world = World::simple();
    world.registry.push("acme/web", "2.0.0");
    let image = "REGISTRY/acme/web";
    let objects = listed("all", image, "exclusionList: []", "flux-system")
        + &listed("one", image, "exclusionList: ['^2[.]']", "flux-system")
        + &listed("usual", image, "timeout: 1m", "flux-system")
        + &listed("zero", image, "exclusionList: ['^[12]', x]", "flux-system");
    world.objects("all.yaml", &objects);
    assert_eq!(decided(&world), ["all=2.0.0", "one=1.0.1", "usual=2.0.0", "zero=error"]);
    assert_eq!(world.registry.calls().len(), 1, "{:?}", world.registry.calls());
    world.registry.forget_requests();
    let login = pull_secret(&world, "login", "alice");
    world.objects("more.yaml", &(listed("other", image, "secretRef: {name: login}", "flux-system") + &login));
    assert_eq!(decided(&world).len(), 5);
    assert_eq!(world.registry.calls().len(), 2, "another credential may see another list");
}

#[test]
fn policies_of_other_namespaces_need_leave() {
    let name = "kubernetes.io/metadata.name";
    let check = |access: &str, namespace: &str, expected: &str| {
        let world = World::simple();
        world.objects("all.yaml", &listed("web", "REGISTRY/acme/web", access, namespace));
        assert_eq!(decided(&world), [format!("web={expected}")], "{access} for {namespace}");
    };
    let selectors = |list: &str| format!("accessFrom: {{namespaceSelectors: [{list}]}}");
    let labelled = |namespace: &str| format!("{{matchLabels: {{{name}: {namespace}}}}}");
    check("timeout: 1m", "flux-system", "1.0.1");
    check("timeout: 1m", "team", "error");
    check(&selectors(&labelled("team")), "team", "1.0.1");
    check(&selectors(&labelled("team")), "other", "error");
    check(&selectors(&labelled("team")), "flux-system", "1.0.1");
    check(&selectors(&format!("{}, {}", labelled("other"), labelled("team"))), "team", "1.0.1");
    check(&selectors("{}"), "team", "1.0.1");
    check(&selectors("{matchLabels: {}}"), "team", "1.0.1");
    check(&selectors(""), "team", "error");
    check(&selectors("{matchLabels: {tier: gold}}"), "team", "error");
}
