//! Trees, references and listings that no honest person makes.

use std::path::Path;
use std::time::{Duration, Instant};

use tagwright::git::{Oid, Remote, Session};
use tagwright::tree::{FileTree, Look, TreeError};

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
        check_what_is_seen(&session, base, if over_http { 12 } else { 13 });

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
        ("40000", b"git~1", &inner),
        ("40000", b"GIT~1", &inner),
        ("40000", ".g\u{200c}it".as_bytes(), &inner),
        ("40000", b".git. .", &inner),
        ("40000", b".git::$INDEX_ALLOCATION", &inner),
        ("40000", b".Git\\x", &inner),
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
    for (path, said) in [
        (".git", "does not exist"),
        (".git/x.yaml", "does not exist"),
        ("git~1", "does not exist"),
        ("double.yaml", "does not exist"),
        ("absent", "does not exist"),
        ("a.yaml/x", "does not exist"),
        ("folder", "is not followed: it is a symbolic link"),
        ("folder/x", "is not followed: it is a symbolic link"),
        ("absolute.yaml", "is not followed: it is a symbolic link"),
        ("module", "is not followed: it is a submodule"),
        ("module/x", "is not followed: it is a submodule"),
        ("odd-mode.yaml", "is not followed: its mode is not one of Git's"),
    ] {
        let error = seen.files(path, &|_| true).expect_err(path);
        assert_eq!(error.to_string(), format!("path {path:?} {said}"));
    }
    check_what_is_looked_at(&seen);
    // `..` stops at the root, as in every tree.
    assert_eq!(seen.files("../../plain", &|_| true).expect("a folder").len(), 1);
}

/// The second time folders are not read any more.
fn check_what_is_looked_at(seen: &dyn FileTree) {
    for _ in 0..2 {
        for path in [".git", ".git/x.yaml", "git~1", "double.yaml", "absent", "a.yaml/x", "module", "odd-mode.yaml"] {
            assert_eq!(seen.look(path).expect(path), Look::Nothing, "{path}");
        }
        for (path, folder) in [("", true), ("plain", true), ("plain/x.yaml", false), ("a.yaml", false)] {
            let look = seen.look(path).expect(path);
            assert!(matches!((&look, folder), (Look::Folder, true) | (Look::File(_), false)), "{path}: {look:?}");
        }
        for (path, at) in [("folder", "folder"), ("folder/x", "folder"), ("absolute.yaml", "absolute.yaml")] {
            let link = Look::Link { path: at.to_owned(), target: "/etc/passwd".to_owned() };
            assert_eq!(seen.look(path).expect(path), link);
        }
    }
}

#[test]
fn snapshots_look_as_trees_do_over_and_over() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[]);
    let bare = server.path("app.git");
    commit_tree(&bare, &hostile_tree(&bare, true));
    let snapshots = lab.git.snapshots(&remote(bare.to_str().expect("a path")), &["main", "main"]).expect("snapshots");
    for snapshot in &snapshots {
        check_what_is_looked_at(snapshot);
        let Ok(Look::File(entry)) = snapshot.look("plain/x.yaml") else { panic!("no file") };
        assert_eq!(&*snapshot.read(&entry).expect("read"), b"inner\n");
    }
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

/// Objects of a repository of this machine, written one by one.
struct Objects {
    repository: git2::Repository,
    path: std::path::PathBuf,
}

impl Objects {
    fn create(folder: &Path) -> Self {
        let path = folder.join("app.git");
        create_bare(&path);
        Self { repository: git2::Repository::open_bare(&path).expect("a repository"), path }
    }

    fn write(&self, kind: git2::ObjectType, data: &[u8]) -> Oid {
        self.repository.odb().and_then(|odb| odb.write(kind, data)).expect("an object")
    }

    fn tree(&self, entries: &[(&str, &str, Oid)]) -> Oid {
        let entry =
            |(mode, name, id): &(&str, &str, Oid)| [format!("{mode} {name}\0").as_bytes(), id.as_bytes()].concat();
        self.write(git2::ObjectType::Tree, &entries.iter().flat_map(entry).collect::<Vec<u8>>())
    }

    fn commit(&self, text: &[u8]) {
        let commit = self.write(git2::ObjectType::Commit, text);
        // Git itself would look at the commit first.
        std::fs::write(self.path.join("refs/heads/main"), format!("{commit}\n")).expect("a reference");
    }

    fn commit_tree(&self, tree: Oid) {
        let who = "Eve <eve@example.com> 1700000000 +0000";
        self.commit(format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nx\n").as_bytes());
    }

    /// Puts other bytes in the place of an object: a header, and what is deflated behind it.
    fn replace(&self, id: Oid, header: &str, data: &[u8]) {
        use std::io::Write as _;
        let id = id.to_string();
        let path = self.path.join("objects").join(&id[..2]).join(&id[2..]);
        let mut deflated = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        deflated.write_all(&[header.as_bytes(), b"\0", data].concat()).expect("memory");
        std::fs::remove_file(&path).expect("the object");
        std::fs::write(path, deflated.finish().expect("memory")).expect("a write");
    }
}

#[test]
fn a_path_of_ten_thousand_folders_and_a_folder_of_a_hundred_thousand_files_are_walked_once() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let objects = Objects::create(folder.path());
    let file = objects.write(git2::ObjectType::Blob, b"x\n");
    let mut deep = objects.tree(&[("100644", "x.yaml", file)]);
    for _ in 0..10_000 {
        deep = objects.tree(&[("40000", "d", deep)]);
    }
    let names: Vec<String> = (0..100_000).map(|number| format!("f{number:05}.yaml")).collect();
    let wide: Vec<(&str, &str, Oid)> = names.iter().map(|name| ("100644", name.as_str(), file)).collect();
    let wide = objects.tree(&wide);
    objects.commit_tree(objects.tree(&[("40000", "deep", deep), ("40000", "wide", wide)]));
    let lab = Lab::new();
    let session = lab.open(objects.path.to_str().expect("a path"));
    let base = session.fetch("main").expect("a tip");
    let seen = session.tree(base).expect("a tree");
    assert_eq!(seen.files("", &|_| true).expect("files").len(), 100_000);
    let passed = seen.passed_over();
    assert_eq!((passed.len(), passed[0].reason), (1, "the folder is too deep"));
    // Asked for in full, the end of the path is found, and what it holds is too deep to be one of ours.
    let path = format!("deep/{}", "d/".repeat(10_000));
    assert_eq!(seen.files(&path, &|_| true).expect("files").len(), 1);
    let new = commit(&session, base, &[edit("wide/f50000.yaml", "new\n")], "x\n");
    session.push("main", Some(base), new).expect("a push");
}

#[test]
fn a_blob_that_claims_a_gigabyte_is_not_inflated_and_one_that_is_another_is_not_used() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let objects = Objects::create(folder.path());
    let [bomb, other, right] =
        [&b"bomb"[..], b"other", b"right"].map(|text| objects.write(git2::ObjectType::Blob, text));
    objects.replace(bomb, "blob 1073741824", b"");
    objects.replace(other, "blob 5", b"OTHER");
    let entries = [("100644", "bomb.yaml", bomb), ("100644", "other.yaml", other), ("100644", "right.yaml", right)];
    objects.commit_tree(objects.tree(&entries));
    let session = Lab::new().open(objects.path.to_str().expect("a path"));
    let seen = session.tree(session.fetch("main").expect("a tip")).expect("a tree");
    let read: Vec<String> = seen
        .files("", &|_| true)
        .expect("files")
        .iter()
        .map(|entry| match seen.read(entry) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => told(&error),
        })
        .collect();
    assert!(read[0].contains("is larger than"), "{read:?}");
    assert!(read[1].contains("hash mismatch") || read[1].contains("object hash"), "{read:?}");
    assert_eq!(read[2], "right");
}

#[test]
fn commits_with_absurd_headers_are_used_or_refused_by_name() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let objects = Objects::create(folder.path());
    let file = objects.write(git2::ObjectType::Blob, b"x\n");
    let tree = objects.tree(&[("100644", "a.yaml", file)]);
    let who = "Eve <eve@example.com> 1700000000 +0000";
    let long = format!("x-long {}", "y".repeat(1 << 20));
    let table: &[(String, bool)] = &[
        (format!("tree {tree}\nauthor {who}\ncommitter {who}\n{long}\n\nx\n"), true),
        (format!("tree {tree}\nauthor <> -1 +9999\ncommitter e <e> 99999999999999999999 -0000\n\nx\n"), false),
        (format!("tree {tree}\nauthor {who}\ncommitter {who}\nencoding \u{1b}[31m\n\n\0\u{1b}[31m"), true),
        (format!("tree {tree}\nparent {}\nauthor {who}\ncommitter {who}\n\nx\n", "1".repeat(40)), true),
        (format!("author {who}\ncommitter {who}\n\nx\n"), false),
        (format!("tree {file}\nauthor {who}\ncommitter {who}\n\nx\n"), false),
        (format!("tree {}\nauthor {who}\ncommitter {who}\n\nx\n", "1".repeat(40)), false),
        ("tree".to_owned(), false),
        (String::new(), false),
    ];
    for (text, is_usable) in table {
        objects.commit(text.as_bytes());
        let session = Lab::new().open(objects.path.to_str().expect("a path"));
        let listed = session.fetch("main").map_err(|error| told(&error)).and_then(|tip| {
            let seen = session.tree(tip).map_err(|error| told(&error))?;
            seen.files("", &|_| true).map(|files| files.len()).map_err(|error| told(&error))
        });
        let head: String = text.chars().take(60).collect();
        assert_eq!(listed.is_ok(), *is_usable, "{head:?}: {listed:?}");
        assert!(listed.as_ref().map_or_else(|said| !said.is_empty(), |files| *files == 1));
    }
}

#[test]
fn hostile_packs_are_refused_and_leave_a_store_that_works() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[("a.yaml", "one\n"), ("b/c.yaml", "two\n")]);
    let bare = server.path("app.git");
    let id = |of: &str| git(&bare, &["rev-parse", of]).trim().to_owned();
    let all = [id("main"), id("main^{tree}"), id("main:a.yaml"), id("main:b"), id("main:b/c.yaml")];
    let whole = pack_of(&bare, &all);
    let changed = |at: usize, to: u8| {
        let mut pack = whole.clone();
        pack[at] = to;
        pack
    };
    let mut delta_without_base = b"PACK\0\0\0\x02\0\0\0\x01\x74".to_vec();
    delta_without_base.extend_from_slice(&[7; 20]);
    delta_without_base.extend_from_slice(&deflated(b"\x04\x04\x90\x04"));
    let sum = |mut pack: Vec<u8>| {
        use std::io::Write as _;
        let mut child = std::process::Command::new("sha1sum");
        let mut child =
            child.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().expect("sha1sum");
        child.stdin.take().expect("a pipe").write_all(&pack).expect("a write");
        let said = child.wait_with_output().expect("a sum").stdout;
        pack.extend_from_slice(&oid_bytes(&String::from_utf8_lossy(&said)[..40]));
        pack
    };
    let unsummed = &whole[..whole.len() - 20];
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("a wrong checksum", changed(whole.len() - 1, whole[whole.len() - 1] ^ 1)),
        ("half of it", whole[..whole.len() / 2].to_vec()),
        ("fewer objects than it says", sum([&changed(11, 9)[..whole.len() - 20]].concat())),
        ("an absurd number of objects", sum([&unsummed[..8], &[0xff; 4], &unsummed[12..]].concat())),
        ("another version", sum([&unsummed[..7], &[9], &unsummed[8..]].concat())),
        ("no pack", b"HELLO".to_vec()),
        ("an object that does not inflate", sum([&unsummed[..14], &[0x55; 8], &unsummed[22..]].concat())),
        ("a delta without its base", sum(delta_without_base)),
        ("a commit without its tree", pack_of(&bare, &all[..1])),
        ("a folder without its file", pack_of(&bare, &all[..4])),
        ("none of what was asked for", pack_of(&bare, &all[2..3])),
    ];
    for (what, pack) in table {
        server.misbehave("POST /app.git/git-upload-pack", Fault::Body(upload_pack_answer(&pack)));
        let session = lab.open(&server.url("app.git"));
        let listed = session.fetch("main").map_err(|error| told(&error)).and_then(|tip| {
            let seen = session.tree(tip).map_err(|error| told(&error))?;
            let entries = seen.files("", &|_| true).map_err(|error| told(&error))?;
            entries.iter().try_for_each(|entry| seen.read(entry).map(drop)).map_err(|error| told(&error))
        });
        let said = listed.expect_err(what);
        assert!(said.contains("fetching from http") || said.contains("is damaged; it is rebuilt"), "{what}: {said}");
        drop(session);
        server.behave();
        let session = lab.open(&server.url("app.git"));
        let tip = session.fetch("main").expect(what);
        assert_eq!(files(&session, tip), ["a.yaml=one\n", "b/c.yaml=two\n"], "{what}");
        drop(session);
        std::fs::remove_dir_all(lab.state.path().join("git")).expect("the stores");
    }
}

fn pack_of(repository: &Path, ids: &[String]) -> Vec<u8> {
    use std::io::Write as _;
    let mut child = command();
    child.arg("-C").arg(repository).args(["pack-objects", "--stdout", "-q"]);
    let mut child =
        child.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().expect("git");
    child.stdin.take().expect("a pipe").write_all(ids.join("\n").as_bytes()).expect("git reads");
    child.wait_with_output().expect("a pack").stdout
}

fn deflated(data: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut deflated = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    deflated.write_all(data).expect("memory");
    deflated.finish().expect("memory")
}

/// What a server says that sends `pack`, in the channel for data; it lives as long as the test.
fn upload_pack_answer(pack: &[u8]) -> &'static [u8] {
    let packet = |payload: &[u8]| [format!("{:04x}", payload.len() + 4).as_bytes(), payload].concat();
    let pieces = pack.chunks(60_000).flat_map(|piece| packet(&[&[1], piece].concat()));
    let body: Vec<u8> = packet(b"NAK\n").into_iter().chain(pieces).chain(*b"0000").collect();
    body.leak()
}

#[test]
fn a_pointer_of_git_lfs_is_told_of() {
    let world = crate::world::World::simple();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n";
    let hostile = "[submodule \"x\"]\n\tpath = apps\n\turl = ext::sh -c touch% /tmp/never\n";
    world.git.commit("app.git", "main", &[("apps/large.yaml", pointer), (".gitmodules", hostile)], "pointer");
    for _ in 0..2 {
        let run = world.sync(&[]).code_is(0);
        assert!(run.stderr.contains("apps/large.yaml") && run.stderr.contains("Git LFS pointer"), "{}", run.stderr);
    }
}

#[test]
fn a_hundred_thousand_references_are_cheap() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[("a.yaml", "a\n")]);
    let id = git(&server.path("app.git"), &["rev-parse", "main"]).trim().to_owned();
    let mut names: Vec<Vec<u8>> = (0..100_000).map(|number| format!("refs/pull/{number}/head").into_bytes()).collect();
    names.push(b"refs/heads/main".to_vec());
    let all: Vec<(&str, &[u8])> = names.iter().map(|name| (id.as_str(), name.as_slice())).collect();
    server.misbehave("/info/refs", Fault::Body(listing(&all, b"side-band-64k symref=HEAD:refs/heads/main")));
    let start = std::time::Instant::now();
    let session = lab.open(&server.url("app.git"));
    assert_eq!(session.fetch_reference("refs/pull/99999/head").expect("a fetch").to_string(), id);
    assert!(told_by(session.fetch_reference("refs/pull/100000/head")).contains("has no"));
    assert!(start.elapsed() < std::time::Duration::from_secs(10));
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

/// Deltas of a few bytes that make a lot: by saying so, by doing it, and by doing it again and again.
#[test]
fn packs_that_unfold_to_gigabytes_are_refused_in_bounded_memory() {
    let zeros = vec![0; 0xff_0000];
    let base = Oid::hash_object(git2::ObjectType::Blob, &zeros).expect("an id");
    let blob = entry(3, zeros.len(), &deflated(&zeros));
    let delta = |says: usize, copies: usize| {
        let delta = [varint(zeros.len()), varint(says), [0xc0, 0xff].repeat(copies)].concat();
        entry(7, delta.len(), &[base.as_bytes(), &deflated(&delta)].concat())
    };
    let table: [(&str, Vec<Vec<u8>>); 4] = [
        ("a delta that claims a terabyte", vec![blob.clone(), delta(1 << 40, 1)]),
        ("a delta that makes four gigabytes", vec![blob.clone(), delta(258 * zeros.len(), 258)]),
        ("an entry that claims a terabyte", vec![entry(3, 1 << 40, &deflated(&zeros)), delta(zeros.len(), 1)]),
        // libgit2 loses the result of each.
        ("one object forty times", [vec![blob], vec![delta(30 * zeros.len(), 30); 40]].concat()),
    ];
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[("a.yaml", "one\n")]);
    for (what, entries) in table {
        server.misbehave("POST /app.git/git-upload-pack", Fault::Body(upload_pack_answer(&pack_with(&entries))));
        let session = lab.open(&server.url("app.git"));
        let said = told_by(session.fetch("main").map(drop));
        assert!(said.starts_with("fetching from http"), "{what}: {said}");
        drop(session);
        server.behave();
        let session = lab.open(&server.url("app.git"));
        let tip = session.fetch("main").expect(what);
        assert_eq!(files(&session, tip), ["a.yaml=one\n"], "{what}");
        drop(session);
        std::fs::remove_dir_all(lab.state.path().join("git")).expect("the stores");
    }
    let status = std::fs::read_to_string("/proc/self/status").expect("our own status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(kilobytes < 3 << 20, "{kilobytes} kB");
}

#[test]
fn a_pack_of_deltas_that_take_minutes_ends_with_the_time_of_the_fetch() {
    let zeros = vec![0; 0xff_0000];
    let base = Oid::hash_object(git2::ObjectType::Blob, &zeros).expect("an id");
    let mut entries = vec![entry(3, zeros.len(), &deflated(&zeros))];
    for number in 0..500_u32 {
        let insert = [&[4], number.to_be_bytes().as_slice()].concat();
        let delta = [varint(zeros.len()), varint(20 * zeros.len() + 4), [0xc0, 0xff].repeat(20), insert].concat();
        entries.push(entry(7, delta.len(), &[base.as_bytes(), &deflated(&delta)].concat()));
    }
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[("a.yaml", "one\n")]);
    server.misbehave("POST /app.git/git-upload-pack", Fault::Body(upload_pack_answer(&pack_with(&entries))));
    let hurried = Remote { timeout: Duration::from_secs(2), ..remote(&server.url("app.git")) };
    let start = Instant::now();
    let said = told_by(lab.git.open(&hurried).expect("a store").fetch("main").map(drop));
    assert!(said.ends_with("putting the objects together that it sent took longer than 2 s"), "{said}");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

/// An entry of a pack: its kind and size, then its content.
fn entry(kind: u8, size: usize, content: &[u8]) -> Vec<u8> {
    let more = if size >> 4 > 0 { 0x80 } else { 0 };
    let head = vec![more | (kind << 4) | (size & 15) as u8];
    let rest = if more > 0 { varint(size >> 4) } else { Vec::new() };
    [head, rest, content.to_vec()].concat()
}

/// Seven bits a byte, the lowest first.
fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push((number & 127) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn pack_with(entries: &[Vec<u8>]) -> Vec<u8> {
    use sha1::{Digest as _, Sha1};
    let count = u32::try_from(entries.len()).expect("few entries");
    let mut pack = [b"PACK\0\0\0\x02".as_slice(), &count.to_be_bytes(), &entries.concat()].concat();
    let sum = Sha1::digest(&pack);
    pack.extend_from_slice(&sum);
    pack
}

/// `text` with some bytes changed, cut out, doubled or put in; the same for the same seed.
fn spoilt(text: &[u8], seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut text = text.to_vec();
    for _ in 0..random.usize(1..6) {
        if text.is_empty() {
            break;
        }
        let (at, length) = (random.usize(..text.len()), random.usize(1..12));
        let end = (at + length).min(text.len());
        match random.u8(..5) {
            0 => text[at] = random.u8(..),
            1 => drop(text.drain(at..end)),
            2 => text.splice(at..at, text[at..end].to_vec()).for_each(drop),
            3 => text.splice(at..at, *b"\0\n 0000ffff>").for_each(drop),
            _ => text.truncate(at),
        }
    }
    text
}

#[test]
fn spoilt_listings_and_reports_are_read_or_refused() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", &[("a.yaml", "a\n")]);
    let id = git(&server.path("app.git"), &["rev-parse", "main"]).trim().to_owned();
    let names: [&[u8]; 5] = [b"HEAD", b"refs/heads/main", b"refs/tags/v1", b"refs/tags/v1^{}", b"refs/pull/1/head"];
    let listing = listing(&names.map(|name| (id.as_str(), name)), b"side-band-64k symref=HEAD:refs/heads/main");
    let mut report = b"003b\x01000eunpack ok\n0024ng refs/heads/main fetch first\n00000009\x02hi\n0000".to_vec();
    report.extend_from_slice(b"0010\x03fatal error");
    for seed in 0..200 {
        server.misbehave("/info/refs?service=git-upload-pack", Fault::Body(spoilt(listing, seed).leak()));
        let session = lab.open(&server.url("app.git"));
        if let Ok(refs) = session.refs() {
            drop((session.fetch("main"), session.fetch_reference("refs/pull/1/head")));
            assert!(refs.heads.keys().all(|name| !name.contains("..") && !name.contains('\0')));
        }
        drop(session);
        server.behave();
        if seed % 4 == 0 {
            let session = lab.open(&server.url("app.git"));
            let base = session.fetch("main").expect("a fetch");
            let new = commit(&session, base, &[edit("a.yaml", &format!("{seed}\n"))], "x\n");
            server.misbehave("POST /app.git/git-receive-pack", Fault::Body(spoilt(&report, seed).leak()));
            drop(session.push("main", Some(base), new));
            drop(session);
            server.behave();
        }
    }
}

#[test]
fn spoilt_commits_are_logged_and_judged_or_refused() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let objects = Objects::create(folder.path());
    let file = objects.write(git2::ObjectType::Blob, b"x\n");
    let tree = objects.tree(&[("100644", "a.yaml", file)]);
    let signature = "gpgsig -----BEGIN SSH SIGNATURE-----\n U1NIU0lHAAAAAQ==\n -----END SSH SIGNATURE-----\n";
    let who = "Eve <eve@example.com> 1700000000 +0000";
    let whole = format!("tree {tree}\nauthor {who}\ncommitter {who}\n{signature}\nx\n\nImage-Change: a/b x -> y\n");
    let lab = Lab::new();
    for seed in 0..300 {
        objects.commit(&spoilt(whole.as_bytes(), seed));
        let session = lab.open(objects.path.to_str().expect("a path"));
        let Ok(tip) = session.fetch("main") else { continue };
        drop(session.latest(tip, 10));
        drop(session.committed_at(tip));
        drop(session.tree(tip).map(|seen| seen.files("", &|_| true).map(|files| files.len())));
    }
}
