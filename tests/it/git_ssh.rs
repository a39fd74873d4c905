//! Listing, fetching, committing and pushing over ssh, against the real `sshd`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tagwright::git::{Auth, Error, Limits, PushError, Remote, Session, SshAlgorithms, SshAuth};
use tagwright::secret::Secret;

use crate::git::{Lab, commit, edit, files, remote, told, told_by, update};
use crate::servers::git_http::git;
use crate::servers::sshd::{KINDS, Sshd, converted, fingerprint, private_key, public_key, user};

const FIRST: &[(&str, &str)] = &[("a.yaml", "image: a:1\n"), ("apps/b.yaml", "image: b:1\n")];

pub(crate) fn auth(identity: impl Into<Vec<u8>>, password: Option<&str>, known_hosts: &str) -> Auth {
    let password = password.map(Secret::new);
    Auth::Ssh(SshAuth { identity: Secret::new(identity), password, known_hosts: known_hosts.as_bytes().to_vec() })
}

/// The remote `name` for the user's ed25519 key.
fn app(server: &Sshd, name: &str) -> Remote {
    let auth = auth(private_key("user", "ed25519"), None, &server.known("ed25519"));
    Remote { auth, ..remote(&server.url(name)) }
}

fn open(lab: &Lab, remote: &Remote) -> Session {
    lab.git.open(remote).expect("an open remote")
}

/// What opening and listing ends with.
fn refusal(lab: &Lab, remote: &Remote) -> Error {
    match lab.git.open(remote) {
        Ok(session) => session.refs().map(drop).expect_err("a refusal"),
        Err(error) => error,
    }
}

/// The commands that arrived, without how they ended.
fn asked(server: &Sshd) -> Vec<String> {
    server.commands().into_iter().filter(|line| !line.starts_with("status ")).collect()
}

#[test]
fn a_run_lists_fetches_commits_and_pushes_on_one_connection() {
    let (server, lab) = (Sshd::start(&["ed25519"]), Lab::new());
    server.create("app.git", FIRST);
    let session = open(&lab, &app(&server, "app.git"));
    assert_eq!(session.refs().expect("a listing").default_branch.as_deref(), Some("main"));
    let base = session.fetch("main").expect("a fetch");
    assert_eq!(files(&session, base), ["a.yaml=image: a:1\n", "apps/b.yaml=image: b:1\n"]);
    let new = commit(&session, base, &[edit("a.yaml", "image: a:2\n")], "ours\n");
    session.push("main", Some(base), new).expect("a push");
    assert_eq!(server.log("app.git", "main"), ["ours", "first"]);
    let next = commit(&session, new, &[edit("a.yaml", "image: a:3\n")], "next\n");
    session.push("main", Some(new), next).expect("a second push of the session");
    session.push("fresh", None, new).expect("a new branch");
    assert_eq!(server.log("app.git", "fresh"), ["ours", "first"]);
    git(&server.path("app.git"), &["fsck", "--strict"]);
    let path = server.path("app.git").display().to_string();
    let (fetch, push) = (format!("git-upload-pack '{path}'"), format!("git-receive-pack '{path}'"));
    assert_eq!(asked(&server), [&fetch, &push, &push, &push].map(String::as_str));
    assert_eq!(server.logins(), 1);
}

#[test]
fn a_listing_without_a_request_ends_the_command_politely() {
    let (server, lab) = (Sshd::start(&["ed25519"]), Lab::new());
    server.create("app.git", FIRST);
    open(&lab, &app(&server, "app.git")).fetch("main").expect("a fetch");
    assert_eq!(ends(&server, 1), ["status 0"]);
    let mut session = open(&lab, &app(&server, "app.git"));
    session.fetch("main").expect("nothing to fetch");
    session.refresh().expect("a second listing");
    drop(session);
    assert_eq!(ends(&server, 2), ["status 0", "status 0"]);
}

/// How the last `count` commands ended; waits for them.
fn ends(server: &Sshd, count: usize) -> Vec<String> {
    let mut ends = Vec::new();
    for _ in 0..200 {
        ends.extend(server.commands().into_iter().filter(|line| line.starts_with("status ")));
        if ends.len() >= count {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    ends
}

#[test]
fn a_later_fetch_negotiates_and_brings_what_is_new() {
    let (server, lab) = (Sshd::start(&["ed25519"]), Lab::new());
    server.create("app.git", FIRST);
    for n in 0..60 {
        server.commit("app.git", "main", &[("n.txt", &format!("{n}\n"))], &format!("n {n}"));
    }
    let old = open(&lab, &app(&server, "app.git")).fetch("main").expect("a fetch");
    // A branch that shares nothing with what is here but its root: several rounds of haves.
    git(&server.path("app.git"), &["branch", "side", "main~60"]);
    server.commit("app.git", "side", &[("side.txt", "x\n")], "side");
    server.commit("app.git", "main", &[("a.yaml", "image: a:2\n")], "last");
    let session = open(&lab, &app(&server, "app.git"));
    let new = session.fetch("main").expect("a fetch");
    assert_ne!(new, old);
    assert_eq!(files(&session, new)[0], "a.yaml=image: a:2\n");
    let side = session.fetch("side").expect("another branch of the same session");
    assert!(files(&session, side).contains(&"side.txt=x\n".to_owned()));
    assert_eq!(session.log_since(new, old, 100).expect("a log").len(), 1);
}

#[test]
fn a_branch_that_moved_is_told_as_moved_and_both_commits_survive() {
    for at_receive_time in [false, true] {
        let (server, lab) = (Sshd::start(&["ed25519"]), Lab::new());
        server.create("app.git", FIRST);
        let mut session = open(&lab, &app(&server, "app.git"));
        let base = session.fetch("main").expect("a fetch");
        let new = commit(&session, base, &[edit("a.yaml", "ours\n")], "ours\n");
        git(&server.path("app.git"), &["branch", "theirs", "main"]);
        let theirs = server.commit("app.git", "theirs", &[("apps/b.yaml", "theirs\n")], "theirs");
        if at_receive_time {
            let text = format!(
                "unset GIT_QUARANTINE_PATH; [ -e moved ] || git update-ref refs/heads/main {theirs}; touch moved"
            );
            hook(&server.path("app.git"), "pre-receive", &text);
        } else {
            git(&server.path("app.git"), &["update-ref", "refs/heads/main", &theirs]);
        }
        let error = session.push("main", Some(base), new).expect_err("a lost race");
        assert!(matches!(error, PushError::Moved { .. }), "{}", told(&error));
        // What the branch is at now is known from a listing, not from the refusal of a push.
        let expected = if at_receive_time { format!("it was at {base}") } else { format!("found {theirs}") };
        assert!(error.to_string().ends_with(&expected), "{error}");
        session.refresh().expect("a listing");
        assert_eq!(update(&mut session, "main", "a.yaml", "ours\n").expect("an update"), 1);
        assert_eq!(server.log("app.git", "main"), ["update", "theirs", "first"]);
    }
}

#[test]
fn a_hook_that_refuses_is_heard_and_a_push_whose_answer_was_lost_is_found() {
    let (server, lab) = (Sshd::start(&["ed25519"]), Lab::new());
    server.create("app.git", FIRST);
    hook(&server.path("app.git"), "pre-receive", "echo 'no commits on fridays' >&2; exit 1");
    let mut session = open(&lab, &app(&server, "app.git"));
    let error = update(&mut session, "main", "a.yaml", "ours\n").expect_err("the hook refuses");
    let expected = "push to branch main refused: pre-receive hook declined (remote: no commits on fridays)";
    assert_eq!(error.to_string(), expected);
    // The connection breaks once the branch has moved, before the report is out.
    let text = "[ -e lost ] && exit 0; touch lost; kill -9 $(ps -o ppid= -p $PPID)";
    hook(&server.path("app.git"), "pre-receive", "exit 0");
    hook(&server.path("app.git"), "post-receive", text);
    assert_eq!(update(&mut session, "main", "a.yaml", "ours\n").expect("an update"), 1);
    assert_eq!(server.log("app.git", "main"), ["update", "first"]);
}

#[test]
fn a_pack_of_some_megabytes_passes_both_ways() {
    let (server, lab) = (Sshd::start(&["ed25519"]), Lab::new());
    let noise: String = (0..400_000).map(|n: u64| format!("{:x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    server.create("app.git", &[("noise.txt", &noise), ("a.yaml", "a\n")]);
    let session = open(&lab, &app(&server, "app.git"));
    let base = session.fetch("main").expect("a fetch");
    let new = commit(&session, base, &[edit("other.txt", &noise.replace('a', "b"))], "large\n");
    session.push("main", Some(base), new).expect("a push");
    assert_eq!(server.log("app.git", "main"), ["large", "first"]);
    git(&server.path("app.git"), &["fsck", "--strict"]);
}

#[test]
fn keys_of_every_kind_and_form_open_the_door() {
    let server = Sshd::start(&["ed25519"]);
    let opens = |name: &str, identity: Vec<u8>, password: Option<&str>| {
        let lab = Lab::new();
        let repository = format!("{name}.git");
        server.create(&repository, FIRST);
        let auth = auth(identity, password, &server.known("ed25519"));
        let remote = Remote { auth, ..remote(&server.url(&repository)) };
        let mut session = open(&lab, &remote);
        let attempts = update(&mut session, "main", "a.yaml", "x\n");
        assert_eq!(attempts.unwrap_or_else(|error| panic!("{name}: {}", told(&error))), 1, "{name}");
    };
    for (kind, _) in KINDS {
        opens(&format!("{kind}-plain"), private_key("user", kind), None);
        opens(&format!("{kind}-needless-password"), private_key("user", kind), Some("needless"));
        opens(&format!("{kind}-encrypted"), converted(kind, "RFC4716", "open sesame"), Some("open sesame"));
        if *kind != "ed25519" {
            opens(&format!("{kind}-pem"), converted(kind, "PEM", ""), Some("needless"));
            opens(&format!("{kind}-pem-encrypted"), converted(kind, "PEM", "open sesame"), Some("open sesame"));
            opens(&format!("{kind}-pkcs8"), converted(kind, "PKCS8", ""), None);
            opens(&format!("{kind}-pkcs8-encrypted"), converted(kind, "PKCS8", "open sesame"), Some("open sesame"));
        }
    }
    opens("ed25519-pkcs8", ed25519_in_pkcs8(), None);
    opens("ed25519-pkcs8-encrypted", encrypted_pkcs8("aes-256-cbc"), Some("open sesame"));
    opens("ed25519-scrypt", encrypted_pkcs8_with(&["-scrypt"]), Some("open sesame"));
    for cipher in ["-aes128", "-aes192", "-aes256"] {
        opens(&format!("ec{cipher}"), sealed_by_openssl("ec", "p384", cipher), Some("open sesame"));
        opens(&format!("rsa{cipher}"), sealed_by_openssl("rsa", "rsa", cipher), Some("open sesame"));
    }
    let text = String::from_utf8(private_key("user", "rsa")).expect("text");
    opens("windows", text.replace('\n', "\r\n").into_bytes(), None);
    opens("surrounded", format!("\n# a key\n  {}", text.replace('\n', "\n  ")).into_bytes(), None);
}

#[test]
fn keys_that_do_not_open_are_told_apart_before_any_connection() {
    let lab = Lab::new();
    let encrypted = converted("ed25519", "RFC4716", "open sesame");
    let damaged = String::from_utf8(private_key("user", "ed25519")).expect("text").replace("b3Blbn", "b3Blbm");
    let secret = String::from_utf8(private_key("user", "ed25519")).expect("text").lines().nth(2).map(str::to_owned);
    let table: &[(&str, Vec<u8>, Option<&str>, &str)] = &[
        ("missing", encrypted.clone(), None, "encrypted, and no password is given"),
        ("wrong", encrypted, Some("no"), "the password does not open the private key"),
        ("wrong pkcs8", converted("p256", "PKCS8", "open sesame"), Some("no"), "the password does not open"),
        ("missing pkcs8", converted("p256", "PKCS8", "open sesame"), None, "encrypted, and no password"),
        ("wrong ec pem", converted("p256", "PEM", "open sesame"), Some("no"), "the password does not open"),
        ("missing ec pem", converted("p256", "PEM", "open sesame"), None, "encrypted, and no password"),
        ("wrong pem", converted("rsa", "PEM", "open sesame"), Some("no"), "the password does not open"),
        (
            "ec pem, des",
            sealed_by_openssl("ec", "p256", "-des3"),
            Some("open sesame"),
            "EC PRIVATE KEY, encrypted with DES-EDE3-CBC",
        ),
        (
            "des3",
            encrypted_pkcs8("des3"),
            Some("open sesame"),
            "ENCRYPTED PRIVATE KEY, encrypted with an unusual cipher",
        ),
        ("public", public_key("user", "rsa").into_bytes(), None, "this is a public key"),
        ("text", b"hello".to_vec(), None, "this is no private key"),
        ("binary", vec![0xff, 0xfe], None, "this is no private key"),
        ("empty", Vec::new(), None, "this is no private key"),
        ("damaged", damaged.into_bytes(), None, "the private key is damaged"),
        ("long", vec![b'a'; 100_000], None, "longer than 65536 bytes"),
        (
            "pbkdf2",
            costly(&["-v2", "aes-256-cbc", "-iter", "70000"], b"\x02\x03\x01\x11\x70", b"\x02\x03\x7f\xff\xff"),
            Some("open sesame"),
            "asks for 8388607 rounds of key derivation; at most 2000000",
        ),
        (
            "scrypt",
            costly(&["-scrypt"], b"\x02\x01\x08\x02\x01\x01", b"\x02\x01\x08\x02\x01\x7f"),
            Some("open sesame"),
            "asks for 16646144 rounds of key derivation; at most 2097152",
        ),
        ("disguised", disguised(), Some("open sesame"), "the password does not open"),
        ("odd", format!("-----BEGIN \u{1b}[2J{}-----\n", "A".repeat(999)).into(), None, "the form [2JAAA"),
    ];
    for (name, identity, password, expected) in table {
        let auth = auth(identity.clone(), *password, &format!("host {}", public_key("host", "rsa")));
        let error = refusal(&lab, &Remote { auth, ..remote("ssh://127.0.0.1:1/app.git") });
        let told = told(&error);
        assert!(told.contains(expected), "{name}: {told}");
        assert!(!told.contains("open sesame") && !told.contains(secret.as_deref().unwrap_or("-")), "{told}");
    }
}

#[test]
fn who_is_not_let_in_learns_with_which_key_he_came() {
    let (server, lab) = (Sshd::start(&["ed25519"]), Lab::new());
    server.create("app.git", FIRST);
    let stranger = auth(private_key("host", "p256"), None, &server.known("ed25519"));
    let told_stranger = refusal(&lab, &Remote { auth: stranger, ..app(&server, "app.git") });
    let (address, me) = (server.address(), user());
    let fingerprint = fingerprint("host", "p256");
    let expected =
        format!("{address} does not let {me} in with the key {fingerprint} (ecdsa-sha2-nistp256); it allows publickey");
    assert!(told(&told_stranger).ends_with(&expected), "{}", told(&told_stranger));
    assert!(told_stranger.hint().is_some());

    let other_user = Remote {
        url: server.url("app.git").replace(&format!("{me}@"), "nobody-here@").parse().expect("a URL"),
        ..app(&server, "app.git")
    };
    assert!(
        told(&refusal(&lab, &other_user)).contains("does not let nobody-here in"),
        "{}",
        told(&refusal(&lab, &other_user))
    );
}

#[test]
fn a_repository_that_is_not_there_is_told_in_the_servers_words() {
    let (server, lab) = (Sshd::start(&["ed25519"]), Lab::new());
    let text = told(&refusal(&lab, &app(&server, "absent.git")));
    for part in ["git-upload-pack on 127.0.0.1", "ended with status 128 (remote: ", "fatal: '", "does not appear to be"]
    {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn who_has_no_key_is_not_connected() {
    let (server, lab) = (Sshd::start(&["ed25519"]), Lab::new());
    let none = refusal(&lab, &Remote { auth: Auth::None, ..app(&server, "app.git") });
    assert!(told(&none).contains("needs a private key and known_hosts"), "{}", told(&none));
}

#[test]
fn host_keys_that_are_not_known_are_refused_with_both_fingerprints() {
    let server = Sshd::start(&["ed25519", "p256", "rsa"]);
    server.create("app.git", FIRST);
    let address = server.address();
    let shown = |kind: &str| fingerprint("host", kind);
    let port = address.port();
    let table: Vec<(String, Option<String>)> = vec![
        // Of a host with several keys each one does: what is known is asked for.
        (server.known("ed25519"), None),
        (server.known("p256"), None),
        (server.known("rsa"), None),
        (format!("# mine\n\n{}\nother.example {}\n", server.known("rsa"), public_key("host", "p384")), None),
        (format!("127.0.0.1 {}", public_key("host", "rsa")), None),
        (format!("*.0.0.1,[127.0.0.*]:{port} {}", public_key("host", "p256")), None),
        (
            format!("[127.0.0.1]:{port} {}", public_key("host", "p384")),
            Some(format!(
                "shows a host key that is not known: ssh-ed25519 {}; known_hosts has ecdsa-sha2-nistp384 {} (line 1)",
                shown("ed25519"),
                shown("p384")
            )),
        ),
        (
            format!("\n[127.0.0.1]:{port} {}", public_key("user", "ed25519")),
            Some(format!(
                "ssh-ed25519 {}; known_hosts has ssh-ed25519 {} (line 2)",
                shown("ed25519"),
                fingerprint("user", "ed25519")
            )),
        ),
        (
            format!("elsewhere.example {}\nrubbish\n", public_key("host", "ed25519")),
            Some(format!(
                "ssh-ed25519 {}; known_hosts has no key of it (lines that cannot be read: 2)",
                shown("ed25519")
            )),
        ),
        (
            format!("{}\n@revoked * {}", server.known("ed25519"), public_key("host", "ed25519")),
            Some(format!("ssh-ed25519 {}; line 2 of known_hosts revokes it", shown("ed25519"))),
        ),
        (
            format!("@cert-authority * {}", public_key("host", "ed25519")),
            Some("known_hosts has only a @cert-authority for it (line 1), which is not supported".to_owned()),
        ),
        ("rubbish".to_owned(), Some("known_hosts holds no key of any host (lines that cannot be read: 1)".to_owned())),
        (String::new(), Some("known_hosts holds no key of any host".to_owned())),
    ];
    for (known, expected) in table {
        let lab = Lab::new();
        let auth = auth(private_key("user", "ed25519"), None, &known);
        let remote = Remote { auth, ..remote(&server.url("app.git")) };
        let Some(expected) = expected else {
            open(&lab, &remote).fetch("main").unwrap_or_else(|error| panic!("{known}: {}", told(&error)));
            continue;
        };
        asked(&server);
        let error = refusal(&lab, &remote);
        assert!(told(&error).contains(&expected), "{known}: {}", told(&error));
        assert!(error.hint().is_some(), "{known}");
        assert_eq!(asked(&server), [] as [&str; 0], "{known}");
    }
    let unknown = auth(private_key("user", "ed25519"), None, &format!("x {}", public_key("host", "rsa")));
    let hint = refusal(&Lab::new(), &Remote { auth: unknown, ..remote(&server.url("app.git")) }).hint();
    assert!(hint.is_some_and(|hint| hint.contains(&format!("ssh-keyscan -p {port} 127.0.0.1"))));
}

#[test]
fn algorithms_are_what_the_flags_name() {
    let server = Sshd::start_with(&["ed25519", "rsa"], "KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256\n");
    server.create("app.git", FIRST);
    let known = format!("{}\n{}", server.known("ed25519"), server.known("rsa"));
    let list = |kex: &str, host_keys: &str| {
        let names = |text: &str| text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        let algorithms =
            SshAlgorithms::default().with_kex(&names(kex)).and_then(|both| both.with_host_keys(&names(host_keys)));
        let lab = Lab::new();
        let git = lab.git.clone().with_ssh(algorithms.map_err(|error| error.to_string())?);
        let auth = auth(private_key("user", "ed25519"), None, &known);
        let session = git.open(&Remote { auth, ..remote(&server.url("app.git")) }).expect("an open remote");
        session.refs().map(drop).map_err(|error| told(&error))
    };
    let check = |kex: &str, host_keys: &str, expected: Option<&str>| match (list(kex, host_keys), expected) {
        (Ok(()), None) => {}
        (Err(error), Some(expected)) => assert!(error.contains(expected), "{kex} {host_keys}: {error}"),
        (got, _) => panic!("{kex} {host_keys}: {got:?}"),
    };
    check("", "", None);
    check("ecdh-sha2-nistp256", "", None);
    check("", "rsa-sha2-256", None);
    check("", "rsa-sha2-512,ssh-ed25519", None);
    check(
        "diffie-hellman-group14-sha256",
        "",
        Some("no key exchange method in common; here: diffie-hellman-group14-sha256"),
    );
    check("", "ecdsa-sha2-nistp256", Some("no host key algorithm in common; here: ecdsa-sha2-nistp256; there: "));
    check(
        "curve448",
        "",
        Some("\"curve448\" is no key exchange method; known are mlkem768x25519-sha256, curve25519-sha256"),
    );
    check("none", "", Some("\"none\" is no key exchange method"));
    check("", "ssh-dss", Some("\"ssh-dss\" is no host key algorithm; known are ssh-ed25519, "));
}

#[test]
fn sha1_is_for_those_who_ask_for_it() {
    let server = Sshd::start_with(&["rsa"], "HostKeyAlgorithms ssh-rsa\n");
    server.create("app.git", FIRST);
    let auth = auth(private_key("user", "rsa"), None, &server.known("rsa"));
    let (lab, remote) = (Lab::new(), Remote { auth, ..remote(&server.url("app.git")) });
    let told = told(&refusal(&lab, &remote));
    assert!(told.contains("no host key algorithm in common; here: rsa-sha2-512, rsa-sha2-256, ssh-ed25519"), "{told}");
    let names = ["rsa-sha2-512", "ssh-rsa"].map(str::to_owned);
    let git = lab.git.clone().with_ssh(SshAlgorithms::default().with_host_keys(&names).expect("known names"));
    git.open(&remote).expect("an open remote").fetch("main").expect("a fetch");
}

#[test]
fn answers_have_a_largest_size() {
    let server = Sshd::start(&["ed25519"]);
    server.create("app.git", FIRST);
    for (limits, expected) in [
        (Limits { refs_bytes: 100, ..Limits::default() }, "listing the branches of"),
        (Limits { pack_bytes: 100, ..Limits::default() }, "fetching from"),
    ] {
        let told = told_by(open(&Lab::with_limits(limits), &app(&server, "app.git")).fetch("main"));
        assert!(told.starts_with(expected) && told.ends_with("more than 100 bytes"), "{told}");
    }
}

#[test]
fn tags_and_commits_are_fetched_as_branches_are() {
    let (server, lab) = (Sshd::start(&["ed25519"]), Lab::new());
    server.create("app.git", FIRST);
    let old = git(&server.path("app.git"), &["rev-parse", "main"]).trim().to_owned();
    git(&server.path("app.git"), &["tag", "-m", "tag", "v1", "main"]);
    server.commit("app.git", "main", &[("a.yaml", "image: a:2\n")], "second");
    let session = open(&lab, &app(&server, "app.git"));
    assert_eq!(session.fetch_reference("refs/tags/v1").expect("a tag").to_string(), old);
    let listed = session.refs().expect("a listing");
    assert_eq!(listed.tags.get("v1").map(ToString::to_string).as_ref(), Some(&old));
    let new = session.fetch("main").expect("a fetch");
    assert_eq!(session.log_since(new, old.parse().expect("an id"), 10).expect("a log").len(), 1);
    let lab = Lab::new();
    let commit = open(&lab, &app(&server, "app.git")).fetch_commit(old.parse().expect("an id"));
    assert_eq!(commit.expect("a commit behind a branch").to_string(), old);
    let empty = told_by(session.fetch("absent"));
    assert!(empty.contains("has no branch \"absent\"; it has main"), "{empty}");
}

#[test]
fn nothing_in_a_path_becomes_an_option_or_a_command() {
    let (server, lab) = (Sshd::start(&["ed25519"]), Lab::new());
    let me = user();
    let odd = [
        "a b.git",
        "it's.git",
        "a;touch pwned.git",
        "$(touch pwned).git",
        "`touch pwned`.git",
        "a!b.git",
        "\"x\".git",
        "ü.git",
        "*.git",
        "~x.git",
    ];
    for name in odd {
        server.create(name, FIRST);
        let path = server.path(name).display().to_string();
        let escaped: String =
            path.bytes().map(|byte| if byte == b'/' { "/".to_owned() } else { format!("%{byte:02x}") }).collect();
        let url = format!("ssh://{me}@{}{escaped}", server.address());
        open(&lab, &Remote { url: url.parse().expect("a URL"), ..app(&server, "x.git") })
            .fetch("main")
            .unwrap_or_else(|error| panic!("{name}: {}", told(&error)));
        let quoted = path.replace('\'', "'\\''").replace('!', "'\\!'");
        assert_eq!(asked(&server), [format!("git-upload-pack '{quoted}'")]);
        assert!(!server.path("pwned").exists(), "{name}");
    }
    // Below a home the shell must not read the tilde, and git does.
    let told = told_by(
        open(
            &lab,
            &Remote {
                url: format!("ssh://{me}@{}/~{me}/absent-here.git", server.address()).parse().expect("a URL"),
                ..app(&server, "x.git")
            },
        )
        .refs()
        .map(drop),
    );
    assert!(told.contains("not appear to be a git repository"), "{told}");
    assert_eq!(asked(&server), [format!("git-upload-pack '~{me}/absent-here.git'")]);
}

#[test]
fn a_server_that_prints_something_else_is_told_by_its_words() {
    let (server, lab) = (Sshd::start(&["ed25519"]), Lab::new());
    server.create("app.git", FIRST);
    let check = |before: &str, expected: &str| {
        fs::write(server.path("before"), before).expect("a script");
        let told = told(&refusal(&lab, &app(&server, "app.git")));
        assert!(told.contains(expected), "{before}: {told}");
    };
    check("echo Welcome", "prints \"Welcome\" where Git's protocol should begin");
    check("printf 'no \\033[31mentry' >&2; exit 1", "git-upload-pack on 127.0.0.1");
    check("printf 'no \\033[31mentry' >&2; exit 1", "ended with status 1 (remote: no [31mentry)");
    check("exit 0", "ended early");
    check("printf '0013ERR not today\\n'; exit 1", "the server says: not today");
    check("printf 00; exit 3", "ended with status 3");
    check("kill -9 $$", "git-upload-pack on 127.0.0.1");
    fs::remove_file(server.path("before")).expect("a script");
    open(&lab, &app(&server, "app.git")).fetch("main").expect("the next run works");
}

#[test]
fn a_server_that_takes_one_command_per_connection_gets_several() {
    let (server, lab) = (Sshd::start_with(&["ed25519"], "MaxSessions 1\n"), Lab::new());
    server.create("app.git", FIRST);
    let mut session = open(&lab, &app(&server, "app.git"));
    assert_eq!(update(&mut session, "main", "a.yaml", "x\n").expect("an update"), 1);
    session.refresh().expect("a listing");
    let base = session.fetch("main").expect("nothing to fetch");
    let new = commit(&session, base, &[edit("a.yaml", "y\n")], "y\n");
    session.push("main", Some(base), new).expect("a push while a listing is open");
    assert_eq!(server.log("app.git", "main"), ["y", "update", "first"]);
}

/// The user's ed25519 key as openssl would write it (RFC 8410 §7); the `ssh-keygen` of Debian 12 cannot.
fn ed25519_in_pkcs8() -> Vec<u8> {
    let key = russh::keys::PrivateKey::from_openssh(private_key("user", "ed25519")).expect("a key");
    let seed = key.key_data().ed25519().expect("an ed25519 key").private.to_bytes();
    let frame = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    let text = STANDARD.encode([frame.as_slice(), &seed].concat());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n").into_bytes()
}

fn encrypted_pkcs8(cipher: &str) -> Vec<u8> {
    encrypted_pkcs8_with(&["-v2", cipher])
}

fn encrypted_pkcs8_with(arguments: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plain = folder.path().join("key");
    fs::write(&plain, ed25519_in_pkcs8()).expect("a key");
    let mut openssl = Command::new("openssl");
    openssl.args(["pkcs8", "-topk8", "-passout", "pass:open sesame", "-in"]).arg(&plain).args(arguments);
    let output = openssl.output().expect("the tests need openssl: apt-get install openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A user's key in the old PEM form, encrypted by OpenSSL.
fn sealed_by_openssl(verb: &str, kind: &str, cipher: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = folder.path().join("key");
    fs::write(&plain, converted(kind, "PEM", "")).expect("a key");
    let mut openssl = Command::new("openssl");
    openssl.args([verb, cipher, "-passout", "pass:open sesame", "-in"]).arg(&plain);
    if verb == "rsa" {
        openssl.arg("-traditional");
    }
    let output = openssl.output().expect("the tests need openssl: apt-get install openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A key whose derivation asks for more than it was made with.
fn costly(arguments: &[&str], made: &[u8], asks: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(encrypted_pkcs8_with(arguments)).expect("text");
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let mut bytes = STANDARD.decode(body).expect("base64");
    let at = bytes.windows(made.len()).position(|window| window == made).expect("what it was made with");
    bytes[at..at + made.len()].copy_from_slice(asks);
    let text = STANDARD.encode(bytes);
    format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{text}\n-----END ENCRYPTED PRIVATE KEY-----\n").into_bytes()
}

/// A key in OpenSSH's form in the frame of another, which would pass by the bound on its rounds.
fn disguised() -> Vec<u8> {
    let inner = String::from_utf8(converted("ed25519", "RFC4716", "open sesame")).expect("text");
    let iv = "0".repeat(32);
    format!("-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES-128-CBC,{iv}\n{inner}").into_bytes()
}

fn hook(repository: &Path, name: &str, script: &str) {
    let file = repository.join("hooks").join(name);
    fs::create_dir_all(repository.join("hooks")).expect("a folder");
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a hook");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a program");
}
