//! What we sign with every kind of key, as the real programs see it.

use jiff::Timestamp;
use tagwright::git::{Keyring, Signature, SignatureKind, Signer};

use super::programs::{GnuPg, ssh_key};
use super::{Bench, secret, told_by_git};

#[test]
fn commits_signed_with_gpg_keys_are_good_for_git_and_gpg() {
    let (bench, gpg) = (Bench::new(), GnuPg::new());
    let mut commits = 0;
    let mut check = |secret_key: &[u8], passphrase: &str, expected: &str| {
        let passphrase = (!passphrase.is_empty()).then(|| secret(passphrase));
        let signer = Signer::gpg(&secret(secret_key), passphrase.as_ref(), Timestamp::now()).expect("a signer");
        assert_eq!(signer.fingerprint(), expected);
        let commit = bench.commit(&signer, &format!("a: {commits}\n"));
        commits += 1;
        let (good, says) =
            told_by_git(&bench.path(), &[format!("gpg.program={}", gpg.program(""))], &commit.to_string());
        assert!(good && says.contains(&format!("VALIDSIG {expected}")), "{says}");
        let mut keyring = Keyring::default();
        keyring.add_gpg(&gpg.public(expected)).expect("a public key");
        match bench.verify(&keyring, commit) {
            Signature::Good { kind: SignatureKind::Gpg, fingerprint, signer } => {
                assert_eq!(fingerprint, expected);
                assert!(signer.ends_with("@example.com>"), "{signer}");
            }
            other => panic!("{other:?}"),
        }
    };
    for (algorithm, passphrase) in [
        ("ed25519", ""),
        ("ed25519", "let me in"),
        ("rsa3072", "s€cret"),
        ("nistp256", ""),
        ("nistp384", ""),
        ("nistp521", ""),
    ] {
        let user = format!("{algorithm} {} <bot@example.com>", passphrase.len());
        let key = gpg.make(&user, algorithm, "sign", passphrase);
        check(&gpg.secret(&key, passphrase), passphrase, &key);
    }
    let binary = gpg.make("Binary <binary@example.com>", "ed25519", "sign", "");
    check(&gpg.run("", &["--export-secret-keys", &binary], ""), "", &binary);
    let owner = gpg.make_at("20230101T000000", "Owner <owner@example.com>", "ed25519", "cert", "never", "");
    let older = gpg.add("20240101T000000", &owner, "ed25519", "never");
    check(&gpg.secret(&owner, ""), "", &older);
    let newer = gpg.add("20240201T000000", &owner, "rsa2048", "never");
    gpg.add("20240301T000000", &owner, "ed25519", "20240401T000000");
    check(&gpg.secret(&owner, ""), "", &newer);
    check(&gpg.run("", &["--armor", "--export-secret-subkeys", &owner], ""), "", &newer);
}

#[test]
fn commits_signed_with_ssh_keys_are_good_for_git_and_ssh_keygen() {
    let bench = Bench::new();
    let allowed = bench.folder.path().join("allowed");
    let check = |arguments: &[&str], password: &str| {
        let name = format!("key{}{password}", arguments.concat());
        let key = ssh_key(bench.folder.path(), &name, arguments, password);
        let password = (!password.is_empty()).then(|| secret(password));
        let signer = Signer::ssh(&secret(&key.secret), password.as_ref());
        let signer = signer.unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        let commit = bench.commit(&signer, &format!("a: {}\n", signer.fingerprint()));
        let line = key.allowed("bot@example.com", "namespaces=\"git\"");
        std::fs::write(&allowed, &line).expect("a file");
        let settings = ["gpg.format=ssh".to_owned(), format!("gpg.ssh.allowedSignersFile={}", allowed.display())];
        let (good, says) = told_by_git(&bench.path(), &settings, &commit.to_string());
        let expected = format!("signature for bot@example.com with {}", kind_of(arguments));
        assert!(good && says.contains(&expected) && says.contains(&signer.fingerprint()), "{arguments:?}: {says}");
        let mut keyring = Keyring::default();
        keyring.add_allowed_signers(line.as_bytes()).expect("allowed signers");
        let expected = Signature::Good {
            kind: SignatureKind::Ssh,
            fingerprint: signer.fingerprint(),
            signer: "bot@example.com".to_owned(),
        };
        assert_eq!(bench.verify(&keyring, commit), expected, "{arguments:?}");
    };
    for password in ["", "let me in"] {
        check(&["-t", "ed25519"], password);
        check(&["-t", "ecdsa", "-b", "256"], password);
        check(&["-t", "ecdsa", "-b", "384"], password);
        check(&["-t", "ecdsa", "-b", "521"], password);
        check(&["-t", "rsa", "-b", "2048"], password);
        check(&["-t", "rsa", "-b", "2048", "-m", "PEM"], password);
        check(&["-t", "rsa", "-b", "2048", "-m", "PKCS8"], password);
        check(&["-t", "ecdsa", "-b", "256", "-m", "PKCS8"], password);
        check(&["-t", "ecdsa", "-b", "521", "-m", "PKCS8"], password);
    }
    for password in ["", "let me in"] {
        check(&["-t", "ecdsa", "-b", "384", "-m", "PEM"], password);
    }
    check(&["-t", "rsa", "-b", "3072"], "");
}

fn kind_of(arguments: &[&str]) -> String {
    arguments[1].to_ascii_uppercase()
}
