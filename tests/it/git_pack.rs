//! The packs of pushes, judged by the real git on both sides.

use tagwright::git::Oid;

use crate::git::{Lab, commit, edit, remote};
use crate::servers::git_http::{Fault, GitServer, git, import};

/// Enough entries that a folder is worth a delta.
const FILES: usize = 2000;

fn server_with_a_large_folder() -> GitServer {
    let server = GitServer::start();
    server.create("app.git", &[]);
    let mut stream = "commit refs/heads/main\ncommitter Dev <d@example.com> 1700000000 +0000\ndata 1\nx\n".to_owned();
    for at in 0..FILES {
        let text = format!("image: app:{at}\n");
        stream.push_str(&format!("M 100644 inline apps/{at:05}.yaml\ndata {}\n{text}\n", text.len()));
    }
    import(&server.path("app.git"), &stream);
    server
}

/// Commits each set of `(file, text)` on top of the one before and pushes them as one chain; gives its tip.
fn push(server: &GitServer, chain: &[&[(usize, &str)]]) -> Oid {
    let lab = Lab::new();
    let session = lab.git.open(&remote(&server.url("app.git"))).expect("an open remote");
    let base = session.fetch("main").expect("a fetch");
    let mut tip = base;
    for edits in chain {
        let edits: Vec<_> = edits.iter().map(|(at, text)| edit(&format!("apps/{at:05}.yaml"), text)).collect();
        tip = commit(&session, tip, &edits, "change\n");
    }
    session.push("main", Some(base), tip).expect("a push");
    drop(session);
    for store in [server.path("app.git"), store_of(&lab)] {
        git(&store, &["fsck", "--strict", "--no-dangling"]);
    }
    tip
}

fn store_of(lab: &Lab) -> std::path::PathBuf {
    let homes = std::fs::read_dir(lab.state.path().join("git")).expect("stores");
    homes.map(|home| home.expect("a store").path().join("store.git")).next().expect("one store")
}

#[test]
fn chains_of_changes_arrive_whole() {
    let last = FILES - 1;
    let table: &[&[&[(usize, &str)]]] = &[
        &[&[(0, "image: app:x\n")]],
        &[&[(0, "first\n"), (last, "last\n")]],
        &[&[(1, "one\n"), (2, "two\n"), (3, "three\n"), (1000, "x\n")]],
        // A new file moves all entries behind it: no delta, and whole all the same.
        &[&[(FILES, "new\n")]],
        // Each folder builds on the one before.
        &[&[(7, "a\n")], &[(8, "b\n")], &[(7, "c\n")]],
        // To and fro: the third folder is the first again, and neither may be needed to make the other.
        &[&[(9, "there\n")], &[(9, "image: app:9\n")], &[(9, "there\n")]],
        &[&[(5, "")]],
    ];
    for chain in table {
        let server = server_with_a_large_folder();
        let tip = push(&server, chain);
        let bare = server.path("app.git");
        assert_eq!(git(&bare, &["rev-parse", "main"]).trim(), tip.to_string());
        for (at, text) in *chain.last().expect("a commit") {
            assert_eq!(server.read("app.git", "main", &format!("apps/{at:05}.yaml")), *text);
        }
        assert_eq!(git(&bare, &["rev-list", "--count", "main"]).trim(), (chain.len() + 1).to_string());
    }
}

#[test]
fn every_entry_of_a_folder_may_change() {
    let server = server_with_a_large_folder();
    let texts: Vec<String> = (0..FILES).map(|at| format!("image: app:{at}-new\n")).collect();
    let edits: Vec<(usize, &str)> = texts.iter().enumerate().map(|(at, text)| (at, text.as_str())).collect();
    push(&server, &[&edits]);
    assert_eq!(server.read("app.git", "main", "apps/01234.yaml"), "image: app:1234-new\n");
}

#[test]
fn one_changed_file_does_not_send_its_folder() {
    let server = server_with_a_large_folder();
    push(&server, &[&[(77, "image: app:x\n")]]);
    let sent = server.requests().pop().expect("the push").bytes;
    // The folder alone has 2,000 ids of 20 bytes, which nothing compresses.
    assert!(sent < 2000, "{sent} bytes arrived");
}

#[test]
fn a_server_that_takes_no_thin_packs_gets_whole_folders() {
    let server = server_with_a_large_folder();
    let listing = "GET /app.git/info/refs?service=git-receive-pack";
    server.misbehave(listing, Fault::Replace(" ofs-delta", " no-thin  "));
    // A folder whose base is in the pack is sent as a delta all the same.
    push(&server, &[&[(77, "image: app:x\n")], &[(78, "image: app:y\n")]]);
    let sent = server.requests().pop().expect("the push").bytes;
    assert!((40_000..80_000).contains(&sent), "{sent} bytes arrived");
    assert_eq!(server.read("app.git", "main", "apps/00078.yaml"), "image: app:y\n");
}
