//! Verdicts on commits that real Git signed, beside Git's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use tagwright::git::{Keyring, Signature, SignatureKind};
use tempfile::TempDir;

use super::programs::{GnuPg, fed, ssh_key};
use super::{raw, told_by_git};
use crate::git::told;
use crate::servers::git_http;

/// A repository in which Git signs and checks commits.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        let made = git_http::command().args(["init", "-q"]).arg(scene.path()).status();
        assert!(made.expect(git_http::NEEDED).success());
        scene
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The bytes of a commit that `git commit -S` makes at noon of a day in 2024 or at `time`.
    fn commit(&self, settings: &[&str], key: &str) -> Vec<u8> {
        let mut command = git_http::command();
        command.arg("-C").arg(self.path()).env("GIT_COMMITTER_DATE", "2024-05-06T12:00:00Z");
        command.args(settings.iter().flat_map(|setting| ["-c", setting]));
        let message = "update\n\nImage-Automation: a/b\n";
        command.args(["commit", "-q", "--allow-empty", &format!("-S{key}"), "-m", message]);
        let output = command.output().expect(git_http::NEEDED);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        raw(&self.path(), "HEAD")
    }

    /// Git's verdict on the bytes of a commit.
    fn is_good(&self, settings: &[String], commit: &[u8]) -> (bool, String) {
        let mut command = git_http::command();
        command.arg("-C").arg(self.path()).args(["hash-object", "-t", "commit", "-w", "--stdin", "--literally"]);
        let id = String::from_utf8(fed(&mut command, commit, git_http::NEEDED).stdout).expect("an id");
        told_by_git(&self.path(), settings, id.trim())
    }
}

/// How our verdict stands to Git's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Same,
    /// Git says that it is good, and we refuse it.
    Stricter,
    /// Git judges by what holds now, and we by what held when it was signed.
    Then,
}

#[track_caller]
fn compare(name: &str, ours: &Signature, git: (bool, String), beside: Beside, expected: &str) {
    let is_good = matches!(ours, Signature::Good { .. });
    let allowed = match beside {
        Beside::Same => (git.0, git.0),
        Beside::Stricter => (true, false),
        Beside::Then => (false, true),
    };
    assert_eq!((git.0, is_good), allowed, "{name}: {ours:?}, and Git says {}", git.1);
    let text = format!("{ours:?}");
    assert!(text.contains(expected), "{name}: {expected:?} in {text}");
}

fn keyring(gpg: &GnuPg, keys: &[&str]) -> Keyring {
    let mut keyring = Keyring::default();
    keys.iter().for_each(|key| keyring.add_gpg(&gpg.public(key)).expect("a public key"));
    keyring
}

#[test]
fn changed_bytes_are_judged_as_git_judges_them() {
    let (scene, gpg) = (Scene::new(), GnuPg::new());
    let key = gpg.make("Bot <bot@example.com>", "ed25519", "sign", "");
    let settings = [format!("gpg.program={}", gpg.program(""))];
    let commit = String::from_utf8(scene.commit(&[&settings[0]], &key)).expect("text");
    let keyring = keyring(&gpg, &[&key]);
    let check = |name: &str, changed: String, beside: Beside, expected: &str| {
        let ours = keyring.verify(changed.as_bytes());
        compare(name, &ours, scene.is_good(&settings, changed.as_bytes()), beside, expected);
    };
    let (start, end) = (commit.find("gpgsig ").expect("a signature"), commit.find("\n\n").expect("a message") + 1);
    let (before, signature, message) = (&commit[..start], &commit[start..end], &commit[end..]);
    let (tree, author) = before.split_once("author ").expect("an author");
    let author = format!("author {author}");
    let misfit = "does not fit the commit";
    check("as it is", commit.clone(), Beside::Same, &key);
    check("unsigned", format!("{before}{message}"), Beside::Same, "None");
    check("another message", commit.replace("\nupdate", "\nupdates"), Beside::Same, misfit);
    check("another author", commit.replace("author Dev", "author Div"), Beside::Same, misfit);
    check("a header more", format!("{before}{signature}encoding UTF-8\n{message}"), Beside::Same, misfit);
    check(
        "a parent more",
        commit.replacen("author ", &format!("parent {}\nauthor ", "0".repeat(40)), 1),
        Beside::Same,
        misfit,
    );
    check("text behind a NUL", format!("{commit}\0more"), Beside::Same, misfit);
    check("a NUL in the author", commit.replace("author Dev", "author D\0ev"), Beside::Same, misfit);
    check("a line feed less", commit.trim_end().to_owned(), Beside::Same, misfit);
    check("the signature first", format!("{tree}{signature}{author}{message}"), Beside::Same, &key);
    check("the signature in the message", format!("{before}\n{signature}{message}"), Beside::Same, "None");
    check("a signature for SHA-256", format!("{before}gpgsig-sha256 a\n b\n{signature}{message}"), Beside::Same, &key);
    check("the same behind", format!("{before}{signature}gpgsig-sha256 a\n b\n{message}"), Beside::Same, &key);
    check("only one for SHA-256", format!("{before}gpgsig-sha256 a\n b\n{message}"), Beside::Same, "None");
    check("a header like one", format!("{before}{signature}gpgsigs a\n b\n{message}"), Beside::Stricter, "looks like");
    check("no signature in it", format!("{before}gpgsig \n{message}"), Beside::Same, "neither");
    check("no end", commit.replace(" -----END PGP SIGNATURE-----\n", ""), Beside::Stricter, "malformed");
    let text = signature.replace("gpgsig ", "gpgsig hello\n ");
    check("text in front", format!("{before}{text}{message}"), Beside::Same, "neither");
    for (name, twice) in [
        ("twice", format!("{before}{signature}{signature}{message}")),
        ("apart", format!("{tree}{signature}{author}{signature}{message}")),
    ] {
        check(name, twice, Beside::Same, "more than one signature");
    }
    let long = format!("gpgsig -----BEGIN PGP SIGNATURE-----\n{}", " aaaaaaaaaa\n".repeat(10_000));
    check("a long one", format!("{before}{long}{message}"), Beside::Same, "longer than 64 KiB");
    for empty in [&b""[..], b"\n", b"gpgsig", b"gpgsig \n", b" ", b"tree"] {
        assert!(!matches!(keyring.verify(empty), Signature::Good { .. }), "{empty:?}");
    }
}

#[test]
fn gpg_keys_are_judged_by_what_held_when_they_signed() {
    let (scene, gpg) = (Scene::new(), GnuPg::new());
    let at = |time: &str| format!("gpg.program={}", gpg.program(&format!("--faked-system-time {time}!")));
    let (now, january, march) =
        (format!("gpg.program={}", gpg.program("")), at("20200115T000000"), at("20200315T000000"));
    let make = |name: &str, usage: &str| {
        gpg.make_at("20200101T000000", &format!("{name} <bot@example.com>"), "ed25519", usage, "never", "")
    };
    let check = |name: &str, commit: &[u8], key: &str, beside: Beside, expected: &str| {
        let git = scene.is_good(std::slice::from_ref(&now), commit);
        compare(name, &keyring(&gpg, &[key]).verify(commit), git, beside, expected);
    };
    let until =
        |key: &str| drop(gpg.run_at("20200110T000000", "", &["--quick-set-expire", key, "20200201T000000"], ""));

    let key = make("Good", "sign");
    let signed = scene.commit(&[&january], &key);
    check("a good one", &signed, &key, Beside::Same, &key);
    let weak = format!("gpg.program={}", gpg.program("--digest-algo SHA1"));
    check("made with SHA-1", &scene.commit(&[&weak], &key), &key, Beside::Stricter, "is broken");
    let text = format!("gpg.program={}", gpg.program("--textmode"));
    check("of a text", &scene.commit(&[&text], &key), &key, Beside::Stricter, "not a signature of bytes");

    let key = make("Expired", "sign");
    let (early, late) = (scene.commit(&[&january], &key), scene.commit(&[&march], &key));
    until(&key);
    check("signed before the end", &early, &key, Beside::Then, &key);
    check("signed after the end", &late, &key, Beside::Same, "expired at 2020-02-01");

    for (reason, beside, expected) in
        [(0, Beside::Same, "revoked"), (1, Beside::Same, "revoked"), (2, Beside::Then, "Good")]
    {
        let key = make(&format!("Subkey {reason}"), "cert");
        let subkey = gpg.add("20200102T000000", &key, "ed25519", "never");
        let signed = scene.commit(&[&january], &key);
        check("by a subkey", &signed, &key, Beside::Same, &subkey);
        gpg.revoke_subkey(&key, reason);
        check("by a subkey that was revoked", &signed, &key, beside, expected);
    }
    let key = make("Owner", "cert");
    gpg.add("20200102T000000", &key, "ed25519", "never");
    let (early, late) = (scene.commit(&[&january], &key), scene.commit(&[&march], &key));
    until(&key);
    check("by a subkey whose owner expired later", &early, &key, Beside::Then, "Good");
    check("by a subkey whose owner had expired", &late, &key, Beside::Same, "expired at 2020-02-01");

    let key = make("Revoked", "sign");
    let signed = scene.commit(&[&january], &key);
    let before = keyring(&gpg, &[&key]);
    gpg.revoke(&key);
    check("by a key that was revoked", &signed, &key, Beside::Same, "was revoked");
    let mut both = before.clone();
    both.add_gpg(&gpg.public(&key)).expect("a public key");
    assert!(matches!(before.verify(&signed), Signature::Good { .. }));
    assert!(matches!(both.verify(&signed), Signature::Bad { .. }), "the older copy of a key hides no revocation");

    let (stranger, known) = (make("Stranger", "sign"), make("Known", "sign"));
    let signed = scene.commit(&[&january], &stranger);
    let unknown = Signature::UnknownKey { kind: SignatureKind::Gpg, fingerprint: stranger };
    assert_eq!(keyring(&gpg, &[&known]).verify(&signed), unknown);
    assert_eq!(Keyring::default().verify(&signed), unknown);
}

#[test]
fn allowed_signers_are_read_as_ssh_keygen_reads_them() {
    let scene = Scene::new();
    let (bot, other) = (
        ssh_key(scene.folder.path(), "bot", &["-t", "ed25519"], ""),
        ssh_key(scene.folder.path(), "other", &["-t", "ecdsa"], ""),
    );
    let signed = scene.commit(&["gpg.format=ssh"], &bot.path.display().to_string());
    let file = scene.folder.path().join("allowed");
    let settings = ["gpg.format=ssh".to_owned(), format!("gpg.ssh.allowedSignersFile={}", file.display())];
    let check = |allowed: &str, commit: &[u8], expected: &str| {
        std::fs::write(&file, allowed).expect("a file");
        let mut keyring = Keyring::default();
        keyring.add_allowed_signers(allowed.as_bytes()).unwrap_or_else(|error| panic!("{allowed}: {}", told(&error)));
        compare(allowed, &keyring.verify(commit), scene.is_good(&settings, commit), Beside::Same, expected);
    };
    let with = |options: &str, expected: &str| check(&bot.allowed("bot@example.com", options), &signed, expected);
    with("", "bot@example.com");
    with("namespaces=\"git\"", "Good");
    with("namespaces=\"file,git\"", "Good");
    with("namespaces=\"file\"", "may not sign for git");
    with("namespaces=\"g*\"", "Good");
    with("namespaces=\"?it\"", "Good");
    with("namespaces=\"*,!git\"", "may not sign for git");
    with("NAMESPACES=\"git\"", "Good");
    with("valid-after=\"20240506\"", "Good");
    with("valid-after=\"20240507\"", "was not valid yet");
    with("valid-after=\"202405061159Z\"", "Good");
    with("valid-before=\"20240506120001\"", "Good");
    with("valid-before=\"20240506\"", "no longer valid");
    with("valid-after=\"20240101\",valid-before=\"20250101\",namespaces=\"git\"", "Good");
    with("cert-authority", "UnknownKey");
    check(&other.allowed("*", ""), &signed, "UnknownKey");
    check("", &signed, "UnknownKey");
    check(&bot.allowed("\"bot@example.com,*@example.org\"", ""), &signed, "bot@example.com,*@example.org");
    let lines = [
        "# the bot",
        "",
        &other.allowed("a@b", ""),
        &bot.allowed("old@b", "valid-before=\"20200101\""),
        &bot.allowed("new@b", ""),
    ];
    check(&lines.join("\n"), &signed, "new@b");
    let changed = String::from_utf8(signed.clone()).expect("text").replace("update", "updates");
    check(&bot.allowed("bot@example.com", ""), changed.as_bytes(), "does not fit the commit");
    let mut keyring = Keyring::default();
    keyring.add_allowed_signers(bot.allowed("bot@example.com", "").as_bytes()).expect("allowed signers");
    // Git takes the time of the check then.
    let timeless = with_signature(&scene, &bot.path, "git", "committer Dev <dev@example.com> soon\n");
    let ours = keyring.verify(&timeless);
    compare("no time", &ours, scene.is_good(&settings, &timeless), Beside::Stricter, "has no time");
    let elsewhere = with_signature(&scene, &bot.path, "file", "committer Dev <dev@example.com> 1715000000 +0000\n");
    check(&bot.allowed("bot@example.com", ""), &elsewhere, "another purpose than git");
    let by_hand = with_signature(&scene, &bot.path, "git", "committer Dev <dev@example.com> 1715000000 +0000\n");
    check(&bot.allowed("bot@example.com", ""), &by_hand, "Good");
}

/// A commit whose signature `ssh-keygen` made for `namespace`.
fn with_signature(scene: &Scene, key: &Path, namespace: &str, committer: &str) -> Vec<u8> {
    let tree = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n";
    let headers = format!("{tree}author Dev <dev@example.com> 1715000000 +0000\n{committer}");
    let file = scene.folder.path().join("payload");
    std::fs::write(&file, format!("{headers}\nby hand\n")).expect("a file");
    let _ = std::fs::remove_file(file.with_extension("sig"));
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(key).arg(&file);
    assert!(command.status().expect("ssh-keygen runs").success());
    let signature = std::fs::read_to_string(file.with_extension("sig")).expect("a signature");
    let signature: String = signature.lines().map(|line| format!(" {line}\n")).collect();
    format!("{headers}gpgsig{signature}\nby hand\n").into_bytes()
}

#[test]
fn lists_of_keys_that_cannot_be_read_are_refused_with_their_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = ssh_key(folder.path(), "key", &["-t", "ed25519"], "");
    let check = |text: &str, expected: &str| {
        let error = Keyring::default().add_allowed_signers(text.as_bytes()).expect_err("no list");
        assert!(told(&error).contains(expected), "{expected:?} in {}", told(&error));
    };
    check(
        &format!("# one\n{}", key.allowed("a@b", "touch-required")),
        "line 2 of the list of allowed signers: unknown option",
    );
    check(&key.allowed("a@b", "valid-after=\"tomorrow\""), "expected \"YYYYMMDD");
    check(&key.allowed("a@b", "valid-after=\"20241399\""), "expected \"YYYYMMDD");
    check(&key.allowed("a@b", "namespaces=git"), "expected a list between quotes");
    check("a@b", "expected PRINCIPALS");
    check("a@b ssh-ed25519 AAAA", "");
    let error = Keyring::default().add_gpg(b"hello").expect_err("no keys");
    assert_eq!(told(&error), "expected GPG public keys, found none");
}

#[test]
fn signatures_with_ssh_certificates_are_told_as_not_supported() {
    let scene = Scene::new();
    let key = ssh_key(scene.folder.path(), "key", &["-t", "ed25519"], "");
    let authority = ssh_key(scene.folder.path(), "authority", &["-t", "ed25519"], "");
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-I", "bot", "-n", "bot@example.com", "-s"])
        .arg(&authority.path)
        .arg(key.path.with_extension("pub"));
    assert!(command.status().expect("ssh-keygen runs").success());
    let certificate = std::fs::read_to_string(scene.folder.path().join("key-cert.pub")).expect("a certificate");
    let certificate: ssh_key::Certificate = certificate.parse().expect("a certificate");
    let plain = with_signature(&scene, &key.path, "git", "committer Dev <dev@example.com> 1715000000 +0000\n");
    let text = String::from_utf8(plain).expect("text");
    let (start, end) = (text.find("gpgsig ").expect("a signature") + 7, text.find("\n\n").expect("a message") + 1);
    let armor = text[start..end].replace("\n ", "\n");
    let signature: ssh_key::SshSig = armor.parse().expect("a signature");
    let key = ssh_key::public::KeyData::from(certificate);
    let signature = ssh_key::SshSig::new(key, "git", signature.hash_alg(), signature.signature().clone());
    let armor = signature.and_then(|signature| signature.to_pem(ssh_key::LineEnding::LF)).expect("text");
    let commit = format!("{}{}{}", &text[..start], armor.trim_end().replace('\n', "\n "), &text[end - 1..]);
    let mut keyring = Keyring::default();
    let allowed = authority.allowed("bot@example.com", "cert-authority");
    keyring.add_allowed_signers(allowed.as_bytes()).expect("allowed signers");
    let unsupported = Signature::Unsupported { what: "a signature with an ssh certificate".to_owned() };
    assert_eq!(keyring.verify(commit.as_bytes()), unsupported);
}
