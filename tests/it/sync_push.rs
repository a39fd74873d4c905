//! Where the commits of automations go: push branches through the life of a pull request, refspecs, options, budgets.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::program::{signal, wait_for};
use crate::servers::git_http::{git, import};
use crate::world::{World, automation, deployment, policy, source};

/// The simple world, with `push` as the automation's.
fn pushing(push: &str) -> World {
    let world = World::simple();
    world
        .objects("all.yaml", &(policy("web", "^1") + &source("app") + &to(push, &automation("apps", "app", "./apps"))));
    world
}

pub(crate) fn to(push: &str, automation: &str) -> String {
    automation.replace("  git:\n", &format!("  git:\n    push: {push}\n"))
}

/// The simple world after a first run: version 1.0.1 waits on the branch `updates`.
pub(crate) fn proposed() -> World {
    let world = pushing("{branch: updates}");
    world.sync(&[]).ok();
    assert_eq!(world.git.log("app.git", "updates"), ["update apps", "first"]);
    world
}

impl World {
    pub(crate) fn git_in(&self, arguments: &[&str]) -> String {
        git(&self.git.path("app.git"), arguments).trim().to_owned()
    }

    /// Makes a hook of the server's repository from a shell script.
    fn hook(&self, name: &str, script: &str) {
        let path = self.git.path("app.git").join("hooks").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}")).expect("a hook");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("an executable hook");
    }

    pub(crate) fn tip(&self, branch: &str) -> String {
        self.git_in(&["rev-parse", &format!("refs/heads/{branch}")])
    }

    pub(crate) fn web(&self, version: &str) -> String {
        self.registry.image(&format!("acme/web:{version}"))
    }

    pub(crate) fn manifest(&self, version: &str) -> String {
        self.fill(&deployment(&format!("REGISTRY/acme/web:{version}"), "web"))
    }

    /// Releases 1.0.2 and runs: what is on `updates` then, newest first.
    fn after_a_release(&self) -> Vec<String> {
        self.registry.push("acme/web", "1.0.2");
        self.sync(&[]).ok();
        assert_eq!(self.web_image("updates"), self.web("1.0.2"));
        self.git.log("app.git", "updates")
    }

    /// A further run pushes nothing, and says so.
    pub(crate) fn is_at_rest(&self) {
        self.git.requests();
        let run = self.sync(&["--exit-code"]);
        assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
        let pushes = self.git.requests().into_iter().filter(|asked| asked.line.contains("receive-pack")).count();
        assert_eq!(pushes, 0, "{}", run.stdout);
    }

    pub(crate) fn effect(&self, more: &[&str]) -> String {
        let report = self.sync(&[&["-o", "json"], more].concat()).code_is(0).json();
        report["automations"][0]["effect"].as_str().unwrap_or("none").to_owned()
    }
}

#[test]
fn main_moving_elsewhere_leaves_the_proposal_and_its_review_alone() {
    let world = proposed();
    let tip = world.tip("updates");
    world.git.commit("app.git", "main", &[("README.md", "news\n"), ("apps/other.yaml", "kind: Other\n")], "elsewhere");
    world.is_at_rest();
    assert_eq!(world.tip("updates"), tip);
}

#[test]
fn a_touched_file_that_changes_on_main_rebuilds_the_proposal() {
    let world = proposed();
    let manifest = world.manifest("1.0.0") + "# a comment\n";
    world.git.commit("app.git", "main", &[("apps/web.yaml", &manifest)], "comment");
    assert_eq!(world.effect(&["--dry-run"]), "rebuilds");
    assert_eq!(world.effect(&[]), "rebuilds");
    assert_eq!(world.git.log("app.git", "updates"), ["update apps", "comment", "first"]);
    assert_eq!(world.git.read("app.git", "updates", "apps/web.yaml"), world.manifest("1.0.1") + "# a comment\n");
    world.is_at_rest();
}

#[test]
fn a_merged_branch_that_was_not_deleted_starts_again_at_main() {
    // Fast-forward, merge commit, squash, squash together with a reviewer's commit.
    for way in ["forward", "merge", "squash", "reviewed"] {
        let world = proposed();
        if way == "reviewed" {
            world.git.commit("app.git", "updates", &[("review.txt", "mine\n")], "review");
        }
        let updates = world.tip("updates");
        match way {
            "forward" => drop(world.git_in(&["update-ref", "refs/heads/main", &updates])),
            "merge" => {
                let tree = format!("{updates}^{{tree}}");
                let merge = ["-c", "user.name=Dev", "-c", "user.email=d@example.com", "commit-tree", "-m", "merge"];
                let main = world.tip("main");
                let merge = world.git_in(&[&merge[..], &["-p", &main, "-p", &updates, &tree]].concat());
                world.git_in(&["update-ref", "refs/heads/main", &merge]);
            }
            _ => {
                let manifest = world.manifest("1.0.1");
                let all = [("apps/web.yaml", manifest.as_str()), ("review.txt", "mine\n")];
                let files = if way == "reviewed" { &all[..] } else { &all[..1] };
                drop(world.git.commit("app.git", "main", files, "squashed"));
            }
        }
        world.is_at_rest();
        assert_eq!(world.tip("updates"), updates, "{way}: left alone while nothing is to be done");
        world.git.commit("app.git", "main", &[("README.md", "news\n")], "second");
        let log = world.after_a_release();
        assert_eq!(log[..2], ["update apps", "second"], "{way}");
        assert_eq!(world.git_in(&["rev-parse", "updates~1"]), world.tip("main"), "{way}");
        world.is_at_rest();
    }
}

#[test]
fn a_reviewed_branch_that_was_squashed_into_a_changed_file_starts_again_at_main() {
    // Beside the changed line, and far from it.
    for (above, below) in [("", "# a comment\n"), ("# a comment\n", "")] {
        let world = proposed();
        world.git.commit("app.git", "updates", &[("review.txt", "mine\n")], "review");
        let commented = |version| format!("{above}{}{below}", world.manifest(version));
        world.git.commit("app.git", "main", &[("apps/web.yaml", &commented("1.0.0"))], "comment");
        world.is_at_rest();
        let squashed = commented("1.0.1");
        world.git.commit("app.git", "main", &[("apps/web.yaml", &squashed), ("review.txt", "mine\n")], "squashed");
        world.is_at_rest();
        assert_eq!(world.after_a_release(), ["update apps", "squashed", "comment", "first"]);
        assert_eq!(world.git.read("app.git", "updates", "apps/web.yaml"), commented("1.0.2"));
        world.is_at_rest();
    }
}

#[test]
fn a_branch_whose_review_was_not_merged_keeps_it() {
    let world = proposed();
    let commented = |version| world.manifest(version) + "# mine\n";
    world.git.commit("app.git", "updates", &[("apps/web.yaml", &commented("1.0.1"))], "review");
    let others = "# theirs\n".to_owned() + &world.manifest("1.0.1");
    world.git.commit("app.git", "main", &[("apps/web.yaml", &others)], "by hand");
    assert_eq!(world.after_a_release(), ["update apps", "review", "update apps", "first"]);
    assert_eq!(world.git.read("app.git", "updates", "apps/web.yaml"), commented("1.0.2"));
}

#[test]
fn a_deleted_branch_is_made_again() {
    let world = proposed();
    world.git_in(&["update-ref", "-d", "refs/heads/updates"]);
    assert_eq!(world.effect(&["--dry-run"]), "creates");
    assert_eq!(world.after_a_release(), ["update apps", "first"]);
}

#[test]
fn the_work_of_others_stays_below_the_changes() {
    let world = proposed();
    world.git.commit("app.git", "updates", &[("apps/web.yaml", &(world.manifest("1.0.1") + "# mine\n"))], "review");
    world.is_at_rest();
    world.registry.push("acme/web", "1.0.2");
    assert_eq!(world.effect(&["--dry-run"]), "extends");
    let dry = world.sync(&["--dry-run"]).ok();
    assert!(dry.contains("on top of others' commits") && dry.contains(" # mine"), "{dry}");
    assert_eq!(world.after_a_release(), ["update apps", "review", "update apps", "first"]);
    assert!(world.git.read("app.git", "updates", "apps/web.yaml").ends_with("# mine\n"));
    world.is_at_rest();
}

#[test]
fn commits_by_the_author_of_the_automation_count_as_ours() {
    let world = proposed();
    let like_dev = automation("apps", "app", "./apps")
        .replace("{name: Bot, email: bot@example.com}", "{name: Dev, email: dev@example.com}");
    world.objects("all.yaml", &(policy("web", "^1") + &source("app") + &to("{branch: updates}", &like_dev)));
    world.git.commit("app.git", "updates", &[("notes.txt", "by the bot's own account\n")], "by the bot");
    assert_eq!(world.after_a_release(), ["update apps", "first"]);
}

#[test]
fn a_change_that_somebody_took_back_is_not_made_again_until_there_is_a_newer_one() {
    let world = proposed();
    world.git.commit("app.git", "updates", &[("apps/web.yaml", &world.manifest("1.0.0"))], "revert, it breaks");
    let tip = world.tip("updates");
    let run = world.sync(&[]).code_is(0);
    assert!(
        run.transcript().contains("took 127.0.0.1") && run.transcript().contains("back on branch updates"),
        "{}",
        run.transcript()
    );
    assert_eq!(world.tip("updates"), tip);
    world.is_at_rest();
    assert_eq!(world.after_a_release(), ["update apps", "revert, it breaks", "update apps", "first"]);
}

#[test]
fn a_branch_that_somebody_replaced_is_built_upon() {
    let world = proposed();
    world.git_in(&["update-ref", "refs/heads/updates", "refs/heads/main"]);
    world.git.commit("app.git", "updates", &[("other.txt", "theirs\n")], "theirs");
    world.sync(&[]).ok();
    assert_eq!(world.git.log("app.git", "updates"), ["update apps", "theirs", "first"]);
    world.is_at_rest();
}

#[test]
fn a_branch_without_common_history_is_left_alone_and_named() {
    let world = pushing("{branch: updates}");
    let manifest = world.manifest("1.0.0");
    import(
        &world.git.path("app.git"),
        &format!(
            "commit refs/heads/updates\ncommitter Dev <dev@example.com> 1700000000 +0000\ndata 5\nother\nM 100644 inline apps/web.yaml\ndata {}\n{manifest}\n",
            manifest.len()
        ),
    );
    let run = world.sync(&[]).code_is(2);
    assert!(run.stderr.contains("branch updates has no history in common with branch main"), "{}", run.stderr);
    assert_eq!(world.git.log("app.git", "updates"), ["other"]);
}

#[test]
fn a_policy_without_an_image_keeps_what_it_proposed() {
    let world = World::simple();
    world.registry.push("acme/api", "2.0.0");
    world.registry.push("acme/api", "2.0.1");
    let api = world.fill(&deployment("REGISTRY/acme/api:2.0.0", "api"));
    world.git.commit("app.git", "main", &[("apps/api.yaml", &api)], "second");
    let objects = |range: &str| {
        policy("web", "^1")
            + &policy("api", range)
            + &source("app")
            + &to("{branch: updates}", &automation("apps", "app", "./apps"))
    };
    world.objects("all.yaml", &objects("^2"));
    world.sync(&[]).ok();
    // No tag qualifies any more: the proposal of the other policy is not lost by that.
    world.objects("all.yaml", &objects("^3"));
    world.registry.push("acme/web", "1.0.2");
    world.sync(&[]).code_is(2);
    assert_eq!(world.web_image("updates"), world.web("1.0.2"));
    assert!(world.git.read("app.git", "updates", "apps/api.yaml").contains(":2.0.1 #"));
}

#[test]
fn automations_share_a_push_branch_and_come_to_rest() {
    // From two branches. What only one of them has is not on the push branch, which starts at the other, and is told.
    let world = World::simple();
    world.git.commit("app.git", "release", &[("release/web.yaml", &world.manifest("1.0.0"))], "release");
    world.git_in(&["update-ref", "refs/heads/release", "refs/heads/main"]);
    world.git.commit("app.git", "release", &[("release/web.yaml", &world.manifest("1.0.0"))], "release");
    let one = to("{branch: updates}", &automation("one", "app", "./apps"));
    let other = to("{branch: updates}", &automation("other", "app", "./release"))
        .replace("  git:\n", "  git:\n    checkout: {ref: {branch: release}}\n");
    world.objects("all.yaml", &(policy("web", "^1") + &source("app") + &one + &other));
    for _ in 0..2 {
        world.sync(&[]).code_is(0);
    }
    world.is_at_rest();
    world.registry.push("acme/web", "1.0.2");
    for _ in 0..2 {
        world.sync(&[]).code_is(0);
    }
    world.is_at_rest();
    assert_eq!(world.web_image("updates"), world.web("1.0.2"));
    let told = world.sync(&["-o", "json"]).code_is(0).json();
    assert_eq!(told["automations"][1]["ignored"][0]["file"], "release/web.yaml", "{told}");
    // What both have is changed once.
    world.objects("all.yaml", &(policy("web", "^1") + &source("app") + &one + &other.replace("./release", "./apps")));
    world.registry.push("acme/web", "1.0.3");
    world.sync(&[]).ok();
    world.is_at_rest();
    assert_eq!(world.git.log("app.git", "updates"), ["update one", "first"]);
    assert_eq!(world.web_image("updates"), world.web("1.0.3"));
}

#[test]
fn the_commits_of_another_namespace_are_not_ours() {
    let world = proposed();
    let objects =
        (policy("web", "^1") + &source("app") + &to("{branch: updates}", &automation("apps", "app", "./apps")))
            .replace("namespace: flux-system", "namespace: team");
    world.git.commit(
        "app.git",
        "main",
        &[("team/web.yaml", &world.manifest("1.0.0").replace("flux-system:", "team:"))],
        "team",
    );
    world.objects("team.yaml", &objects.replace("./apps", "./team"));
    world.sync(&[]).code_is(0);
    world.sync(&[]).code_is(0);
    world.is_at_rest();
    assert_eq!(world.web_image("updates"), world.web("1.0.1"));
    assert!(world.git.read("app.git", "updates", "team/web.yaml").contains(":1.0.1 #"));
}

#[test]
fn a_refspec_alone_is_all_that_is_pushed() {
    for (refspec, name) in [
        ("HEAD:refs/heads/staging", "refs/heads/staging"),
        ("refs/heads/main:refs/heads/staging", "refs/heads/staging"),
        ("HEAD:refs/review/images", "refs/review/images"),
    ] {
        let world = pushing(&format!("{{refspec: '{refspec}'}}"));
        world.sync(&[]).ok();
        assert_eq!(world.git.log("app.git", "main"), ["first"], "{refspec}");
        assert_eq!(world.git_in(&["log", "--format=%s", name]), "update apps\nfirst", "{refspec}");
        world.is_at_rest();
        // Without a plus the reference loses no commit.
        world.git.commit("app.git", "main", &[("apps/web.yaml", &(world.manifest("1.0.0") + "# more\n"))], "more");
        world.registry.push("acme/web", "1.0.2");
        world.sync(&[]).ok();
        assert_eq!(world.git_in(&["log", "--format=%s", name]), "update apps\nupdate apps\nfirst", "{refspec}");
    }
    let world = pushing("{refspec: '+HEAD:refs/heads/staging'}");
    world.sync(&[]).ok();
    world.git.commit("app.git", "main", &[("apps/web.yaml", &(world.manifest("1.0.0") + "# more\n"))], "more");
    world.sync(&[]).ok();
    assert_eq!(world.git.log("app.git", "staging"), ["update apps", "more", "first"]);
}

#[test]
fn a_reference_that_is_no_branch_is_raced_for_too() {
    let world = pushing("{refspec: 'HEAD:refs/review/images'}");
    world.sync(&[]).ok();
    world.registry.push("acme/web", "1.0.2");
    let (path, mut is_done) = (world.git.path("app.git"), false);
    world.git.before_push(move || {
        if !std::mem::replace(&mut is_done, true) {
            let theirs = "commit refs/review/images\ncommitter Dev <dev@example.com> 1700000000 +0000\ndata 6\ntheirs\nfrom refs/review/images^0\nM 100644 inline a.txt\ndata 2\na\n\n";
            import(&path, theirs);
        }
    });
    world.sync(&[]).ok();
    let log = world.git_in(&["log", "--format=%s", "refs/review/images"]);
    assert_eq!(log.lines().collect::<Vec<_>>(), ["update apps", "theirs", "update apps", "first"]);
    world.is_at_rest();
}

#[test]
fn a_review_is_opened_once_although_the_server_never_shows_its_reference() {
    let world = pushing("{refspec: 'HEAD:refs/for/main'}");
    // As Gerrit does it: what arrives becomes a change, and the name that it was sent to does not exist.
    let hook = "read old new name\ngit update-ref refs/changes/$(git for-each-ref refs/changes | wc -l) $new\ngit update-ref -d $name\n";
    world.hook("post-receive", hook);
    let changes = || world.git_in(&["for-each-ref", "--format=%(subject)", "refs/changes"]).lines().count();
    world.sync(&[]).ok();
    assert_eq!((changes(), world.git.log("app.git", "main").len()), (1, 1));
    world.is_at_rest();
    world.registry.push("acme/web", "1.0.2");
    world.sync(&[]).ok();
    assert_eq!(changes(), 2);
    assert_eq!(world.git_in(&["log", "--format=%s", "refs/changes/1"]), "update apps\nfirst");
    world.is_at_rest();
}

#[test]
fn a_branch_and_a_refspec_get_the_same_commit() {
    let world = pushing("{branch: updates, refspec: 'refs/heads/updates:refs/heads/copy'}");
    let report = world.sync(&["-o", "json"]).code_is(0).json();
    assert_eq!(report["automations"][0]["branch"], "updates");
    assert_eq!(report["automations"][0]["also"], "copy");
    assert_eq!(world.tip("updates"), world.tip("copy"));
    world.is_at_rest();
    // The same reference twice is no error, as it is in Flux.
    let world = pushing("{branch: main, refspec: 'refs/heads/main:refs/heads/main'}");
    world.sync(&[]).ok();
    assert_eq!(world.git.log("app.git", "main"), ["update apps", "first"]);
}

#[test]
fn what_cannot_be_pushed_fails_by_name_before_anything_is() {
    let check = |push: &str, expected: &str| {
        let world = pushing(push);
        let run = world.sync(&[]).code_is(2);
        assert!(run.stderr.contains(expected), "{push}: {}", run.stderr);
        assert_eq!(world.git_in(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main", "{push}");
        assert_eq!(world.git.log("app.git", "main"), ["first"], "{push}");
    };
    check(
        "{refspec: 'refs/heads/*:refs/heads/*'}",
        "spec.git.push.refspec: refspec \"refs/heads/*:refs/heads/*\" holds a wildcard",
    );
    check("{refspec: ':refs/heads/main'}", "references are not deleted");
    check("{refspec: 'HEAD:main'}", "is not the full name of a reference");
    check(
        "{branch: updates, refspec: 'refs/heads/main:refs/heads/x'}",
        "the refspec's source is branch main, and the commits go to branch updates",
    );
    check("{options: {merge_request.create: ''}}", "push options are set, and the server takes none");
    check("{options: {\"a\\nb\": ''}}", "spec.git.push.options: push option \"a\\nb\" holds a control character");
    check("{branch: '--all'}", "branch name");
}

#[test]
fn push_options_travel_with_the_push() {
    let world = pushing("{branch: updates, options: {merge_request.create: '', merge_request.target: main}}");
    let path = world.git.path("app.git");
    git(&path, &["config", "receive.advertisePushOptions", "true"]);
    world.hook("post-receive", "env | grep ^GIT_PUSH_OPTION_ | sort > told\n");
    world.sync(&[]).ok();
    let told = std::fs::read_to_string(path.join("told")).expect("what the hook saw");
    assert!(told.contains("OPTION_0=merge_request.create=\n") && told.contains("OPTION_1=merge_request.target=main\n"));
}

#[test]
fn two_sources_of_one_repository_and_secret_are_one_batch() {
    let world = World::simple();
    let objects = policy("web", "^1")
        + &source("app")
        + &source("app").replace("name: app,", "name: same,")
        + &automation("apps", "app", "./apps")
        + &automation("more", "same", "./more");
    world.git.commit("app.git", "main", &[("more/web.yaml", &world.manifest("1.0.0"))], "second");
    world.objects("all.yaml", &objects);
    world.git.requests();
    world.sync(&[]).ok();
    assert_eq!(world.git.log("app.git", "main"), ["update more", "update apps", "second", "first"]);
    let pushes =
        world.git.requests().iter().filter(|asked| asked.line.starts_with("POST /app.git/git-receive")).count();
    assert_eq!(pushes, 1);
}

#[test]
fn a_push_beyond_the_budget_waits_and_is_merged_with_what_came_meanwhile() {
    let world = World::simple();
    world.scan_every("100ms");
    let more = ["--every", "100ms", "-o", "json", "--git-pushes-per-minute", "1"];
    let child = world.sync_command("state", &more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("the program starts");
    wait_for(|| world.git.log("app.git", "main").len() == 2);
    world.registry.push("acme/web", "1.0.2");
    std::thread::sleep(std::time::Duration::from_secs(1));
    signal(&child, "TERM");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    let last: serde_json::Value = serde_json::from_str(said.lines().last().expect("a report")).expect("JSON");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(last["automations"][0]["deferredUntil"].as_str().is_some_and(|at| at.ends_with('Z')), "{last}");
    assert_eq!(last["automations"][0]["commit"], serde_json::Value::Null);
    assert_eq!(world.git.log("app.git", "main").len(), 2, "nothing beyond the budget");
    // A process of its own has a budget of its own.
    world.registry.push("acme/web", "1.0.3");
    world.sync(&["--git-pushes-per-minute", "1"]).ok();
    assert_eq!(world.web_image("main"), world.web("1.0.3"));
    assert_eq!(world.git.log("app.git", "main").len(), 3);
}

#[test]
fn a_push_that_waits_for_the_budget_goes_out_when_it_may() {
    let world = World::simple();
    world.scan_every("100ms");
    // No round comes by itself.
    let more = ["--every", "1h", "--git-pushes-per-minute", "1"];
    let child = world.sync_command("state", &more).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = child.expect("the program starts");
    wait_for(|| world.git.log("app.git", "main").len() == 2);
    let pushed = std::time::Instant::now();
    world.registry.push("acme/web", "1.0.2");
    std::thread::sleep(std::time::Duration::from_secs(30));
    assert_eq!(world.git.log("app.git", "main").len(), 2, "nothing beyond the budget");
    wait_for(|| world.git.log("app.git", "main").len() == 3);
    assert!(pushed.elapsed() >= std::time::Duration::from_secs(45), "{:?}", pushed.elapsed());
    signal(&child, "TERM");
    child.wait_with_output().expect("it ends");
    assert_eq!(world.web_image("main"), world.web("1.0.2"));
}

#[test]
fn pushes_that_fail_leave_the_budget_to_others() {
    let world = World::simple();
    world.git.commit("app.git", "main", &[("more/web.yaml", &world.manifest("1.0.0"))], "second");
    let objects = policy("web", "^1")
        + &source("app")
        + &automation("bad", "app", "./apps")
        + &automation("good", "app", "./more");
    world.objects("all.yaml", &objects);
    world.hook("update", "git diff --name-only $2 $3 | grep -q ^apps/ && echo 'not apps' && exit 1\nexit 0\n");
    let more = ["--every", "100ms", "--git-pushes-per-minute", "1"];
    let child = world.sync_command("state", &more).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = child.expect("the program starts");
    wait_for(|| world.git.log("app.git", "main").len() == 3);
    signal(&child, "TERM");
    child.wait_with_output().expect("it ends");
    assert_eq!(git(&world.git.path("app.git"), &["log", "-1", "--format=%s", "main"]).trim(), "update good");
}
