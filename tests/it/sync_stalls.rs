//! What stalls delays itself alone: servers that accept connections and never answer, beside servers that work.

use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tagwright::engine::scan::{ScanRequest, scan};
use tagwright::net::{Connection, Http, Proxy, Settings};
use tagwright::registry::{Access, Client, Limits};

use crate::program::{signal, wait_for};
use crate::servers::fake_registry::FakeRegistry;
use crate::servers::git_http::Fault;
use crate::world::{World, automation, deployment, policy, source};

/// A server that accepts connections and never answers.
pub(crate) struct Stalled(TcpListener);

impl Stalled {
    fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    fn addr(&self) -> String {
        self.0.local_addr().expect("a bound address").to_string()
    }
}

/// A repeated run; it is killed with the test, since what stalls would keep it.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(world: &World, more: &[&str]) -> Self {
        let mut command = world.sync_command("state", &[&["-o", "json"], more].concat());
        let told = File::create(world.path("told")).expect("a file");
        Self(command.stdout(told).stderr(Stdio::null()).spawn().expect("the program starts"))
    }
}

/// The rounds that were told so far.
pub(crate) fn rounds(world: &World) -> Vec<Value> {
    let told = std::fs::read_to_string(world.path("told")).expect("what was told");
    told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What each round told of an automation.
fn told_of(world: &World, automation: &str) -> Vec<Value> {
    let rounds = rounds(world);
    let automations = rounds.iter().flat_map(|round| round["automations"].as_array().expect("automations"));
    automations.filter(|told| told["name"] == automation).cloned().collect()
}

pub(crate) fn has_image(world: &World, version: &str) -> bool {
    world.web_image("main") == world.registry.image(&format!("acme/web:{version}"))
}

impl Drop for Running {
    fn drop(&mut self) {
        signal(&self.0, "KILL");
        self.0.wait().expect("a child of ours");
    }
}

#[test]
fn a_registry_with_many_stalled_scans_delays_no_other_registry() {
    let world = World::simple();
    world.scan_every("200ms");
    let stalled = Stalled::start();
    // More than may be asked at once: most of them wait for their turn.
    let many: String = (0..40)
        .map(|n| {
            policy(&format!("a{n:02}"), "^1").replace("REGISTRY", &stalled.addr()).replace("1m}", "1m, timeout: 5m}")
        })
        .collect();
    world.objects("many.yaml", &many);
    let start = Instant::now();
    let _running = Running::start(&world, &["--every", "1h"]);
    for version in ["1.0.1", "1.0.2", "1.0.3"] {
        world.registry.push("acme/web", version);
        wait_for(|| has_image(&world, version));
    }
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}

#[test]
fn a_proxy_that_stalls_delays_nobody_who_goes_without_it() {
    let (registry, stalled) = (FakeRegistry::start(), Stalled::start());
    registry.push("acme/web", "1.0.0");
    let request = |name: &str, proxy: Option<Proxy>| ScanRequest {
        repository: registry.image(name).parse().expect("a repository"),
        access: Access {
            connection: Connection { proxy, ..Connection::default() },
            timeout: Some(Duration::from_secs(300)),
            ..Access::default()
        },
        exclusions: Vec::new(),
    };
    let proxy = Proxy::new(&format!("http://{}", stalled.addr()), None).expect("a proxy");
    // More than the registry may be asked at once.
    let mut requests: Vec<ScanRequest> = (0..40).map(|n| request(&format!("acme/a{n}"), Some(proxy.clone()))).collect();
    requests.push(request("acme/web", None));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.spawn(async move {
        let client = Client::new(Http::new(Settings::default()).expect("HTTP clients"), Limits::default());
        scan(&client, &requests).await
    });
    wait_for(|| registry.calls().iter().any(|call| call.contains("/acme/web/tags/list")));
    runtime.shutdown_background();
}

#[test]
fn git_servers_that_stall_delay_no_other() {
    let world = World::simple();
    world.scan_every("200ms");
    let stalled = Stalled::start();
    // More than are worked on at once at one server.
    let many: String = (0..6)
        .map(|n| {
            let name = format!("stuck{n}");
            let url = format!("http://{}/{name}.git', timeout: 5m", stalled.addr());
            source(&name).replace(&format!("GIT/{name}.git'"), &url) + &automation(&name, &name, ".")
        })
        .collect();
    world.objects("many.yaml", &many);
    let start = Instant::now();
    let _running = Running::start(&world, &["--every", "500ms"]);
    for version in ["1.0.1", "1.0.2", "1.0.3"] {
        world.registry.push("acme/web", version);
        wait_for(|| has_image(&world, version));
    }
    // The round of the whole is told without those that stall, and they do not keep the next ones.
    wait_for(|| rounds(&world).iter().any(|round| round["whole"] == true));
    assert!(told_of(&world, "stuck0").iter().all(|told| told["running"] == true && told["error"].is_null()));
    let image = world.registry.image("acme/web:1.0.0");
    world.git.commit("app.git", "main", &[("apps/web.yaml", &deployment(&image, "web"))], "by hand");
    wait_for(|| has_image(&world, "1.0.3"));
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
    let commits = told_of(&world, "apps").iter().filter(|told| told["commit"].is_string()).count();
    wait_for(|| told_of(&world, "apps").iter().filter(|told| told["commit"].is_string()).count() == 4);
    assert!(commits <= 4, "each commit is told once");
}

#[test]
fn runs_of_one_remote_do_not_overlap() {
    let world = World::simple();
    world.scan_every("100ms");
    world.edit("interval: 1m, ref", "interval: 1m, timeout: 6s, ref");
    world.git.misbehave("info/refs", Fault::Stall);
    let _running = Running::start(&world, &["--every", "100ms"]);
    let mut asked = 0;
    let mut listings = || {
        asked += world.git.requests().iter().filter(|asked| asked.line.contains("info/refs")).count();
        asked
    };
    wait_for(|| listings() == 1);
    for version in ["1.0.2", "1.0.3", "1.0.4"] {
        world.registry.push("acme/web", version);
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(listings(), 1, "the others wait");
    world.git.behave();
    wait_for(|| has_image(&world, "1.0.4"));
    assert_eq!(world.git.log("app.git", "main"), ["update apps", "first"]);
    let error = told_of(&world, "apps")[0]["error"]["message"].clone();
    assert!(error.as_str().is_some_and(|error| error.contains("timed out after 6 s")), "{error}");
}

/// Two automations write to one remote; one of the policies of the second, which is in a namespace of its own, waits for
/// a registry.
pub(crate) fn world_with_a_stalled_team() -> (World, Stalled) {
    let world = World::simple();
    let stalled = Stalled::start();
    let text = world.fill(&deployment("REGISTRY/acme/web:1.0.0", "web"));
    let other = text.replace("flux-system:web", "team:web");
    world.git.commit("app.git", "main", &[("team/web.yaml", &other)], "team");
    let objects = policy("web", "^1") + &policy("slow", "^1").replace("REGISTRY", &stalled.addr());
    let objects = objects.replace("1m}", "1m, timeout: 5m}") + &source("app") + &automation("apps", "app", "./team");
    world.objects("team.yaml", &objects.replace("flux-system", "team"));
    (world, stalled)
}

#[test]
fn a_registry_that_stalls_holds_up_the_first_commit_of_its_own_automations_alone() {
    let (world, _stalled) = world_with_a_stalled_team();
    let _running = Running::start(&world, &["--every", "1h"]);
    let image = |path: &str| world.git.read("app.git", "main", path).contains("acme/web:1.0.1");
    wait_for(|| image("apps/web.yaml"));
    assert!(!image("team/web.yaml"), "it waits for a registry");
    wait_for(|| image("team/web.yaml"));
    wait_for(|| rounds(&world).iter().any(|round| round["whole"] == true));
    let rounds = rounds(&world);
    assert_eq!(
        (&rounds[0]["whole"], &rounds[0]["automations"][0]["namespace"]),
        (&false.into(), &"flux-system".into())
    );
    assert_eq!(rounds[0]["policies"][0]["latest"]["tag"], "1.0.1", "what it brought is told with it");
    let commits = told_of(&world, "apps").iter().filter(|told| told["commit"].is_string()).count();
    assert_eq!(commits, 2);
}

#[test]
fn what_was_told_is_not_taken_back_by_a_round_that_waited_longer() {
    let check = |repository: &str, namespace: &str, name: &str| {
        let world = World::simple();
        world.scan_every("100ms");
        world.registry.push("acme/other", "1.0.1");
        let stalled = Stalled::start();
        let stuck = format!("http://{}/stuck.git', timeout: 5m", stalled.addr());
        let other = policy("other", "^1").replace("flux-system", "team").replace("1m}", "100ms}");
        let source = source("stuck").replace("GIT/stuck.git'", &stuck);
        world.objects("more.yaml", &(source + &automation("stuck", "stuck", ".") + &other));
        let _running = Running::start(&world, &["--every", "1h"]);
        wait_for(|| has_image(&world, "1.0.1"));
        world.registry.push(repository, "1.0.2");
        let tags = || -> Vec<String> {
            let rounds = rounds(&world);
            let policies = rounds.iter().flat_map(|round| round["policies"].as_array().expect("policies"));
            let told = policies.filter(|policy| policy["namespace"] == namespace && policy["name"] == name);
            told.map(|policy| policy["latest"]["tag"].to_string()).collect()
        };
        let has_whole = || rounds(&world).iter().any(|round| round["whole"] == true);
        wait_for(|| has_whole() && tags().iter().any(|tag| tag.contains("1.0.2")));
        let tags = tags();
        assert!(tags.is_sorted(), "{tags:?}");
        let commits: Vec<String> =
            told_of(&world, "apps").iter().map(|told| told["changes"][0]["new"].to_string()).collect();
        assert!(commits.is_sorted(), "{commits:?}");
    };
    // An automation brings the one and none the other.
    check("acme/web", "flux-system", "web");
    check("acme/other", "team", "other");
}
