//! Many writers and a foreign committer on one branch: every change arrives once, no commit of others is lost. The
//! history is checked from the remote alone. `tests/bench/contention` measures the same at full size.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::servers::git_http::{create_bare, foreign_commit, git};
use crate::sync::racing_commit;
use crate::world::{World, automation, deployment, policy, source};

#[test]
fn writers_over_http_make_each_change_once() {
    let world = World::new();
    world.git.create("app.git", &[]);
    contend(&world, 8, "GIT/app.git", &world.git.path("app.git"));
}

#[test]
fn writers_on_a_local_path_make_each_change_once() {
    let world = World::new();
    let path = world.path("app.git");
    create_bare(&path);
    contend(&world, 5, "file://FOLDER/app.git", &path);
}

/// Runs `processes` with two automations each against `url`, twice, while somebody else commits to `repository`.
fn contend(world: &World, processes: usize, url: &str, repository: &Path) {
    let names: Vec<String> = (0..processes * 2).map(|n| format!("w{n:02}")).collect();
    let manifests: Vec<(String, String)> = names
        .iter()
        .map(|name| (path_of(name), world.fill(&deployment(&format!("REGISTRY/acme/{name}:1.0.0"), name))))
        .collect();
    let files: Vec<(&str, &str)> = manifests.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    foreign_commit(repository, "main", &files, "first");
    names.chunks(2).for_each(|names| write_objects(world, names, url));

    let (ending, foreign) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let committer = thread::spawn({
        let (repository, ending, foreign) = (repository.to_path_buf(), Arc::clone(&ending), Arc::clone(&foreign));
        move || {
            while !ending.load(Ordering::Relaxed) {
                racing_commit(&repository, foreign.fetch_add(1, Ordering::Relaxed));
                thread::sleep(Duration::from_millis(500));
            }
        }
    });
    for round in 1..=2 {
        names.iter().for_each(|name| drop(world.registry.push(&format!("acme/{name}"), &format!("1.{round}.0"))));
        let children: Vec<Child> = names.chunks(2).map(|names| start(world, &names[0])).collect();
        for child in children {
            let output = child.wait_with_output().expect("the program ends");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    ending.store(true, Ordering::Relaxed);
    committer.join().expect("the committer");
    check(world, repository, &names, foreign.load(Ordering::Relaxed));
}

fn path_of(name: &str) -> String {
    format!("{name}/app.yaml")
}

fn objects_of(world: &World, first: &str) -> PathBuf {
    world.path(&format!("objects-{first}"))
}

fn write_objects(world: &World, names: &[String], url: &str) {
    let mut objects = source("app").replace("GIT/app.git", url);
    for name in names {
        objects += &(policy(name, "^1") + &automation(name, "app", name));
    }
    let folder = objects_of(world, &names[0]);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("all.yaml"), world.fill(&objects)).expect("a file");
}

fn start(world: &World, first: &str) -> Child {
    let mut command = crate::program::command(["sync", "--objects"], world.folder.path());
    command.arg(objects_of(world, first)).arg("--state").arg(world.path(&format!("state-{first}")));
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// Reads the history of `main`: linear; the foreign commits all there and in their order; each automation at each
/// version once, in order, and nothing changed but its value.
fn check(world: &World, repository: &Path, names: &[String], foreign: usize) {
    let commits = git(repository, &["rev-list", "--reverse", "--topo-order", "--parents", "main"]);
    let mut versions: BTreeMap<&str, u32> = names.iter().map(|name| (name.as_str(), 0)).collect();
    let mut next_foreign = 0;
    for line in commits.lines().skip(1) {
        let (commit, parent) = line.split_once(' ').expect("a commit with a parent");
        assert!(!parent.contains(' '), "{commit} is a merge");
        let subject = git(repository, &["log", "-1", "--format=%s", commit]);
        let changed = git(repository, &["diff-tree", "-r", "--no-commit-id", "--name-only", commit]);
        if let Some(number) = subject.trim().strip_prefix("foreign ") {
            assert_eq!((number, changed.trim()), (next_foreign.to_string().as_str(), "other.txt"), "{commit}");
            next_foreign += 1;
            continue;
        }
        let name = subject.trim().strip_prefix("update ").expect("one of ours");
        let version = versions.get_mut(name).expect("an automation of ours");
        assert_eq!(changed.trim(), path_of(name), "{commit}");
        let [before, after] = [parent, commit].map(|at| git(repository, &["show", &format!("{at}:{}", path_of(name))]));
        let image = |version: u32| world.registry.image(&format!("acme/{name}:1.{version}.0"));
        assert_eq!(before.replace(&image(*version), &image(*version + 1)), after, "{commit}");
        assert_ne!(before, after, "{commit} changes nothing");
        *version += 1;
    }
    assert_eq!(next_foreign, foreign);
    assert!(versions.values().all(|version| *version == 2), "{versions:?}");
    git(repository, &["fsck", "--strict", "--no-dangling"]);
}
