//! Listing, fetching, committing and pushing over http, against the real `git http-backend`.

use std::path::Path;

use tagwright::git::{Auth, Log, PushError};
use tagwright::secret::Secret;

use crate::git::{Lab, commit, edit, files, meta, remote, told, told_by, update};
use crate::servers::git_http::{Fault, GitServer, foreign_commit, git, import};

const FIRST: &[(&str, &str)] =
    &[("a.yaml", "image: a:1\n"), ("apps/b.yaml", "image: b:1\n"), ("apps/deep/c.txt", "text\n")];

#[test]
fn the_first_fetch_brings_the_files_and_a_second_run_asks_once() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", FIRST);
    let session = lab.open(&server.url("app.git"));
    let refs = session.refs().expect("a listing");
    assert_eq!(refs.default_branch.as_deref(), Some("main"));
    let tip = session.fetch("main").expect("a fetch");
    assert_eq!(refs.heads.get("main"), Some(&tip));
    assert_eq!(files(&session, tip), ["a.yaml=image: a:1\n", "apps/b.yaml=image: b:1\n", "apps/deep/c.txt=text\n"]);
    assert_eq!(lines(&server), ["GET /app.git/info/refs?service=git-upload-pack", "POST /app.git/git-upload-pack"]);
    drop(session);

    let session = lab.open(&server.url("app.git"));
    assert_eq!(session.fetch("main").expect("a fetch"), tip);
    assert_eq!(files(&session, tip).len(), 3);
    assert_eq!(lines(&server), ["GET /app.git/info/refs?service=git-upload-pack"]);
}

#[test]
fn a_later_fetch_brings_what_is_new_and_only_the_wanted_branch() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", FIRST);
    let other = server.commit("app.git", "other", &[("other.yaml", "x\n")], "other");
    git(&server.path("app.git"), &["tag", "-m", "tag", "v1", "other"]);
    lab.open(&server.url("app.git")).fetch("main").expect("a fetch");
    server.commit("app.git", "main", &[("a.yaml", "image: a:2\n")], "second");

    let session = lab.open(&server.url("app.git"));
    let tip = session.fetch("main").expect("a fetch");
    assert_eq!(files(&session, tip)[0], "a.yaml=image: a:2\n");
    let store = store_path(&lab);
    assert_eq!(git(&store, &["rev-list", "--count", "--all"]).trim(), "2", "two commits, both of main");
    let has_other = crate::servers::git_http::git_output(&store, &["cat-file", "-e", &other]).status.success();
    assert!(!has_other, "the other branch was fetched too");
    let packs: Vec<_> = std::fs::read_dir(store.join("objects/pack")).expect("packs").collect();
    assert_eq!(packs.len(), 4, "two packs with their indexes");
}

#[test]
fn a_commit_changes_exactly_its_files_and_keeps_message_modes_and_odd_entries() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[]);
    let module = "1".repeat(40);
    let stream = format!(
        "commit refs/heads/main\ncommitter Dev <d@example.com> 1700000000 +0000\ndata 1\nx\n\
         M 100755 inline run.sh\ndata 1\na\nM 120000 inline link\ndata 6\nrun.sh\nM 160000 {module} module\n\
         M 100644 inline dir/a.yaml\ndata 2\nv1\nM 100644 inline dir.yaml\ndata 2\nv1\nM 100644 inline dir-x\ndata 2\nv1\n"
    );
    import(&server.path("app.git"), &stream);
    let session = lab.open(&server.url("app.git"));
    let base = session.fetch("main").expect("a fetch");
    let message = "\n subject \n\n\nbody\r\n\nImage-Automation: a/b";
    let edits = [edit("run.sh", "b"), edit("dir/a.yaml", "v2"), edit("dir.a/new.yaml", "n"), edit("z", "z")];
    let new = commit(&session, base, &edits, message);
    session.push("main", Some(base), new).expect("a push");

    let bare = server.path("app.git");
    let listed = git(&bare, &["ls-tree", "-r", "--format=%(objectmode) %(path)", "main"]);
    let expected = "100644 dir-x\n100644 dir.a/new.yaml\n100644 dir.yaml\n100644 dir/a.yaml\n120000 link\n160000 module\n100755 run.sh\n100644 z\n";
    assert_eq!(listed, expected);
    let changed = git(&bare, &["diff", "--name-status", "main~1", "main"]);
    assert_eq!(
        changed,
        "M\tdir/a.yaml\nA\tdir.a/new.yaml\nM\trun.sh\nA\tz\n"
            .replace("M\tdir/a.yaml\nA\tdir.a/new.yaml", "A\tdir.a/new.yaml\nM\tdir/a.yaml")
    );
    let raw = git(&bare, &["cat-file", "commit", "main"]);
    let who = "Tagwright <tagwright@example.com> 1714979289 +0000";
    let tree = git(&bare, &["rev-parse", "main^{tree}"]);
    assert_eq!(raw, format!("tree {tree}parent {base}\nauthor {who}\ncommitter {who}\n\n{message}"));
    git(&bare, &["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn chained_commits_travel_in_one_push_and_leave_nothing_loose() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", FIRST);
    let session = lab.open(&server.url("app.git"));
    let base = session.fetch("main").expect("a fetch");
    let one = commit(&session, base, &[edit("a.yaml", "one\n")], "one\n");
    let dead = commit(&session, base, &[edit("a.yaml", "dead\n")], "dead end\n");
    let two = commit(&session, one, &[edit("apps/b.yaml", "two\n")], "two\n");
    assert_eq!(files(&session, two)[..2], ["a.yaml=one\n", "apps/b.yaml=two\n"]);
    server.requests();
    session.push("main", Some(base), two).expect("a push");
    assert_eq!(lines(&server), ["GET /app.git/info/refs?service=git-receive-pack", "POST /app.git/git-receive-pack"]);
    assert_eq!(server.log("app.git", "main"), ["two", "one", "first"]);
    git(&server.path("app.git"), &["fsck", "--strict"]);
    let three = commit(&session, two, &[edit("a.yaml", "three\n")], "three\n");
    session.push("main", Some(two), three).expect("a second push of the session");
    drop(session);

    let store = store_path(&lab);
    assert_eq!(git(&store, &["count-objects"]).trim(), "0 objects, 0 kilobytes");
    git(&store, &["fsck", "--strict", "--no-dangling"]);
    let kept_dead =
        crate::servers::git_http::git_output(&store, &["cat-file", "-e", &dead.to_string()]).status.success();
    assert!(!kept_dead, "a commit that was never pushed is on the disk");
    server.requests();
    let session = lab.open(&server.url("app.git"));
    assert_eq!(session.fetch("main").expect("a fetch"), three);
    assert_eq!(files(&session, three)[0], "a.yaml=three\n");
    assert_eq!(lines(&server).len(), 1, "what was pushed is not fetched");
    let log = session.log_since(three, one, 2).expect("a log");
    assert_eq!(log.iter().map(|entry| entry.message.as_str()).collect::<Vec<_>>(), ["three\n", "two\n"]);
    assert_eq!((log[0].parents.as_slice(), log[0].author.name.as_str()), ([two].as_slice(), "Tagwright"));
    assert_eq!(log[0].time.to_string(), "2024-05-06T07:08:09Z");
}

#[test]
fn a_branch_that_was_moved_made_or_deleted_is_never_overwritten() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", FIRST);
    let session = lab.open(&server.url("app.git"));
    let base = session.fetch("main").expect("a fetch");
    let new = commit(&session, base, &[edit("a.yaml", "ours\n")], "ours\n");
    session.push("fresh", None, new).expect("a new branch");
    assert_eq!(server.log("app.git", "fresh"), ["ours", "first"]);
    session.push("same", None, base).expect("a new branch at a commit that the server has");
    assert_eq!(server.log("app.git", "same"), ["first"]);

    let theirs = server.commit("app.git", "main", &[("a.yaml", "theirs\n")], "theirs");
    moved(session.push("main", Some(base), new), &theirs);
    moved(session.push("main", None, new), &theirs);
    moved(session.push("gone", Some(base), new), "no branch");
    assert_eq!(server.log("app.git", "main"), ["theirs", "first"]);
}

fn moved(result: Result<(), PushError>, found: &str) {
    let error = result.expect_err("the branch is not where the push expects it");
    assert!(matches!(error, PushError::Moved { .. }), "{error}");
    assert!(error.to_string().ends_with(&format!("found {found}")), "{error}");
}

#[test]
fn both_commits_survive_when_the_branch_moves_before_the_listing_or_as_the_push_arrives() {
    for at_receive_time in [false, true] {
        let (server, lab) = (GitServer::start(), Lab::new());
        server.create("app.git", FIRST);
        let mut session = lab.open(&server.url("app.git"));
        session.fetch("main").expect("a fetch");
        let path = server.path("app.git");
        let mut done = false;
        let mut foreign = move || {
            if !std::mem::replace(&mut done, true) {
                foreign_commit(&path, "main", &[("apps/b.yaml", "theirs\n")], "theirs");
            }
        };
        if at_receive_time {
            server.before_push(foreign)
        } else {
            foreign()
        }
        assert_eq!(update(&mut session, "main", "a.yaml", "ours\n").expect("an update"), 2);
        assert_eq!(server.log("app.git", "main"), ["update", "theirs", "first"]);
        assert_eq!(
            (server.read("app.git", "main", "a.yaml"), server.read("app.git", "main", "apps/b.yaml")),
            ("ours\n".into(), "theirs\n".into())
        );
        git(&server.path("app.git"), &["fsck", "--strict", "--no-dangling"]);
    }
}

#[test]
fn a_hook_that_refuses_is_heard_and_the_branch_stays() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", FIRST);
    hook(
        &server.path("app.git"),
        "pre-receive",
        "echo 'no commits on fridays' >&2; printf 'see \\033[31mwiki\\n' >&2; exit 1",
    );
    let mut session = lab.open(&server.url("app.git"));
    let error = update(&mut session, "main", "a.yaml", "ours\n").expect_err("the hook refuses");
    let expected =
        "push to branch main refused: pre-receive hook declined (remote: no commits on fridays; see [31mwiki)";
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().is_some_and(|hint| hint.ends_with("spec.git.push.branch")), "{:?}", error.hint());
    assert_eq!(server.log("app.git", "main"), ["first"]);
}

#[test]
fn a_push_whose_answer_was_lost_is_found_to_be_done() {
    for fault in [Fault::Short(3), Fault::Truncate(10)] {
        let (server, lab) = (GitServer::start(), Lab::new());
        server.create("app.git", FIRST);
        server.misbehave("POST /app.git/git-receive-pack", fault);
        let mut session = lab.open(&server.url("app.git"));
        assert_eq!(update(&mut session, "main", "a.yaml", "ours\n").expect("an update"), 1);
        assert_eq!(server.log("app.git", "main"), ["update", "first"]);
    }
}

#[test]
fn credentials_open_the_door_and_wrong_ones_are_named() {
    let basic = Auth::Basic { username: "bot".to_owned(), password: Secret::new("pä:ss") };
    let wrong = Auth::Basic { username: "bot".to_owned(), password: Secret::new("nope") };
    let header = "Basic Ym90OnDDpDpzcw==";
    let refused = "the server does not accept the credentials (401)";
    let table = [
        (header, basic.clone(), None),
        ("Bearer t0ken", Auth::Bearer(Secret::new("t0ken")), None),
        (header, wrong, Some(refused)),
        ("Bearer t0ken", basic, Some(refused)),
        (header, Auth::None, Some("the server asks for credentials and none are configured (401)")),
    ];
    for (wanted, auth, error) in table {
        let (server, lab) = (GitServer::start(), Lab::new());
        server.create("app.git", FIRST);
        server.protect(wanted);
        let mut session =
            lab.git.open(&tagwright::git::Remote { auth, ..remote(&server.url("app.git")) }).expect("an open remote");
        match error {
            None => assert_eq!(update(&mut session, "main", "a.yaml", "x\n").expect("an update"), 1),
            Some(error) => {
                let told = told_by(session.fetch("main"));
                assert!(
                    told.starts_with("listing the branches of http://127.0.0.1:") && told.contains(error),
                    "{told}"
                );
                assert!(!told.contains("nope"));
            }
        }
    }
}

#[test]
fn credentials_do_not_travel_in_clear_text_unless_told_to() {
    let lab = Lab::new();
    let auth = Auth::Bearer(Secret::new("t0ken"));
    let table = [
        (
            "http://git.example.com/app.git",
            false,
            Some("credentials are not sent over plain http to git.example.com:80"),
        ),
        ("http://10.1.2.3/app.git", false, Some("credentials are not sent over plain http to 10.1.2.3:80")),
        ("http://localhost.example.com/app.git", false, Some("credentials are not sent over plain http")),
        ("http://git.example.com/app.git", true, None),
        ("https://git.example.com/app.git", false, None),
        ("http://127.0.0.1:1/app.git", false, None),
        ("http://localhost:1/app.git", false, None),
        ("http://[::1]:1/app.git", false, None),
    ];
    for (url, insecure, error) in table {
        let opened = lab.git.open(&tagwright::git::Remote { auth: auth.clone(), insecure, ..remote(url) });
        match (opened, error) {
            (Ok(_), None) => {}
            (Err(got), Some(error)) => {
                assert!(told(&got).contains(error) && got.hint().is_some(), "{url}: {}", told(&got))
            }
            (got, _) => panic!("{url}: {:?}", got.map(drop)),
        }
    }
}

#[test]
fn a_redirect_is_followed_on_the_same_host_alone_and_carries_no_credential_away() {
    let (server, stranger, lab) = (GitServer::start(), GitServer::start(), Lab::new());
    server.create("app.git", FIRST);
    stranger.create("app.git", FIRST);
    let open = || {
        let auth = Auth::Bearer(Secret::new("t0ken"));
        lab.git.open(&tagwright::git::Remote { auth, ..remote(&server.url("old.git")) }).expect("an open remote")
    };
    server.misbehave("/old.git/info/refs", Fault::Redirect("/app.git/info/refs?service=git-upload-pack".to_owned()));
    open().fetch("main").expect("a fetch from the new place");
    let posts = lines(&server).into_iter().filter(|line| line.starts_with("POST")).collect::<Vec<_>>();
    assert_eq!(posts, ["POST /app.git/git-upload-pack"]);

    let elsewhere = format!("{}/info/refs?service=git-upload-pack", stranger.url("app.git"));
    let port_zero = "http://localhost/app.git/info/refs?service=git-upload-pack".to_owned();
    let login = "/users/sign_in".to_owned();
    for to in [elsewhere, port_zero, login] {
        server.misbehave("/old.git/info/refs", Fault::Redirect(to));
        let told = told_by(open().refs().map(drop));
        assert!(told.contains("redirects to") && told.contains("not followed"), "{told}");
    }
    server.misbehave("/old.git/info/refs", Fault::Redirect("/old.git/info/refs?service=git-upload-pack".to_owned()));
    assert!(told_by(open().refs().map(drop)).contains("loop"));
    let smuggled = server.url("app.git/info/refs?service=git-upload-pack").replace("http://", "http://x:y@");
    server.misbehave("/old.git/info/refs", Fault::Redirect(smuggled));
    open().fetch("main").expect("a fetch without the login that the redirect smuggled in");
    assert!(server.requests().iter().all(|asked| asked.authorization.as_deref() == Some("Bearer t0ken")));
    assert_eq!(stranger.requests(), [], "the other host was asked");
}

#[test]
fn the_log_of_any_clone_is_the_one_that_git_prints() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", FIRST);
    for number in 0..5 {
        server.commit("app.git", "main", &[("a.yaml", &number.to_string())], &format!("commit {number}"));
    }
    let clone = lab.state.path().join("clone");
    git(lab.state.path(), &["clone", "--quiet", &server.url("app.git"), "clone"]);
    for place in [server.path("app.git"), clone.clone()] {
        let log = Log::local(&place, None).expect("a log").expect("a branch");
        let log: Vec<_> = log.commits().expect("a walk").map(|entry| entry.expect("a commit")).collect();
        let ids = log.iter().map(|entry| format!("{}\n", entry.id)).collect::<String>();
        assert_eq!(ids, git(&place, &["log", "--format=%H"]));
        assert_eq!(log[0].message, "commit 4");
        assert!(Log::local(&place, Some("main")).expect("a log").is_some());
        assert!(Log::local(&place, Some("absent")).expect("a log").is_none());
    }
    let told = told_by(Log::local(Path::new("/nowhere"), None).map(drop));
    assert!(told.starts_with("/nowhere is not a Git repository"), "{told}");
}

#[test]
fn a_commit_that_changes_nothing_or_has_no_author_is_refused() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", FIRST);
    let session = lab.open(&server.url("app.git"));
    let base = session.fetch("main").expect("a fetch");
    let try_one = |path: &str, content: &str| told_by(session.commit(base, &[edit(path, content)], &meta("x")));
    assert_eq!(try_one("a.yaml", "image: a:1\n"), "the edits change nothing");
    for path in ["../x", "/x", "a//b", "", ".git/config", ".GIT/config", "a/../b", "a\0b"] {
        assert!(try_one(path, "x").ends_with("it is not the path of a file in a repository"), "{path:?}");
    }
    assert!(try_one("a.yaml/b", "x").ends_with("what is there is not a folder"));
    assert!(try_one("apps", "x").ends_with("what is there is not a file"));
    let twice = [edit("a.yaml", "x"), edit("a.yaml", "y")];
    assert!(told_by(session.commit(base, &twice, &meta("x"))).ends_with("it is edited twice"));
    let mut nobody = meta("x");
    nobody.author.name = " <>\n".to_owned();
    assert_eq!(told_by(session.commit(base, &[edit("a.yaml", "x")], &nobody)), "the commit's author has no name");
    let nul = told_by(session.commit(base, &[edit("a.yaml", "x")], &meta("a\0b")));
    assert_eq!(nul, "the commit's message holds a NUL byte");
    let mut smuggler = meta("x\n");
    smuggler.author.name = "Eve\nparent 0> \u{1}".to_owned();
    let new = session.commit(base, &[edit("a.yaml", "x")], &smuggler).expect("a commit");
    session.push("main", Some(base), new).expect("a push");
    assert_eq!(git(&server.path("app.git"), &["log", "-1", "--format=%an", "main"]), "Eveparent 0\n");
}

fn lines(server: &GitServer) -> Vec<String> {
    server.requests().into_iter().map(|asked| asked.line).collect()
}

pub(crate) fn store_path(lab: &Lab) -> std::path::PathBuf {
    let homes: Vec<_> = std::fs::read_dir(lab.state.path().join("git")).expect("stores").collect();
    assert_eq!(homes.len(), 1);
    homes.into_iter().next().expect("one").expect("one").path().join("store.git")
}

fn hook(repository: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = repository.join("hooks").join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a hook");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("an executable hook");
}
