//! Bad servers and bad remotes: one clear error each, and the next run works.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::servers::fake_registry::Fault as RegistryFault;
use crate::servers::git_http::{Fault, create_bare, git};
use crate::world::{World, automation, deployment, policy, source};

/// Runs a sync that must fail; the errors must hold `expected`, and nothing may have been pushed.
#[track_caller]
fn fails(world: &World, expected: &str) {
    let run = world.sync(&[]).code_is(2);
    let errors: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(run.stderr.contains(expected), "{expected:?} in {}", run.stderr);
    assert_eq!(errors.len(), 1, "one error, not {errors:#?}");
}

#[test]
fn faults_of_git_servers_are_told_apart() {
    let check = |on: &str, fault: Fault, expected: &str| {
        let world = World::simple();
        world.git.misbehave(on, fault);
        fails(&world, expected);
        assert_eq!(world.git.log("app.git", "main"), ["first"]);
        world.git.behave();
        world.sync(&[]).ok();
        assert_eq!(world.git.log("app.git", "main"), ["update apps", "first"]);
    };
    check("info/refs", Fault::Status(401), "asks for credentials");
    check("info/refs", Fault::Status(403), "the server forbids this (403) (remote: no)");
    check("info/refs", Fault::Status(404), "404");
    check("info/refs", Fault::Status(500), "500");
    check("info/refs", Fault::Html, "HTML");
    check("info/refs", Fault::Truncate(40), "app.git");
    check("POST", Fault::Truncate(100), "app.git");
    check("info/refs", Fault::Redirect("http://other.example.com/app.git/info/refs".to_owned()), "redirect");
    check("git-receive-pack", Fault::Status(403), "403");
}

#[test]
fn faults_of_registries_are_told_apart() {
    let check = |fault: RegistryFault, expected: &str| {
        let world = World::simple();
        world.registry.fault(fault, 10);
        let run = world.sync(&[]).code_is(2);
        assert!(run.stderr.contains("ImagePolicy flux-system/web: listing tags of"), "{}", run.stderr);
        assert!(run.stderr.contains(expected), "{expected:?} in {}", run.stderr);
        assert_eq!(world.git.log("app.git", "main"), ["first"]);
    };
    check(RegistryFault::status(401), "401");
    check(RegistryFault::status(403), "403");
    check(RegistryFault::status(404), "404");
    check(RegistryFault::answer(200, &[("content-type", "text/html")], "<html>login</html>"), "web page");
    check(RegistryFault::Truncated, "listing tags");
    check(RegistryFault::Link("<http://other.example.com/v2/x>; rel=\"next\"".to_owned()), "other.example.com");
}

#[test]
fn servers_that_are_not_there_are_named() {
    let check = |from: &str, to: &str, expected: &str| {
        let world = World::simple();
        let objects = policy("web", "^1") + &source("app") + &automation("apps", "app", "./apps");
        world.objects("all.yaml", &objects.replace(from, to));
        let run = world.sync(&[]).code_is(2);
        assert!(run.stderr.contains(expected), "{expected:?} in {}", run.stderr);
    };
    check("GIT/app.git", "http://127.0.0.1:1/app.git", "connection refused");
    check("GIT/app.git", "https://nowhere.invalid/app.git", "nowhere.invalid");
    check("REGISTRY/acme", "127.0.0.1:1/acme", "connection refused");
    check("REGISTRY/acme", "nowhere.invalid/acme", "nowhere.invalid");
    // A plain http server where TLS is spoken.
    check("'GIT/app.git'", &format!("'{}'", "https://REGISTRY/app.git"), "TLS");
}

#[test]
fn what_a_pre_receive_hook_says_is_shown() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::simple();
    let hook = world.git.path("app.git").join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().expect("a folder")).expect("a folder");
    std::fs::write(&hook, "#!/bin/sh\necho 'policy: no robots on main' >&2\nexit 1\n").expect("a hook");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    fails(&world, "policy: no robots on main");
}

#[test]
fn remotes_without_what_is_needed_are_refused_with_a_hint() {
    let world = World::simple();
    world.git.create("empty.git", &[]);
    let objects = |url: &str, branch: &str| {
        let source = source("app").replace("GIT/app.git", url).replace("branch: main", &format!("branch: {branch}"));
        policy("web", "^1") + &source + &automation("apps", "app", "./apps")
    };
    let check = |url: &str, branch: &str, expected: &[&str]| {
        world.objects("all.yaml", &objects(url, branch));
        let run = world.sync(&[]).code_is(2);
        expected.iter().for_each(|text| assert!(run.stderr.contains(text), "{text:?} in {}", run.stderr));
    };
    check("GIT/empty.git", "main", &["is empty", "hint: "]);
    check("GIT/app.git", "absent", &["no branch", "main"]);
    check("ssh://git@example.com/app.git", "main", &["ssh"]);
    check("http://user:secret@127.0.0.1/app.git", "main", &["GitRepository flux-system/app"]);
    let clone = world.path("clone");
    git(world.folder.path(), &["clone", "-q", &world.git.url("app.git"), &clone.display().to_string()]);
    check("FOLDER/clone", "main", &["not a bare repository", "hint: "]);
    check("FOLDER/nothing", "main", &["not a Git repository"]);
    create_bare(&world.path("bare.git"));
    check("FOLDER/bare.git", "main", &["is empty"]);
}

#[test]
fn one_file_that_does_not_parse_leaves_the_others_to_be_updated() {
    let world = World::simple();
    world.git.commit(
        "app.git",
        "main",
        &[("apps/broken.yaml", "a: [ # {\"$imagepolicy\": \"flux-system:web\"}\n")],
        "broken",
    );
    let run = world.sync(&[]).code_is(0);
    assert!(run.stderr.contains("apps/broken.yaml"), "{}", run.stderr);
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"));
}

#[test]
fn markers_that_are_not_applied_are_told_with_place_and_reason() {
    let world = World::simple();
    let text = "a: b # {\"$imagepolicy\": \"other:web\"}\nc: d # {\"$imagepolicy\": \"flux-system:nobody\"}\n";
    world.git.commit("app.git", "main", &[("apps/odd.yaml", text)], "odd");
    let run = world.sync(&[]).code_is(0);
    for place in ["apps/odd.yaml:1", "apps/odd.yaml:2"] {
        assert!(run.stderr.contains(place), "{place} in {}", run.stderr);
    }
}

#[test]
fn a_policy_without_a_tag_keeps_its_fields() {
    let world = World::simple();
    world.objects("all.yaml", &(policy("web", "^7") + &source("app") + &automation("apps", "app", "./apps")));
    let run = world.sync(&[]).code_is(2);
    assert!(run.stderr.contains("ImagePolicy flux-system/web: no tag of"), "{}", run.stderr);
    assert_eq!(
        world.git.read("app.git", "main", "apps/web.yaml"),
        world.fill(&deployment("REGISTRY/acme/web:1.0.0", "web"))
    );
}

#[test]
fn what_was_found_is_told_also_when_the_update_fails() {
    let check = |from: &str, to: &str| {
        let world = World::simple();
        let objects = policy("web", "^1") + &source("app") + &automation("apps", "app", "./apps");
        world.objects("all.yaml", &objects.replace(from, to));
        let odd = "a: b # {\"$imagepolicy\": \"flux-system:nobody\"}\n";
        world.git.commit("app.git", "main", &[("apps/odd.yaml", odd)], "odd");
        world.git.misbehave("git-receive-pack", Fault::Status(403));
        let report = world.sync(&["-o", "json"]).code_is(2).json();
        let automation = &report["automations"][0];
        assert!(automation["error"].is_object(), "{automation:#}");
        assert!(automation["commit"].is_null(), "{automation:#}");
        assert_eq!(automation["changes"][0]["file"], "apps/web.yaml");
        assert_eq!(automation["ignored"][0]["file"], "apps/odd.yaml");
    };
    // A push that is refused, a message that cannot be rendered.
    check("", "");
    check("update apps", "{{ .Nope }}");
}

#[cfg(unix)]
#[test]
fn a_refused_push_names_the_repository_and_says_it_once() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = World::simple();
    let hook = world.git.path("app.git").join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().expect("a folder")).expect("a folder");
    std::fs::write(&hook, "#!/bin/sh\necho only on mondays >&2\nexit 1\n").expect("a hook");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a hook that runs");
    let run = world.sync(&[]).code_is(2);
    let expected = world.fill(
        "pushing to GIT/app.git: push to branch main refused: pre-receive hook declined (remote: only on mondays)",
    );
    assert!(run.stderr.contains(&expected), "{}", run.stderr);
}

#[test]
fn a_document_that_does_not_parse_leaves_the_others_of_its_file() {
    let world = World::simple();
    let broken = "---\napiVersion: image.toolkit.fluxcd.io/v1\nkind: [broken\n";
    let objects = policy("web", "^1") + broken + &source("app") + &automation("apps", "app", "./apps");
    world.objects("all.yaml", &objects);
    let run = world.sync(&[]).code_is(2);
    let line = objects.lines().position(|line| line.contains("[broken")).expect("the line") + 1;
    assert!(run.stderr.contains(&format!("all.yaml: line {line}")), "{}", run.stderr);
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"));
}

#[test]
fn links_among_the_manifests_are_told_and_not_followed() {
    let world = World::simple();
    let path = world.git.path("app.git");
    let blob = git(&path, &["rev-parse", "main:apps/web.yaml"]);
    let stream = format!(
        "commit refs/heads/main\ncommitter D <d@example.com> 1 +0000\ndata 5\nlinks\nfrom refs/heads/main^0\n\
         M 120000 {} apps/link.yaml\n",
        blob.trim()
    );
    crate::servers::git_http::import(&path, &stream);
    let run = world.sync(&[]).code_is(0);
    assert!(run.stderr.contains("apps/link.yaml: not applied: passed over: it is a symbolic link"), "{}", run.stderr);
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"));
}

#[test]
fn many_markers_with_one_cause_are_told_once() {
    let world = World::simple();
    let odd = "a: b # {\"$imagepolicy\": \"flux-system:nobody\"}\n".repeat(50).replace("a:", "- a:");
    world.git.commit("app.git", "main", &[("apps/odd.yaml", &odd)], "odd");
    let run = world.sync(&[]).code_is(0);
    let warnings: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(warnings.len(), 1, "{}", run.stderr);
    assert!(
        warnings[0].contains("50 markers not applied: there is no image policy flux-system/nobody"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_damaged_file_of_the_store_is_fetched_anew_in_the_same_run() {
    let world = World::simple();
    world.sync(&[]).ok();
    world.registry.push("acme/web", "1.0.2");
    let store = only_store(&world);
    let blob = git(&world.git.path("app.git"), &["rev-parse", "main:apps/web.yaml"]);
    unpack(&store);
    let (folder, file) = blob.trim().split_at(2);
    replace(&store.join("objects").join(folder).join(file), b"rubbish");

    let run = world.sync(&["--exit-code"]).code_is(1);
    assert!(run.stderr.contains("damaged"), "{}", run.stderr);
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.2"));
    assert_eq!(world.git.log("app.git", "main"), ["update apps", "update apps", "first"]);
}

fn only_store(world: &World) -> PathBuf {
    let homes = fs::read_dir(world.path("state/git")).expect("stores");
    homes.map(|home| home.expect("a store").path().join("store.git")).next().expect("one store")
}

/// Makes loose objects of all packs: one of them can be damaged alone.
fn unpack(store: &Path) {
    let aside = store.join("aside");
    fs::rename(store.join("objects/pack"), &aside).expect("the packs");
    fs::create_dir(store.join("objects/pack")).expect("a folder");
    for pack in fs::read_dir(&aside).expect("the packs").map(|pack| pack.expect("a pack").path()) {
        if pack.extension().is_some_and(|extension| extension == "pack") {
            let script = format!("git unpack-objects -q < {}", pack.display());
            let status = Command::new("sh").args(["-c", &script]).current_dir(store).status();
            assert!(status.expect("git").success(), "git unpack-objects");
        }
    }
}

fn replace(path: &Path, content: &[u8]) {
    fs::remove_file(path).expect("the object");
    fs::write(path, content).expect("another one");
}
