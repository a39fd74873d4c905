//! Which commit an update is built on: every kind of reference, through `sync`, over http and on this machine.

use crate::git::{Lab, files, told_by};
use crate::servers::git_http::{GitServer, git, import};
use crate::world::{World, automation, deployment, policy, source};

/// A repository with `main` (three commits), `side` (one more from the first), tags and other references. Each commit
/// holds the manifest and a file that names it.
fn world() -> World {
    let world = World::simple();
    let bare = world.git.path("app.git");
    let commit = |reference: &str, from: &str, name: &str, time: u64| {
        import(
            &bare,
            &format!(
                "commit {reference}\ncommitter Dev <d@example.com> {time} +0000\ndata {}\n{name}\nfrom {from}^0\n\
                 M 100644 inline name\ndata {}\n{name}\n",
                name.len(),
                name.len()
            ),
        );
    };
    commit("refs/heads/main", "refs/heads/main", "second", 1_700_000_100);
    commit("refs/heads/side", "refs/heads/main~1", "side", 1_700_000_200);
    commit("refs/heads/main", "refs/heads/main", "third", 1_700_000_300);
    commit("refs/heads/gone", "refs/heads/main~2", "pull", 1_700_000_400);
    git(&bare, &["update-ref", "refs/pull/1/head", "gone"]);
    git(&bare, &["update-ref", "-d", "refs/heads/gone"]);
    for (tag, at) in [("v1.0.0", "main~2"), ("v1.2.0-rc.1", "main"), ("2", "main"), ("v2.0.0", "main"), ("x", "main")] {
        git(&bare, &["tag", tag, at]);
    }
    git(&bare, &["tag", "-m", "annotated", "v1.1.0", "main~1"]);
    git(&bare, &["tag", "-m", "a tag of a tag", "nested", "v1.1.0"]);
    git(&bare, &["tag", "-m", "newer", "1.1.0+build", "side"]);
    git(&bare, &["tag", "v3.0.0-tree", "main^{tree}"]);
    world
}

/// Runs `sync` with these references; gives what the push branch was built on, or what was said.
fn built_on(world: &World, url: &str, source_ref: &str, own: &str, push: &str) -> Result<String, String> {
    let bare = world.git.path("app.git");
    git(&bare, &["update-ref", "-d", "refs/heads/out"]);
    let source = source("app").replace("GIT/app.git", url).replace("ref: {branch: main}", source_ref);
    let git_spec = format!("  git:\n{own}{push}");
    let objects = policy("web", "^1") + &source + &automation("apps", "app", "./apps").replace("  git:\n", &git_spec);
    world.objects("all.yaml", &objects);
    let run = world.sync(&[]);
    match run.code {
        Some(0) => Ok(git(&bare, &["log", "-1", "--format=%s", "out~1"]).trim().to_owned()),
        _ => Err(run.stderr),
    }
}

const PUSH: &str = "    push: {branch: out}\n";

#[test]
fn every_reference_is_resolved_with_the_precedence_of_flux() {
    let world = world();
    let bare = world.git.path("app.git");
    let id = |of: &str| git(&bare, &["rev-parse", of]).trim().to_owned();
    let (second, side, pull) = (id("main~1"), id("side"), id("refs/pull/1/head"));
    let upper = second.to_uppercase();
    let table = [
        ("ref: {}".to_owned(), "third"),
        ("ref: {branch: side}".to_owned(), "side"),
        ("ref: {tag: v1.1.0}".to_owned(), "second"),
        ("ref: {tag: nested}".to_owned(), "second"),
        ("ref: {tag: v1.0.0, branch: side}".to_owned(), "first"),
        ("ref: {semver: '>=1.0.0 <1.1.0'}".to_owned(), "first"),
        // 1.1.0+build is the same version on a newer commit.
        ("ref: {semver: ~1.1, branch: main}".to_owned(), "side"),
        // `2` is no version, as in Flux.
        ("ref: {semver: '>=1.2.0-0 <2'}".to_owned(), "third"),
        ("ref: {tag: v1.0.0, semver: ~1.1}".to_owned(), "first"),
        ("ref: {name: refs/heads/side}".to_owned(), "side"),
        ("ref: {name: HEAD}".to_owned(), "third"),
        ("ref: {name: refs/tags/v1.1.0, tag: v1.0.0}".to_owned(), "second"),
        ("ref: {name: refs/pull/1/head}".to_owned(), "pull"),
        (format!("ref: {{commit: {second}, name: refs/heads/side}}"), "second"),
        (format!("ref: {{commit: {upper}}}"), "second"),
        (format!("ref: {{commit: {side}}}"), "side"),
        (format!("ref: {{commit: {pull}}}"), "pull"),
        (format!("ref: {{commit: {second}, branch: main}}"), "second"),
    ];
    for url in ["GIT/app.git".to_owned(), bare.display().to_string()] {
        for (reference, expected) in &table {
            let found = built_on(&world, &url, reference, "", PUSH);
            assert_eq!(found.as_deref(), Ok(*expected), "{url} {reference}");
        }
        // The automation's reference replaces the other as a whole.
        let own = "    checkout: {ref: {branch: side}}\n";
        assert_eq!(built_on(&world, &url, "ref: {tag: v1.0.0}", own, PUSH).as_deref(), Ok("side"));
    }
}

#[test]
fn what_cannot_be_checked_out_says_why() {
    let world = world();
    let id = |of: &str| git(&world.git.path("app.git"), &["rev-parse", of]).trim().to_owned();
    let (side, absent) = (id("side"), "12".repeat(20));
    let check = |url: &str, reference: &str, push: &str, expected: &str| {
        let said = built_on(&world, url, reference, "", push).expect_err(reference);
        assert!(said.contains(expected), "{expected:?} in {said}");
    };
    for url in ["GIT/app.git".to_owned(), world.git.path("app.git").display().to_string()] {
        let check = |reference: &str, push: &str, expected: &str| check(&url, reference, push, expected);
        for reference in ["tag: v1.1.0", "semver: '*'", "name: refs/tags/v1.1.0", &format!("commit: {side}, branch: x")]
        {
            check(&format!("ref: {{{reference}}}"), "", "spec.git.push.branch is required");
        }
        check("ref: {tag: v9}", PUSH, "has no \"refs/tags/v9\"");
        check("ref: {tag: v3.0.0-tree}", PUSH, "\"refs/tags/v3.0.0-tree\" of");
        check("ref: {name: refs/pull/2/head}", PUSH, "has no \"refs/pull/2/head\"");
        check("ref: {semver: '>>1'}", PUSH, "semver.range \">>1\"");
        check("ref: {semver: '>=9'}", PUSH, "has no tag with a version in \">=9\"");
        check("ref: {commit: '1234567'}", PUSH, "\"1234567\" is not a whole commit id");
        check(&format!("ref: {{commit: '{absent}'}}"), PUSH, &format!("has no commit {absent}"));
        check(&format!("ref: {{commit: {side}, branch: main}}"), PUSH, "is not on branch \"main\"");
    }
}

#[test]
fn a_reference_that_leads_elsewhere_is_refused() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[("a.yaml", "a\n")]);
    let session = lab.open(&server.url("app.git"));
    let long = format!("refs/tags/{}", "x".repeat(300));
    for name in ["main", "refs/", "refs/../config", "refs/tags/-x/..", "refs/tags/a b", "refs/tags/v1^{}", "-x", &long]
    {
        let said = told_by(session.fetch_reference(name));
        assert!(said.contains("is not valid"), "{name}: {said}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_commit_is_asked_for_by_its_id_or_looked_for_on_the_branches() {
    let server = GitServer::start();
    server.create("app.git", &[("a.yaml", "one\n")]);
    let first = git(&server.path("app.git"), &["rev-parse", "main"]).trim().to_owned();
    server.commit("app.git", "main", &[("a.yaml", "two\n")], "second");
    let on_side = server.commit("app.git", "side", &[("b.yaml", "b\n")], "side");
    server.commit("app.git", "side", &[("b.yaml", "c\n")], "side");
    for (by_id, commit, posts) in [("true", &first, 1), ("false", &first, 1), ("false", &on_side, 2)] {
        git(&server.path("app.git"), &["config", "uploadpack.allowReachableSHA1InWant", by_id]);
        let lab = Lab::new();
        let session = lab.open(&server.url("app.git"));
        let id = session.fetch_commit(commit.parse().expect("an id")).expect("a commit");
        assert_eq!(files(&session, id).len(), 1);
        let asked = server.requests().iter().filter(|asked| asked.line.starts_with("POST")).count();
        assert_eq!(asked, posts, "{by_id} {commit}");
        drop(session);
        let session = lab.open(&server.url("app.git"));
        session.fetch_commit(id).expect("the commit is here");
        assert!(server.requests().is_empty(), "not even a listing");
    }
}

#[test]
fn a_semver_checkout_follows_new_tags_and_a_branch_follows_its_name() {
    let world = world();
    let reference = "ref: {semver: '>=2'}";
    assert_eq!(built_on(&world, "GIT/app.git", reference, "", PUSH).as_deref(), Ok("third"));
    let bare = world.git.path("app.git");
    let manifest = world.fill(&deployment("REGISTRY/acme/web:1.0.0", "web"));
    world.git.commit("app.git", "main", &[("apps/web.yaml", &manifest), ("x", "x")], "fourth");
    git(&bare, &["tag", "v2.1.0", "main"]);
    assert_eq!(built_on(&world, "GIT/app.git", reference, "", PUSH).as_deref(), Ok("fourth"));
    // Named in full, a branch needs no push branch.
    let own = "    checkout: {ref: {name: refs/heads/side}}\n";
    let objects = policy("web", "^1") + &source("app") + &automation("apps", "app", "./apps");
    world.objects("all.yaml", &objects.replace("  git:\n", &format!("  git:\n{own}")));
    world.sync(&[]).ok();
    assert_eq!(world.git.log("app.git", "side"), ["update apps", "side", "first"]);
}

#[test]
fn two_chains_of_one_remote_lose_no_race_to_each_other() {
    let world = World::simple();
    let manifest = world.fill(&deployment("REGISTRY/acme/web:1.0.0", "web"));
    world.git.commit("app.git", "main", &[("other/web.yaml", &manifest)], "second");
    let stable = automation("other", "app", "./other")
        .replace("  git:\n", "  git:\n    checkout: {ref: {name: refs/heads/main}}\n    push: {branch: updates}\n");
    let onward = automation("zonward", "app", "./apps")
        .replace("  git:\n", "  git:\n    checkout: {ref: {branch: updates}}\n    push: {branch: updates}\n");
    git(&world.git.path("app.git"), &["branch", "updates", "main"]);
    world.objects("more.yaml", &(stable + &onward));
    world.git.requests();
    world.sync(&[]).ok();
    let lists = world.git.requests();
    let fetches = lists.iter().filter(|asked| asked.line.contains("service=git-upload-pack")).count();
    assert_eq!(fetches, 1, "the session knows what it pushed: {lists:?}");
    assert_eq!(world.web_image("updates"), world.registry.image("acme/web:1.0.1"));
}
