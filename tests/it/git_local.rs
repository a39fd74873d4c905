//! Repositories of this machine: bare ones are their own store, others are refused.

use std::io::ErrorKind;
use std::path::Path;

use tagwright::git::{Error, PushError};
use tempfile::TempDir;

use crate::git::{Lab, commit, edit, files, remote, told_by, update};
use crate::servers::git_http::{create_bare, foreign_commit, git, git_output};

const FIRST: &[(&str, &str)] = &[("a.yaml", "image: a:1\n"), ("b.yaml", "image: b:1\n")];

struct Local {
    folder: TempDir,
    lab: Lab,
}

impl Local {
    fn new() -> Self {
        let local = Self { folder: TempDir::new().expect("a temporary folder"), lab: Lab::new() };
        create_bare(&local.path());
        foreign_commit(&local.path(), "main", FIRST, "first");
        local
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("app.git")
    }

    fn url(&self) -> String {
        self.path().to_str().expect("a path").to_owned()
    }

    fn subjects(&self, branch: &str) -> Vec<String> {
        git(&self.path(), &["log", "--format=%s", branch]).lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_bare_repository_is_read_and_written_in_place() {
    let local = Local::new();
    for url in [local.url(), format!("file://{}", local.url())] {
        let session = local.lab.open(&url);
        assert_eq!(session.refs().expect("a listing").default_branch.as_deref(), Some("main"));
        let base = session.fetch("main").expect("a tip");
        assert!(files(&session, base)[0].starts_with("a.yaml="));
        let one = commit(&session, base, &[edit("a.yaml", &url)], "one\n");
        let two = commit(&session, one, &[edit("b.yaml", &url)], "two\n");
        session.push("main", Some(base), two).expect("a push");
        session.push(&format!("copy{}", url.len()), None, two).expect("a new branch");
    }
    assert_eq!(local.subjects("main"), ["two", "one", "two", "one", "first"]);
    git(&local.path(), &["fsck", "--strict"]);
}

#[test]
fn an_unpushed_commit_leaves_nothing_behind() {
    let local = Local::new();
    let before = git(&local.path(), &["count-objects", "-v"]);
    let session = local.lab.open(&local.url());
    let base = session.fetch("main").expect("a tip");
    commit(&session, base, &[edit("a.yaml", "dry run\n")], "dry run\n");
    drop(session);
    assert_eq!(git(&local.path(), &["count-objects", "-v"]), before);
}

#[test]
fn a_moved_branch_keeps_both_commits() {
    let local = Local::new();
    let mut session = local.lab.open(&local.url());
    let base = session.fetch("main").expect("a tip");
    let ours = commit(&session, base, &[edit("a.yaml", "ours\n")], "ours\n");
    foreign_commit(&local.path(), "main", &[("b.yaml", "theirs\n")], "theirs");
    for expected in [Some(base), None] {
        let error = session.push("main", expected, ours).expect_err("the branch moved");
        assert!(matches!(error, PushError::Moved { .. }), "{error}");
    }
    let error = session.push("gone", Some(base), ours).expect_err("the branch is gone");
    assert!(matches!(error, PushError::Moved { found: None, .. }), "{error}");
    session.refresh().expect("a listing");
    assert_eq!(update(&mut session, "main", "a.yaml", "ours\n").expect("an update"), 1);
    assert_eq!(local.subjects("main"), ["update", "theirs", "first"]);
    assert_eq!(git(&local.path(), &["show", "main:b.yaml"]), "theirs\n");
    git(&local.path(), &["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn hooks_of_a_local_repository_do_not_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let local = Local::new();
    let witness = local.folder.path().join("witness");
    for name in ["pre-receive", "update", "post-receive", "post-update", "reference-transaction", "post-commit"] {
        let hook = local.path().join("hooks").join(name);
        std::fs::write(&hook, format!("#!/bin/sh\ntouch {}\nexit 1\n", witness.display())).expect("a hook");
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("an executable hook");
    }
    update(&mut local.lab.open(&local.url()), "main", "a.yaml", "x\n").expect("an update");
    assert_eq!(local.subjects("main").len(), 2);
    assert!(!witness.exists(), "a hook ran");
}

#[test]
fn a_lock_that_another_process_holds_is_named_and_not_removed() {
    let local = Local::new();
    let lock = local.path().join("refs/heads/main.lock");
    std::fs::write(&lock, "").expect("a lock");
    let error = update(&mut local.lab.open(&local.url()), "main", "a.yaml", "x\n").expect_err("the branch is locked");
    assert!(matches!(error, PushError::Refused { .. }) && error.to_string().contains("holds the lock"), "{error}");
    assert!(lock.exists());
}

#[test]
fn a_full_disk_and_a_lack_of_rights_come_with_advice() {
    let check = |kind: ErrorKind, expected: Option<&str>| {
        let error = Error::Io { doing: "writing", path: "store".into(), source: kind.into() };
        assert_eq!(error.hint().is_some(), expected.is_some());
        assert!(error.hint().unwrap_or_default().contains(expected.unwrap_or_default()), "{:?}", error.hint());
    };
    check(ErrorKind::StorageFull, Some("make room"));
    check(ErrorKind::PermissionDenied, Some("--state"));
    check(ErrorKind::NotFound, None);
}

#[test]
fn what_is_no_bare_repository_is_refused_with_advice() {
    let local = Local::new();
    let clone = local.folder.path().join("clone");
    git(local.folder.path(), &["clone", "--quiet", "app.git", "clone"]);
    let shown = clone.canonicalize().expect("a path").display().to_string();
    for path in [&clone, &clone.join(".git")] {
        let error = local.lab.git.open(&remote(path.to_str().expect("a path"))).map(drop).expect_err("not bare");
        assert_eq!(
            error.to_string().trim_end_matches('/'),
            format!("{shown}/ is not a bare repository").trim_end_matches('/')
        );
        let shown = shown.trim_end_matches('/');
        let advice = format!("git clone --bare {shown} {shown}.git, ");
        assert!(error.hint().expect("advice").contains(&advice), "{:?}", error.hint());
    }
    assert_eq!(git_output(&clone, &["status", "--porcelain"]).stdout, b"");
    for path in [local.folder.path(), &clone.join("absent"), Path::new("/etc/hostname")] {
        let told = told_by(local.lab.git.open(&remote(path.to_str().expect("a path"))).map(drop));
        assert!(told.contains("is not a Git repository"), "{told}");
    }
}

#[test]
fn an_empty_local_repository_and_a_missing_branch_are_told_apart() {
    let local = Local::new();
    let empty = local.folder.path().join("empty.git");
    create_bare(&empty);
    let told = told_by(local.lab.open(empty.to_str().expect("a path")).fetch("main"));
    assert!(told.ends_with("is empty: it has no branch"), "{told}");
    let told = told_by(local.lab.open(&local.url()).fetch("master"));
    assert!(told.ends_with("has no branch \"master\"; it has main"), "{told}");
}

/// Git compares whole paths, so advice with a relative one would not help.
#[test]
fn the_advice_for_a_repository_of_another_user_names_its_whole_path() {
    let error = tagwright::git::Error::ForeignOwner { path: "infra.git".into() };
    let here = std::env::current_dir().expect("a working directory").join("infra.git");
    assert_eq!(error.hint(), Some(format!("git config --global --add safe.directory {}", here.display())));
}
