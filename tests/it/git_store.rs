//! The stores under the state folder: their lock, what a killed process leaves in them, what they remember.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tagwright::git::{Limits, Remote, Session};
use tagwright::tree::{ContentId, FileTree as _};

use crate::git::{Lab, files, git_in, remote, told, told_by, update};
use crate::git_remote::store_path;
use crate::servers::git_http::{GitServer, git, git_output};
use crate::world::World;

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
fn notes_outlive_a_run_and_a_damaged_list_costs_nothing_but_time() {
    let (server, lab) = warm();
    let url = server.url("app.git");
    let session = lab.open(&url);
    let survey = session.survey(session.fetch("main").expect("a tip"), |_| true).expect("a survey");
    let [one, two, three] = [ContentId([1; 20]), ContentId([2; 20]), ContentId([3; 20])];
    assert_eq!(session.recall(one), None);
    session.remember(&survey, &[(one, b"note".to_vec()), (two, Vec::new())]);
    session.remember(&survey, &[(one, b"another".to_vec())]);
    let recalled = |session: &Session| [one, two, three].map(|content| session.recall(content));
    let whole = [Some(b"another".to_vec()), Some(Vec::new()), None];
    assert_eq!(recalled(&session), whole);
    drop(survey);
    drop(session);

    let list = notes(&lab, "notes-");
    let bytes = fs::read(&list).expect("the list");
    let torn = [bytes.as_slice(), b"\x20\0\0\0torn"].concat();
    fs::write(&list, torn).expect("a write");
    assert_eq!(recalled(&lab.open(&url)), whole);
    assert_eq!(fs::read(&list).expect("the list"), bytes, "the torn end is cut off");

    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 4;
        bytes
    };
    for at in 0..bytes.len() {
        fs::write(&list, flipped(at)).expect("a write");
        let found = recalled(&lab.open(&url));
        let before = [Some(b"note".to_vec()), None];
        assert!(before.contains(&found[0]), "byte {at}: {found:?}");
        assert_eq!(found[1..], whole[1..], "byte {at}");
    }
    let quiet = notes(&lab, "quiet-");
    for at in 0..fs::read(&quiet).expect("the list").len() {
        let mut bytes = fs::read(&quiet).expect("the list");
        bytes[at] ^= 4;
        fs::write(&quiet, bytes).expect("a write");
        assert_eq!(recalled(&lab.open(&url))[1..], [None, None], "byte {at}");
        let session = lab.open(&url);
        let survey = session.survey(session.fetch("main").expect("a tip"), |_| true).expect("a survey");
        session.remember(&survey, &[(two, Vec::new())]);
    }
    let session = lab.open(&url);
    let survey = session.survey(session.fetch("main").expect("a tip"), |_| true).expect("a survey");
    session.remember(&survey, &[(three, b"behind the cut".to_vec())]);
    drop(survey);
    drop(session);
    assert_eq!(lab.open(&url).recall(three), Some(b"behind the cut".to_vec()));
}

#[test]
fn notes_of_another_version_are_dropped() {
    let (server, lab) = warm();
    let home = store_path(&lab).parent().expect("a home").to_path_buf();
    let old = ["notes-0.0.0", "quiet-0.0.0", "unmarked-0.1.0"];
    for name in old {
        fs::write(home.join(name), "old").expect("a file");
    }
    let session = lab.open(&server.url("app.git"));
    assert_eq!(session.recall(ContentId([1; 20])), None);
    assert!(old.iter().all(|name| !home.join(name).exists()));
}

#[test]
fn many_packs_become_one_and_what_the_remote_dropped_goes() {
    let (server, lab) = (GitServer::start(), Lab::new());
    server.create("app.git", FIRST);
    let url = server.url("app.git");
    server.commit("app.git", "gone", &[("gone.yaml", "x\n")], "gone");
    lab.open(&url).fetch("gone").expect("a fetch");
    let dropped = git(&server.path("app.git"), &["rev-parse", "gone"]).trim().to_owned();
    git(&server.path("app.git"), &["branch", "-D", "gone"]);
    let round = |number: usize| {
        server.commit("app.git", "main", &[("a.yaml", &format!("image: a:{number}\n"))], "next");
        let session = lab.open(&url);
        session.fetch("main").expect("a fetch");
        lab.git.close(session);
        all(&store_path(&lab).join("objects/pack"), "pack").len()
    };
    let counts: Vec<usize> = (0..52).map(round).collect();
    assert_eq!(counts.iter().max(), Some(&50), "{counts:?}");
    assert_eq!(counts[49..], [1, 2, 3], "{counts:?}");
    let store = store_path(&lab);
    git(&store, &["fsck", "--strict", "--no-dangling"]);
    assert_eq!(git(&store, &["rev-list", "--count", "--all"]).trim(), "53");
    assert!(!git_output(&store, &["cat-file", "-e", &dropped]).status.success());
    // Once in an hour is enough, however many packs there are.
    let pack = first(&store.join("objects/pack"), "pack");
    for number in 0..60 {
        for extension in ["pack", "idx"] {
            let twin = store.join(format!("objects/pack/pack-{number}.{extension}"));
            fs::copy(pack.with_extension(extension), twin).expect("a twin");
        }
    }
    assert!(round(100) > 60);
    // Who reads the past only leaves the store in order as well.
    fs::remove_file(store.with_file_name("repacked")).expect("the time of the repack");
    server.commit("app.git", "main", &[("a.yaml", "image: a:101\n")], "next");
    let log = lab.git.log(&remote(&url), None).expect("a log");
    assert_eq!(all(&store.join("objects/pack"), "pack").len(), 1);
    assert_eq!(log.commits().expect("commits").filter(Result::is_ok).count(), 55);
}

#[test]
fn a_store_works_whenever_its_repack_was_killed() {
    fn copy(from: &Path, to: &Path) {
        let done = std::process::Command::new("cp").arg("-r").args([from, to]).status().expect("cp");
        assert!(done.success());
    }
    let states: &[(&str, Damage)] = &[
        ("while it was written", |home| fs::create_dir_all(home.join("fresh.git/objects/pack")).expect("a folder")),
        ("before the swap", |home| copy(&home.join("store.git"), &home.join("fresh.git"))),
        ("amid the swap", |home| {
            copy(&home.join("store.git"), &home.join("fresh.git"));
            fs::rename(home.join("store.git"), home.join("old.git")).expect("a rename");
        }),
        ("behind the swap", |home| {
            copy(&home.join("store.git"), &home.join("old.git"));
            fs::remove_dir_all(home.join("old.git/refs")).expect("half of the old one");
        }),
    ];
    for (when, make) in states {
        let (server, lab) = warm();
        let home = store_path(&lab).parent().expect("a home").to_path_buf();
        make(&home);
        let session = lab.open(&server.url("app.git"));
        let tip = session.fetch("main").expect("a fetch");
        assert_eq!(files(&session, tip)[0], "a.yaml=image: a:2\n", "{when}");
        assert_eq!(server.requests().len(), 1, "{when}: nothing was fetched again");
        assert!(!home.join("fresh.git").exists() && !home.join("old.git").exists(), "{when}");
    }
}

#[test]
fn stores_that_were_not_used_for_longest_are_removed_when_all_are_too_large() {
    let server = GitServer::start();
    let lab = Lab::with_limits(Limits { state_bytes: 200_000, ..Limits::default() });
    let noise: String = (0..100_000).map(|_| fastrand::alphanumeric()).collect();
    let fetch = |name: &str| {
        server.create(name, &[("a.yaml", &noise)]);
        let session = lab.open(&server.url(name));
        session.fetch("main").expect("a fetch");
        lab.git.close(session);
    };
    let kept = || {
        let homes = fs::read_dir(lab.state.path().join("git")).expect("stores");
        let notes = homes.map(|home| fs::read_to_string(home.expect("a home").path().join("remote")).expect("a note"));
        let mut names: Vec<String> =
            notes.map(|note| note.trim().rsplit('/').next().expect("a name").to_owned()).collect();
        names.sort();
        names
    };
    fetch("a.git");
    fetch("b.git");
    assert_eq!(kept(), ["a.git", "b.git"]);
    // Used again, and in use: neither is the one to go.
    let held = lab.open(&server.url("a.git"));
    fetch("c.git");
    fetch("d.git");
    assert_eq!(kept(), ["a.git", "d.git"]);
    drop(held);
    lab.open(&server.url("b.git")).fetch("main").expect("what was removed is fetched again");
}

#[test]
fn the_size_of_the_state_is_a_quantity() {
    let world = World::simple();
    for wrong in ["", "x", "-1", "1.5Gi", "10Q", "10gi", "99999999Ti"] {
        let run = world.sync(&[&format!("--state-max={wrong}")]).code_is(2);
        assert!(run.stderr.contains("--state-max"), "{wrong:?}: {}", run.stderr);
    }
    // What is in use stays, whatever the limit.
    let run = world.sync(&["--state-max", "1k"]).code_is(0);
    assert!(run.stderr.contains("the stores in use are larger than the state may be"), "{}", run.stderr);
    for right in ["0", "1000", "500M", "10Gi", "1Ti"] {
        world.sync(&["--state-max", right]).ok();
    }
}

#[test]
fn a_full_disk_is_told_and_the_next_run_works() {
    let world = World::simple();
    let noise: String = (0..600_000).map(|_| fastrand::alphanumeric()).collect();
    world.git.commit("app.git", "main", &[("noise", &noise)], "noise");
    // A limit on the size of files fails writes as a full disk does, and needs no disk of its own.
    let sync = world.sync_command("state", &[]);
    let mut limited = std::process::Command::new("bash");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$@\"", "bash"]).arg(sync.get_program());
    limited.args(sync.get_args()).env_clear().env("HOME", world.folder.path()).env("PATH", "/usr/bin:/bin");
    let run = crate::program::finish(&mut limited).code_is(2);
    assert!(run.stderr.contains("writing what was fetched to the store"), "{}", run.stderr);
    assert!(!run.stderr.contains("protocol"), "{}", run.stderr);
    world.sync(&[]).ok();
    assert_eq!(world.web_image("main"), world.registry.image("acme/web:1.0.1"));
}

/// A list of notes of the only store.
fn notes(lab: &Lab, prefix: &str) -> PathBuf {
    let files = all(store_path(lab).parent().expect("a home"), "");
    files.into_iter().find(|path| path.to_string_lossy().contains(prefix)).expect("the list")
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

#[test]
fn a_store_is_its_owners_alone_and_a_symbolic_link_is_none() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let (server, lab) = warm();
    let home = store_path(&lab).parent().expect("a home").to_path_buf();
    assert_eq!(fs::metadata(&home).expect("a home").permissions().mode() & 0o777, 0o700);
    let elsewhere = lab.state.path().join("elsewhere");
    fs::rename(&home, &elsewhere).expect("a move");
    let precious = elsewhere.join("store.git/objects/pack/precious");
    fs::write(&precious, "x").expect("a file");
    symlink(&elsewhere, &home).expect("a link");
    let said = told_by(lab.git.open(&remote(&server.url("app.git"))).map(drop));
    assert!(said.ends_with("it is a symbolic link"), "{said}");
    // Neither does bounding the state follow it.
    let tight = git_in(lab.state.path(), Limits { state_bytes: 1, ..Limits::default() });
    server.create("other.git", FIRST);
    let session = tight.open(&remote(&server.url("other.git"))).expect("a store");
    session.fetch("main").expect("a fetch");
    tight.close(session);
    assert!(precious.exists() && home.is_symlink());
}

#[test]
fn no_line_feed_makes_two_repositories_share_a_store() {
    let (folder, lab) = (tempfile::tempdir().expect("a temporary folder"), Lab::new());
    let plain = folder.path().join("app");
    let odd = folder.path().join("app\nteam");
    crate::servers::git_http::create_bare(&plain);
    crate::servers::git_http::create_bare(&odd);
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&odd, &link).expect("a link");
    for (path, identity) in [(&plain, "team\n"), (&link, "\n"), (&plain, "team"), (&link, "")] {
        let remote = Remote { identity: identity.to_owned(), ..remote(path.to_str().expect("text")) };
        drop(lab.git.open(&remote).expect("a store"));
    }
    assert_eq!(fs::read_dir(lab.state.path().join("git")).expect("stores").count(), 4);
}
