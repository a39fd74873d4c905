//! Keys that cannot sign, refused by name.

use std::process::Command;

use jiff::Timestamp;
use tagwright::git::{Signer, SigningError};

use super::programs::{GnuPg, fed, ssh_key};
use super::secret;
use crate::git::told;

#[test]
fn gpg_keys_that_cannot_sign_are_refused_by_name() {
    let gpg = GnuPg::new();
    let check = |key: &[u8], passphrase: &str, expected: &str| {
        let passphrase = (!passphrase.is_empty()).then(|| secret(passphrase));
        told_of(Signer::gpg(&secret(key), passphrase.as_ref(), Timestamp::now()), expected);
    };
    let good = gpg.make("Good <good@example.com>", "ed25519", "sign", "");
    let locked = gpg.make("Locked <locked@example.com>", "ed25519", "sign", "let me in");
    check(b"", "", "found none");
    check(b"not a key", "", "found none");
    check(b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n", "", "");
    check(&gpg.public(&good), "", "found a public key");
    check(&gpg.run("", &["--export", &good], ""), "", "found a public key");
    check(&gpg.secret(&locked, "let me in"), "", "locked, and no passphrase");
    check(&gpg.secret(&locked, "let me in"), "hunter2", "does not unlock");
    let both = [gpg.secret(&good, ""), gpg.secret(&locked, "let me in")].concat();
    check(&both, "let me in", "expected one GPG key, found 2");
    let cut = gpg.secret(&good, "");
    check(&cut[..cut.len() / 2], "", "");
    let expired = gpg.make_at("20200101T000000", "Old <old@example.com>", "ed25519", "sign", "20200201T000000", "");
    check(&gpg.secret(&expired, ""), "", "expired at 2020-02-01T00:00:00Z");
    let owner = gpg.make_at("20230101T000000", "Owner <owner@example.com>", "ed25519", "cert", "never", "");
    check(&gpg.secret(&owner, ""), "", "no key that may sign");
    gpg.add("20240101T000000", &owner, "ed25519", "20240201T000000");
    check(&gpg.secret(&owner, ""), "", "expired at 2024-02-01T00:00:00Z");
    let subkeys = gpg.make("Subkey <subkey@example.com>", "ed25519", "cert", "");
    gpg.add("", &subkeys, "ed25519", "never");
    gpg.revoke_subkey(&subkeys, 0);
    check(&gpg.secret(&subkeys, ""), "", "was revoked");
    check(&gpg.run("", &["--armor", "--export-secret-subkeys", &good], ""), "", "a stub, or on a card");
    gpg.revoke(&good);
    check(&gpg.secret(&good, ""), "", "was revoked");
}

#[test]
fn ssh_keys_that_cannot_sign_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = |arguments: &[&str], password: &str| {
        ssh_key(folder.path(), &format!("key{}{password}", arguments.concat()), arguments, password)
    };
    let check = |key: &[u8], password: &str, expected: &str| {
        let password = (!password.is_empty()).then(|| secret(password));
        told_of(Signer::ssh(&secret(key), password.as_ref()), expected);
    };
    let good = key(&["-t", "ed25519"], "");
    check(b"", "", "this is no private key");
    check(good.public.as_bytes(), "", "this is a public key");
    check(b"-----BEGIN CERTIFICATE-----\n", "", "the form CERTIFICATE");
    check(b"\xff\xfe", "", "this is no private key");
    check(&good.secret[..good.secret.len() / 2], "", "the private key is damaged");
    check(&key(&["-t", "rsa", "-b", "1024"], "").secret, "", "has 1024 bits");
    for form in ["RFC4716", "PEM", "PKCS8"] {
        let locked = key(&["-t", "rsa", "-b", "2048", "-m", form], "let me in");
        check(&locked.secret, "", "encrypted, and no password");
        check(&locked.secret, "hunter2", "the password does not open");
    }
    let locked = key(&["-t", "ecdsa", "-m", "PEM"], "let me in");
    check(&locked.secret, "hunter2", "the password does not open");
    check(security_token_key().as_bytes(), "", "on a security token (sk-ssh-ed25519@openssh.com)");
    check(b"-----BEGIN DSA PRIVATE KEY-----\n", "", "the form DSA PRIVATE KEY");
    let mut openssl = Command::new("openssl");
    openssl.args(["genpkey", "-algorithm", "ed448"]);
    let ed448 = fed(&mut openssl, b"", "the tests need OpenSSL: apt-get install openssl").stdout;
    check(&ed448, "", "of the kind 1.3.101.113 are not supported");
}

/// What `ssh-keygen -t ed25519-sk` writes, without a token at hand.
fn security_token_key() -> String {
    use ssh_key::private::{KeypairData, SkEd25519};
    let public = ssh_key::public::SkEd25519::new(ssh_key::public::Ed25519PublicKey([7; 32]), "ssh:");
    let key = SkEd25519::new(public, 1, vec![1, 2, 3]).expect("a key handle");
    let key = ssh_key::PrivateKey::new(KeypairData::SkEd25519(key), "bot").expect("a key");
    key.to_openssh(ssh_key::LineEnding::LF).expect("text").to_string()
}

#[track_caller]
fn told_of(signer: Result<Signer, SigningError>, expected: &str) {
    let error = signer.map(|signer| signer.fingerprint()).expect_err("no signer");
    let text = told(&error);
    assert!(text.contains(expected), "{expected:?} in {text}");
    assert!(!text.contains("let me in") && !text.contains("hunter2"), "{text}");
}
