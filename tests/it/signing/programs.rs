//! Keys made by `gpg` and `ssh-keygen`.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const GPG_NEEDED: &str = "the tests need GnuPG: apt-get install gnupg";
const SSH_NEEDED: &str = "the tests need ssh-keygen: apt-get install openssh-client";

/// A GnuPG of its own. Its agent ends with it.
pub(crate) struct GnuPg {
    home: TempDir,
}

impl GnuPg {
    pub(crate) fn new() -> Self {
        // The agent's socket lies in there, and the path of a socket has at most 108 bytes.
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("gpg").permissions(PermissionsExt::from_mode(0o700));
        let home = builder.tempdir_in("/tmp").expect("a temporary folder");
        // As it comes, unlocking a key takes as long as hashing tens of megabytes does.
        std::fs::write(home.path().join("gpg-agent.conf"), "s2k-count 65536\n").expect("a file");
        Self { home }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A key, by its fingerprint. `usage` is of the primary key: `sign`, `cert`.
    pub(crate) fn make(&self, user: &str, algorithm: &str, usage: &str, passphrase: &str) -> String {
        self.make_at("", user, algorithm, usage, "never", passphrase)
    }

    /// Like [`GnuPg::make`], as if it was `time` (`20200101T000000`).
    pub(crate) fn make_at(
        &self,
        time: &str,
        user: &str,
        algorithm: &str,
        usage: &str,
        expire: &str,
        pass: &str,
    ) -> String {
        self.run_at(time, pass, &["--quick-generate-key", user, algorithm, usage, expire], "");
        let list = self.run("", &["--with-colons", "--list-keys", user], "");
        let line = String::from_utf8(list).expect("text");
        let line = line.lines().rfind(|line| line.starts_with("fpr:")).expect("a fingerprint").to_owned();
        line.split(':').nth(9).expect("a fingerprint").to_owned()
    }

    /// A further key under `owner`; gives its fingerprint.
    pub(crate) fn add(&self, time: &str, owner: &str, algorithm: &str, expire: &str) -> String {
        self.run_at(time, "", &["--quick-add-key", owner, algorithm, "sign", expire], "");
        self.fingerprints(owner).pop().expect("a subkey")
    }

    /// The fingerprints of a key and its subkeys.
    pub(crate) fn fingerprints(&self, owner: &str) -> Vec<String> {
        let list = self.run("", &["--with-colons", "--with-subkey-fingerprint", "--list-keys", owner], "");
        let list = String::from_utf8(list).expect("text");
        let lines = list.lines().filter(|line| line.starts_with("fpr:"));
        lines.map(|line| line.split(':').nth(9).expect("a fingerprint").to_owned()).collect()
    }

    /// Revokes the first subkey, for `reason`: 0 none, 1 compromised, 2 superseded, 3 no longer used.
    pub(crate) fn revoke_subkey(&self, owner: &str, reason: u8) {
        let talk = format!("key 1\nrevkey\ny\n{reason}\n\ny\nsave\n");
        self.run("", &["--command-fd", "0", "--edit-key", owner], &talk);
    }

    pub(crate) fn revoke(&self, owner: &str) {
        let talk = "y\n0\n\ny\n";
        let certificate = self.run("", &["--command-fd", "0", "--no-batch", "--armor", "--gen-revoke", owner], talk);
        self.run("", &["--import"], &String::from_utf8(certificate).expect("text"));
    }

    pub(crate) fn secret(&self, owner: &str, passphrase: &str) -> Vec<u8> {
        self.run(passphrase, &["--armor", "--export-secret-keys", owner], "")
    }

    pub(crate) fn public(&self, owner: &str) -> Vec<u8> {
        self.run("", &["--armor", "--export", owner], "")
    }

    /// A program for Git's `gpg.program`: this GnuPG with `options`.
    pub(crate) fn program(&self, options: &str) -> String {
        let path = self.home().join(format!("gpg {options}").replace(['/', ' '], "_"));
        let script = format!("#!/bin/sh\nexec gpg --homedir {} --batch {options} \"$@\"\n", self.home().display());
        std::fs::write(&path, script).expect("a script");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("a mode");
        path.display().to_string()
    }

    /// Runs gpg and gives what it prints.
    pub(crate) fn run(&self, passphrase: &str, arguments: &[&str], input: &str) -> Vec<u8> {
        self.run_at("", passphrase, arguments, input)
    }

    pub(crate) fn run_at(&self, time: &str, passphrase: &str, arguments: &[&str], input: &str) -> Vec<u8> {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(self.home()).args(["--batch", "--quiet", "--yes", "--no-tty"]);
        command.args(["--pinentry-mode", "loopback", "--passphrase", passphrase]);
        if !time.is_empty() {
            command.args(["--faked-system-time", &format!("{time}!")]);
        }
        let output = fed(command.args(arguments), input.as_bytes(), GPG_NEEDED);
        assert!(output.status.success(), "gpg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

impl Drop for GnuPg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(self.home()).args(["--kill", "all"]).status();
    }
}

pub(crate) fn fed(command: &mut Command, input: &[u8], needed: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect(needed);
    // A program that asks nothing reads nothing.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("the program ends")
}

/// A pair of ssh keys.
pub(crate) struct SshKey {
    pub(crate) path: PathBuf,
    pub(crate) secret: Vec<u8>,
    pub(crate) public: String,
}

impl SshKey {
    /// A line of `allowed_signers`.
    pub(crate) fn allowed(&self, principals: &str, options: &str) -> String {
        format!("{principals} {options} {}", self.public)
    }
}

pub(crate) fn ssh_key(folder: &Path, name: &str, arguments: &[&str], password: &str) -> SshKey {
    let path = folder.join(name);
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-a", "1", "-C", "bot", "-N", password]).args(arguments).arg("-f").arg(&path);
    let output = fed(&mut command, b"", SSH_NEEDED);
    assert!(output.status.success(), "ssh-keygen {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let secret = std::fs::read(&path).expect("the private key");
    let public = std::fs::read_to_string(path.with_extension("pub")).expect("the public key");
    SshKey { path, secret, public }
}
