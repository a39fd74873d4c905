//! What stalls delays itself alone: servers that accept connections and never answer, beside servers that work.

use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::program::{signal, wait_for};
use crate::world::{World, policy};

/// A server that accepts connections and never answers.
struct Stalled(TcpListener);

impl Stalled {
    fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    fn addr(&self) -> String {
        self.0.local_addr().expect("a bound address").to_string()
    }
}

/// A repeated run; it is killed with the test, since what stalls would keep it.
struct Running(Child);

impl Running {
    fn start(world: &World, more: &[&str]) -> Self {
        let mut command = world.sync_command("state", more);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts"))
    }
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
        wait_for(|| world.web_image("main") == world.registry.image(&format!("acme/web:{version}")));
    }
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}
