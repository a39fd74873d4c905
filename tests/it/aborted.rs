//! A fault of ours ends what it hits, and neither the service nor the work of others.

use std::sync::Arc;
use std::time::Duration;

use tagwright::engine::budget::PushBudget;
use tagwright::engine::decide::Selecting;
use tagwright::engine::memory::Memory;
use tagwright::engine::signing::Signers;
use tagwright::engine::update::Mode;
use tagwright::git::{Git, Limits};
use tagwright::metrics::Metrics;
use tagwright::net::{Http, Settings};
use tagwright::registry::{self, Client};
use tagwright::standalone::{Context, Inputs, Report, Watch};

use crate::servers::fake_registry::FakeRegistry;
use crate::servers::git_http::GitServer;
use crate::world::{World, automation, deployment, policy, source};

/// What it takes for rounds over `world`; whoever asks a server at one of `addrs` panics.
fn context(world: &World, addrs: Vec<String>) -> Context {
    let observer = move |host: &str, _| assert!(!addrs.iter().any(|addr| addr == host), "a fault of ours");
    let settings = Settings { observer: Some(Arc::new(observer)), ..Settings::default() };
    let http = Http::new(settings).expect("HTTP clients");
    let runtime = tokio::runtime::Handle::current();
    Context {
        selecting: Selecting {
            registry: Client::new(http.clone(), registry::Limits::default()),
            memory: Memory::default(),
            metrics: Metrics::default(),
            allow_older: false,
            patterns: Default::default(),
        },
        git: Git::new(world.path("state"), http, runtime, Limits::default()),
        mode: Mode::Push,
        signers: Signers::default(),
        budget: PushBudget::default(),
    }
}

/// The error of each policy and automation by name, `None` of those that went well.
fn errors(report: &Report) -> Vec<(&str, Option<&str>)> {
    let policies = report.policies.iter().map(|policy| (policy.policy.name.as_str(), policy.error.as_ref()));
    let automations = report.automations.iter().map(|told| (told.automation.name.as_str(), told.error.as_ref()));
    policies.chain(automations).map(|(name, error)| (name, error.map(|cause| cause.message.as_str()))).collect()
}

#[test]
fn a_panic_ends_neither_the_service_nor_the_work_of_others() {
    let world = World::simple();
    let (registry, git) = (FakeRegistry::start(), GitServer::start());
    registry.push("acme/bad", "1.0.0");
    let image = world.registry.image("acme/web:1.0.0");
    git.create("bad.git", &[("web.yaml", &deployment(&image, "web"))]);
    let objects = policy("bad", "^1").replace("REGISTRY", &registry.addr().to_string())
        + &source("bad").replace("GIT/bad.git", &git.url("bad.git"))
        + &automation("bad", "bad", ".");
    world.objects("bad.yaml", &objects);
    let inputs = Inputs { paths: vec![world.path("objects")], secrets: Vec::new(), namespace: "default".to_owned() };
    let objects = inputs.read().expect("the objects");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let bad = vec![registry.addr().to_string(), git.addr().to_string()];
        let mut watch = Watch::new(context(&world, bad), objects).await;
        let report = watch.next().await;
        let told = errors(&report);
        let decision = told.iter().find(|(name, error)| *name == "bad" && error.is_some()).expect("the policy");
        assert!(decision.1.is_some_and(|error| error.contains("/acme/bad was aborted")), "{told:?}");
        assert!(
            told[2..].iter().any(|(_, error)| error.is_some_and(|e| e.contains("the update was aborted"))),
            "{told:?}"
        );
        assert!(told.contains(&("web", None)) && told.contains(&("apps", None)), "{told:?}");
        // It goes on.
        world.registry.push("acme/web", "1.0.2");
        watch.hook(|repository| repository.to_string().contains("acme/web"));
        let commit = async { while !watch.next().await.automations.iter().any(|told| told.commit.is_some()) {} };
        tokio::time::timeout(Duration::from_secs(60), commit).await.expect("a commit");
        watch.finish().await;
    });
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.2"));
}
