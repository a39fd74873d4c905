//! No secret is told anywhere: one word in every one of them, and a search for it in all that a service lets out.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::program::signal;
use crate::servers::block_on;
use crate::servers::fake_registry::{FakeRegistry, TokenRules};
use crate::servers::git_http::git_output;
use crate::servers::proxy::{Kind, TestProxy};
use crate::servers::raw::{RawServer, Reply};
use crate::world::{World, automation, policy, source};

const CANARY: &str = "canary";
const TOKEN: &str = "canary-0123456789abcdef";

fn secret(name: &str, entries: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: flux-system}}\nstringData: {{{entries}}}\n"
    )
}

fn docker(name: &str, host: &str, entry: &str) -> String {
    secret(name, &format!(".dockerconfigjson: '{{\"auths\": {{\"{host}\": {entry}}}}}'"))
}

/// A policy with its image repository, whose image and further fields these are.
fn of(name: &str, image: &str, spec: &str) -> String {
    let policy = policy(name, "^1").replace(&format!("REGISTRY/acme/{name}"), image);
    policy.replace("interval: 1m}", &format!("interval: 1m, {spec}}}"))
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "no {what} within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A server that asks for a password and then repeats, in these words, what it was shown.
fn echo(words: &str) -> RawServer {
    let body = format!("{{\"errors\":[{{\"code\":\"DENIED\",\"message\":\"{words}\"}}]}}");
    let answer = |head: &str, body: &str| {
        let length = body.len();
        Reply::text(&format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"))
    };
    let asks = answer("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"", "");
    RawServer::start(vec![asks, answer("403 Forbidden", &body)])
}

#[test]
fn no_secret_is_told_anywhere() {
    let world = World::simple();
    world.registry.require_login("alice", "canary-password");
    let (refusing, tokens) = (FakeRegistry::start(), FakeRegistry::start());
    refusing.require_login("alice", "another");
    tokens.push("acme/tokens", "1.0.0");
    let login = Some(("alice".to_owned(), "canary-tokens".to_owned()));
    tokens.require_tokens(TokenRules { login, ..TokenRules::default() });
    let repeating = echo("no canary-repeated, no Basic YWxpY2U6Y2FuYXJ5LXJlcGVhdGVk");
    let http = TestProxy::start(Kind::Http, Some("user:canary-http"), &[]);
    let socks = TestProxy::start(Kind::Socks5, Some("user:canary-socks"), &[]);
    world.git.protect(&format!("Basic {}", STANDARD.encode("bot:canary-git")));

    let own = world.registry.addr().to_string();
    let others = [&refusing.addr().to_string(), &tokens.addr().to_string(), &repeating.addr().to_string()];
    let basic = |password: &str| format!("{{\"username\": \"alice\", \"password\": \"{password}\"}}");
    let mut objects = of("web", &format!("{own}/acme/web"), "secretRef: {name: web}, proxySecretRef: {name: http}");
    objects += &docker("web", &own, &basic("canary-password"));
    for (name, host, entry) in [
        ("denied", others[0], basic("canary-denied")),
        ("identity", others[0], "{\"identitytoken\": \"canary-identity\"}".to_owned()),
        ("token", others[0], "{\"registrytoken\": \"canary-registry\"}".to_owned()),
        ("broken", others[0], "{\"auth\": \"canary\"}".to_owned()),
        ("tokens", others[1], basic("canary-tokens")),
        ("refresh", others[1], "{\"identitytoken\": \"canary-refresh\"}".to_owned()),
        ("repeated", others[2], basic("canary-repeated")),
    ] {
        let proxy = if name == "tokens" { ", proxySecretRef: {name: socks}" } else { "" };
        objects += &of(name, &format!("{host}/acme/{name}"), &format!("secretRef: {{name: {name}}}{proxy}"));
        objects += &docker(name, host, &entry);
    }
    let address = |proxy: &TestProxy, scheme: &str| format!("address: '{scheme}://{}'", proxy.addr());
    objects += &secret("http", &format!("{}, username: user, password: canary-http", address(&http, "http")));
    objects += &secret("socks", &format!("{}, username: user, password: canary-socks", address(&socks, "socks5")));
    objects += &secret("hooks", &format!("token: {TOKEN}, github: canary-github, gitlab: canary-gitlab"));
    objects += &secret("git", "username: bot, password: canary-git");
    objects += &source("app").replace("ref:", "secretRef: {name: git}, ref:");
    world.objects("all.yaml", &(objects + &automation("apps", "app", "./apps")));

    let more = ["--every", "1h", "--listen", "127.0.0.1:0", "--hooks", "flux-system/hooks", "-o", "json"];
    let (out, err) = (world.path("stdout"), world.path("stderr"));
    let mut command = world.sync_command("state", &more);
    command.env("RUST_LOG", "trace");
    command.stdout(File::create(&out).expect("a file")).stderr(File::create(&err).expect("a file"));
    let mut child = command.spawn().expect("the program starts");
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned();
    wait_for("address", || text(&err).contains("listening at ") && text(&err).contains('\n'));
    let told = text(&err);
    let line = told.lines().find_map(|line| line.strip_prefix("listening at ")).expect("an address").to_owned();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a plain client");
    let get = |path: &str| {
        let request = client.get(format!("http://{line}{path}"));
        block_on(async move {
            let answer = request.send().await.expect("an answer");
            (answer.status().as_u16(), format!("{:?} {}", answer.headers().clone(), answer.text().await.expect("text")))
        })
    };
    wait_for("round", || get("/readyz").0 == 200);
    let body = r#"{"repository": "acme/web"}"#;
    let hook = |kind: &str, token: &str, header: (&str, &str)| {
        let request = client.post(format!("http://{line}/hooks/{kind}/{token}")).header(header.0, header.1).body(body);
        block_on(async move { request.send().await.expect("an answer").status().as_u16() })
    };
    assert_eq!(hook("generic", TOKEN, ("x-a", "b")), 202);
    assert_eq!(hook("gitlab", TOKEN, ("x-gitlab-token", "canary-gitlab")), 202);
    assert_eq!(hook("gitlab", TOKEN, ("x-gitlab-token", "canary-wrong")), 404);
    assert_eq!(hook("github", "canary-wrong-0123456789", ("authorization", "Bearer canary-wrong")), 404);
    wait_for("push", || world.web_image("main").ends_with(":1.0.1"));
    let metrics = get("/metrics").1;
    signal(&child, "TERM");
    child.wait().expect("a child of ours");

    // What was to happen has happened.
    assert!(http.asked().iter().any(|asked| asked.ends_with(" user:canary-http")));
    assert!(socks.asked().iter().any(|asked| asked.ends_with(" user:canary-socks")));
    let told = text(&out) + &text(&err);
    for expected in ["denied access", "no [redacted], no Basic [redacted]", "auths["] {
        assert!(told.contains(expected), "{expected} in {told}");
    }
    let log = git_output(&world.git.path("app.git"), &["log", "--all", "-p", "--format=raw"]).stdout;
    let mut all = vec![("stdout".to_owned(), text(&out).into_bytes()), ("stderr".to_owned(), text(&err).into_bytes())];
    all.extend([("metrics".to_owned(), metrics.into_bytes()), ("commits".to_owned(), log)]);
    all.extend(
        files(&world.path("state")).iter().map(|path| (path.display().to_string(), fs::read(path).expect("a file"))),
    );
    assert!(all.iter().any(|(name, _)| name.ends_with("ledger.redb")));
    let pairs = ["alice:canary-password", "alice:canary-denied", "alice:canary-tokens", "bot:canary-git"];
    let pairs = pairs.into_iter().chain(["alice:canary-repeated", "user:canary-http", "user:canary-socks"]);
    let words: Vec<String> = pairs.map(|pair| STANDARD.encode(pair)).chain([CANARY.to_owned()]).collect();
    for (name, bytes) in &all {
        for word in &words {
            if let Some(at) = memchr::memmem::find(bytes, word.as_bytes()) {
                let around = &bytes[at.saturating_sub(300)..bytes.len().min(at + 100)];
                panic!("{word} in {name}: {}", String::from_utf8_lossy(around));
            }
        }
    }
}
