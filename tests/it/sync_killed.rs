//! Runs that are killed or stopped around a push, and runs of others meanwhile: one commit, nothing set back.

use std::process::{Child, Stdio};
use std::time::Duration;

use crate::program::{signal, wait_for};
use crate::servers::git_http::{Fault, git};
use crate::world::World;

const PUSH: &str = "POST /app.git/git-receive-pack";
const LISTING: &str = "info/refs?service=git-receive-pack";

#[test]
fn killed_around_a_push_the_next_run_makes_exactly_one_commit() {
    // Before anything is sent, while the server has not looked, and after it has done everything but answer.
    for (on, fault, is_done) in [(LISTING, Fault::Stall, false), (PUSH, Fault::Stall, false), (PUSH, Fault::Lose, true)]
    {
        let world = World::simple();
        world.git.misbehave(on, fault.clone());
        let mut child = start(&world, "state");
        wait_for(|| world.git.requests().iter().any(|asked| asked.line.contains(on)));
        wait_for(|| !is_done || world.git.log("app.git", "main").len() == 2);
        child.kill().expect("a child of ours");
        child.wait().expect("it ends");
        world.git.behave();
        assert_eq!(world.git.log("app.git", "main").len(), if is_done { 2 } else { 1 }, "{on} {fault:?}");
        world.sync(&[]).ok();
        world.sync(&["--exit-code"]).code_is(0);
        assert_eq!(world.git.log("app.git", "main"), ["update apps", "first"], "{on} {fault:?}");
    }
}

#[test]
fn a_run_that_is_stopped_for_a_while_sets_nothing_back() {
    for delay in [0, 10, 20, 30, 40, 60, 90, 150] {
        let world = World::simple();
        let slow = start(&world, "state");
        std::thread::sleep(Duration::from_millis(delay));
        signal(&slow, "STOP");
        // Commits carry whole seconds.
        std::thread::sleep(Duration::from_millis(1100));
        world.registry.push("acme/web", "1.0.2");
        let fast = start(&world, "other").wait_with_output().expect("it ends");
        assert!(fast.status.success(), "{}", String::from_utf8_lossy(&fast.stderr));
        signal(&slow, "CONT");
        let slow = slow.wait_with_output().expect("it ends");
        assert!(slow.status.success(), "{}", String::from_utf8_lossy(&slow.stderr));
        assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.2"), "stopped after {delay} ms");
        let trail = git(&world.git.path("app.git"), &["log", "--format=%B", "main"]);
        let changes: Vec<&str> = trail.lines().filter_map(|line| line.strip_prefix("Image-Change: ")).collect();
        assert!(changes[0].ends_with(":1.0.2") && changes.len() <= 2, "stopped after {delay} ms: {changes:?}");
    }
}

fn start(world: &World, state: &str) -> Child {
    let mut command = world.sync_command(state, &[]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}
