//! Servers that misbehave, and addresses where there is none: one clear error each.

mod wire;

use std::net::TcpListener;
use std::time::Duration;

use tagwright::git::{Limits, PushError, Remote};

use crate::git::{Lab, commit, edit, remote, told, told_by, update};
use crate::servers::git_http::{Fault, GitServer};

const LIST: &str = "/info/refs?service=git-upload-pack";
const FETCH: &str = "POST /app.git/git-upload-pack";
const PUSH: &str = "POST /app.git/git-receive-pack";

#[test]
fn each_fault_of_a_listing_or_fetch_has_its_own_words() {
    let table: &[(&str, Fault, &str)] = &[
        (LIST, Fault::Status(401), "asks for credentials and none are configured (401)"),
        (LIST, Fault::Status(403), "the server forbids this (403)"),
        (LIST, Fault::Status(404), "does not exist, or the credentials do not reach it (404)"),
        (LIST, Fault::Status(500), "answered with status 500"),
        (LIST, Fault::Html, "answered with HTML instead of Git"),
        (LIST, Fault::Truncate(40), "the answer ended early"),
        (LIST, Fault::Short(40), "the answer ended early"),
        (LIST, Fault::Short(0), "the answer ended early"),
        (LIST, Fault::Body(b"hello"), "a packet without a valid length"),
        (LIST, Fault::Body(b"ffff"), "a packet without a valid length"),
        (LIST, Fault::Body(b"0009hello0000"), "\"hello\" is not a reference"),
        (LIST, Fault::Body(b"001dERR no such repo\x1b[31m, so0000"), "the server says: no such repo[31m, so"),
        (FETCH, Fault::Status(503), "answered with status 503"),
        (FETCH, Fault::Html, "answered with HTML instead of Git"),
        (FETCH, Fault::Truncate(100), "the answer ended early"),
        (FETCH, Fault::Short(100), "the answer ended early"),
        (FETCH, Fault::Short(0), "the answer ended early"),
        (FETCH, Fault::Body(b"0010ERR not now\n"), "the server says: not now"),
        (FETCH, Fault::Body(b"0008NAK\n000a\x01PACKx0000"), "breaks Git's protocol"),
        (FETCH, Fault::Body(b"garbage"), "breaks Git's protocol"),
    ];
    for (on, fault, expected) in table {
        let (server, lab) = (GitServer::start(), Lab::new());
        server.create("app.git", &[("a.yaml", &"a: 1\n".repeat(100))]);
        server.misbehave(on, fault.clone());
        let told = told_by(lab.open(&server.url("app.git")).fetch("main"));
        assert!(told.contains(expected), "{on} {fault:?}: {told}");
        assert!(told.contains(&server.url("app.git")), "{told} names no address");
        server.behave();
        lab.open(&server.url("app.git")).fetch("main").expect("the next run works");
    }
}

#[test]
fn each_fault_of_a_push_has_its_own_words_and_the_branch_stays() {
    let list = "/info/refs?service=git-receive-pack";
    let table: &[(&str, Fault, &str)] = &[
        (list, Fault::Status(403), "the server forbids this (403)"),
        (list, Fault::Html, "answered with HTML instead of Git"),
        (PUSH, Fault::Status(500), "answered with status 500"),
        (PUSH, Fault::Html, "answered with HTML instead of Git"),
        (PUSH, Fault::Body(b""), "the answer ended early"),
        (PUSH, Fault::Body(b"0015\x03fatal: disk full0000"), "push to branch main refused: fatal: disk full"),
        (PUSH, Fault::Body(b"0033\x01000eunpack ok\n001cng refs/heads/main no\xff\xfe\n00000000"), "refused: no"),
        (
            PUSH,
            Fault::Body(b"001e\x010015unpack disk full\n00000000"),
            "the server could not unpack the objects: disk full",
        ),
        (PUSH, Fault::Body(b"0036\x01000eunpack ok\n001fng refs/heads/main blocked\n00000000"), "refused: blocked"),
        (PUSH, Fault::Body(b"0006\x07x0000"), "a packet on an unknown band"),
    ];
    for (on, fault, expected) in table {
        let (server, lab) = (GitServer::start(), Lab::new());
        server.create("app.git", &[("a.yaml", "a: 1\n")]);
        server.misbehave(on, fault.clone());
        let mut session = lab.open(&server.url("app.git"));
        let told = told(&update(&mut session, "main", "a.yaml", "ours\n").expect_err("a fault"));
        assert!(told.contains(expected), "{on} {fault:?}: {told}");
        assert_eq!(server.log("app.git", "main"), ["first"]);
        server.behave();
        assert_eq!(update(&mut session, "main", "a.yaml", "ours\n").expect("the next run works"), 1);
        assert_eq!(server.log("app.git", "main"), ["update", "first"]);
    }
}

#[test]
fn where_there_is_no_server_the_error_says_what_is_missing() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let plain = GitServer::start();
    plain.create("app.git", &[]);
    let table = [
        (format!("http://{closed}/app.git"), "connection refused"),
        ("http://no-such-host.invalid/app.git".to_owned(), "connecting to no-such-host.invalid:80: unknown host"),
        (plain.url("app.git").replace("http:", "https:"), "TLS failure"),
        (plain.url("absent.git"), "(404)"),
    ];
    for (url, expected) in table {
        let told = told_by(Lab::new().open(&url).refs().map(drop));
        assert!(told.contains(expected) && told.contains(&url), "{url}: {told}");
    }
}

#[test]
fn an_empty_repository_and_a_missing_branch_are_told_apart() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("empty.git", &[]);
    let session = lab.open(&server.url("empty.git"));
    assert_eq!(session.refs().expect("a listing").default_branch, None);
    assert_eq!(told_by(session.fetch("main")), format!("{} is empty: it has no branch", server.url("empty.git")));

    server.create("app.git", &[("a.yaml", "a\n")]);
    let told = told_by(lab.open(&server.url("app.git")).fetch("master"));
    assert_eq!(told, format!("{} has no branch \"master\"; it has main", server.url("app.git")));
    for number in 10..22 {
        server.commit("app.git", &format!("b{number}"), &[("a.yaml", "a\n")], "x");
    }
    let told = told_by(lab.open(&server.url("app.git")).fetch("master"));
    assert!(told.ends_with("; it has b10, b11, b12, b13, b14, b15, b16, b17, b18, b19 and 3 more"), "{told}");
}

#[test]
fn a_server_that_stalls_is_left_at_the_deadline() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[("a.yaml", "a\n")]);
    let short = |timeout| Remote { timeout, ..remote(&server.url("app.git")) };
    for on in [LIST, FETCH] {
        server.misbehave(on, Fault::Stall);
        let session = lab.git.open(&short(Duration::from_millis(300))).expect("an open remote");
        let told = told_by(session.fetch("main"));
        assert!(told.ends_with("timed out after 0.3 s"), "{told}");
    }
    server.behave();
    let session = lab.git.open(&short(Duration::from_secs(2))).expect("an open remote");
    let base = session.fetch("main").expect("a fetch");
    let new = commit(&session, base, &[edit("a.yaml", "ours\n")], "ours\n");
    server.misbehave(PUSH, Fault::Lose);
    session.push("main", Some(base), new).expect("the push was done, only its answer was lost");
    assert_eq!(server.log("app.git", "main"), ["ours", "first"]);
}

#[test]
fn answers_have_a_largest_size() {
    let server = GitServer::start();
    server.create("app.git", &[("a.yaml", "a\n")]);
    for (limits, expected) in [
        (Limits { refs_bytes: 100, ..Limits::default() }, "listing the branches of"),
        (Limits { pack_bytes: 100, ..Limits::default() }, "fetching from"),
    ] {
        let told = told_by(Lab::with_limits(limits).open(&server.url("app.git")).fetch("main"));
        assert!(told.starts_with(expected) && told.ends_with("more than 100 bytes"), "{told}");
    }
}

#[test]
fn a_server_lock_on_the_branch_counts_as_a_race() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[("a.yaml", "a\n")]);
    std::fs::write(server.path("app.git").join("refs/heads/main.lock"), "").expect("a lock file");
    let session = lab.open(&server.url("app.git"));
    let base = session.fetch("main").expect("a fetch");
    let new = commit(&session, base, &[edit("a.yaml", "ours\n")], "ours\n");
    let error = session.push("main", Some(base), new).expect_err("the branch is locked");
    assert!(matches!(error, PushError::Moved { .. }), "{error}");
    assert_eq!(error.to_string(), format!("branch main is being written by another: it was at {base}"));
}
