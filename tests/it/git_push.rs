//! Where pushes go: refspecs, several references at once, push options, against the real Git.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tagwright::git::{Expected, Move, Oid, PushError, PushOptions, RefName, Refspec, Session};

use crate::git::{Lab, commit, edit};
use crate::servers::git_http::{GitServer, create_bare, foreign_commit, git, git_output};

#[test]
fn refspecs_are_read_or_refused_with_a_reason() {
    let long = format!("HEAD:refs/heads/{}", "a".repeat(600));
    let table: &[(&str, Result<&str, &str>)] = &[
        ("HEAD:refs/heads/x", Ok("branch x")),
        ("@:refs/heads/x", Ok("branch x")),
        ("refs/heads/main:refs/heads/y", Ok("branch y")),
        ("+HEAD:refs/heads/a/b", Ok("branch a/b by force")),
        ("HEAD:refs/for/main", Ok("refs/for/main")),
        ("HEAD:refs/for/main%topic=images,wip", Ok("refs/for/main%topic=images,wip")),
        ("HEAD:refs/tags/deployed", Ok("refs/tags/deployed")),
        ("refs/heads/*:refs/heads/*", Err("holds a wildcard")),
        ("HEAD", Err("has no colon")),
        ("", Err("has no colon")),
        (":refs/heads/main", Err("references are not deleted")),
        ("+:refs/heads/main", Err("references are not deleted")),
        ("main:refs/heads/x", Err("the source \"main\"")),
        ("deadbeef:refs/heads/x", Err("the source")),
        ("--upload-pack=x:refs/heads/x", Err("the source")),
        ("refs/tags/v1:refs/heads/x", Err("the source")),
        ("HEAD:main", Err("the target \"main\"")),
        ("HEAD:refs/heads/a..b", Err("the target")),
        ("HEAD:refs/heads/-x", Err("the target")),
        ("HEAD:refs/heads/a b", Err("the target")),
        ("HEAD:refs/heads/a\nb", Err("the target")),
        ("HEAD:refs/heads/a:b", Err("the target")),
        ("HEAD:", Err("the target")),
        (&long, Err("the target")),
    ];
    for (text, expected) in table {
        let told = text
            .parse::<Refspec>()
            .map(|refspec| format!("{}{}", refspec.target, if refspec.force { " by force" } else { "" }));
        match (told, expected) {
            (Ok(told), Ok(expected)) => assert_eq!(told, *expected, "{text:?}"),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{text:?}: {error}"),
            (told, _) => panic!("{text:?}: {told:?}"),
        }
    }
}

#[test]
fn push_options_are_checked() {
    let long = "x".repeat(20_000);
    let table: &[(&str, &str, &str)] = &[
        ("", "x", "has no name"),
        ("a=b", "x", "holds no \"=\""),
        ("a", "b\nc", "control character"),
        ("a", "b\0", "control character"),
        ("a\u{7}", "", "control character"),
        ("a", &long, "longer than 16384 bytes"),
    ];
    for (key, value, expected) in table {
        let error = options(&[(key, value)]).expect_err("a refusal").to_string();
        assert!(error.contains(expected), "{key:?}: {error}");
    }
    let many: BTreeMap<String, String> = (0..65).map(|n| (n.to_string(), String::new())).collect();
    assert!(PushOptions::new(&many).expect_err("a refusal").to_string().contains("65 push options"));
}

fn options(of: &[(&str, &str)]) -> Result<PushOptions, tagwright::git::PushOptionError> {
    PushOptions::new(&of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}

#[test]
fn push_options_reach_the_server_and_one_that_takes_none_gets_nothing() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[("a.yaml", "1\n")]);
    let path = server.path("app.git");
    hook(&path, "pre-receive", "env | grep ^GIT_PUSH_OPTION | sort > told");
    let session = lab.open(&server.url("app.git"));
    let (_, new) = one_commit(&session);
    let options = options(&[("merge_request.create", ""), ("merge_request.target", "release")]).expect("options");
    let error = session.push_all(&[at("main", &session)], new, &options).expect_err("no push options");
    assert!(matches!(error, PushError::NoOptions), "{error}");
    assert_eq!(server.log("app.git", "main"), ["first"]);

    git(&path, &["config", "receive.advertisePushOptions", "true"]);
    session.push_all(&[at("main", &session)], new, &options).expect("a push");
    let told = std::fs::read_to_string(path.join("told")).expect("what the hook saw");
    let expected = "GIT_PUSH_OPTION_0=merge_request.create=\nGIT_PUSH_OPTION_1=merge_request.target=release\nGIT_PUSH_OPTION_COUNT=2\n";
    assert_eq!(told, expected);
}

#[test]
fn two_references_move_together_or_one_after_the_other() {
    for atomic in [true, false] {
        let (server, lab) = (GitServer::start(), Lab::new());
        server.create("app.git", &[("a.yaml", "1\n")]);
        let path = server.path("app.git");
        git(&path, &["config", "receive.advertiseAtomic", &atomic.to_string()]);
        let session = lab.open(&server.url("app.git"));
        let (_, new) = one_commit(&session);
        let moves = [at("main", &session), listed("HEAD:refs/heads/copy"), listed("HEAD:refs/review/1")];
        server.requests();
        session.push_all(&moves, new, &PushOptions::default()).expect("a push");
        for name in ["refs/heads/main", "refs/heads/copy", "refs/review/1"] {
            assert_eq!(git(&path, &["rev-parse", name]).trim(), new.to_string(), "{name}, atomic {atomic}");
        }
        let posts = server.requests().iter().filter(|asked| asked.line.starts_with("POST")).count();
        assert_eq!(posts, if atomic { 1 } else { 3 });
        // All are there: nothing is pushed, and that is no error.
        let again = [listed("HEAD:refs/heads/copy"), listed("HEAD:refs/review/1")];
        session.push_all(&again, new, &PushOptions::default()).expect("nothing to do");
        assert!(server.requests().iter().all(|asked| asked.line.starts_with("GET")));
    }
}

#[test]
fn a_refusal_of_the_second_reference_says_what_was_done() {
    for atomic in [true, false] {
        let (server, lab) = (GitServer::start(), Lab::new());
        server.create("app.git", &[("a.yaml", "1\n")]);
        let path = server.path("app.git");
        git(&path, &["config", "receive.advertiseAtomic", &atomic.to_string()]);
        hook(&path, "update", "case $1 in refs/heads/locked) echo frozen >&2; exit 1;; esac");
        let session = lab.open(&server.url("app.git"));
        let (base, new) = one_commit(&session);
        let moves = [at("main", &session), listed("HEAD:refs/heads/locked")];
        let error = session.push_all(&moves, new, &PushOptions::default()).expect_err("a refusal").to_string();
        assert!(error.contains("push to branch locked refused: hook declined (remote: frozen"), "{error}");
        assert_eq!(error.starts_with("branch main moved, but then: "), !atomic, "{error}");
        let main = git(&path, &["rev-parse", "main"]);
        assert_eq!(main.trim(), if atomic { base } else { new }.to_string());
    }
}

#[test]
fn without_a_plus_no_reference_loses_commits() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[("a.yaml", "1\n")]);
    let path = server.path("app.git");
    git(&path, &["branch", "copy", "main"]);
    let theirs = server.commit("app.git", "copy", &[("b.yaml", "theirs\n")], "theirs");
    let session = lab.open(&server.url("app.git"));
    let (_, new) = one_commit(&session);
    let push = |refspec| session.push_all(&[listed(refspec)], new, &PushOptions::default());
    let error = push("HEAD:refs/heads/copy").expect_err("it would lose a commit");
    assert!(matches!(error, PushError::NotForward { .. }) && error.to_string().contains(&theirs), "{error}");
    push("+HEAD:refs/heads/copy").expect("a push by force");
    assert_eq!(server.log("app.git", "copy"), ["ours", "first"]);
}

#[test]
fn a_local_repository_moves_several_references_and_takes_no_options() {
    let (folder, lab) = (tempfile::tempdir().expect("a temporary folder"), Lab::new());
    let path = folder.path().join("app.git");
    create_bare(&path);
    foreign_commit(&path, "main", &[("a.yaml", "1\n")], "first");
    let session = lab.open(&format!("file://{}", path.display()));
    let (_, new) = one_commit(&session);
    let moves = [at("main", &session), listed("HEAD:refs/heads/copy")];
    let error = session.push_all(&moves, new, &options(&[("a", "b")]).expect("options")).expect_err("no options");
    assert!(matches!(error, PushError::NoOptions), "{error}");
    session.push_all(&moves, new, &PushOptions::default()).expect("a push");
    for name in ["main", "copy"] {
        assert_eq!(git(&path, &["rev-parse", name]).trim(), new.to_string(), "{name}");
    }
    assert!(!git_output(&path, &["rev-parse", "--verify", "other"]).status.success());
}

/// A commit on top of main that is not pushed yet, behind the one that it is on.
fn one_commit(session: &Session) -> (Oid, Oid) {
    let base = session.fetch("main").expect("a fetch");
    (base, commit(session, base, &[edit("a.yaml", "2\n")], "ours\n"))
}

/// Moves a branch from where the session saw it.
fn at(branch: &str, session: &Session) -> Move {
    let seen = session.refs().expect("a listing").heads.get(branch).copied();
    Move { target: RefName::branch(branch).expect("a name"), expected: Expected::At(seen) }
}

fn listed(refspec: &str) -> Move {
    let refspec: Refspec = refspec.parse().expect("a refspec");
    Move { target: refspec.target, expected: Expected::Listed { force: refspec.force } }
}

fn hook(repository: &Path, name: &str, script: &str) {
    let path = repository.join("hooks").join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a hook");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("an executable hook");
}
