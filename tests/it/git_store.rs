//! The stores under the state folder: their lock, what a killed process leaves in them, what they remember.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tagwright::git::{Limits, Remote};
use tagwright::tree::FileTree as _;

use crate::git::{Lab, files, git_in, remote, told, told_by, update};
use crate::git_remote::store_path;
use crate::servers::git_http::{GitServer, git};

const FIRST: &[(&str, &str)] = &[("a.yaml", "image: a:1\n"), ("b.yaml", "image: b:1\n")];

/// A server, and a store that has seen two commits of it in two packs.
fn warm() -> (GitServer, Lab) {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", FIRST);
    lab.open(&server.url("app.git")).fetch("main").expect("a fetch");
    server.commit("app.git", "main", &[("a.yaml", "image: a:2\n")], "second");
    lab.open(&server.url("app.git")).fetch("main").expect("a fetch");
    server.requests();
    (server, lab)
}

#[test]
fn what_a_killed_process_leaves_behind_is_cleared_away() {
    let (server, lab) = warm();
    let store = store_path(&lab);
    let branch = first(&store.join("refs/branches"), "");
    let left = [
        store.join("config.lock"),
        store.join("HEAD.lock"),
        branch.with_extension("lock"),
        store.join("objects/pack/pack_git2_abc123"),
        store.join("objects/pack/tmp_pack_x"),
    ];
    for path in &left {
        fs::write(path, "half").expect("a file");
    }
    server.commit("app.git", "main", &[("a.yaml", "image: a:3\n")], "third");
    let mut session = lab.open(&server.url("app.git"));
    assert_eq!(update(&mut session, "main", "b.yaml", "ours\n").expect("an update"), 1);
    assert!(left.iter().all(|path| !path.exists()));
    assert_eq!(git(&store, &["rev-list", "--count", "--all"]).trim(), "4", "the store was kept");
}

type Damage = fn(&Path);

#[test]
fn a_damaged_store_is_rebuilt() {
    let damages: &[(&str, Damage)] = &[
        ("a truncated pack", |store| shorten(&first(&store.join("objects/pack"), "pack"))),
        ("an empty pack", |store| {
            fs::write(writable(&first(&store.join("objects/pack"), "pack")), "").expect("a write")
        }),
        ("a truncated index", |store| shorten(&first(&store.join("objects/pack"), "idx"))),
        ("a pack without an index", |store| {
            fs::remove_file(first(&store.join("objects/pack"), "idx")).expect("a file")
        }),
        ("an index without a pack", |store| {
            fs::remove_file(first(&store.join("objects/pack"), "pack")).expect("a file")
        }),
        ("no packs", |store| fs::remove_dir_all(store.join("objects/pack")).expect("a folder")),
        ("no objects", |store| fs::remove_dir_all(store.join("objects")).expect("a folder")),
        ("no HEAD", |store| fs::remove_file(store.join("HEAD")).expect("a file")),
        ("a config of garbage", |store| fs::write(store.join("config"), "[[[\0").expect("a file")),
        ("a reference of garbage", |store| {
            fs::write(first(&store.join("refs/branches"), ""), "garbage").expect("a file")
        }),
        ("an empty reference", |store| fs::write(first(&store.join("refs/branches"), ""), "").expect("a file")),
        ("nothing but a folder", |store| {
            fs::remove_dir_all(store).expect("a folder");
            fs::create_dir(store).expect("a folder");
        }),
        ("a file in its place", |store| {
            fs::remove_dir_all(store).expect("a folder");
            fs::write(store, "x").expect("a file");
        }),
    ];
    for (name, damage) in damages {
        let (server, lab) = warm();
        let store = store_path(&lab);
        damage(&store);
        let mut session = lab.open(&server.url("app.git"));
        let tip = session.fetch("main").unwrap_or_else(|error| panic!("{name}: {}", told(&error)));
        assert_eq!(files(&session, tip), ["a.yaml=image: a:2\n", "b.yaml=image: b:1\n"], "{name}");
        assert_eq!(update(&mut session, "main", "a.yaml", "ours\n").expect("an update"), 1, "{name}");
        git(&store, &["fsck", "--strict", "--no-dangling"]);
        git(&server.path("app.git"), &["fsck", "--strict", "--no-dangling"]);
    }
}

#[test]
fn damage_that_shows_late_fails_one_run_and_is_mended_by_the_next() {
    let flip = |store: &Path| {
        for pack in all(&store.join("objects/pack"), "pack") {
            let mut bytes = fs::read(&pack).expect("a pack");
            let end = bytes.len() - 20;
            bytes[12..end].iter_mut().for_each(|byte| *byte ^= 0xff);
            fs::write(writable(&pack), bytes).expect("a pack");
        }
    };
    let lose_the_older_pack = |store: &Path| {
        let oldest = all(&store.join("objects/pack"), "pack")
            .into_iter()
            .min_by_key(|pack| fs::metadata(pack).and_then(|meta| meta.modified()).expect("a time"));
        let oldest = oldest.expect("a pack");
        fs::remove_file(oldest.with_extension("idx")).expect("an index");
        fs::remove_file(oldest).expect("a pack");
    };
    let damages: [&dyn Fn(&Path); 2] = [&flip, &lose_the_older_pack];
    for damage in damages {
        let (server, lab) = warm();
        damage(&store_path(&lab));
        // Either the opening sees it, or a read does; in both cases the second run is sound.
        for run in 1..=2 {
            let session = lab.open(&server.url("app.git"));
            let read = session.fetch("main").map_err(|error| told(&error)).and_then(|tip| {
                let tree = session.tree(tip).map_err(|error| told(&error))?;
                let entries = tree.files("", &|_| true).map_err(|error| told(&error))?;
                entries.iter().try_for_each(|entry| tree.read(entry).map(drop)).map_err(|error| told(&error))
            });
            match read {
                Ok(()) => {}
                Err(told) if run == 1 => assert!(told.contains("is damaged; it is rebuilt"), "{told}"),
                Err(told) => panic!("{told}"),
            }
        }
    }
}

#[test]
fn a_store_has_one_user_at_a_time() {
    let (server, lab) = warm();
    let held = lab.open(&server.url("app.git"));
    let short = Remote { timeout: Duration::from_millis(50), ..remote(&server.url("app.git")) };
    let told = told_by(git_in(lab.state.path(), Limits::default()).open(&short).map(drop));
    assert!(told.contains("has been in use by another run"), "{told}");
    drop(held);
    lab.git.open(&short).map(drop).expect("the store is free");
}

#[test]
fn stores_differ_by_address_and_by_identity() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("a.git", FIRST);
    server.create("b.git", FIRST);
    let with = |name: &str, identity: &str| Remote { identity: identity.to_owned(), ..remote(&server.url(name)) };
    let sessions = [with("a.git", ""), with("a.git", "team/secret"), with("b.git", "")]
        .map(|remote| lab.git.open(&remote).expect("a store of its own"));
    assert_eq!(fs::read_dir(lab.state.path().join("git")).expect("stores").count(), sessions.len());
}

#[test]
fn files_without_markers_are_remembered_and_a_torn_list_costs_nothing_but_time() {
    let (server, lab) = warm();
    let url = server.url("app.git");
    let ids = |session: &tagwright::git::Session| -> Vec<String> {
        let tip = session.fetch("main").expect("a tip");
        let entries = session.tree(tip).map(|tree| tree.files("", &|_| true)).expect("a tree").expect("its files");
        entries.into_iter().filter_map(|entry| entry.content_id).collect()
    };
    let session = lab.open(&url);
    let known = ids(&session);
    assert!(!session.is_unmarked(&known[0]));
    session.remember_unmarked(known.iter().map(String::as_str)).expect("a write");
    session.remember_unmarked([known[0].as_str(), "not an id"]).expect("a write");
    drop(session);
    let list = all(store_path(&lab).parent().expect("a home"), "")
        .into_iter()
        .find(|path| path.to_string_lossy().contains("unmarked-"))
        .expect("the list");
    assert_eq!(fs::metadata(&list).expect("a file").len(), 40);

    fs::OpenOptions::new()
        .append(true)
        .open(&list)
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"torn"))
        .expect("a write");
    let session = lab.open(&url);
    assert!(known.iter().all(|id| session.is_unmarked(id)));
    assert!(!session.is_unmarked(&"1".repeat(40)) && !session.is_unmarked("torn"));
    session.remember_unmarked(["1".repeat(40).as_str()]).expect("a write");
    drop(session);
    let session = lab.open(&url);
    assert!(session.is_unmarked(&"1".repeat(40)) && session.is_unmarked(&known[1]));
}

fn all(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    paths.filter(|path| extension.is_empty() || path.extension().is_some_and(|found| found == extension)).collect()
}

fn first(folder: &Path, extension: &str) -> PathBuf {
    let mut paths = all(folder, extension);
    paths.sort();
    paths.into_iter().next().expect("a file")
}

fn shorten(path: &Path) {
    let length = fs::metadata(path).expect("a file").len();
    fs::File::options()
        .write(true)
        .open(writable(path))
        .and_then(|file| file.set_len(length / 2))
        .expect("a shorter file");
}

/// Git makes packs read-only.
fn writable(path: &Path) -> &Path {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("permissions");
    path
}
