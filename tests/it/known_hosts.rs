//! The table of known_hosts: which lines name a host, and what is thought of a key then.

use std::process::Command;

use tagwright::git::{HostVerdict, KnownHosts};

use crate::servers::sshd::{fingerprint, public_key};

/// What a host that shows the ed25519 key is judged by, in short.
fn verdict(lines: &str, host: &str, port: u16) -> String {
    let key = russh::keys::PublicKey::from_openssh(&public_key("host", "ed25519")).expect("a key");
    match KnownHosts::parse(lines.as_bytes()).judge(host, port, &key) {
        HostVerdict::Known => "known".to_owned(),
        HostVerdict::Unknown => "unknown".to_owned(),
        HostVerdict::Revoked { line } => format!("revoked {line}"),
        HostVerdict::Authority { line } => format!("authority {line}"),
        HostVerdict::Other(keys) => {
            keys.iter().fold("other".to_owned(), |text, key| format!("{text} {} {}", key.line, key.algorithm))
        }
    }
}

#[test]
fn lines_name_hosts_as_openssh_reads_them() {
    let (ours, other, rsa) = (public_key("host", "ed25519"), public_key("user", "ed25519"), public_key("host", "rsa"));
    let check = |lines: &str, host: &str, port: u16, expected: &str| {
        let lines = lines.replace("OURS", &ours).replace("OTHER", &other).replace("RSA", &rsa);
        assert_eq!(verdict(&lines, host, port), expected, "{host}:{port} in {lines}");
    };
    check("example.com OURS", "example.com", 22, "known");
    check("example.com OURS comment with words", "example.com", 22, "known");
    check("\texample.com\t OURS\r\n", "example.com", 22, "known");
    check("Example.COM OURS", "eXample.com", 22, "known");
    check("example.com OURS", "www.example.com", 22, "unknown");
    check("example.com OURS", "example.com.", 22, "unknown");
    check("example.co OURS", "example.com", 22, "unknown");
    check("", "example.com", 22, "unknown");
    check("# example.com OURS", "example.com", 22, "unknown");
    // Several keys, several lines.
    check("example.com OTHER\nexample.com RSA\nexample.com OURS", "example.com", 22, "known");
    check("example.com OTHER\n\n# x\nexample.com RSA", "example.com", 22, "other 1 ssh-ed25519 4 ssh-rsa");
    check("a,example.com,b OURS", "example.com", 22, "known");
    check("192.0.2.1,example.com OURS", "192.0.2.1", 22, "known");
    check("2001:db8::1 OURS", "2001:db8::1", 22, "known");
    // Wildcards and negation.
    check("*.example.com OURS", "git.example.com", 22, "known");
    check("*.example.com OURS", "example.com", 22, "unknown");
    check("* OURS", "example.com", 22, "known");
    check("git?.example.com OURS", "git1.example.com", 22, "known");
    check("git?.example.com OURS", "git.example.com", 22, "unknown");
    check("*a*b*c OURS", "xaybzc", 22, "known");
    check("*a*b*c OURS", "xaybz", 22, "unknown");
    check("*.example.com,!bad.example.com OURS", "bad.example.com", 22, "unknown");
    check("!bad.example.com,*.example.com OURS", "git.example.com", 22, "known");
    check("!bad.example.com OURS", "git.example.com", 22, "unknown");
    // Ports.
    check("[example.com]:2222 OURS", "example.com", 2222, "known");
    check("[example.com]:2222 OURS", "example.com", 22, "unknown");
    check("[example.com]:2222 OURS", "example.com", 2223, "unknown");
    check("[2001:db8::1]:2222 OURS", "2001:db8::1", 2222, "known");
    check("[*.example.com]:2222 OURS", "git.example.com", 2222, "known");
    check("example.com OURS", "example.com", 2222, "known");
    check("[example.com]:2222 OTHER\nexample.com OURS", "example.com", 2222, "other 1 ssh-ed25519");
    // Marks.
    check("@revoked example.com OURS", "example.com", 22, "revoked 1");
    check("example.com OURS\n@revoked * OURS", "example.com", 22, "revoked 2");
    check("@revoked example.com OURS", "example.com", 2222, "revoked 1");
    check("[example.com]:2222 OURS\n@revoked * OURS", "example.com", 2222, "revoked 2");
    check("@revoked * OTHER\nexample.com OURS", "example.com", 22, "known");
    check("@cert-authority *.example.com OURS", "git.example.com", 22, "authority 1");
    check("@cert-authority * OURS\nexample.com OTHER", "example.com", 22, "other 2 ssh-ed25519");
    check("@cert-authority * RSA\nexample.com OURS", "example.com", 22, "known");
    check("@unknown example.com OURS", "example.com", 22, "unknown");
    // A key under the name of another kind is no key.
    check(&format!("example.com ssh-rsa {}", ours.split(' ').nth(1).unwrap_or_default()), "example.com", 22, "unknown");
}

#[test]
fn hashed_hosts_are_those_of_ssh_keygen() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("known_hosts");
    let lines =
        format!("example.com {0}\n[example.com]:2222 {1}\n", public_key("host", "ed25519"), public_key("host", "rsa"));
    std::fs::write(&file, lines).expect("a file");
    let hashed = Command::new("ssh-keygen").arg("-Hf").arg(&file).output().expect("ssh-keygen runs");
    assert!(hashed.status.success());
    let lines = std::fs::read_to_string(&file).expect("a file");
    assert!(lines.starts_with("|1|") && !lines.contains("example"), "{lines}");
    assert_eq!(verdict(&lines, "example.com", 22), "known");
    assert_eq!(verdict(&lines, "EXAMPLE.com", 22), "known");
    assert_eq!(verdict(&lines, "example.org", 22), "unknown");
    assert_eq!(verdict(&lines, "example.com", 2222), "other 2 ssh-rsa");
}

#[test]
fn lines_that_cannot_be_read_are_counted_and_the_others_count() {
    let ours = public_key("host", "ed25519");
    let cut = &ours[..40];
    let text = format!(
        "rubbish\n{ours}\nexample.com {cut}\n|1|x|y {ours}\nexample.com {ours}\n\u{1}\u{2}\nexample.com ssh-x AAAA\n"
    );
    let bytes = [text.as_bytes(), b"\xff\xfe \xff\n"].concat();
    let known = KnownHosts::parse(&bytes);
    assert_eq!(known.unreadable(), [1, 2, 3, 4, 6, 7, 8]);
    let key = russh::keys::PublicKey::from_openssh(&ours).expect("a key");
    assert_eq!(known.judge("example.com", 22, &key), HostVerdict::Known);
    let other = russh::keys::PublicKey::from_openssh(&public_key("user", "p256")).expect("a key");
    let HostVerdict::Other(keys) = known.judge("example.com", 22, &other) else { panic!("another key is known") };
    assert_eq!(keys[0].fingerprint, fingerprint("host", "ed25519"));
}
