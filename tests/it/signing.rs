//! Signatures: what the real `git`, `gpg` and `ssh-keygen` sign is judged as they judge it.

mod programs;
mod verdicts;

use std::path::Path;

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
