//! No child process: a whole `sync`, push included, under `strace`, which sees every program that is started.

use std::process::Command;

use crate::world::World;

const NEEDED: &str = "the test needs strace (apt-get install strace) and permission to trace (ptrace)";

#[test]
fn a_whole_sync_starts_no_process() {
    let world = World::simple();
    let log = world.path("calls");
    let sync = world.sync_command("state", &[]);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-e", "signal=none", "-e", "trace=execve,execveat,fork,vfork,clone,clone3", "-o"]);
    traced.arg(&log).arg(sync.get_program()).args(sync.get_args()).env_clear();
    traced.envs(sync.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PATH", "/usr/bin:/bin");
    let run = traced.output().expect(NEEDED);
    assert!(run.status.success(), "{NEEDED}\n{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(world.git.log("app.git", "main"), ["update apps", "first"]);

    let calls = std::fs::read_to_string(&log).expect("the log of strace");
    let starts: Vec<&str> = calls.lines().filter(|call| starts_process(call)).collect();
    assert_eq!(starts.len(), 1, "only strace starts a program, and it starts tagwright: {starts:#?}");
    assert!(starts[0].contains("execve(") && starts[0].contains("tagwright"), "{starts:?}");
    assert!(calls.contains("CLONE_THREAD"), "strace saw no thread: {calls}");
}

/// A call of `strace -f`; a thread is no process. The second half of an interrupted call repeats the first.
fn starts_process(call: &str) -> bool {
    let is_thread = call.contains("CLONE_THREAD");
    !is_thread && !call.contains(" resumed>") && call.contains('(')
}
