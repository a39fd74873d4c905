//! Many rounds of one process against servers that fail now and then: memory, files, threads and the store stay
//! as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::program::signal;
use crate::servers::fake_registry::Fault as RegistryFault;
use crate::servers::git_http::Fault;
use crate::servers::wire::{Harm, Place, Wire};
use crate::world::{World, automation, policy, source};

const LISTING: &str = "/info/refs?service=git-upload-pack";
/// A fault is on for this long: a round with a stalled server takes one second, one that asks again a little more.
const FAULT: Duration = Duration::from_millis(1200);

/// For the notes on one small file in two versions, and a ledger of one repository.
const MEMORY_MAX: u64 = 2 << 20;

#[test]
fn three_hundred_rounds_with_faults_leave_nothing_behind() {
    let world = World::simple();
    let wire = Wire::to(world.git.addr());
    let source = source("app")
        .replace("GIT/", &format!("http://{}/", wire.addr()))
        .replace("interval: 1m,", "interval: 1m, timeout: 1s,");
    world.objects("all.yaml", &(policy("web", "^1") + &source + &automation("apps", "app", "./apps")));
    world.scan_every("10ms");
    let mut command = world.sync_command("state", &["--every", "1ms", "-o", "json"]);
    let child = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts"));
    // The first rounds fill caches and pools, and see each fault before and after the commit.
    soak(&world, &wire, 8);
    soak(&world, &wire, 8);
    let before = Usage::of(&child.0, &world.path("state"));
    soak(&world, &wire, 60);
    let after = Usage::of(&child.0, &world.path("state"));
    child.end();
    assert_eq!(world.git.log("app.git", "main"), ["update apps", "first"]);
    after.is_no_more_than(&before);
}

/// A child that does not outlive a test that fails.
struct Running(Child);

impl Running {
    fn end(mut self) {
        signal(&self.0, "TERM");
        assert!(self.0.wait().expect("it ends").code().is_some(), "killed by a signal");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Five times `between` rounds, and a fault after each.
fn soak(world: &World, wire: &Wire, between: usize) {
    // First, since the client tries again for some seconds before the scan has failed.
    world.registry.fault(RegistryFault::status(500), 3);
    for fault in [Fault::Status(500), Fault::Stall, Fault::Truncate(40)] {
        rounds(world, between);
        world.git.misbehave(LISTING, fault);
        sleep(FAULT);
        world.git.behave();
    }
    rounds(world, between);
    // The server is gone: connections are taken and closed.
    wire.break_at(LISTING, Place::Answer(|_| 0), Harm::Vanish);
    sleep(FAULT);
    wire.mend();
    rounds(world, between);
}

fn rounds(world: &World, wanted: usize) {
    let (start, mut seen) = (Instant::now(), 0);
    world.git.requests();
    while seen < wanted {
        assert!(start.elapsed() < Duration::from_secs(60), "{seen} rounds in a minute");
        sleep(Duration::from_millis(10));
        seen += world.git.requests().iter().filter(|asked| asked.line.contains(LISTING)).count();
    }
}

/// What a process holds at one time.
#[derive(Debug)]
struct Usage {
    resident_kib: u64,
    files: usize,
    threads: usize,
    store: BTreeMap<String, u64>,
}

impl Usage {
    fn of(child: &Child, state: &Path) -> Self {
        let process = Path::new("/proc").join(child.id().to_string());
        let status = fs::read_to_string(process.join("status")).expect("a running process");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        let count = |folder| fs::read_dir(process.join(folder)).expect("a folder of the process").count();
        let mut store = BTreeMap::new();
        sizes(state, &mut store);
        Self {
            resident_kib: resident.trim().trim_end_matches(" kB").parse().expect("a number"),
            files: count("fd"),
            threads: count("task"),
            store,
        }
    }

    fn is_no_more_than(&self, before: &Self) {
        // A connection or a pool's thread may be alive at one time and not at the other.
        assert!(self.files <= before.files + 4, "files: {} -> {}", before.files, self.files);
        assert!(self.threads <= before.threads + 4, "threads: {} -> {}", before.threads, self.threads);
        let allowed = before.resident_kib + 4096;
        assert!(self.resident_kib <= allowed, "memory: {} -> {} KiB", before.resident_kib, self.resident_kib);
        let (memory, after) = without_memory(&self.store);
        assert_eq!(after, without_memory(&before.store).1, "the store");
        assert!(memory <= MEMORY_MAX, "notes and ledger: {memory} bytes");
    }
}

/// How large the notes on files and the ledger are together, and the other files. A note is written for what a file came
/// to when its policy had no latest image, which may happen at one time and not at the other, and at most four are kept
/// of a file. A database takes room before it needs it.
fn without_memory(store: &BTreeMap<String, u64>) -> (u64, BTreeMap<&String, u64>) {
    let is_memory = |path: &str| path.contains("/notes-") || path.ends_with("/ledger.redb");
    let (memory, others): (Vec<_>, Vec<_>) = store.iter().partition(|(path, _)| is_memory(path));
    (memory.into_iter().map(|(_, size)| size).sum(), others.into_iter().map(|(path, size)| (path, *size)).collect())
}

fn sizes(folder: &Path, into: &mut BTreeMap<String, u64>) {
    for entry in fs::read_dir(folder).expect("a folder of the state").flatten() {
        let path = entry.path();
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => sizes(&path, into),
            Ok(metadata) => drop(into.insert(path.display().to_string(), metadata.len())),
            // Made and removed by a round between the two looks.
            Err(_) => {}
        }
    }
}
