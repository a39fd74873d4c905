//! From the push of an image over a webhook to the commit, end to end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tagwright::server::senders;

use crate::program::{signal, wait_for};
use crate::servers::block_on;
use crate::servers::docker_registry::{DockerRegistry, Listener};
use crate::servers::fake_registry::{Fault, TokenRules};
use crate::servers::git_http::foreign_commit;
use crate::sync_stalls::world_with_a_stalled_team;
use crate::world::{World, automation, deployment, policy, source};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn hooks_secret() -> String {
    format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: hooks, namespace: flux-system}}\nstringData: {{token: {TOKEN}}}\n"
    )
}

/// A repeated run with its server; it ends with the test.
struct Service {
    child: Child,
    addr: SocketAddr,
    /// What it said on stderr.
    told: Arc<Mutex<Vec<String>>>,
}

impl Service {
    /// Its rounds are an hour apart: what happens before is because of a hook.
    fn start(world: &World, listen: &str) -> Self {
        Self::start_with(world, listen, &["--every", "1h"])
    }

    fn start_with(world: &World, listen: &str, more: &[&str]) -> Self {
        let more = [&["--listen", listen, "--hooks", "flux-system/hooks"], more].concat();
        Self::run(world.sync_command("state", &more))
    }

    fn run(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, receiver) = std::sync::mpsc::channel();
        let told = Arc::new(Mutex::new(Vec::new()));
        let telling = told.clone();
        // Read to the end: a full pipe would stop the program.
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if let Some(addr) = line.strip_prefix("listening at ") {
                    sender.send(addr.to_owned()).expect("somebody waits");
                }
                telling.lock().expect("no poisoned lock").push(line);
            }
        });
        let addr = receiver.recv_timeout(Duration::from_secs(60)).expect("it listens");
        let service = Self { child, addr: addr.parse().expect("an address"), told };
        wait_for(|| service.get("/readyz").0 == 200);
        service
    }

    fn get(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.addr);
        block_on(async move {
            let answer = client().get(url).send().await.expect("an answer");
            (answer.status().as_u16(), answer.text().await.expect("a body"))
        })
    }

    fn hook(&self, body: &str) -> u16 {
        self.hook_by(TOKEN, body)
    }

    fn hook_by(&self, token: &str, body: &str) -> u16 {
        let (url, body) = (format!("http://{}/hooks/generic/{token}", self.addr), body.to_owned());
        block_on(async move { client().post(url).body(body).send().await.expect("an answer").status().as_u16() })
    }
}

impl Service {
    /// How many lines it wrote that begin so.
    fn told(&self, start: &str) -> usize {
        self.told.lock().expect("no poisoned lock").iter().filter(|line| line.starts_with(start)).count()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        signal(&self.child, "TERM");
        self.child.wait().expect("a child of ours");
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a plain client")
}

#[test]
fn metrics_tell_how_often_a_token_was_there_already() {
    let world = World::simple();
    world.registry.require_tokens(TokenRules::default());
    world.objects("hooks.yaml", &hooks_secret());
    let service = Service::start(&world, "127.0.0.1:0");
    let lookups = |hit: bool| format!("tagwright_cache_lookups_total{{cache=\"token\",hit=\"{hit}\"}} 1\n");
    let metrics = service.get("/metrics").1;
    assert!(metrics.contains(&lookups(false)) && !metrics.contains(&lookups(true)), "{metrics}");
    assert_eq!(service.hook(r#"{"repository": "acme/web"}"#), 202);
    wait_for(|| service.get("/metrics").1.contains(&lookups(true)));
    assert!(service.get("/metrics").1.contains(&lookups(false)));
}

#[test]
fn every_metric_moves_with_what_it_counts() {
    let world = World::simple();
    world.registry.push("acme/other", "1.0.0");
    world.objects("other.yaml", &(policy("other", "^1") + &hooks_secret()));
    let rule = "registries:\n- {name: fake, api_url: 'http://REGISTRY', prefix: 'REGISTRY', limit: 2}\n";
    std::fs::write(world.path("registries.yaml"), world.fill(rule)).expect("a file");
    world.registry.fault(Fault::status(503), 1);
    let (path, mut races) = (world.git.path("app.git"), 0);
    world.git.before_push(move || {
        races += 1;
        if races == 1 {
            foreign_commit(&path, "main", &[("other.txt", "1\n")], "foreign");
        }
    });
    let registries = world.path("registries.yaml").display().to_string();
    let service = Service::start_with(&world, "127.0.0.1:0", &["--every", "1s", "--registries", &registries]);
    // A policy that changes is decided by the tags that are known.
    world.edit("'^1'", "'1.x'");
    assert_eq!(service.hook(r#"{"repository": "acme/web"}"#), 202);
    let host = world.registry.addr();
    for line in [
        "tagwright_scans_total{outcome=\"changed\"} 2".to_owned(),
        "tagwright_scans_total{outcome=\"unchanged\"} ".to_owned(),
        "tagwright_scan_duration_seconds_count ".to_owned(),
        format!("tagwright_tags{{repository=\"{host}/acme/web\"}} 2"),
        format!("tagwright_http_requests_total{{host=\"{host}\",code=\"200\"}} "),
        format!("tagwright_http_retries_total{{host=\"{host}\",code=\"503\"}} 1"),
        format!("tagwright_rate_waits_total{{host=\"{host}\"}} "),
        format!("tagwright_rate_wait_seconds_total{{host=\"{host}\"}} "),
        "tagwright_cache_lookups_total{cache=\"scan\",hit=\"true\"} ".to_owned(),
        "tagwright_updates_total{outcome=\"pushed\"} 1".to_owned(),
        "tagwright_update_duration_seconds_count ".to_owned(),
        "tagwright_update_lag_seconds_count 1".to_owned(),
        "tagwright_git_ref_listings_total ".to_owned(),
        "tagwright_git_fetches_total ".to_owned(),
        "tagwright_git_pushes_total 1".to_owned(),
        "tagwright_git_pushes_lost_total 1".to_owned(),
        "tagwright_git_push_retries_total 1".to_owned(),
        "tagwright_hooks_total{sender=\"generic\",outcome=\"due\"} 1".to_owned(),
    ] {
        let moved = |found: &str| found.strip_prefix(&line).is_some_and(|rest| rest != "0");
        wait_for(|| service.get("/metrics").1.lines().any(moved));
    }
}

#[test]
fn a_hook_makes_one_scan_of_one_repository_and_a_commit() {
    let world = World::simple();
    world.registry.push("acme/other", "1.0.0");
    world.objects("other.yaml", &(policy("other", "^1") + &hooks_secret()));
    let service = Service::start(&world, "127.0.0.1:0");
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"));
    world.registry.push("acme/web", "1.0.2");
    world.registry.push("acme/other", "1.0.1");
    world.registry.forget_requests();
    let ref_listings = world.git.requests().len();
    assert!(ref_listings > 0);
    assert_eq!(service.hook(r#"{"repository": "acme/web"}"#), 202);
    wait_for(|| world.web_image("main") == world.registry.image("acme/web:1.0.2"));
    assert_eq!(world.registry.calls(), ["GET /v2/acme/web/tags/list?n=1000"]);
    // One that brings nothing new: some scans, since the tag may not be listed yet, and not a look at Git.
    wait_for(|| service.get("/metrics").1.contains("outcome=\"pushed\"} 2"));
    world.git.requests();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(service.hook(r#"{"repository": "acme/web"}"#), 202);
    wait_for(|| world.registry.calls().len() == 6);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(world.registry.calls().len(), 6);
    assert!(world.git.requests().is_empty());
    let metrics = service.get("/metrics").1;
    for expected in ["tagwright_scans_total{outcome=\"changed\"} 3", "tagwright_update_lag"] {
        assert!(metrics.contains(expected), "{expected} in {metrics}");
    }
}

#[test]
fn a_hook_names_a_repository_as_it_is_asked() {
    let world = World::new();
    for name in ["acme/web", "acme/other"] {
        world.registry.push(name, "1.0.0");
    }
    world.git.create("app.git", &[("apps/web.yaml", &deployment("web:1.0.0", "web"))]);
    let policies = (policy("web", "^1") + &policy("other", "^1")).replace("REGISTRY/acme/", "");
    world.objects("all.yaml", &(policies + &source("app") + &automation("apps", "app", ".") + &hooks_secret()));
    let rule = "registries:\n- {name: own, api_url: 'http://REGISTRY', default: true, defaultns: acme}\n";
    std::fs::write(world.path("registries.yaml"), world.fill(rule)).expect("a file");
    let registries = world.path("registries.yaml").display().to_string();
    let service = Service::start_with(&world, "127.0.0.1:0", &["--every", "1h", "--registries", &registries]);
    let names = ["REGISTRY/acme/web", "acme/web", "web", "docker.io/library/web"];
    for (number, name) in names.into_iter().enumerate() {
        let tag = format!("1.1.{number}");
        world.registry.push("acme/web", &tag);
        world.registry.forget_requests();
        assert_eq!(service.hook(&world.fill(&format!(r#"{{"repository": "{name}"}}"#))), 202);
        wait_for(|| world.web_image("main") == format!("web:{tag}"));
        assert!(world.registry.calls().iter().all(|call| call.contains("/acme/web/")), "{:?}", world.registry.calls());
    }
}

#[test]
fn the_environment_may_name_a_sender_as_a_url_does() {
    let world = World::simple();
    let more = ["--every", "1h", "--listen", "127.0.0.1:0", "--hooks", "flux-system/hooks"];
    let mut command = world.sync_command("state", &more);
    command.args(["--secret", "flux-system/hooks=env:HOOKS"]).env("HOOKS_TOKEN", TOKEN);
    // Those that cannot sign have no key.
    let unsigned = ["dockerhub", "docker.io", "quay", "quay.io", "aliyun-acr", "pubsub", "gcr", "gar"];
    // The others by the last of their names: one sender has one key.
    let also = ["github", "ghcr", "gitea", "acr", "ecr", "artifactory"];
    for name in senders().filter(|name| !unsigned.contains(name) && !also.contains(name)) {
        command.env(format!("HOOKS_{}", name.replace('.', "_").to_uppercase()), "correct horse battery");
    }
    let service = Service::run(command);
    assert_ne!(service.hook(r#"{"repository": "acme/web"}"#), 202, "the proof is missing");
}

#[test]
fn strangers_who_hold_every_connection_do_not_make_a_probe_fail() {
    let world = World::simple();
    world.objects("hooks.yaml", &hooks_secret());
    let service = Service::start(&world, "127.0.0.1:0");
    // More than there are places, from three addresses with less than each of them may have.
    let mut strangers: Vec<_> = (0..600).map(|number| connect(service.addr, [2, 3, 4][number % 3])).collect();
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(service.get(path).0, 200, "{path}");
    }
    assert_eq!(service.hook(r#"{"repository": "acme/none"}"#), 202);
    // The oldest one has given way, the newest is still heard.
    assert!(matches!(strangers[0].read(&mut [0]), Ok(0) | Err(_)), "the oldest one is closed");
    let mut answer = String::new();
    let newest = &mut strangers[599];
    newest.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is open");
    newest.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// A connection from 127.0.0.`last`.
fn connect(to: SocketAddr, last: u8) -> TcpStream {
    let stream = block_on(async move {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0)))?;
        socket.connect(to).await?.into_std()
    });
    let stream = stream.expect("a connection");
    stream.set_nonblocking(false).expect("a socket");
    stream
}

#[test]
fn a_renewed_token_is_taken_and_a_broken_one_is_told_once() {
    let world = World::simple();
    let folder = world.path("hooks");
    std::fs::create_dir(&folder).expect("a folder");
    let write = |token: &str| {
        std::fs::write(folder.join("..part"), token).expect("a file");
        std::fs::rename(folder.join("..part"), folder.join("token")).expect("the token");
    };
    write(TOKEN);
    let secret = format!("flux-system/hooks={}", folder.display());
    let service = Service::start_with(&world, "127.0.0.1:0", &["--every", "1s", "--secret", &secret]);
    let ping = r#"{"repository": "acme/none"}"#;
    assert_eq!(service.hook(ping), 202);
    let next = TOKEN.replace('0', "f");
    write(&next);
    wait_for(|| service.hook_by(&next, ping) == 202);
    assert_ne!(service.hook(ping), 202);
    let warning = "warning: --hooks flux-system/hooks: key token is too easy to guess";
    assert_eq!((service.told(warning), service.told("webhooks: Secret flux-system/hooks was read anew")), (0, 1));
    write("guess");
    wait_for(|| service.told(warning) == 1);
    // Some rounds more.
    world.edit("'^1'", "'1.x'");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(service.hook_by(&next, ping), 202);
    std::fs::remove_file(folder.join("token")).expect("the token");
    wait_for(|| service.told("warning: --hooks flux-system/hooks: reading the secret of the webhooks: key token") == 1);
    assert_eq!(service.hook_by(&next, ping), 202);
    write(TOKEN);
    wait_for(|| service.hook(ping) == 202);
    assert_eq!(service.told(warning), 1);
}

#[test]
fn a_tag_that_is_listed_after_its_hook_is_committed_soon() {
    let world = World::simple();
    world.scan_every("1h");
    world.objects("hooks.yaml", &hooks_secret());
    let service = Service::start(&world, "127.0.0.1:0");
    for version in ["1.0.2", "1.0.3"] {
        assert_eq!(service.hook(r#"{"repository": "acme/web"}"#), 202);
        std::thread::sleep(Duration::from_millis(300));
        assert_ne!(world.web_image("main"), world.registry.image(&format!("acme/web:{version}")));
        let start = Instant::now();
        world.registry.push("acme/web", version);
        wait_for(|| world.web_image("main") == world.registry.image(&format!("acme/web:{version}")));
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    }
}

#[test]
fn a_registry_that_stalls_does_not_hold_up_the_first_round() {
    let world = World::simple();
    let stalled = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = stalled.local_addr().expect("a bound address").to_string();
    let other = policy("other", "^1").replace("REGISTRY", &addr).replace("interval: 1m}", "interval: 1m, timeout: 5m}");
    world.objects("other.yaml", &(other + &hooks_secret()));
    let start = Instant::now();
    let service = Service::start(&world, "127.0.0.1:0");
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"));
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    // It goes on beside the scan that stalls.
    world.registry.push("acme/web", "1.0.2");
    assert_eq!(service.hook(r#"{"repository": "acme/web"}"#), 202);
    wait_for(|| world.web_image("main") == world.registry.image("acme/web:1.0.2"));
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}

#[test]
fn a_service_is_ready_when_its_first_round_is_whole() {
    let (world, _stalled) = world_with_a_stalled_team();
    world.objects("hooks.yaml", &hooks_secret());
    // What is decided early is committed before; what waits for a registry is in the whole.
    let _service = Service::start(&world, "127.0.0.1:0");
    let team = world.git.read("app.git", "main", "team/web.yaml");
    assert!(team.contains("acme/web:1.0.1"), "{team}");
}

#[test]
fn an_image_pushed_to_a_real_registry_is_committed_at_once() {
    let addr = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let registry = DockerRegistry::start_notifying(&Listener {
        url: format!("http://{addr}/hooks/distribution/{TOKEN}"),
        authorization: "Bearer one".to_owned(),
    });
    let world = World::new();
    registry.push_image("acme/web", "1.0.0", "first");
    let fill = |text: &str| text.replace("REGISTRY", &registry.addr().to_string());
    world.git.create("app.git", &[("apps/web.yaml", &fill(&deployment("REGISTRY/acme/web:1.0.0", "web")))]);
    let objects = policy("web", "^1").replace("interval: 1m}", "interval: 1h}") + &hooks_secret();
    world.objects("all.yaml", &fill(&(objects + &source("app") + &automation("apps", "app", "."))));
    let service = Service::start(&world, &addr.to_string());
    for version in ["1.0.1", "1.0.2", "1.0.3"] {
        registry.push_image("acme/web", version, version);
        let start = Instant::now();
        wait_for(|| world.web_image("main") == registry.image(&format!("acme/web:{version}")));
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    }
    drop(service);
    assert_eq!(world.git.log("app.git", "main").len(), 4);
}

#[test]
fn a_port_that_is_taken_is_told_with_advice() {
    let world = World::simple();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let told = world.sync(&["--every", "1h", "--listen", &address]).code_is(2).stderr;
    let expected = format!("error: listening at {address}: Address already in use");
    assert!(told.contains(&expected) && told.contains("hint: another process has this port"), "{told}");
}
