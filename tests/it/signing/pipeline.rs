//! `sync` with `spec.git.commit.signingKey`: Secrets in, signed commits out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::programs::{GnuPg, ssh_key};
use super::told_by_git;
use crate::program::finish;
use crate::world::{World, automation, policy, source};

/// A world whose automation signs with a key of the kind, from the Secret `signing-key`.
fn world(kind: &str, entries: &[(&str, &[u8])]) -> World {
    let world = World::simple();
    let key = format!("      signingKey: {{{kind}secretRef: {{name: signing-key}}}}\n      author:");
    let automation = automation("apps", "app", "./apps").replace("      author:", &key);
    let entry = |(name, value): &(&str, &[u8])| format!("  {name}: {}\n", STANDARD.encode(value));
    let entries: String = entries.iter().map(entry).collect();
    let secret = format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: signing-key, namespace: flux-system}}\ndata:\n{entries}"
    );
    world.objects("all.yaml", &(policy("web", "^1") + &source("app") + &automation + &secret));
    world
}

#[test]
fn sync_signs_with_a_gpg_key() {
    let gpg = GnuPg::new();
    let key = gpg.make("Bot <bot@example.com>", "ed25519", "sign", "let me in");
    let entries = [("git.asc", &gpg.secret(&key, "let me in")[..]), ("passphrase", b"let me in"), ("extra", b"unused")];
    for kind in ["", "type: gpg, "] {
        let world = world(kind, &entries);
        world.sync(&[]).ok();
        assert_eq!(world.git.log("app.git", "main"), ["update apps", "first"]);
        let settings = [format!("gpg.program={}", gpg.program(""))];
        let (good, says) = told_by_git(&world.git.path("app.git"), &settings, "main");
        assert!(good && says.contains(&format!("VALIDSIG {key}")), "{says}");
    }
}

#[test]
fn no_log_shows_a_key() {
    let gpg = GnuPg::new();
    let key = gpg.make("Bot <bot@example.com>", "ed25519", "sign", "");
    let file = gpg.run("", &["--export-secret-keys", &key], "");
    let world = world("", &[("git.asc", &file)]);
    // The 32 bytes of the secret number begin at byte 57 or so.
    let part: String = file[60..80].iter().map(|byte| format!("{byte:02x}")).collect();
    for level in ["trace", "pgp=trace", "pgp::packet=trace"] {
        let mut sync = world.sync_command("state", &["--dry-run"]);
        let run = finish(sync.env("RUST_LOG", level)).code_is(0);
        assert!(!run.stderr.contains(&part), "{level}: {}", run.stderr);
    }
}

#[test]
fn sync_signs_with_an_ssh_key() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = ssh_key(folder.path(), "key", &["-t", "ed25519"], "let me in");
    let world = world("type: ssh, ", &[("identity", &key.secret), ("password", b"let me in")]);
    world.sync(&[]).ok();
    let allowed = folder.path().join("allowed");
    std::fs::write(&allowed, key.allowed("bot@example.com", "")).expect("a file");
    let settings = ["gpg.format=ssh".to_owned(), format!("gpg.ssh.allowedSignersFile={}", allowed.display())];
    let (good, says) = told_by_git(&world.git.path("app.git"), &settings, "main");
    assert!(good && says.contains("signature for bot@example.com with ED25519"), "{says}");
}

#[test]
fn a_key_that_cannot_sign_stops_its_automation_before_anything_is_pushed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = ssh_key(folder.path(), "key", &["-t", "ed25519"], "let me in");
    let check = |kind: &str, entries: &[(&str, &[u8])], expected: &[&str]| {
        let world = world(kind, entries);
        let run = world.sync(&[]).code_is(2);
        for part in expected {
            assert!(run.stderr.contains(part), "{part:?} in {}", run.stderr);
        }
        assert_eq!(world.git.log("app.git", "main"), ["first"]);
    };
    let (identity, locked) = (("identity", &key.secret[..]), "flux-system/signing-key: key identity: ");
    check(
        "",
        &[identity],
        &[
            "of type gpg is under git.asc, and the Secret holds identity",
            "hint: set spec.git.commit.signingKey.type to ssh",
        ],
    );
    check("type: ssh, ", &[("git.asc", b"x")], &["of type ssh is under identity, and the Secret holds git.asc"]);
    check("", &[("other", b"x")], &["of type gpg under git.asc, found other"]);
    check("", &[("git.asc", b"x")], &["key git.asc: expected a GPG secret key, found none", "hint: gpg --armor"]);
    check(
        "type: ssh, ",
        &[identity],
        &[locked, "is encrypted, and no password is given", "hint: put it under the key password"],
    );
    check("type: ssh, ", &[identity, ("password", b"hunter2")], &[locked, "the password does not open"]);
}

#[test]
fn a_missing_secret_is_told_with_the_field_that_names_it() {
    let world = World::simple();
    let key = "      signingKey: {secretRef: {name: absent}}\n      author:";
    let automation = automation("apps", "app", "./apps").replace("      author:", key);
    world.objects("all.yaml", &(policy("web", "^1") + &source("app") + &automation));
    let run = world.sync(&[]).code_is(2);
    let told =
        "ImageUpdateAutomation flux-system/apps: spec.git.commit.signingKey: Secret flux-system/absent does not exist";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}
