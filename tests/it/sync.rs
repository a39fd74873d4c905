//! The main job end to end: from a new tag in a registry to an audited commit on a branch.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{finish, run, signal, wait_for};
use crate::servers::git_http::{create_bare, foreign_commit, git};
use crate::world::{World, automation, deployment, policy, source};

#[test]
fn a_new_tag_becomes_a_commit_with_its_trail() {
    let world = World::simple();
    let report = world.sync(&["-o", "json"]).code_is(0).json();
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"));
    let commit = report["automations"][0]["commit"].as_str().expect("a commit").to_owned();
    assert_eq!(world.git.log("app.git", "main"), ["update apps", "first"]);
    let image = world.registry.image("acme/web");
    assert_eq!(report["policies"][0]["latest"]["tag"], "1.0.1");
    assert_eq!(report["policies"][0]["was"][0], format!("{image}:1.0.0"));
    let message = git(&world.git.path("app.git"), &["log", "-1", "--format=%B", &commit]);
    let expected = format!(
        "update apps\n\nImage-Automation: flux-system/apps\nImage-Change: flux-system/web {image}:1.0.0 -> {image}:1.0.1\n"
    );
    assert_eq!(message.trim_end(), expected.trim_end());
    let author = git(&world.git.path("app.git"), &["log", "-1", "--format=%an <%ae> %cn <%ce>"]);
    assert_eq!(author.trim(), "Bot <bot@example.com> Bot <bot@example.com>");
}

#[test]
fn an_unchanged_world_costs_one_listing_of_each_kind() {
    let world = World::simple();
    world.sync(&[]).ok();
    world.git.requests();
    world.registry.forget_requests();
    let run = world.sync(&["--exit-code"]).code_is(0);
    let asked: Vec<String> = world.git.requests().into_iter().map(|asked| asked.line).collect();
    assert_eq!(asked, ["GET /app.git/info/refs?service=git-upload-pack"], "{}", run.stdout);
    let listed: Vec<String> = world.registry.requests().into_iter().map(|asked| asked.path).collect();
    assert_eq!(listed, ["/v2/acme/web/tags/list?n=1000"]);
}

#[test]
fn fifty_policies_and_ten_automations_share_listings_and_a_push() {
    let world = World::new();
    let mut objects = source("app");
    let mut files = Vec::new();
    for n in 0..50 {
        let name = format!("p{n:02}");
        world.registry.push(&format!("acme/{name}"), "1.0.0");
        world.registry.push(&format!("acme/{name}"), "1.2.0");
        objects += &policy(&name, "^1");
        let path = format!("team{}/{name}.yaml", n % 10);
        files.push((path, world.fill(&deployment(&format!("REGISTRY/acme/{name}:1.0.0"), &name))));
    }
    (0..10).for_each(|n| objects += &automation(&format!("a{n}"), "app", &format!("team{n}")));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    world.git.create("app.git", &files);
    world.objects("all.yaml", &objects);
    let report = world.sync(&["-o", "json"]).code_is(0).json();
    let commits =
        report["automations"].as_array().expect("automations").iter().filter(|a| a["commit"].is_string()).count();
    assert_eq!(commits, 10);
    assert_eq!(world.git.log("app.git", "main").len(), 11);
    for (path, _) in files {
        assert!(world.git.read("app.git", "main", path).contains(":1.2.0 #"), "{path}");
    }
    let requests = world.git.requests();
    let pushes = requests.iter().filter(|asked| asked.line == "POST /app.git/git-receive-pack").count();
    assert_eq!(pushes, 1, "{requests:#?}");
    assert_eq!(world.registry.requests().len(), 50);
}

#[test]
fn a_branch_that_moves_before_the_push_ends_with_both_commits() {
    let world = World::simple();
    let path = world.git.path("app.git");
    let mut moves = 0;
    world.git.before_push(move || {
        moves += 1;
        if moves <= 2 {
            foreign_commit(&path, "main", &[("other.txt", &format!("{moves}\n"))], &format!("foreign {moves}"));
        }
    });
    world.sync(&[]).ok();
    assert_eq!(world.git.log("app.git", "main"), ["update apps", "foreign 2", "foreign 1", "first"]);
    assert_eq!(world.git.read("app.git", "main", "other.txt"), "2\n");
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"));
}

#[test]
fn a_race_that_makes_the_change_needless_pushes_nothing() {
    let world = World::simple();
    let (path, manifest) = (world.git.path("app.git"), world.fill(&deployment("REGISTRY/acme/web:1.0.1", "web")));
    let mut moved = false;
    world.git.before_push(move || {
        if !std::mem::replace(&mut moved, true) {
            foreign_commit(&path, "main", &[("apps/web.yaml", &manifest)], "by hand");
        }
    });
    world.sync(&[]).ok();
    assert_eq!(world.git.log("app.git", "main"), ["by hand", "first"]);
}

#[test]
fn writers_on_a_local_path_lose_no_commit() {
    let world = World::new();
    let names = ["w0", "w1", "w2", "w3"];
    let mut files = Vec::new();
    for name in names {
        world.registry.push(&format!("acme/{name}"), "1.0.0");
        world.registry.push(&format!("acme/{name}"), "1.1.0");
        files.push((format!("{name}/app.yaml"), world.fill(&deployment(&format!("REGISTRY/acme/{name}:1.0.0"), name))));
        let objects = policy(name, "^1")
            + &automation(name, "app", name)
            + &source("app").replace("GIT/app.git", "file://FOLDER/app.git");
        let folder = world.path(&format!("objects-{name}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("all.yaml"), world.fill(&objects)).expect("a file");
    }
    let path = world.path("app.git");
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    create_bare(&path);
    foreign_commit(&path, "main", &files, "first");
    let children = names.map(|name| {
        let mut command = crate::program::command(["sync", "--objects"], world.folder.path());
        command.arg(world.path(&format!("objects-{name}"))).arg("--state").arg(world.path(&format!("state-{name}")));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    });
    (0..10).for_each(|n| racing_commit(&path, n));
    for child in children {
        let output = child.wait_with_output().expect("the program ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let log = git(&path, &["log", "--reverse", "--format=%s", "main"]);
    let (ours, foreign): (Vec<&str>, Vec<&str>) = log.lines().partition(|subject| subject.starts_with("update "));
    assert_eq!(ours.len(), names.len(), "{log}");
    let expected: Vec<String> =
        std::iter::once("first".to_owned()).chain((0..10).map(|n| format!("foreign {n}"))).collect();
    assert_eq!(foreign, expected);
    for (file, _) in files {
        assert!(git(&path, &["show", &format!("main:{file}")]).contains(":1.1.0 #"), "{file}");
    }
}

/// A commit by somebody who plays by the rules: from the tip that was read, or again.
pub(crate) fn racing_commit(repository: &Path, n: usize) {
    let file = format!("{n}\n");
    loop {
        let tip = git(repository, &["rev-parse", "main"]);
        let stream = format!(
            "commit refs/heads/main\ncommitter Dev <dev@example.com> 1700000000 +0000\ndata <<EOF\nforeign {n}\nEOF\nfrom {}\nM 100644 inline other.txt\ndata {}\n{file}\n",
            tip.trim(),
            file.len()
        );
        // Without --force it refuses when the branch has moved since.
        let mut import = crate::servers::git_http::command();
        import.arg("-C").arg(repository).args(["fast-import", "--quiet"]).stdin(Stdio::piped()).stderr(Stdio::null());
        let mut child = import.spawn().expect("git is installed");
        child.stdin.take().expect("a pipe").write_all(stream.as_bytes()).expect("fast-import reads");
        if child.wait().expect("it ends").success() {
            return;
        }
    }
}

#[test]
fn killed_at_any_moment_and_run_again_the_result_is_the_same() {
    for remote in ["GIT/app.git", "file://FOLDER/local.git"] {
        let started = Instant::now();
        let whole = killed_after(remote, None);
        let whole_time = started.elapsed();
        for step in 0..24 {
            let delay = whole_time.mul_f64(f64::from(step) / 20.0);
            assert_eq!(killed_after(remote, Some(delay)), whole, "killed after {delay:?} on {remote}");
        }
    }
}

/// Kills a first run after `delay`, runs again, and gives the final files and the subjects.
fn killed_after(remote: &str, delay: Option<Duration>) -> (String, Vec<String>) {
    let world = World::simple();
    world.objects(
        "all.yaml",
        &(policy("web", "^1") + &source("app").replace("GIT/app.git", remote) + &automation("apps", "app", "./apps")),
    );
    let path = if remote.starts_with("file") { world.path("local.git") } else { world.git.path("app.git") };
    if remote.starts_with("file") {
        let manifest = world.fill(&deployment("REGISTRY/acme/web:1.0.0", "web"));
        create_bare(&path);
        foreign_commit(&path, "main", &[("apps/web.yaml", &manifest)], "first");
    }
    if let Some(delay) = delay {
        let mut child = world
            .sync_command("state", &[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        std::thread::sleep(delay);
        child.kill().expect("a child of ours");
        child.wait().expect("it ends");
    }
    world.sync(&[]).ok();
    world.sync(&["--exit-code"]).ok();
    let tree = git(&path, &["show", "main:apps/web.yaml"]);
    let subjects = git(&path, &["log", "--format=%s", "main"]).lines().map(str::to_owned).collect();
    (tree.replace(&world.registry.addr().to_string(), "REGISTRY"), subjects)
}

#[test]
fn a_dry_run_shows_the_diff_and_pushes_nothing() {
    let world = World::simple();
    let run = world.sync(&["--dry-run", "--exit-code"]).code_is(1);
    let diff: String =
        run.stdout.lines().filter(|line| line.starts_with(['+', '-'])).map(|line| format!("{line}\n")).collect();
    let expected = "--- a/apps/web.yaml\n+++ b/apps/web.yaml\n-  image: REGISTRY/acme/web:1.0.0 # {\"$imagepolicy\": \"flux-system:web\"}\n+  image: REGISTRY/acme/web:1.0.1 # {\"$imagepolicy\": \"flux-system:web\"}\n";
    assert_eq!(diff, world.fill(expected));
    assert_eq!(world.git.log("app.git", "main"), ["first"]);
    assert!(world.git.requests().iter().all(|asked| !asked.line.contains("receive-pack")));
}

#[test]
fn exit_code_tells_of_changes() {
    let world = World::simple();
    world.sync(&["--exit-code"]).code_is(1);
    world.sync(&["--exit-code"]).code_is(0);
}

#[test]
fn an_object_that_fails_does_not_stop_the_others() {
    let world = World::simple();
    let broken = policy("gone", "^1") + &automation("lost", "nowhere", ".") + &policy("wrong", "nonsense");
    world.objects("broken.yaml", &broken);
    let run = world.sync(&[]).code_is(2);
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"));
    for text in [
        "ImagePolicy flux-system/gone: ",
        "ImageUpdateAutomation flux-system/lost: GitRepository flux-system/nowhere does not exist",
        "spec.policy.semver.range",
    ] {
        assert!(run.stderr.contains(text), "{text:?} in {}", run.stderr);
    }
}

#[test]
fn a_push_branch_is_made_rebuilt_and_left_alone() {
    let world = World::simple();
    let automation = automation("apps", "app", "./apps").replace("  git:\n", "  git:\n    push: {branch: updates}\n");
    world.objects("all.yaml", &(policy("web", "^1") + &source("app") + &automation));
    world.sync(&[]).ok();
    assert_eq!(world.git.log("app.git", "updates"), ["update apps", "first"]);
    assert_eq!(world.git.log("app.git", "main"), ["first"]);
    // Main moves elsewhere: an open pull request keeps its commit.
    let proposed = git(&world.git.path("app.git"), &["rev-parse", "updates"]);
    world.git.commit("app.git", "main", &[("README.md", "news\n")], "second");
    let run = world.sync(&["--exit-code"]).code_is(0);
    assert!(run.stdout.contains("1 wait on the branch"), "{}", run.stdout);
    assert_eq!(git(&world.git.path("app.git"), &["rev-parse", "updates"]), proposed);
    // A newer tag: rebuilt on top of main.
    world.registry.push("acme/web", "1.0.2");
    world.sync(&[]).ok();
    assert_eq!(world.git.log("app.git", "updates"), ["update apps", "second", "first"]);
    // Somebody commits to the push branch: theirs stays.
    world.git.commit("app.git", "updates", &[("review.txt", "mine\n")], "review");
    world.registry.push("acme/web", "1.0.3");
    world.sync(&[]).ok();
    assert_eq!(world.git.log("app.git", "updates"), ["update apps", "review", "update apps", "second", "first"]);
    assert_eq!(world.web_image("updates"), world.registry.image("acme/web:1.0.3"));
    // The changes reach main: the push branch is left alone.
    let manifest = world.git.read("app.git", "updates", "apps/web.yaml");
    world.git.commit("app.git", "main", &[("apps/web.yaml", &manifest)], "merged");
    let tip = git(&world.git.path("app.git"), &["rev-parse", "updates"]);
    world.sync(&["--exit-code"]).code_is(0);
    assert_eq!(git(&world.git.path("app.git"), &["rev-parse", "updates"]), tip);
}

#[test]
fn a_downgrade_is_shown_as_one() {
    let world = World::simple();
    world.objects("all.yaml", &(policy("web", "<1.0.1") + &source("app") + &automation("apps", "app", "./apps")));
    let manifest = world.fill(&deployment("REGISTRY/acme/web:1.0.1", "web"));
    world.git.commit("app.git", "main", &[("apps/web.yaml", &manifest)], "newer");
    let report = world.sync(&["-o", "json"]).code_is(0).json();
    assert_eq!(report["policies"][0]["downgrade"], Value::Bool(true));
}

#[test]
fn repeated_rounds_follow_new_tags_and_end_when_asked() {
    let world = World::simple();
    world.scan_every("100ms");
    let mut command = world.sync_command("state", &["--every", "100ms", "-o", "json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    wait_for(|| world.git.log("app.git", "main").len() == 2);
    world.registry.push("acme/web", "1.1.0");
    wait_for(|| world.git.log("app.git", "main").len() == 3);
    signal(&child, "TERM");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rounds: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a report a line"))
        .collect();
    let tags: Vec<&Value> = rounds
        .iter()
        .filter(|round| round["automations"][0]["commit"].is_string())
        .map(|round| &round["policies"][0]["latest"]["tag"])
        .collect();
    assert_eq!(tags, ["1.0.1", "1.1.0"]);
}

#[test]
fn git_applies_the_diff_of_files_with_odd_names() {
    let world = World::simple();
    let manifest = world.fill(&deployment("REGISTRY/acme/web:1.0.0", "web"));
    let odd = [
        "apps/tab\tend.yaml",
        r#""apps/line\nend.yaml""#,
        "apps/quo\"te.yaml",
        "apps/back\\slash.yaml",
        "apps/a b é.yaml",
    ];
    let files: Vec<(&str, &str)> = odd.iter().map(|path| (*path, manifest.as_str())).collect();
    world.git.commit("app.git", "main", &files, "odd");
    let report = world.sync(&["--dry-run", "-o", "json"]).code_is(0).json();
    let clone = world.path("clone");
    git(world.folder.path(), &["clone", "--quiet", &world.git.path("app.git").display().to_string(), "clone"]);
    std::fs::write(clone.join("a.diff"), report["automations"][0]["diff"].as_str().expect("a diff")).expect("a file");
    git(&clone, &["apply", "a.diff"]);
    let changed = git(&clone, &["diff", "--name-only", "-z"]);
    assert_eq!(changed.split_terminator('\0').count(), odd.len() + 1, "{changed}");
}

#[test]
fn an_author_without_a_name_is_called_by_the_address() {
    let world = World::simple();
    let automation = automation("apps", "app", ".").replace("name: Bot, ", "");
    world.objects("all.yaml", &(policy("web", "^1") + &source("app") + &automation));
    world.sync(&[]).ok();
    let author = git(&world.git.path("app.git"), &["log", "-1", "--format=%an <%ae>", "main"]);
    assert_eq!(author.trim(), "bot@example.com <bot@example.com>");
}

#[test]
fn objects_without_an_automation_are_told() {
    let world = World::simple();
    world.objects("all.yaml", &policy("web", "^1"));
    let run = world.sync(&[]).code_is(0);
    assert!(run.stderr.contains("there is no ImageUpdateAutomation"), "{}", run.stderr);
}

#[test]
fn an_object_whose_api_version_was_forgotten_is_told() {
    let world = World::simple();
    world.objects("all.yaml", &policy("web", "^1"));
    world.objects("forgotten.yaml", "kind: ImagePolicy\nmetadata: {name: other}\n");
    let run = world.sync(&[]).code_is(2);
    let expected = "forgotten.yaml: document 1 (ImagePolicy flux-system/other), apiVersion: is required";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
}

#[test]
fn credentials_go_over_plain_http_where_the_repository_allows_it() {
    let world = World::simple();
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: git, namespace: flux-system}\nstringData: {username: u, password: p}\n";
    let check = |insecure: &str, expected: &[&str]| {
        let source = source("app")
            .replace("GIT/", "http://git.invalid/")
            .replace("ref:", &format!("secretRef: {{name: git}}{insecure}, ref:"));
        world.objects("all.yaml", &(policy("web", "^1") + &source + secret + &automation("apps", "app", ".")));
        let run = world.sync(&[]).code_is(2);
        expected.iter().for_each(|text| assert!(run.stderr.contains(text), "{text:?} in {}", run.stderr));
    };
    check(
        "",
        &["credentials are not sent over plain http to git.invalid:80", "hint: use https", "spec.insecure: true"],
    );
    check(", insecure: true", &["connecting to git.invalid:80: "]);
}

#[test]
fn a_round_in_hand_is_finished_before_the_end() {
    let world = World::simple();
    let pid = Arc::new(OnceLock::<u32>::new());
    let known = Arc::clone(&pid);
    world.git.before_push(move || {
        let status = Command::new("kill").args(["-TERM", &known.wait().to_string()]).status();
        assert!(status.expect("kill runs").success());
        std::thread::sleep(Duration::from_millis(300));
    });
    let mut command = world.sync_command("state", &["--every", "1h"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    pid.set(child.id()).expect("it is set once");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.git.log("app.git", "main"), ["update apps", "first"]);
}

#[test]
fn digests_are_written_where_the_policy_wants_them() {
    let world = World::new();
    let digest = world.registry.push("acme/web", "1.0.0");
    let manifest = "image: REGISTRY/acme/web:0.9.0 # {\"$imagepolicy\": \"flux-system:web\"}\ndigest: none # {\"$imagepolicy\": \"flux-system:web:digest\"}\n";
    world.git.create("app.git", &[("apps/web.yaml", &world.fill(manifest))]);
    let pinned = policy("web", "*").replace("  policy:", "  digestReflectionPolicy: IfNotPresent\n  policy:");
    world.objects("all.yaml", &(pinned + &source("app") + &automation("apps", "app", ".")));
    world.sync(&[]).ok();
    let text = world.git.read("app.git", "main", "apps/web.yaml");
    assert_eq!(text, manifest_with(&world, &digest));
}

fn manifest_with(world: &World, digest: &str) -> String {
    world.fill(&format!(
        "image: REGISTRY/acme/web:1.0.0@{digest} # {{\"$imagepolicy\": \"flux-system:web\"}}\ndigest: {digest} # {{\"$imagepolicy\": \"flux-system:web:digest\"}}\n"
    ))
}

#[test]
fn history_reads_the_trail_of_remotes_clones_and_bare_repositories() {
    let world = World::simple();
    world.sync(&[]).ok();
    world.registry.push("acme/web", "1.1.0");
    world.sync(&[]).ok();
    let clone = world.path("clone");
    let url = world.git.url("app.git");
    git(world.folder.path(), &["clone", "-q", &url, &clone.display().to_string()]);
    for repository in [url, clone.display().to_string(), world.git.path("app.git").display().to_string()] {
        let mut command =
            crate::program::command(["history", &repository, "-o", "json", "--state"], world.folder.path());
        let rows = finish(command.arg(world.path("state"))).code_is(0).json();
        let news: Vec<&str> = rows.as_array().expect("rows").iter().filter_map(|row| row["new"].as_str()).collect();
        assert_eq!(
            news,
            [world.registry.image("acme/web:1.1.0"), world.registry.image("acme/web:1.0.1")],
            "{repository}"
        );
    }
}

#[test]
fn history_of_a_branch_that_is_not_there_says_so() {
    let world = World::simple();
    for repository in [world.git.url("app.git"), world.git.path("app.git").display().to_string()] {
        let mut command = crate::program::command(["history", &repository, "--branch", "absent"], world.folder.path());
        let run = finish(&mut command).code_is(2);
        assert!(run.stderr.contains("has no branch \"absent\""), "{}", run.stderr);
    }
}

#[test]
fn the_demo_tells_the_whole_story() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keep = folder.path().join("kept");
    let story = run(["demo", "--keep", &keep.display().to_string()]).ok();
    for text in ["1.0.1", "+          image:   ", "-          image:   ", "$ tagwright history", "1.1.0"] {
        assert!(story.contains(text), "{text:?} in {story}");
    }
    let log = git(&keep.join("infrastructure.git"), &["log", "--format=%s", "main"]);
    assert_eq!(log.lines().count(), 3, "{log}");
    assert!(story.contains("git --git-dir"), "{story}");
    run(["demo", "--keep", &keep.display().to_string()]).code_is(2);
    // What is gone afterwards is not advertised.
    let story = run(["demo"]).code_is(0);
    assert!(!story.stdout.contains("git --git-dir") && story.stderr.contains("--keep"), "{}", story.transcript());
}

/// `sync --every 100ms` over a world, started.
fn repeat(world: &World) -> Child {
    let mut command = world.sync_command("state", &["--every", "100ms", "-o", "json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// Asks a repeated run to end; what it said on stderr.
fn end(child: Child) -> String {
    signal(&child, "TERM");
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_known_digest_is_not_that_of_another_image() {
    let world = World::new();
    let web = world.registry.push("acme/web", "1.0.0");
    let api = world.registry.push("acme/api", "1.0.0");
    world.git.create("app.git", &[("a.yaml", "digest: none # {\"$imagepolicy\": \"flux-system:web:digest\"}\n")]);
    let pinned = policy("web", "*").replace("  policy:", "  digestReflectionPolicy: IfNotPresent\n  policy:");
    let objects = pinned + &source("app") + &automation("apps", "app", ".");
    world.objects("all.yaml", &objects);
    let child = repeat(&world);
    wait_for(|| world.git.read("app.git", "main", "a.yaml").contains(&web));
    world.objects("new.yaml.part", &objects.replace("acme/web", "acme/api"));
    let folder = world.path("objects");
    std::fs::rename(folder.join("new.yaml.part"), folder.join("all.yaml")).expect("the objects");
    std::thread::sleep(Duration::from_secs(1));
    let errors = end(child);
    assert!(world.git.read("app.git", "main", "a.yaml").contains(&api), "{errors}");
}

#[test]
fn a_missing_default_branch_fails_those_alone_that_need_it() {
    let world = World::simple();
    git(&world.git.path("app.git"), &["symbolic-ref", "HEAD", "refs/heads/absent"]);
    let headless = source("headless").replace("headless.git", "app.git").replace(", ref: {branch: main}", "");
    world.objects("more.yaml", &(headless + &automation("other", "headless", "./apps")));
    let run = world.sync(&[]).code_is(2);
    assert!(run.stderr.contains("ImageUpdateAutomation flux-system/other: "), "{}", run.stderr);
    assert!(!run.stderr.contains("ImageUpdateAutomation flux-system/apps: "), "{}", run.stderr);
    assert_eq!(world.git.log("app.git", "main"), ["update apps", "first"]);
}

#[test]
fn a_change_that_is_no_longer_wanted_leaves_the_push_branch() {
    let world = World::simple();
    ["1.0.0", "1.0.1"].iter().for_each(|tag| drop(world.registry.push("acme/api", tag)));
    let api = world.fill(&deployment("REGISTRY/acme/api:1.0.0", "api"));
    world.git.commit("app.git", "main", &[("apps/api.yaml", &api)], "second");
    let automation = automation("apps", "app", "./apps").replace("  git:\n", "  git:\n    push: {branch: updates}\n");
    let objects = |range: &str| policy("web", "^1") + &policy("api", range) + &source("app") + &automation;
    world.objects("all.yaml", &objects("^1"));
    world.sync(&[]).ok();
    assert!(world.git.read("app.git", "updates", "apps/api.yaml").contains("api:1.0.1"));
    world.objects("all.yaml", &objects("1.0.0"));
    world.sync(&[]).ok();
    assert_eq!(world.git.read("app.git", "updates", "apps/api.yaml"), api);
    assert_eq!(world.web_image("updates"), world.registry.image("acme/web:1.0.1"));
    assert_eq!(world.git.log("app.git", "updates"), ["update apps", "second", "first"]);
}

#[test]
fn what_is_suspended_has_not_failed() {
    let check = |from: &str, to: &str| {
        let world = World::simple();
        let objects = policy("web", "^1") + &source("app") + &automation("apps", "app", "./apps");
        world.objects("all.yaml", &objects.replace(from, to));
        let run = world.sync(&["-o", "json"]).code_is(0);
        assert_eq!(world.git.log("app.git", "main"), ["first"], "{to}");
        run.json()
    };
    let report = check("  imageRepositoryRef", "  suspend: true\n  imageRepositoryRef");
    assert_eq!(report["policies"][0]["suspended"], Value::Bool(true));
    let report = check("acme/web, interval: 1m", "acme/web, interval: 1m, suspend: true");
    assert_eq!(report["policies"][0]["suspended"], Value::Bool(true));
    let report = check("  sourceRef", "  suspend: true\n  sourceRef");
    assert_eq!(report["policies"][0]["suspended"], Value::Bool(false));
    assert_eq!(report["automations"][0]["suspended"], Value::Bool(true));
}

#[test]
fn a_policy_tells_what_was_also_when_nothing_changes() {
    let world = World::simple();
    world.sync(&[]).ok();
    let report = world.sync(&["-o", "json"]).code_is(0).json();
    assert_eq!(report["policies"][0]["was"], serde_json::json!([world.registry.image("acme/web:1.0.1")]));
}

#[test]
fn a_round_that_fails_in_the_same_way_is_told_once() {
    let world = World::simple();
    world.scan_every("100ms");
    let objects = world.path("objects/all.yaml");
    let child = repeat(&world);
    wait_for(|| world.git.log("app.git", "main").len() == 2);
    let text = std::fs::read(&objects).expect("the objects");
    std::fs::remove_file(&objects).expect("the objects");
    std::thread::sleep(Duration::from_millis(1000));
    std::fs::write(&objects, text).expect("the objects");
    world.registry.push("acme/web", "1.1.0");
    wait_for(|| world.git.log("app.git", "main").len() == 3);
    let errors = end(child);
    assert_eq!(errors.matches("error: ").count(), 1, "{errors}");
}

#[test]
fn repeated_rounds_end_when_nobody_reads_them() {
    let world = World::simple();
    let mut child = repeat(&world);
    drop(child.stdout.take());
    let start = Instant::now();
    let status = loop {
        match child.try_wait().expect("a child of ours") {
            Some(status) => break Some(status),
            None if start.elapsed() > Duration::from_secs(20) => break None,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    if status.is_none() {
        child.kill().expect("a child of ours");
    }
    assert!(status.is_some_and(|status| status.success()), "{status:?}");
}

#[test]
fn an_interval_of_nothing_is_refused() {
    let run = run(["sync", "--objects", "/nowhere", "--every", "0s"]).code_is(2);
    assert!(run.stderr.contains("--every"), "{}", run.stderr);
}

#[test]
fn repeated_rounds_read_renewed_docker_credentials() {
    let world = World::simple();
    world.registry.require_login("bot", "secret");
    let child = repeat(&world);
    std::thread::sleep(Duration::from_millis(300));
    let config = format!(
        "{{\"auths\": {{\"{}\": {{\"username\": \"bot\", \"password\": \"secret\"}}}}}}",
        world.registry.addr()
    );
    std::fs::create_dir(world.path(".docker")).expect("a folder");
    std::fs::write(world.path("config.json"), config).expect("a file");
    std::fs::rename(world.path("config.json"), world.path(".docker/config.json")).expect("a file");
    let start = Instant::now();
    while world.git.log("app.git", "main").len() == 1 && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let errors = end(child);
    assert_eq!(world.git.log("app.git", "main").len(), 2, "{errors}");
}

#[test]
fn history_tells_what_it_does_not_show() {
    let world = World::simple();
    let trailers = "Image-Automation: a/b\nImage-Change: a/c x:1 -> x:2\nImage-Change-Omitted: 7\n";
    world.git.commit("app.git", "main", &[("a", "b")], &format!("many\n\n{trailers}"));
    let path = world.git.path("app.git").display().to_string();
    let mut command = crate::program::command(["history", &path, "--state"], world.folder.path());
    let whole = finish(command.arg(world.path("state"))).code_is(0);
    assert!(whole.stderr.contains("7 more changes"), "{}", whole.stderr);
}

#[test]
fn an_object_that_forbids_plain_http_is_not_served_with_one_that_allows_it() {
    let world = World::simple();
    let at = |name: &str, more: &str| {
        let more = format!("secretRef: {{name: git}}, timeout: 2s, {more} ref:");
        source(name).replace(&format!("GIT/{name}.git"), "http://git.invalid/app.git").replace("ref:", &more)
    };
    let objects = policy("web", "^1")
        + &at("open", "insecure: true,")
        + &at("shut", "")
        + &automation("a", "open", "./apps")
        + &automation("b", "shut", "./apps");
    world.objects("all.yaml", &objects);
    let folder = world.path("secret");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("username"), "bot").expect("a file");
    std::fs::write(folder.join("password"), "canary").expect("a file");
    let run = world.sync(&["--secret", &format!("flux-system/git={}", folder.display())]).code_is(2);
    let refusals = run.stderr.matches("credentials are not sent over plain http to git.invalid").count();
    assert_eq!(refusals, 1, "{}", run.stderr);
}
