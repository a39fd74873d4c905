//! The main job over ssh: from a new tag in a registry to a commit behind `sshd`, with keys from Secrets.

use std::fs;
use std::path::Path;

use crate::program::{command, finish, run_with_input};
use crate::servers::sshd::{Sshd, converted, fingerprint, private_key, public_key, user};
use crate::world::{World, automation, deployment, policy, source};

/// A repository `app.git` behind `server` that runs 1.0.0, and objects that would move it to 1.0.1.
fn world(server: &Sshd) -> World {
    let world = World::new();
    world.registry.push("acme/web", "1.0.0");
    world.registry.push("acme/web", "1.0.1");
    let manifest = world.fill(&deployment("REGISTRY/acme/web:1.0.0", "web"));
    server.create("app.git", &[("apps/web.yaml", &manifest)]);
    world
}

fn objects(world: &World, url: &str, more: &str) {
    let source =
        source("app").replace("GIT/app.git', interval: 1m", &format!("{url}', interval: 1m, timeout: 30s{more}"));
    world.objects("all.yaml", &(policy("web", "^1") + &source + &automation("apps", "app", "./apps")));
}

fn secret_folder(world: &World, entries: &[(&str, &[u8])]) -> String {
    let folder = world.path("secret");
    fs::create_dir_all(&folder).expect("a folder");
    for (key, value) in entries {
        fs::write(folder.join(key), value).expect("a file");
    }
    format!("flux-system/app={}", folder.display())
}

const REFERENCE: &str = ", secretRef: {name: app}";

#[test]
fn a_new_tag_becomes_a_commit_behind_sshd() {
    let server = Sshd::start(&["ed25519", "rsa"]);
    let world = world(&server);
    objects(&world, &server.url("app.git"), REFERENCE);
    let secret = secret_folder(
        &world,
        &[
            ("identity", &converted("ed25519", "RFC4716", "open sesame")),
            ("password", b"open sesame"),
            ("known_hosts", server.known("rsa").as_bytes()),
        ],
    );
    let run = world.sync(&["--secret", &secret]).code_is(0);
    assert_eq!(server.log("app.git", "main"), ["update apps", "first"], "{}", run.stderr);
    assert!(!run.transcript().contains("open sesame"));
    server.commands();
    // Unchanged: one listing and nothing else.
    world.sync(&["--secret", &secret, "--exit-code"]).code_is(0);
    let asked: Vec<String> = server.commands().into_iter().filter(|line| !line.starts_with("status")).collect();
    assert_eq!(asked, [format!("git-upload-pack '{}'", server.path("app.git").display())]);
}

#[test]
fn a_secret_of_the_manifests_and_flags_for_algorithms_work_too() {
    let server = Sshd::start(&["ed25519", "rsa"]);
    let world = world(&server);
    objects(&world, &server.url("app.git"), REFERENCE);
    let indented =
        |text: &[u8]| String::from_utf8_lossy(text).lines().map(|line| format!("    {line}\n")).collect::<String>();
    world.objects(
        "secret.yaml",
        &format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: app, namespace: flux-system}}\nstringData:\n\
             \u{20} identity: |\n{}  known_hosts: |\n{}",
            indented(&private_key("user", "p256")),
            indented(server.known("rsa").as_bytes()),
        ),
    );
    let wrong = world.sync(&["--ssh-hostkey-algos", "ssh-ed25519"]).code_is(2);
    assert!(wrong.stderr.contains(&fingerprint("host", "ed25519")), "{}", wrong.stderr);
    assert!(wrong.stderr.contains(&fingerprint("host", "rsa")), "{}", wrong.stderr);
    let unknown = world.sync(&["--ssh-kex-algos", "curve25519-sha256,rot13"]).code_is(2);
    assert!(
        unknown.stderr.contains("reading --ssh-kex-algos: \"rot13\" is no key exchange method; known are"),
        "{}",
        unknown.stderr
    );
    assert_eq!(server.log("app.git", "main"), ["first"]);
    world.sync(&["--ssh-hostkey-algos", "rsa-sha2-512", "--ssh-kex-algos", "curve25519-sha256"]).ok();
    assert_eq!(server.log("app.git", "main"), ["update apps", "first"]);
}

#[test]
fn secrets_that_do_not_fit_the_url_are_named_with_their_keys() {
    let server = Sshd::start(&["ed25519"]);
    let world = world(&server);
    let (key, known) = (private_key("user", "ed25519"), server.known("ed25519"));
    let check = |url: &str, more: &str, entries: &[(&str, &[u8])], expected: &[&str]| {
        drop(fs::remove_dir_all(world.path("secret")));
        objects(&world, url, more);
        let secret = secret_folder(&world, entries);
        let run = world.sync(&["--secret", &secret]).code_is(2);
        for expected in expected {
            assert!(run.stderr.contains(expected), "{expected:?} in {}", run.stderr);
        }
        assert_eq!(server.log("app.git", "main"), ["first"]);
    };
    let url = server.url("app.git");
    check(&url, "", &[], &["GitRepository flux-system/app", "needs a Secret with identity and known_hosts"]);
    check(
        &url,
        REFERENCE,
        &[("identity", &key)],
        &["Secret flux-system/app", "identity and known_hosts", "found identity"],
    );
    check(
        &url,
        REFERENCE,
        &[("username", b"x"), ("password", b"y")],
        &["Secret flux-system/app", "found password, username"],
    );
    check(
        "https://127.0.0.1:1/app.git",
        REFERENCE,
        &[("identity", &key), ("known_hosts", known.as_bytes())],
        &["Secret flux-system/app", "found identity, known_hosts"],
    );
    check(&url, REFERENCE, &[("identity", b"-"), ("known_hosts", known.as_bytes())], &["no private key"]);
    check(
        &url,
        REFERENCE,
        &[("identity", &key), ("known_hosts", b"-")],
        &["known_hosts holds no key", "hint: ssh-keyscan"],
    );
    check("ssh://git@-x/app.git", REFERENCE, &[], &["GitRepository flux-system/app: spec.url", "starts with"]);
    let stranger = private_key("host", "ed25519");
    let refused = ["does not let", &fingerprint("host", "ed25519"), "hint: add the public key"];
    check(&url, REFERENCE, &[("identity", &stranger), ("known_hosts", known.as_bytes())], &refused);
}

#[test]
fn history_reads_the_trail_over_ssh() {
    let server = Sshd::start(&["ed25519"]);
    let world = world(&server);
    objects(&world, &server.url("app.git"), REFERENCE);
    let known = server.known("ed25519");
    let secret =
        secret_folder(&world, &[("identity", &private_key("user", "ed25519")), ("known_hosts", known.as_bytes())]);
    world.sync(&["--secret", &secret]).ok();
    let key = world.path("key");
    fs::write(&key, converted("p384", "PKCS8", "open sesame")).expect("a key");
    let hosts = world.path("hosts");
    fs::write(&hosts, &known).expect("a file");
    let scp = format!("{}@127.0.0.1:{}", user(), server.path("app.git").display());
    let args = |url: &str, more: &[&Path]| -> Vec<String> {
        let state = world.path("history");
        let mut args: Vec<String> = ["history", url, "--state"].map(str::to_owned).to_vec();
        args.push(state.display().to_string());
        args.extend(more.iter().map(|path| path.display().to_string()));
        args
    };
    let flags = [Path::new("--password-stdin"), Path::new("--ssh-key"), &key, Path::new("--ssh-known-hosts"), &hosts];
    let run = run_with_input(args(&server.url("app.git"), &flags), "open sesame\n").code_is(0);
    assert!(run.stdout.contains("flux-system/web") && run.stdout.contains("1.0.1"), "{}", run.stdout);
    let wrong = run_with_input(args(&server.url("app.git"), &flags), "no\n").code_is(2);
    assert!(wrong.stderr.contains("the password does not open the private key"), "{}", wrong.stderr);

    // The user's own known_hosts, which has the host at another port alone.
    fs::create_dir_all(world.path(".ssh")).expect("a folder");
    fs::write(world.path(".ssh/known_hosts"), format!("[127.0.0.1]:1 {}\n", public_key("host", "ed25519")))
        .expect("a file");
    fs::write(&key, private_key("user", "ed25519")).expect("a key");
    let own = finish(&mut command(args(&server.url("app.git"), &[Path::new("--ssh-key"), &key]), world.folder.path()))
        .code_is(2);
    assert!(
        own.stderr.contains("known_hosts has no key of it") && own.stderr.contains("hint: ssh-keyscan"),
        "{}",
        own.stderr
    );
    fs::remove_file(world.path(".ssh/known_hosts")).expect("a file");
    let none = finish(&mut command(args(&scp, &[Path::new("--ssh-key"), &key]), world.folder.path())).code_is(2);
    assert!(none.stderr.contains("hint: --ssh-known-hosts FILE"), "{}", none.stderr);
    let without = finish(&mut command(args(&scp, &[]), world.folder.path())).code_is(2);
    assert!(without.stderr.contains("history takes --ssh-key"), "{}", without.stderr);
}

/// As it is, in hexadecimal, as a list of numbers, and in base64 wherever it begins in a group.
fn forms(secret: &[u8]) -> Vec<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    let hex =
        |upper: bool| secret.iter().map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") }).collect();
    let list = secret.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let shifted = (0..3).map(|pad| {
        let text = STANDARD_NO_PAD.encode([&b"   "[..pad], secret].concat());
        text[[0, 2, 3][pad]..text.len() - 2].to_owned()
    });
    [String::from_utf8_lossy(secret).into_owned(), hex(false), hex(true), list].into_iter().chain(shifted).collect()
}

#[test]
fn a_run_over_ssh_says_and_keeps_no_secret() {
    let server = Sshd::start(&["ed25519"]);
    let world = world(&server);
    let signing = automation("apps", "app", "./apps").replace(
        "      messageTemplate",
        "      signingKey: {type: ssh, secretRef: {name: app}}\n      messageTemplate",
    );
    objects(&world, &server.url("app.git"), REFERENCE);
    let all = fs::read_to_string(world.path("objects/all.yaml")).expect("objects");
    world.objects("all.yaml", &all.replace(&automation("apps", "app", "./apps"), &signing));
    let identity = converted("ed25519", "RFC4716", "canary sesame");
    let key = russh::keys::PrivateKey::from_openssh(private_key("user", "ed25519")).expect("a key");
    let seed = key.key_data().ed25519().expect("an ed25519 key").private.to_bytes();
    let canaries = [forms(b"canary sesame"), forms(&seed[..12]), forms(&identity[200..230])].concat();
    for (password, code) in [("canary sesame", 0), ("no canary sesame", 2)] {
        let known = server.known("ed25519");
        let secret = secret_folder(
            &world,
            &[("identity", &identity), ("password", password.as_bytes()), ("known_hosts", known.as_bytes())],
        );
        let mut sync = world.sync_command("state", &["--secret", &secret, "-o", "json", "--log-level", "trace"]);
        let run = finish(sync.env("RUST_LOG", "trace")).code_is(code);
        assert!(code == 2 || run.stderr.contains("TRACE"), "{}", run.stderr);
        for canary in &canaries {
            assert!(!run.transcript().contains(canary), "{canary} in {}", run.transcript());
        }
    }
    assert_eq!(server.log("app.git", "main"), ["update apps", "first"]);
    let mut kept = 0;
    for file in files_below(&world.path("state")) {
        let bytes = fs::read(&file).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        assert!(canaries.iter().all(|canary| !text.contains(canary)), "{}", file.display());
        kept += 1;
    }
    assert!(kept > 3);
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
