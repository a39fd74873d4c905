//! Every way through the life of a push branch: what happened on `main`, what happened on the branch, who did it, and
//! what is new. After each run the commits of others must still be there.

use crate::servers::git_http::import;
use crate::sync_push::{proposed, to};
use crate::world::{World, automation, policy, source};

/// Something that happened since version 1.0.1 was proposed on the branch `updates`.
#[derive(Clone, Copy, Debug)]
enum Did {
    // On main.
    MainElsewhere,
    MainSameFile,
    MainForward,
    MainMerged,
    MainSquashed,
    MainRebased,
    MainReverted,
    // On the push branch.
    Review,
    SameFile,
    AsTheBot,
    Amended,
    CherryPicked,
    MainMergedIn,
    Reverted,
    FileRemoved,
    OtherCluster,
    Deleted,
    Replaced,
}

const BOT: &str = "Bot <bot@example.com>";
const DEV: &str = "Dev <dev@example.com>";

/// A commit on top of `branch` by any author and committer.
fn commit_as(world: &World, branch: &str, [author, committer]: [&str; 2], message: &str, change: &str) {
    import(
        &world.git.path("app.git"),
        &format!(
            "commit refs/heads/{branch}\nauthor {author} 1700000000 +0000\ncommitter {committer} 1700000000 +0000\ndata {}\n{message}\nfrom refs/heads/{branch}^0\n{change}\n",
            message.len()
        ),
    );
}

fn file(path: &str, content: &str) -> String {
    format!("M 100644 inline {path}\ndata {}\n{content}\n", content.len())
}

impl Did {
    fn happen(self, world: &World) {
        let put = |branch: &str, path: &str, content: &str, message: &str| {
            world.git.commit("app.git", branch, &[(path, content)], message);
        };
        let (web, both) = ("apps/web.yaml", [DEV, DEV]);
        let (old, new) = (world.manifest("1.0.0"), world.manifest("1.0.1"));
        let trail = || world.git_in(&["log", "-1", "--format=%B", "updates"]);
        match self {
            Self::MainElsewhere => put("main", "README.md", "news\n", "elsewhere"),
            Self::MainSameFile => put("main", web, &(old + "# more\n"), "comment"),
            Self::MainForward => drop(world.git_in(&["update-ref", "refs/heads/main", &world.tip("updates")])),
            Self::MainMerged => merge(world, "main", "updates"),
            Self::MainSquashed => put("main", web, &new, "squashed"),
            Self::MainRebased => {
                put("main", "README.md", "before\n", "elsewhere");
                commit_as(world, "main", [BOT, DEV], &trail(), &file(web, &new));
            }
            Self::MainReverted => put("main", web, &old, "revert"),
            Self::Review => put("updates", "review.txt", "mine\n", "review"),
            Self::SameFile => put("updates", web, &(new + "# mine\n"), "review"),
            Self::AsTheBot => commit_as(world, "updates", [BOT, BOT], "as the bot", &file("notes.txt", "mine\n")),
            Self::Amended => {
                let message = trail();
                world.git_in(&["update-ref", "refs/heads/updates", "updates~1"]);
                let change = file(web, &new) + &file("notes.txt", "mine\n");
                commit_as(world, "updates", [BOT, DEV], &message.replace("update apps", "amended"), &change);
            }
            Self::CherryPicked => {
                put("updates", "README.md", "theirs\n", "theirs");
                commit_as(world, "updates", [BOT, DEV], &trail().replace("theirs", "picked"), &file(web, &new));
            }
            Self::MainMergedIn => merge(world, "updates", "main"),
            Self::Reverted => put("updates", web, &old, "revert"),
            Self::FileRemoved => commit_as(world, "updates", both, "remove", &format!("D {web}\n")),
            Self::OtherCluster => {
                let message = trail().replace("update apps", "other cluster");
                commit_as(world, "updates", [BOT, BOT], &message, &file("other/web.yaml", &new));
            }
            Self::Deleted => drop(world.git_in(&["update-ref", "-d", "refs/heads/updates"])),
            Self::Replaced => {
                world.git_in(&["update-ref", "refs/heads/updates", "refs/heads/main"]);
                put("updates", "other.txt", "theirs\n", "theirs");
            }
        }
    }

    /// Whether the newest commit of `updates` is then one that may be replaced by nobody.
    fn is_foreign(self) -> bool {
        use Did::{
            Amended, CherryPicked, FileRemoved, MainMergedIn, OtherCluster, Replaced, Reverted, Review, SameFile,
        };
        matches!(
            self,
            Review
                | SameFile
                | Amended
                | CherryPicked
                | MainMergedIn
                | Reverted
                | FileRemoved
                | OtherCluster
                | Replaced
        )
    }
}

/// A merge of `from` into `into` by a person.
fn merge(world: &World, into: &str, from: &str) {
    let tree = world.git_in(&["merge-tree", "--write-tree", into, from]);
    let merge = world.git_in(&["commit-tree", "-m", "merge", "-p", into, "-p", from, &tree]);
    world.git_in(&["update-ref", &format!("refs/heads/{into}"), &merge]);
}

/// Runs, and says what became of the branch: `effect: newest < … < oldest`.
fn run(world: &World) -> String {
    let before = world.git_in(&["for-each-ref", "refs/heads/updates"]);
    let effect = world.effect(&[]);
    assert_eq!(effect == "none", before == world.git_in(&["for-each-ref", "refs/heads/updates"]), "{effect}");
    let log = world.git_in(&["log", "--first-parent", "--format=%s", "refs/heads/updates"]);
    format!("{effect}: {}", log.replace('\n', " < "))
}

/// What a run does, what it does after a release of version 1.0.2, and that it is at rest then.
fn check(did: &[Did], quiet: &str, released: &str) {
    let world = proposed();
    let mut foreign = Vec::new();
    for one in did {
        one.happen(&world);
        foreign.extend(one.is_foreign().then(|| world.tip("updates")));
    }
    assert_eq!(run(&world), quiet, "{did:?}");
    world.is_at_rest();
    world.registry.push("acme/web", "1.0.2");
    assert_eq!(run(&world), released, "{did:?}, and a release");
    world.is_at_rest();
    for commit in foreign {
        world.git_in(&["merge-base", "--is-ancestor", &commit, "updates"]);
    }
}

#[test]
fn a_branch_that_nobody_else_touched_follows_the_checkout_branch() {
    use Did::{AsTheBot, Deleted, MainElsewhere, MainSameFile};
    check(&[], "none: update apps < first", "rebuilds: update apps < first");
    check(&[MainElsewhere], "none: update apps < first", "rebuilds: update apps < elsewhere < first");
    check(&[MainSameFile], "rebuilds: update apps < comment < first", "rebuilds: update apps < comment < first");
    check(&[Deleted], "creates: update apps < first", "rebuilds: update apps < first");
    // What carries the author's name and address is the author's.
    check(&[AsTheBot], "rebuilds: update apps < first", "rebuilds: update apps < first");
}

#[test]
fn a_branch_that_reached_the_checkout_branch_is_left_alone_until_there_is_news() {
    use Did::{MainElsewhere, MainForward, MainMerged, MainRebased, MainReverted, MainSquashed};
    let left = "none: update apps < first";
    check(&[MainForward], left, "advances: update apps < update apps < first");
    check(&[MainForward, MainElsewhere], left, "advances: update apps < elsewhere < update apps < first");
    check(&[MainMerged], left, "advances: update apps < merge < first");
    check(&[MainSquashed], left, "rebuilds: update apps < squashed < first");
    check(&[MainRebased], left, "rebuilds: update apps < update apps < elsewhere < first");
    // A revert on the checkout branch is undone there as it would be without a push branch: in a new proposal. The one
    // that was squashed is still there to be merged again.
    let again = "advances: update apps < revert < update apps < first";
    check(&[MainForward, MainReverted], again, "rebuilds: update apps < revert < update apps < first");
    check(&[MainSquashed, MainReverted], left, "rebuilds: update apps < revert < squashed < first");
}

#[test]
fn commits_of_others_are_never_thrown_away() {
    use Did::{
        Amended, CherryPicked, MainElsewhere, MainMergedIn, MainSameFile, MainSquashed, OtherCluster, Replaced,
        Reverted, Review, SameFile,
    };
    let check = |did: &[Did], log: &str| check(did, &format!("none: {log}"), &format!("extends: update apps < {log}"));
    check(&[Review], "review < update apps < first");
    check(&[SameFile], "review < update apps < first");
    check(&[Amended], "amended < first");
    check(&[CherryPicked], "picked < theirs < update apps < first");
    check(&[Reverted], "revert < update apps < first");
    check(&[OtherCluster], "other cluster < update apps < first");
    check(&[Review, MainElsewhere], "review < update apps < first");
    check(&[Review, MainSameFile], "review < update apps < first");
    check(&[Review, MainSquashed], "review < update apps < first");
    check(&[MainElsewhere, MainMergedIn], "merge < update apps < first");
    check(&[MainElsewhere, MainMergedIn, Review], "review < merge < update apps < first");
    let world = proposed();
    Replaced.happen(&world);
    assert_eq!(run(&world), "extends: update apps < theirs < first");
}

#[test]
fn a_field_that_is_gone_from_the_branch_is_told() {
    let world = proposed();
    Did::FileRemoved.happen(&world);
    let tells = || {
        let told = world.sync(&["-o", "json"]).code_is(0).json();
        let reason = &told["automations"][0]["ignored"][0]["reason"];
        assert_eq!(reason, "branch updates has no such field in this file", "{told}");
        assert_eq!(told["automations"][0]["proposed"], false, "{told}");
        world.is_at_rest();
    };
    // First the whole folder is, then the file.
    tells();
    world.git.commit("app.git", "updates", &[("apps/other.yaml", "kind: Other\n")], "other");
    tells();
}

#[test]
fn clusters_whose_automations_have_one_name_share_a_push_branch() {
    let world = proposed();
    world.git.commit("app.git", "main", &[("other/web.yaml", &world.manifest("1.0.0"))], "other");
    let sync = |path: &str| {
        let objects = policy("web", "^1") + &source("app") + &to("{branch: updates}", &automation("apps", "app", path));
        world.objects("all.yaml", &objects);
        world.sync(&[]).ok();
        world.is_at_rest();
    };
    // The other cluster's file is not on the branch until somebody brings it there.
    merge(&world, "updates", "main");
    (0..2).for_each(|_| ["./apps", "./other"].into_iter().for_each(sync));
    world.registry.push("acme/web", "1.0.2");
    (0..2).for_each(|_| ["./apps", "./other"].into_iter().for_each(sync));
    let log = world.git_in(&["log", "--first-parent", "--format=%s", "updates"]);
    assert_eq!(log.lines().filter(|subject| *subject == "update apps").count(), 4, "{log}");
    assert_eq!(world.git.read("app.git", "updates", "other/web.yaml"), world.manifest("1.0.2"));
    assert_eq!(world.web_image("updates"), world.web("1.0.2"));
}

/// A release, and `did` while it is being pushed to the push branch.
fn check_race(did: Did, expected: &str) {
    let world = std::sync::Arc::new(proposed());
    world.registry.push("acme/web", "1.0.2");
    let (inner, mut is_done) = (std::sync::Arc::downgrade(&world), false);
    world.git.before_push(move || {
        if let Some(world) = inner.upgrade().filter(|_| !std::mem::replace(&mut is_done, true)) {
            did.happen(&world);
        }
    });
    assert_eq!(run(&world), expected, "{did:?}");
    world.is_at_rest();
}

#[test]
fn a_push_branch_that_moves_under_a_push_is_looked_at_anew() {
    check_race(Did::Review, "extends: update apps < review < update apps < first");
    check_race(Did::Amended, "extends: update apps < amended < first");
    check_race(Did::Deleted, "creates: update apps < first");
    check_race(Did::Replaced, "extends: update apps < theirs < first");
    // The checkout branch is none that is pushed to: what happened there is for the next run.
    check_race(Did::MainElsewhere, "rebuilds: update apps < first");
}

/// A `GitRepository` for the same remote with a Secret of its own.
fn source_with_secret(name: &str) -> String {
    source(name)
        .replace(&format!("{name}.git"), "app.git")
        .replace("ref:", &format!("secretRef: {{name: {name}}}, ref:"))
        + &format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: flux-system}}\nstringData: {{username: {name}, password: x}}\n"
        )
}

#[test]
fn sources_of_one_remote_with_different_secrets_race_and_all_arrive() {
    for push in ["{branch: main}", "{branch: updates}"] {
        let world = World::simple();
        world.git.commit("app.git", "main", &[("more/web.yaml", &world.manifest("1.0.0"))], "second");
        let one = source_with_secret("one") + &to(push, &automation("apps", "one", "./apps"));
        let two = source_with_secret("two") + &to(push, &automation("more", "two", "./more"));
        world.objects("all.yaml", &(policy("web", "^1") + &one + &two));
        world.sync(&[]).ok();
        let branch = if push.contains("main") { "main" } else { "updates" };
        assert_eq!(world.git.log("app.git", branch).len(), 4, "{push}");
        assert_eq!(world.git.read("app.git", branch, "more/web.yaml"), world.manifest("1.0.1"), "{push}");
        assert_eq!(world.web_image(branch), world.web("1.0.1"), "{push}");
        world.is_at_rest();
    }
}
