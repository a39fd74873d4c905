//! Git over TLS and through proxies: the real `git http-backend` behind a private authority, client certificates, and
//! proxies that note what they see.

use std::net::SocketAddr;
use std::path::Path;

use tagwright::git::{Auth, Remote};
use tagwright::net::{ClientCertificate, Connection, Proxy};
use tagwright::secret::Secret;

use crate::git::{Lab, remote, told_by, update};
use crate::program::{Run, finish};
use crate::servers::git_http::{Fault, GitServer};
use crate::servers::proxy::{Kind, TestProxy};
use crate::servers::tls::{Authority, TlsFront};
use crate::world::{World, automation, policy, source};

const FIRST: &[(&str, &str)] = &[("a.yaml", "image: a:1\n")];

fn served() -> GitServer {
    let server = GitServer::start();
    server.create("app.git", FIRST);
    server
}

fn connection(ca: Option<Vec<u8>>, client: Option<(Vec<u8>, Vec<u8>)>) -> Connection {
    let client_certificate = client.map(|(certificate, key)| ClientCertificate { certificate, key: Secret::new(key) });
    Connection { ca, client_certificate, proxy: None }
}

fn login(username: &str, password: &str) -> Option<(String, Secret)> {
    Some((username.to_owned(), Secret::new(password)))
}

/// What comes of an update over `connection`, the server's address as `HOST`.
fn outcome(lab: &Lab, url: &str, connection: &Connection) -> String {
    let remote = Remote { connection: connection.clone(), ..remote(url) };
    let told = match lab.git.open(&remote) {
        Ok(mut session) => match update(&mut session, "main", "a.yaml", &format!("image: {}\n", fastrand::u64(..))) {
            Ok(_) => "pushed".to_owned(),
            Err(error) => crate::git::told(&error),
        },
        Err(error) => crate::git::told(&error),
    };
    let host = url.split('/').nth(2).expect("a host");
    told.replace(url, "URL").replace(host, "HOST")
}

#[test]
fn servers_of_a_private_authority_want_its_certificate_and_ours() {
    let (server, lab) = (served(), Lab::new());
    let (authority, stranger) = (Authority::new(), Authority::new());
    let open = TlsFront::start(&authority, server.addr(), None);
    let closed = TlsFront::start(&authority, server.addr(), Some(&authority.certificate()));
    let check = |front: &TlsFront, connection: &Connection, expected: &str| {
        let told = outcome(&lab, &front.url("app.git"), connection);
        assert!(told.ends_with(expected), "{told}\n{expected}");
    };
    let ca = || Some(authority.certificate());
    let unknown = "connecting to HOST: TLS failure: invalid peer certificate: UnknownIssuer";
    check(&open, &connection(ca(), None), "pushed");
    check(&open, &connection(Some([stranger.certificate(), authority.certificate()].concat()), None), "pushed");
    check(&open, &connection(Some(stranger.certificate()), None), unknown);
    check(&open, &Connection::default(), unknown);

    let (certificate, key) = authority.client("bot");
    let sec1 = authority.convert(&key, &["ec"]);
    assert!(sec1.starts_with(b"-----BEGIN EC PRIVATE KEY-----"));
    let (rsa_certificate, rsa_key) = authority.rsa_client("rsa-bot");
    let pkcs1 = authority.convert(&rsa_key, &["rsa", "-traditional"]);
    assert!(pkcs1.starts_with(b"-----BEGIN RSA PRIVATE KEY-----"));
    let chain = [certificate.clone(), authority.certificate()].concat();
    for client in [
        (certificate.clone(), key.clone()),
        (certificate.clone(), sec1),
        (chain, key.clone()),
        (rsa_certificate.clone(), rsa_key),
        (rsa_certificate, pkcs1),
    ] {
        check(&closed, &connection(ca(), Some(client)), "pushed");
    }
    let wanted = "connecting to HOST: TLS failure: received fatal alert: CertificateRequired";
    check(&closed, &connection(ca(), None), wanted);
    let foreign = outcome(&lab, &closed.url("app.git"), &connection(ca(), Some(stranger.client("bot"))));
    assert!(foreign.contains("connecting to HOST: TLS failure: received fatal alert: "), "{foreign}");
}

#[test]
fn certificates_and_keys_that_cannot_serve_are_found_before_a_request() {
    let (server, lab) = (served(), Lab::new());
    let authority = Authority::new();
    let front = TlsFront::start(&authority, server.addr(), None);
    let (certificate, key) = authority.client("bot");
    let (_, other) = authority.client("other");
    let encrypted = authority.convert(&key, &["pkcs8", "-topk8", "-passout", "pass:x"]);
    let text = |text: &str| text.as_bytes().to_vec();
    let junk = text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let two = [key.clone(), other.clone()].concat();
    for (ca, chain, key, expected) in [
        (None, text("x"), key.clone(), "reading the client certificate: no PEM block `CERTIFICATE` in the certificate"),
        (
            None,
            certificate.clone(),
            text("x"),
            "reading the client certificate: no PEM block of a private key in the key",
        ),
        (
            None,
            certificate.clone(),
            other,
            "reading the client certificate: the key does not belong to the certificate",
        ),
        (None, certificate.clone(), encrypted, "the key is encrypted, expected one without a passphrase"),
        (None, certificate.clone(), two, "more than one private key in the key"),
        (None, junk.clone(), key.clone(), "reading the client certificate: "),
        (
            Some(text("x")),
            certificate.clone(),
            key.clone(),
            "reading a CA certificate: no PEM block `CERTIFICATE` in it",
        ),
        (Some(junk), certificate.clone(), key.clone(), "reading a CA certificate: "),
    ] {
        let told = outcome(&lab, &front.url("app.git"), &connection(ca, Some((chain, key))));
        assert!(told.starts_with("connecting to URL: ") && told.contains(expected), "{told}\n{expected}");
    }
    assert_eq!((front.handshakes(), server.requests()), (0, Vec::new()));
}

#[test]
fn a_connection_is_used_again_in_the_next_round_and_not_by_others() {
    let (server, lab, authority) = (served(), Lab::new(), Authority::new());
    let front = TlsFront::start(&authority, server.addr(), None);
    let first = connection(Some(authority.certificate()), None);
    for _ in 0..3 {
        assert_eq!(outcome(&lab, &front.url("app.git"), &first), "pushed");
    }
    // Twelve requests; one whose answer is still on its way back needs a connection of its own.
    let before = front.handshakes();
    assert!(before <= 4, "{before} handshakes");
    let renewed = connection(Some([authority.certificate(), Authority::new().certificate()].concat()), None);
    assert_eq!(outcome(&lab, &front.url("app.git"), &renewed), "pushed");
    assert!(front.handshakes() > before);
}

#[test]
fn proxies_are_asked_with_their_login() {
    let (server, authority) = (served(), Authority::new());
    let front = TlsFront::start(&authority, server.addr(), None);
    // What urls, base64 and SOCKS treat in ways of their own.
    let password = "p%41 ä:@/?#ß";
    let shown = format!("us%er:{password}");
    for kind in [Kind::Http, Kind::Socks5] {
        for wanted in [None, Some(shown.as_str())] {
            for (url, target, port) in
                [("https://git.test/app.git", front.addr(), 443), ("http://git.test/app.git", server.addr(), 80)]
            {
                let lab = Lab::new();
                let proxy = TestProxy::start(kind, wanted, &[("git.test", target)]);
                let scheme = if kind == Kind::Http { "http" } else { "socks5" };
                let address = format!("{scheme}://{}", proxy.addr());
                let told = |login: Option<(String, Secret)>| {
                    let proxy = Some(Proxy::new(&address, login).expect("a proxy"));
                    let told =
                        outcome(&lab, url, &Connection { proxy, ..connection(Some(authority.certificate()), None) });
                    told.replace(&address[scheme.len() + 3..], "PROXY")
                };
                let right = wanted.and_then(|_| login("us%er", password));
                assert_eq!(told(right), "pushed", "{kind:?} {wanted:?} {url}");
                let asked = proxy.asked();
                let note = match (kind, port) {
                    (Kind::Http, 80) => "GET http://git.test/app.git/info/refs?service=git-upload-pack".to_owned(),
                    (Kind::Http, _) => "CONNECT git.test:443".to_owned(),
                    _ => format!("SOCKS git.test:{port}"),
                };
                // The proxy resolves the name: nobody else knows it.
                assert_eq!(asked[0], format!("{note} {}", wanted.unwrap_or("-")));
                if wanted.is_none() {
                    continue;
                }
                let refused = format!("connecting to HOST:{port} through the proxy PROXY: it ");
                let wrong = told(login("us%er", "wrong"));
                assert!(wrong.ends_with(&format!("{refused}does not accept the login")), "{kind:?} {url}: {wrong}");
                let none = told(None);
                assert!(
                    none.ends_with(&format!("{refused}asks for a login and none is configured")),
                    "{kind:?} {url}: {none}"
                );
            }
        }
    }
}

#[test]
fn long_logins_of_socks_work_or_are_refused() {
    let (server, lab) = (served(), Lab::new());
    for (bytes, expected) in [(230, "pushed"), (250, "user, password and host are longer than 249 bytes")] {
        let password = "x".repeat(bytes);
        let proxy = TestProxy::start(Kind::Socks5, Some(&format!("user:{password}")), &[("git.test", server.addr())]);
        let own = Proxy::new(&format!("socks5://{}", proxy.addr()), login("user", &password)).expect("a proxy");
        let told = outcome(&lab, "http://git.test/app.git", &Connection { proxy: Some(own), ..Connection::default() });
        assert!(told.ends_with(expected), "{told}");
    }
}

#[test]
fn a_proxy_in_its_own_tls_is_asked_too() {
    let (server, authority, lab) = (served(), Authority::new(), Lab::new());
    let front = TlsFront::start(&authority, server.addr(), None);
    for (url, target) in [("https://git.test/app.git", front.addr()), ("http://git.test/app.git", server.addr())] {
        let proxy = TestProxy::start(Kind::Http, Some("u:p"), &[("git.test", target)]);
        let proxy_front = TlsFront::start(&authority, proxy.addr(), None);
        let address = format!("https://{}", proxy_front.addr());
        let proxy = Some(Proxy::new(&address, login("u", "p")).expect("a proxy"));
        let trusting = Connection { proxy, ..connection(Some(authority.certificate()), None) };
        assert_eq!(outcome(&lab, url, &trusting), "pushed", "{url}");
        assert!(proxy_front.handshakes() > 0);
        let told = outcome(&lab, url, &Connection { ca: None, ..trusting });
        let told = told.replace(&proxy_front.addr().to_string(), "PROXY");
        assert!(told.contains(" through the proxy PROXY: TLS failure: invalid peer certificate: Unk"), "{url}: {told}");
    }
}

#[test]
fn proxies_that_misbehave_are_named_in_bounded_time() {
    let garbage: &[u8] = b"\x00\xffnonsense\r\n\r\n\r\n";
    let busy: &[u8] = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("an address");
    let check = |scheme: &str, address: SocketAddr, url: &str, expected: &str| {
        let proxy = Some(Proxy::new(&format!("{scheme}://{address}"), None).expect("a proxy"));
        let settings = tagwright::net::Settings {
            connect_timeout: std::time::Duration::from_millis(300),
            read_timeout: std::time::Duration::from_millis(1500),
            ..Default::default()
        };
        let lab = Lab::with_settings(settings);
        let told = outcome(&lab, url, &Connection { proxy, ..Connection::default() });
        let told = told.replace(&address.to_string(), "PROXY");
        let beginning = "listing the branches of URL: ";
        assert_eq!(told.strip_prefix(beginning), Some(expected), "{scheme} {url}: {told}");
    };
    let (https, http) = ("https://git.test/app.git", "http://git.test/app.git");
    let through = |port: u16, cause: &str| format!("connecting to HOST:{port} through the proxy PROXY: {cause}");
    check("http", free, https, &through(443, "connection refused"));
    check("http", free, http, &through(80, "connection refused"));
    check("socks5", free, https, &through(443, "it is not reachable"));
    for (scheme, answer, url, expected) in [
        ("http", Some(&b""[..]), https, through(443, "it closed the connection")),
        ("http", Some(garbage), https, through(443, "it did not open a connection to the server")),
        ("http", Some(busy), https, through(443, "it did not open a connection to the server")),
        ("http", None, https, through(443, "timed out after 0.3 s")),
        ("socks5", Some(&b""[..]), https, through(443, "the connection to it broke")),
        ("socks5", Some(garbage), https, through(443, "it does not speak SOCKS5")),
        ("socks5", None, http, through(80, "timed out after 0.3 s")),
        ("http", Some(busy), http, "the server answered with status 503".to_owned()),
        (
            "http",
            None,
            http,
            "waiting for the answer of HOST:80 through the proxy PROXY: timed out after 1.5 s".to_owned(),
        ),
    ] {
        let proxy = TestProxy::start(Kind::Broken(answer), None, &[]);
        check(scheme, proxy.addr(), url, &expected);
    }
    // A proxy that works, to a server that does not.
    let proxy = TestProxy::start(Kind::Socks5, None, &[("git.test", free)]);
    let refused = "connecting to HOST:443 through the proxy PROXY: it says: connection refused";
    check("socks5", proxy.addr(), https, refused);
}

#[test]
fn credentials_stay_with_their_host_through_proxies_too() {
    let (server, stranger, lab) = (served(), served(), Lab::new());
    let proxy = TestProxy::start(Kind::Http, None, &[("git.test", server.addr()), ("evil.test", stranger.addr())]);
    let open = |url: &str, insecure| {
        let proxy = Some(Proxy::new(&proxy.addr().to_string(), None).expect("a proxy"));
        let auth = Auth::Bearer(Secret::new("s3cret"));
        let connection = Connection { proxy, ..Connection::default() };
        lab.git.open(&Remote { auth, connection, insecure, ..remote(url) })
    };
    for to in ["http://evil.test/app.git/info/refs?service=git-upload-pack", "http://git.test:81/app.git/info/refs"] {
        server.misbehave("/old.git/info/refs", Fault::Redirect(to.to_owned()));
        let told = told_by(open("http://git.test/old.git", true).expect("a remote").refs().map(drop));
        assert!(told.contains("redirects to") && told.ends_with("another host"), "{told}");
    }
    let here = "http://git.test/app.git/info/refs?service=git-upload-pack";
    server.misbehave("/old.git/info/refs", Fault::Redirect(here.to_owned()));
    open("http://git.test/old.git", true).expect("a remote").fetch("main").expect("a fetch");
    assert!(server.requests().iter().all(|asked| asked.authorization.as_deref() == Some("Bearer s3cret")));
    assert_eq!(stranger.requests(), []);
    let told = told_by(open("http://git.test/app.git", false).map(drop));
    assert!(told.ends_with("credentials are not sent over plain http to git.test:80"), "{told}");

    // This machine, as a proxy elsewhere sees it, is another machine.
    let far = Some(Proxy::new("socks5://proxy.example:1080", None).expect("a proxy"));
    let auth = Auth::Bearer(Secret::new("s3cret"));
    let connection = Connection { proxy: far, ..Connection::default() };
    let told = told_by(lab.git.open(&Remote { auth, connection, ..remote(&server.url("app.git")) }).map(drop));
    assert!(told.contains("credentials are not sent over plain http to 127.0.0.1:"), "{told}");
}

#[test]
fn a_proxy_of_the_repository_serves_for_loopback() {
    let (server, lab) = (served(), Lab::new());
    let proxy = TestProxy::start(Kind::Socks5, None, &[]);
    let own = Some(Proxy::new(&format!("socks5h://{}", proxy.addr()), None).expect("a proxy"));
    assert_eq!(outcome(&lab, &server.url("app.git"), &Connection { proxy: own, ..Connection::default() }), "pushed");
    assert_eq!(proxy.asked()[0], format!("SOCKS {} -", server.addr()));
}

/// A world whose repository lies behind `url`, with these keys in its Secret (a file each) and more in its spec.
fn world_at(url: &str, more: &str, secret: &[(&str, &[u8])]) -> World {
    let world = World::simple();
    let source = source("app").replace("GIT/app.git", url).replace("ref:", &format!("{more} ref:"));
    world.objects("all.yaml", &(policy("web", "^1") + &source + &automation("apps", "app", "./apps")));
    write_secret(&world.path("secret"), secret);
    world
}

fn write_secret(folder: &Path, entries: &[(&str, &[u8])]) {
    std::fs::create_dir_all(folder).expect("a folder");
    for (key, value) in entries {
        std::fs::write(folder.join(key), value).expect("a file");
    }
}

/// A run that logs all it can; whatever it says must not hold a secret.
fn sync_loudly(world: &World, state: &str, environment: &[(&str, &str)]) -> Run {
    let secret = format!("flux-system/git={}", world.path("secret").display());
    let mut command = world.sync_command(state, &["--secret", &secret]);
    command.env("RUST_LOG", "trace").envs(environment.iter().copied());
    let run = finish(&mut command);
    assert!(run.stderr.contains("DEBUG") || run.stderr.contains("TRACE"), "it logs: {}", run.stderr);
    let said = format!("{}{}", run.stdout, run.stderr);
    // As they are, and as base64 behind the users of these tests.
    for canary in ["canary", "Y2FuYXJ5", "dTpjYW5hcnk", "Ym90OmNhbmFye", "PRIVATE KEY"] {
        assert!(!said.contains(canary), "{canary} in {said}");
    }
    run
}

#[test]
fn sync_works_with_a_private_server_and_says_no_secret() {
    let authority = Authority::new();
    let (certificate, key) = authority.client("bot");
    let ca = authority.certificate();
    let secret: &[(&str, &[u8])] = &[
        ("ca.crt", &ca),
        ("tls.crt", &certificate),
        ("tls.key", &key),
        ("password", b"canary-password"),
        ("username", b"bot"),
        ("certFile", b"the new names win"),
    ];
    let world = world_at("https://placeholder/app.git", "secretRef: {name: git},", secret);
    world.git.protect("Basic Ym90OmNhbmFyeS1wYXNzd29yZA==");
    let front = TlsFront::start(&authority, world.git.addr(), Some(&ca));
    let objects = std::fs::read_to_string(world.path("objects/all.yaml")).expect("objects");
    world.objects("all.yaml", &objects.replace("https://placeholder/app.git", &front.url("app.git")));
    sync_loudly(&world, "state", &[]).code_is(0);
    assert!(world.web_image("main").ends_with(":1.0.1"));

    // The user may be in the URL.
    world.objects("all.yaml", &objects.replace("placeholder", &format!("bot@{}", front.addr())));
    std::fs::remove_file(world.path("secret/username")).expect("a file");
    let run = sync_loudly(&world, "other", &[]).code_is(0);
    assert!(!run.stderr.contains("warning:"), "{}", run.stderr);
    std::fs::write(world.path("secret/password"), "canary-old").expect("a file");
    let run = sync_loudly(&world, "state", &[]).code_is(2);
    assert!(run.stderr.contains("the server does not accept the credentials (401)"), "{}", run.stderr);
}

#[test]
fn sync_goes_through_the_proxies_of_the_environment_and_of_the_object() {
    let authority = Authority::new();
    let ca = authority.certificate();
    let world = world_at("https://git.test/app.git", "secretRef: {name: git},", &[("ca.crt", &ca)]);
    let front = TlsFront::start(&authority, world.git.addr(), None);
    let proxy = TestProxy::start(Kind::Http, Some("u:canary p"), &[("git.test", front.addr())]);
    let address = format!("http://u:canary%20p@{}", proxy.addr());
    sync_loudly(&world, "one", &[("HTTPS_PROXY", &address)]).code_is(0);
    assert!(world.web_image("main").ends_with(":1.0.1"));
    assert_eq!(proxy.asked()[0], "CONNECT git.test:443 u:canary p");

    // The registry is on loopback, and Git is exempt: nobody asks the proxy.
    let exempt = [("HTTPS_PROXY", address.as_str()), ("HTTP_PROXY", &address), ("no_proxy", "other, .test:443")];
    let run = sync_loudly(&world, "two", &exempt).code_is(2);
    assert!(run.stderr.contains("connecting to git.test:443: unknown host"), "{}", run.stderr);
    assert_eq!(proxy.asked(), Vec::<String>::new());
    let run = sync_loudly(&world, "two", &[("HTTPS_PROXY", "ftp://u:canary@p")]).code_is(2);
    assert!(run.stderr.contains("reading the environment variable HTTPS_PROXY: "), "{}", run.stderr);

    // The object's own proxy wins.
    let own = format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: proxy, namespace: flux-system}}\n\
         stringData: {{address: 'http://{}', username: u, password: canary p}}\n",
        proxy.addr()
    );
    let objects = std::fs::read_to_string(world.path("objects/all.yaml")).expect("objects");
    world.objects("all.yaml", &(objects.replace("ref:", "proxySecretRef: {name: proxy}, ref:") + &own));
    sync_loudly(&world, "three", &[("HTTPS_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "*")]).code_is(0);
    assert_eq!(proxy.asked()[0], "CONNECT git.test:443 u:canary p");
}

#[test]
fn secrets_of_git_are_read_as_documented() {
    let check = |url: &str, more: &str, secret: &str, expected: &[&str]| {
        let world = World::new();
        let source = source("app").replace("GIT/app.git", url).replace("ref:", &format!("{more} ref:"));
        let secrets = format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: git, namespace: flux-system}}\nstringData: {{{secret}}}\n"
        );
        world.objects("all.yaml", &(source + &secrets + &automation("apps", "app", ".")));
        let run = world.sync(&[]);
        expected.iter().for_each(|text| assert!(run.stderr.contains(text), "{text:?} in {}", run.stderr));
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    };
    let with = "secretRef: {name: git},";
    let (https, http) = ("https://127.0.0.1:1/app.git", "http://127.0.0.1:1/app.git");
    let reached = "connecting to 127.0.0.1:1: connection refused";
    check(https, with, "username: u, password: s3cret", &[reached]);
    check(https, with, "ca.crt: '', tls.crt: '', tls.key: '', username: u, password: s3cret", &[reached]);
    check(https, with, "username: u", &["Secret flux-system/git: key password is missing, which belongs to username"]);
    check(https, with, "password: s3cret", &["key username is missing, which belongs to password"]);
    check(https, with, "tls.crt: x", &["key tls.key is missing, which belongs to tls.crt"]);
    check(https, with, "keyFile: s3cret", &["key certFile is missing, which belongs to keyFile"]);
    check(
        https,
        with,
        "tls.crt: x, certFile: a, keyFile: s3cret",
        &["key tls.key is missing, which belongs to tls.crt"],
    );
    check(
        https,
        with,
        "other: s3cret",
        &["expected username and password, bearerToken, or certificates, and found other"],
    );
    let both =
        "warning: GitRepository flux-system/app: bearerToken is used, username and password of the same Secret are not";
    check(https, with, "bearerToken: s3cret, username: u, password: s3cret", &[both, reached]);
    check(
        https,
        with,
        "ca.crt: x",
        &["GitRepository flux-system/app: Secret flux-system/git: key ca.crt: no PEM block", "hint: expected PEM text"],
    );
    let ends = "warning: GitRepository flux-system/app: key password of the Secret ends with a line break";
    check(https, with, "username: u, password: \"s3cret\\n\"", &[ends, reached]);
    let plain = "warning: GitRepository flux-system/app: the certificates of its Secret protect nothing, since spec.url is plain http";
    let ca = String::from_utf8(Authority::new().certificate()).expect("PEM").replace('\n', "\\n");
    check(http, with, &format!("ca.crt: \"{ca}\""), &[plain, reached]);

    let user = "https://bot@127.0.0.1:1/app.git";
    check(user, with, "password: s3cret", &[reached]);
    check(user, with, "username: bot, password: s3cret", &[reached]);
    let two = "Secret flux-system/git: spec.url names a user and the Secret has";
    check(user, with, "username: other, password: s3cret", &[two, "another username", "hint: leave the user out"]);
    check(user, with, "bearerToken: s3cret", &[two, "bearerToken"]);
    check(user, with, "ca.crt: x", &["Secret flux-system/git: key password is missing"]);
    check(
        user,
        "",
        "x: y",
        &["spec.url names a user, and there is no Secret with the password", "hint: name a Secret"],
    );
    let password = "https://bot:s3cret@127.0.0.1:1/app.git";
    check(password, with, "x: y", &["the Git URL holds a user name or a password", "hint: put them into a Secret"]);

    let proxy = "proxySecretRef: {name: git},";
    check(https, proxy, "username: u", &["Secret flux-system/git: key address is missing"]);
    check(https, proxy, "address: 'ftp://u:s3cret@p'", &["address: proxies of scheme \"ftp\" are not supported"]);
    check(https, proxy, "address: 'p:1', password: s3cret", &["key username is missing, which belongs to password"]);
    check(https, proxy, "address: '127.0.0.1:1'", &["through the proxy 127.0.0.1:1: connection refused"]);

    let azure = "127.0.0.1:1 is no server of provider azure, expected dev.azure.com";
    check(https, "provider: azure,", "x: y", &[azure, "hint: with spec.provider: generic"]);
    check(user, "provider: azure,", "x: y", &[azure]);
    let aws = "127.0.0.1:1 is no server of provider aws, expected git-codecommit.REGION.amazonaws.com";
    check(https, "provider: aws,", "x: y", &[aws]);
    let with_aws = "secretRef: {name: git}, provider: aws,";
    let unused = "spec.provider aws is used, spec.secretRef is not";
    check(https, with_aws, "bearerToken: s3cret", &[aws, unused]);
    check("/srv/git", "provider: aws,", "x: y", &["spec.provider aws needs an https URL", "hint: over ssh"]);
    let account = "provider: aws, serviceAccountName: git,";
    check(https, account, "x: y", &["spec.serviceAccountName with a cloud's spec.provider needs a cluster"]);
    let read = "provider: azure, insecure: true, proxySecretRef: {name: git},";
    check(https, read, "address: 'p:1'", &["spec.provider azure with spec.proxySecretRef and spec.insecure"]);
    let app = "secretRef: {name: git}, provider: github,";
    let id = "githubAppID: '12', githubAppInstallationID: '77'";
    check(https, with, id, &["it belongs to a GitHub App", "hint: set spec.provider: github"]);
    check(https, "provider: github,", id, &["there is no Secret with the app's key", "hint: name a Secret"]);
    check("/srv/git", app, id, &["spec.provider github needs an https URL"]);
    check(https, app, "username: u", &["key githubAppID is missing"]);
    check(https, app, "githubAppID: '12'", &["githubAppInstallationID and githubAppInstallationOwner is missing"]);
    check(https, app, id, &["key githubAppPrivateKey is missing"]);
    check(
        https,
        app,
        &format!("{id}, githubAppPrivateKey: s3cret"),
        &["githubAppPrivateKey: the private key is not an RSA"],
    );
    check(
        https,
        app,
        "githubAppID: '../1', githubAppInstallationOwner: a, githubAppPrivateKey: s3cret",
        &["githubAppID: "],
    );
    check(user, app, id, &["spec.url names a user and the Secret has a GitHub App"]);
}
