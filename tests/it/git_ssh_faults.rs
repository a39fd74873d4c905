//! Ways to an ssh server that break at any point: one clear error in bounded time, and the next run works.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use tagwright::git::{PushError, Remote, RemoteUrl};

use crate::git::{Lab, remote, told, update};
use crate::git_ssh::auth;
use crate::servers::faulty_tcp::{Break, FaultyTcp};
use crate::servers::git_http::git;
use crate::servers::sshd::{Sshd, private_key, public_key, user};

/// Bytes that the server has sent when the way breaks: in its name, in its offer of algorithms, in the exchange of
/// keys, at the login, at the start of the command, in the listing, in the pack, and at the push.
const POINTS: &[usize] = &[0, 20, 45, 600, 1400, 2600, 3000, 3300, 3600, 4000, 4600, 5200, 6500, 9000];

fn at(address: SocketAddr, path: &str, timeout: Duration) -> Remote {
    let url: RemoteUrl = format!("ssh://{}@{address}{path}", user()).parse().expect("a URL");
    let known = format!("127.0.0.1 {}", public_key("host", "ed25519"));
    Remote { auth: auth(private_key("user", "ed25519"), None, &known), timeout, url, ..remote("http://127.0.0.1/") }
}

#[test]
fn a_way_that_breaks_ends_in_an_error_and_nothing_is_pushed_twice() {
    let server = Sshd::start(&["ed25519"]);
    for how in [Break::Close, Break::Garble, Break::Stall] {
        std::thread::scope(|scope| {
            // A stall takes the whole time that a run has.
            let step = if matches!(how, Break::Stall) { 2 } else { 1 };
            for point in POINTS.iter().step_by(step) {
                scope.spawn(|| check_break(&server, how.clone(), *point));
            }
        });
    }
}

fn check_break(server: &Sshd, how: Break, point: usize) {
    let (lab, name) = (Lab::new(), format!("{how:?}-{point}.git"));
    server.create(&name, &[("a.yaml", &"a: 1\n".repeat(300))]);
    let path = server.path(&name).display().to_string();
    let way = FaultyTcp::start(server.address(), how.clone(), point);
    let start = Instant::now();
    let mut session = lab.git.open(&at(way.address(), &path, Duration::from_secs(6))).expect("an open remote");
    match update(&mut session, "main", "a.yaml", "broken\n") {
        Ok(_) => {}
        Err(error) => {
            let told = told(&error);
            assert!(told.contains(&way.address().to_string()), "{how:?} at {point}: {told}");
            let is_told =
                ["closed", "timed out after 6 s", "breaks", "reset", "ended", "not speak", "no ", "pipe", "not known"];
            assert!(is_told.iter().any(|word| told.contains(word)), "{how:?} at {point}: {told}");
        }
    }
    assert!(start.elapsed() < Duration::from_secs(60), "{how:?} at {point} took {:?}", start.elapsed());
    drop((session, way));
    let mut session = lab.git.open(&at(server.address(), &path, Duration::from_secs(60))).expect("an open remote");
    update(&mut session, "main", "a.yaml", "whole\n")
        .unwrap_or_else(|error| panic!("{how:?} at {point}: {}", told(&error)));
    // Where the answer alone was lost, the push was done; twice it is never done.
    let files = git(&server.path(&name), &["log", "-p", "--format=", "main"]);
    let times = |line: &str| files.lines().filter(|found| *found == line).count();
    assert!(times("+whole") == 1 && times("+broken") <= 1, "{how:?} at {point}: {files}");
}

#[test]
fn what_is_no_ssh_server_is_named() {
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let long = vec![b'x'; 100_000];
    let check = |how: Break, expected: &str| {
        let way = FaultyTcp::start(nobody, how.clone(), 0);
        let session =
            Lab::new().git.open(&at(way.address(), "/app.git", Duration::from_secs(2))).expect("an open remote");
        let told = session.refs().map(drop).map_err(|error| told(&error)).expect_err("no server");
        assert!(told.contains(expected) && told.contains(&way.address().to_string()), "{how:?}: {told}");
    };
    check(Break::Say(Vec::new()), "agreeing on keys with 127.0.0.1");
    check(Break::Say(b"SSH-2.0-x\r\n".to_vec()), "agreeing on keys with 127.0.0.1");
    check(Break::Say(long), "agreeing on keys with 127.0.0.1");
    check(Break::Say(b"SSH-1.5-old\r\n".to_vec()), "agreeing on keys with 127.0.0.1");
    check(Break::Say(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), "agreeing on keys with 127.0.0.1");
    check(
        Break::Say(b"SSH-2.0-x\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
        "agreeing on keys with 127.0.0.1",
    );
    check(Break::SayAndStall(Vec::new()), "timed out after 2 s");
    check(Break::SayAndStall(b"SSH-2.0-x\r\n".to_vec()), "timed out after 2 s");

    for (url, expected) in [
        (format!("ssh://git@{nobody}/app.git"), format!("connecting to {nobody}: connection refused")),
        (
            "ssh://no-such-host.invalid/app.git".to_owned(),
            "connecting to no-such-host.invalid:22: unknown host".to_owned(),
        ),
        (
            "git@no-such-host.invalid:app.git".to_owned(),
            "connecting to no-such-host.invalid:22: unknown host".to_owned(),
        ),
    ] {
        let remote = Remote { url: url.parse().expect("a URL"), ..at(nobody, "/x", Duration::from_secs(20)) };
        let session = Lab::new().git.open(&remote).expect("an open remote");
        let told = told(&session.refs().map(drop).expect_err("no server"));
        assert_eq!(told, format!("listing the branches of {url}: {expected}"));
    }
}

#[test]
fn a_push_that_stalls_is_left_at_the_deadline() {
    let (server, lab) = (Sshd::start(&["ed25519"]), Lab::new());
    server.create("app.git", &[("a.yaml", "a\n")]);
    let path = server.path("app.git").display().to_string();
    let mut session = lab.git.open(&at(server.address(), &path, Duration::from_secs(4))).expect("an open remote");
    std::fs::write(server.path("app.git").join("hooks/pre-receive"), "#!/bin/sh\nsleep 20\nexit 1\n").expect("a hook");
    let hook = server.path("app.git").join("hooks/pre-receive");
    std::fs::set_permissions(hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a program");
    let start = Instant::now();
    let error = update(&mut session, "main", "a.yaml", "b\n").expect_err("a stalled push");
    assert!(matches!(error, PushError::Failed(_)), "{error}");
    let expected = format!("waiting for the answer of {}: timed out after 4 s", server.address());
    assert!(told(&error).ends_with(&expected), "{}", told(&error));
    assert!(start.elapsed() < Duration::from_secs(19), "{:?}", start.elapsed());
}
