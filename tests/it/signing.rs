//! Signatures: what we sign is good for the real `git`, `gpg` and `ssh-keygen`, and what they sign is good for us.

mod keys;
mod pipeline;
pub(crate) mod programs;
mod secrets;
mod verdicts;

use std::path::Path;

use jiff::Timestamp;
use tagwright::git::{CommitMeta, Keyring, Log, Oid, Signature, Signer};
use tagwright::secret::Secret;
use tempfile::TempDir;

use crate::git::{Lab, edit, meta};
use crate::servers::git_http::{create_bare, foreign_commit, git};

/// A bare repository with one commit.
pub(crate) struct Bench {
    lab: Lab,
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let bench = Self { lab: Lab::new(), folder };
        create_bare(&bench.path());
        foreign_commit(&bench.path(), "main", &[("a.yaml", "a: 1\n")], "first");
        bench
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("app.git")
    }

    /// A signed commit on `main`, pushed.
    fn commit(&self, signer: &Signer, text: &str) -> Oid {
        let mut session = self.lab.open(&self.path().display().to_string());
        session.refresh().expect("the branches");
        let base = session.fetch("main").expect("the branch");
        let meta = signed(signer, &format!("update {text}\n\nImage-Automation: a/b\n"));
        let new = session.commit(base, &[edit("a.yaml", text)], &meta).expect("a commit");
        session.push("main", Some(base), new).expect("a push");
        new
    }

    fn verify(&self, keyring: &Keyring, commit: Oid) -> Signature {
        let log = Log::local(&self.path(), Some("main")).expect("a log").expect("the branch");
        let reader = log.objects().open().expect("the objects");
        keyring.verify(&reader.raw_commit(commit).expect("a commit"))
    }
}

fn signed(signer: &Signer, message: &str) -> CommitMeta {
    CommitMeta { signer: Some(signer.clone()), time: Timestamp::now(), ..meta(message) }
}

fn secret(text: impl AsRef<[u8]>) -> Secret {
    Secret::new(text.as_ref())
}

/// Whether the signature of a commit is good for Git, and what Git says of it.
fn told_by_git(repository: &Path, settings: &[String], commit: &str) -> (bool, String) {
    let mut command = crate::servers::git_http::command();
    command.arg("-C").arg(repository);
    command.args(settings.iter().flat_map(|setting| ["-c", setting])).env("TZ", "UTC");
    let output = command.args(["verify-commit", "--raw", commit]).output().expect("git runs");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The bytes of a commit.
fn raw(repository: &Path, commit: &str) -> Vec<u8> {
    let output = crate::servers::git_http::git_output(repository, &["cat-file", "commit", commit]);
    assert!(output.status.success(), "git cat-file {commit}");
    output.stdout
}

#[test]
fn a_signature_changes_nothing_else_of_a_commit() {
    let bench = Bench::new();
    let key = programs::ssh_key(bench.folder.path(), "key", &["-t", "ed25519"], "");
    let signer = Signer::ssh(&secret(key.secret), None).expect("a signer");
    let commit = bench.commit(&signer, "a: 2\n").to_string();
    let raw = String::from_utf8(raw(&bench.path(), &commit)).expect("text");
    let (headers, message) = raw.split_once("\n\n").expect("headers and a message");
    assert_eq!(message, "update a: 2\n\n\nImage-Automation: a/b\n");
    let names: Vec<&str> =
        headers.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()).collect();
    assert_eq!(names, ["tree", "parent", "author", "committer", "gpgsig"]);
    git(&bench.path(), &["fsck", "--strict"]);
    assert_eq!(format!("{signer:?}"), format!("Signer({})", signer.fingerprint()));
}
