//! Objects that are edited while work is under way: what was decided by the old ones is not pushed by the new ones.

use std::time::Duration;

use crate::program::wait_for;
use crate::sync_access::pull_secret;
use crate::sync_stalls::{Running, has_image, rounds};
use crate::world::{World, deployment};

/// A repeated run that has brought 1.0.1, scans each 100 ms and asks the `held` part of the registry for an answer that
/// does not come yet.
fn asking(world: &World, held: &'static str) -> Running {
    world.scan_every("100ms, timeout: 1m");
    let running = Running::start(world, &["--every", "100ms"]);
    wait_for(|| rounds(world).iter().any(|round| round["whole"] == true));
    assert!(world.web_image("main").contains("acme/web:1.0.1"));
    let asked = || world.registry.calls().iter().filter(|call| call.contains(held)).count();
    world.registry.hold(held);
    let before = asked();
    wait_for(|| asked() > before);
    world.registry.push("acme/web", "1.0.2");
    running
}

/// What was told last of the policy.
fn reason(world: &World) -> String {
    let rounds = rounds(world);
    let policies = rounds.iter().flat_map(|round| round["policies"].as_array().expect("policies"));
    let told = policies.last().cloned().unwrap_or_default();
    format!("{}{}", told["reason"].as_str().unwrap_or_default(), told["error"]["message"].as_str().unwrap_or_default())
}

#[test]
fn what_was_decided_by_other_objects_is_not_pushed() {
    let check = |old: &str, new: &str, told: &str| {
        let world = World::simple();
        let _running = asking(&world, "tags/list");
        world.edit(old, new);
        wait_for(|| told.is_empty() || reason(&world).contains(told));
        // Some rounds more, so that the edit is known.
        std::thread::sleep(Duration::from_secs(1));
        world.registry.release();
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(world.git.log("app.git", "main"), ["update apps", "first"], "{new}");
    };
    check("acme/web, ", "acme/web, suspend: true, ", "is suspended");
    check("acme/web, ", "acme/web, exclusionList: ['1.0.2'], ", "");
    check("'^1'", "'<1.0.2'", "");
    check("  imageRepositoryRef", "  suspend: true\n  imageRepositoryRef", "is suspended");
    check("  sourceRef", "  suspend: true\n  sourceRef", "");
}

#[test]
fn an_edited_policy_is_decided_before_its_automations_run() {
    let world = World::simple();
    let _running = Running::start(&world, &["--every", "2s"]);
    wait_for(|| has_image(&world, "1.0.1"));
    // Whichever comes first: the old policy would undo what is done by hand.
    world.edit("'^1'", "'<1.0.1'");
    let image = world.registry.image("acme/web:1.0.0");
    world.git.commit("app.git", "main", &[("apps/web.yaml", &deployment(&image, "web"))], "by hand");
    wait_for(|| reason(&world).contains("<1.0.1"));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(world.git.log("app.git", "main")[0], "by hand");
    assert!(has_image(&world, "1.0.0"));
}

#[test]
fn a_look_at_digests_that_is_overtaken_by_a_release_takes_nothing_back() {
    let world = World::simple();
    let always = "  digestReflectionPolicy: Always\n  interval: 100ms\n  policy: {semver";
    world.edit("  policy: {semver", always);
    let _running = asking(&world, "manifests/1.0.1");
    // Time enough for a scan that does not wait for the digest.
    std::thread::sleep(Duration::from_secs(1));
    world.registry.release();
    let has_tag = |tag: &str| world.web_image("main").contains(&format!("acme/web:{tag}@sha256:"));
    wait_for(|| has_tag("1.0.2"));
    world.registry.push("acme/web", "1.0.3");
    wait_for(|| has_tag("1.0.3"));
    assert_eq!(world.git.log("app.git", "main"), ["update apps", "update apps", "update apps", "first"]);
}

#[test]
fn a_secret_that_comes_back_is_used_at_once() {
    let world = World::simple();
    world.scan_every("1h");
    world.edit("interval: 1h}", "interval: 1h, secretRef: {name: pull}}");
    let secret = pull_secret(&world, "pull", "alice");
    world.objects("secret.yaml", &secret);
    let _running = Running::start(&world, &["--every", "100ms"]);
    wait_for(|| has_image(&world, "1.0.1"));
    std::fs::remove_file(world.path("objects/secret.yaml")).expect("the Secret");
    wait_for(|| reason(&world).contains("flux-system/pull"));
    world.objects("secret.yaml", &secret);
    wait_for(|| !reason(&world).contains("flux-system/pull"));
}

#[test]
fn an_edited_interval_of_digests_counts_from_now_on() {
    let world = World::simple();
    let always =
        |interval: &str| format!("  digestReflectionPolicy: Always\n  interval: {interval}\n  policy: {{semver");
    world.edit("  policy: {semver", &always("1h"));
    let _running = Running::start(&world, &["--every", "100ms"]);
    wait_for(|| world.web_image("main").contains("acme/web:1.0.1@sha256:"));
    world.edit(&always("1h"), &always("100ms"));
    let asked = || world.registry.calls().iter().filter(|call| call.contains("manifests/1.0.1")).count();
    wait_for(|| asked() > 10);
}
