//! What happens while a look at a registry is under way: what is decided last is what is known last.

use std::time::Duration;

use crate::program::wait_for;
use crate::sync_stalls::{Running, rounds};
use crate::world::World;

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
