//! Trees, references and listings that no honest person makes.

use std::path::Path;

use tagwright::git::{Oid, Session};
use tagwright::tree::{FileTree as _, TreeError};

use crate::git::{Lab, commit, edit, files, meta, remote, told, told_by};
use crate::servers::git_http::{Fault, GitServer, command, create_bare, git};

#[test]
fn entries_that_lead_elsewhere_are_passed_over_and_stay_as_they_are() {
    // The real server dies of an entry without a name; a local repository can hold one.
    for over_http in [true, false] {
        let (server, lab) = (GitServer::start(), Lab::new());
        server.create("app.git", &[]);
        let bare = server.path("app.git");
        let root = hostile_tree(&bare, !over_http);
        commit_tree(&bare, &root);
        let session =
            if over_http { lab.open(&server.url("app.git")) } else { lab.open(bare.to_str().expect("a path")) };
        let base = session.fetch("main").expect("a fetch");
        check_what_is_seen(&session, base, if over_http { 6 } else { 7 });

        for path in ["double.yaml", "folder/x", "absolute.yaml", "module/x"] {
            let told = told_by(session.commit(base, &[edit(path, "x")], &meta("x")));
            assert!(told.contains("cannot be written"), "{path}: {told}");
        }
        let new = commit(&session, base, &[edit("plain/x.yaml", "new\n")], "x\n");
        session.push("main", Some(base), new).expect("a push");
        let raw =
            |id: &str| command().arg("-C").arg(&bare).args(["cat-file", "tree", id]).output().expect("git").stdout;
        let folder = |text: &str| tree(&bare, &[("100644", b"x.yaml", &blob(&bare, text))]);
        let replaced = replace(&raw(&root), &oid_bytes(&folder("inner\n")), &oid_bytes(&folder("new\n")));
        assert_eq!(raw("main^{tree}"), replaced, "an entry that nobody edited changed");
    }
}

fn hostile_tree(bare: &Path, with_nameless: bool) -> String {
    let inner = tree(bare, &[("100644", b"x.yaml", &blob(bare, "inner\n"))]);
    let file = blob(bare, "file\n");
    let link = blob(bare, "/etc/passwd");
    let module = "1".repeat(40);
    let deep = (0..200).fold(inner.clone(), |below, _| tree(bare, &[("40000", b"d", &below)]));
    let mut entries: Vec<(&str, &[u8], &str)> = vec![
        ("40000", b"..", &inner),
        ("40000", b".", &inner),
        ("40000", b".git", &inner),
        ("40000", b".GIT", &inner),
        ("100644", b"a.yaml", &file),
        ("100644", b"a/b.yaml", &file),
        ("120000", b"absolute.yaml", &link),
        ("40000", b"deep", &deep),
        ("100644", b"double.yaml", &file),
        ("100644", b"double.yaml", &link),
        ("120000", b"folder", &link),
        ("160000", b"module", &module),
        ("100644", b"not-utf8-\xff.yaml", &file),
        ("70000", b"odd-mode.yaml", &file),
        ("40000", b"plain", &inner),
    ];
    if with_nameless {
        entries.insert(0, ("100644", b"", &file));
    }
    tree(bare, &entries)
}

fn check_what_is_seen(session: &Session, base: Oid, odd_names: usize) {
    assert_eq!(files(session, base), ["a.yaml=file\n", "plain/x.yaml=inner\n"]);
    let seen = session.tree(base).expect("a tree");
    seen.files("", &|_| true).expect("its files");
    let passed = seen.passed_over();
    let count = |reason: &str| passed.iter().filter(|entry| entry.reason == reason).count();
    assert_eq!(count("its name cannot be that of a file"), odd_names, "{passed:?}");
    assert_eq!((count("it is a symbolic link"), count("it is a submodule")), (2, 1));
    assert_eq!((count("the folder holds this name twice"), count("the folder is too deep")), (2, 1));
    assert_eq!((count("its mode is not one of Git's"), passed.len()), (1, odd_names + 7));
    let absent =
        ["folder", "folder/x", "absolute.yaml", ".git", ".git/x.yaml", "module", "double.yaml", "absent", "a.yaml/x"];
    for path in absent {
        let error = seen.files(path, &|_| true).expect_err(path);
        assert_eq!(error.to_string(), format!("path {path:?} does not exist"));
    }
    // `..` stops at the root, as in every tree.
    assert_eq!(seen.files("../../plain", &|_| true).expect("a folder").len(), 1);
}

#[test]
fn a_tree_that_holds_itself_many_times_over_ends_the_walk() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[]);
    let bare = server.path("app.git");
    let names: Vec<String> = (0..100).map(|number| format!("n{number:02}")).collect();
    let mut below = ("100644", blob(&bare, "x\n"));
    for _ in 0..10 {
        let entries: Vec<_> = names.iter().map(|name| (below.0, name.as_bytes(), below.1.as_str())).collect();
        below = ("40000", tree(&bare, &entries));
    }
    commit_tree(&bare, &below.1);
    let session = lab.open(&server.url("app.git"));
    let base = session.fetch("main").expect("a fetch");
    let error = session.tree(base).expect("a tree").files("", &|_| false).expect_err("10^20 files");
    assert!(told(&error).ends_with("the tree has more than 2,000,000 entries"), "{}", told(&error));
}

#[test]
fn a_malformed_tree_and_a_blob_that_is_none_are_named() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[]);
    let bare = server.path("app.git");
    let file = blob(&bare, "x\n");
    let empty = tree(&bare, &[]);
    let broken = object(&bare, "tree", b"100644 cut off");
    for (entry, expected) in [
        (("40000", &broken), "malformed"),
        (("40000", &file), "another kind than its entry says"),
        (("100644", &empty), "another kind than its entry says"),
    ] {
        let root = tree(&bare, &[(entry.0, b"x", entry.1)]);
        commit_tree(&bare, &root);
        let session = lab.open(bare.to_str().expect("a path"));
        let base = session.fetch("main").expect("a tip");
        let seen = session.tree(base).expect("a tree");
        let listed =
            seen.files("", &|_| true).and_then(|found| found.iter().try_for_each(|entry| seen.read(entry).map(drop)));
        let error = listed.expect_err(expected);
        assert!(told(&error).contains(expected), "{}", told(&error));
    }
}

#[test]
fn a_blob_above_the_limit_is_not_read() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[("big.yaml", &"x".repeat((64 << 20) + 1))]);
    let session = lab.open(&server.url("app.git"));
    let base = session.fetch("main").expect("a fetch");
    let seen = session.tree(base).expect("a tree");
    let entries = seen.files("", &|_| true).expect("its files");
    assert!(matches!(seen.read(&entries[0]), Err(TreeError::TooLarge { .. })));
}

#[test]
fn hostile_references_reach_neither_the_list_nor_the_disk() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[("a.yaml", "a\n")]);
    let id = git(&server.path("app.git"), &["rev-parse", "main"]).trim().to_owned();
    let names: [&[u8]; 8] = [
        b"refs/heads/../../config",
        b"refs/heads/-x",
        b"refs/heads/a b",
        b"refs/heads/\xff",
        b"refs/heads/x.lock",
        b"../../../etc/passwd",
        b"refs/heads/",
        b"refs/heads/main",
    ];
    let capabilities = b"side-band-64k symref=HEAD:refs/heads/../x agent=\xff\x1b";
    server.misbehave("/info/refs", Fault::Body(listing(&names.map(|name| (id.as_str(), name)), capabilities)));
    let session = lab.open(&server.url("app.git"));
    let refs = session.refs().expect("a listing");
    assert_eq!(
        (refs.heads.keys().map(String::as_str).collect::<Vec<_>>(), &refs.default_branch),
        (vec!["main"], &None)
    );
    session.fetch("main").expect("a fetch");
    let store = crate::git_remote::store_path(&lab);
    let kept = git(&store, &["for-each-ref", "--format=%(objectname)"]);
    assert_eq!(kept, format!("{id}\n"), "one reference, the wanted one");
}

#[test]
fn the_default_branch_is_the_one_that_head_names() {
    let (one, two) = ("1".repeat(40), "2".repeat(40));
    let table: &[(&str, &[u8], Option<&str>)] = &[
        ("symref=HEAD:refs/heads/dev agent=git/2", b"", Some("dev")),
        ("symref=HEAD:refs/heads/absent", &[], None),
        ("agent=git/1.8", b"1", Some("main")),
        ("", b"2", Some("dev")),
        ("", b"3", None),
        ("", &[], None),
    ];
    for (capabilities, head, expected) in table {
        let (server, lab) = (GitServer::start(), Lab::new());
        let head: Vec<String> = head.iter().map(|digit| char::from(*digit).to_string().repeat(40)).collect();
        let heads =
            [(&one, "refs/heads/also"), (&two, "refs/heads/dev"), (&one, "refs/heads/main"), (&one, "refs/tags/v1")];
        let all = head.iter().map(|id| (id, "HEAD")).chain(heads).map(|(id, name)| (id.as_str(), name.as_bytes()));
        server.misbehave("/info/refs", Fault::Body(listing(&all.collect::<Vec<_>>(), capabilities.as_bytes())));
        let session = lab.open(&server.url("app.git"));
        let refs = session.refs().expect("a listing");
        assert_eq!((refs.default_branch.as_deref(), refs.heads.len()), (*expected, 3), "{capabilities} {head:?}");
    }
}

/// The body of a listing with these references; it lives as long as the test.
fn listing(references: &[(&str, &[u8])], capabilities: &[u8]) -> &'static [u8] {
    let mut body = b"001e# service=git-upload-pack\n0000".to_vec();
    for (at, (id, name)) in references.iter().enumerate() {
        let extra = if at == 0 { [b"\0", capabilities].concat() } else { Vec::new() };
        let line = [id.as_bytes(), b" ", name, &extra, b"\n"].concat();
        body.extend_from_slice(format!("{:04x}", line.len() + 4).as_bytes());
        body.extend_from_slice(&line);
    }
    body.extend_from_slice(b"0000");
    body.leak()
}

#[test]
fn other_object_formats_are_refused_by_name() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let path = folder.path().join("sha256.git");
    let made =
        command().args(["init", "--quiet", "--bare", "--object-format=sha256"]).arg(&path).status().expect("git");
    assert!(made.success());
    let told = told_by(Lab::new().git.open(&remote(path.to_str().expect("a path"))).map(drop));
    assert!(told.contains("objectformat") || told.contains("object format"), "{told}");

    let server = GitServer::start();
    std::fs::rename(&path, server.path("app.git")).expect("a move");
    crate::servers::git_http::foreign_commit(&server.path("app.git"), "main", &[("a", "a")], "first");
    let told = told_by(Lab::new().open(&server.url("app.git")).refs().map(drop));
    assert!(told.ends_with("object format sha256 is not supported"), "{told}");
}

/// Writes an object that Git itself would refuse to make.
fn object(repository: &Path, kind: &str, data: &[u8]) -> String {
    use std::io::Write as _;
    use std::process::Stdio;
    if !repository.exists() {
        create_bare(repository);
    }
    let mut child = command();
    child.arg("-C").arg(repository).args(["hash-object", "-t", kind, "-w", "--literally", "--stdin"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git");
    child.stdin.take().expect("a pipe").write_all(data).expect("git reads");
    let output = child.wait_with_output().expect("an id");
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn blob(repository: &Path, text: &str) -> String {
    object(repository, "blob", text.as_bytes())
}

fn tree(repository: &Path, entries: &[(&str, &[u8], &str)]) -> String {
    let entry = |(mode, name, id): &(&str, &[u8], &str)| [mode.as_bytes(), b" ", name, b"\0", &oid_bytes(id)].concat();
    object(repository, "tree", &entries.iter().flat_map(entry).collect::<Vec<u8>>())
}

fn commit_tree(repository: &Path, tree: &str) {
    let who = "Eve <eve@example.com> 1700000000 +0000";
    let commit = object(repository, "commit", format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nx\n").as_bytes());
    git(repository, &["update-ref", "refs/heads/main", &commit]);
}

fn oid_bytes(id: &str) -> Vec<u8> {
    id.parse::<Oid>().expect("an id").as_bytes().to_vec()
}

/// The last occurrence: the entry `plain` is the last of the tree.
fn replace(data: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = data.windows(old.len()).rposition(|window| window == old).expect("the old id");
    [&data[..at], new, &data[at + old.len()..]].concat()
}
