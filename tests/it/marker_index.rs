//! What is remembered of a repository's files changes how fast a run is, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use tagwright::engine::budget::{PushBudget, PushLimit};
use tagwright::engine::message::MessageTemplate;
use tagwright::engine::rewrite::{Findings, NoIndex, rewrite};
use tagwright::engine::update::{Checkout, Mode, Terms, UpdateRequest, update};
use tagwright::git::{Author, Log};
use tagwright::object::NamespacedName;
use tagwright::setter::Latest;
use tempfile::TempDir;

use crate::git::{Lab, remote};
use crate::servers::git_http::{create_bare, git, git_output, import};

/// The policies `web` and `api`, the latter without an image in some.
fn latest(which: usize) -> Latest {
    let image = |text: &str| Ok(text.parse().expect("an image"));
    let (web, api) = match which {
        0 => (image("acme/web:1.0.0"), image("acme/api:1.0.0")),
        1 => (image("acme/web:2.0.0"), image("acme/api:1.0.0")),
        2 => (image("acme/web:1.0.0"), Err("policy ns/api has no latest image: it is tired".to_owned())),
        _ => (image("docker.io/acme/web:1.0.0"), image("acme/api:3")),
    };
    let name = |name: &str| NamespacedName::new("ns", name);
    let namespace = (which != 3).then(|| if which == 4 { "other".to_owned() } else { "ns".to_owned() });
    Latest { namespace, images: BTreeMap::from([(name("web"), web), (name("api"), api)]) }
}

const LATEST: usize = 5;

/// Contents that a file may have.
const CONTENTS: [&str; 12] = [
    "a: b\n",
    "image: acme/web:1.0.0 # {\"$imagepolicy\": \"ns:web\"}\n",
    "image: acme/api:1.0.0 # {\"$imagepolicy\": \"ns:api\"}\n",
    "x: 1\nimage: acme/web:0.1 # {\"$imagepolicy\": \"ns:web\"}\n---\nb: 2.0.0 # {\"$imagepolicy\": \"ns:web:tag\"}\n",
    "image: acme/web:1.0.0 # {\"$imagepolicy\": \"ns:nobody\"}\ntag: 1.0.0 # {\"$imagepolicy\": \"ns:api:tag\"}\n",
    "# {\"$imagepolicy\": \"ns:web\"}\n",
    "a: [ # {\"$imagepolicy\": \"ns:web\"}\n",
    "not \u{fffd} UTF-8 \"$imagepolicy\"\n",
    "a: b # {\"$ref\": \"#/definitions/io.k8s.cli.setters.replicas\"}\n",
    "",
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab29\nsize 9\n",
    "digest: x # {\"$imagepolicy\": \"ns:web:digest\"}\n",
];

const FOLDERS: [&str; 6] = ["", "apps/", "apps/one/", "apps/two/", "apps/one/deep/er/", "infra/"];
const NAMES: [&str; 6] = ["a.yaml", "b.yml", "Kustomization", "README.md", "c.yaml", "link.yaml"];

/// One file of one commit: folder, name, content.
type Placed = (usize, usize, usize);

/// A bare repository with a branch `b0`, `b1`, … per commit, and one `hostile`.
fn repository(commits: &[Vec<Placed>]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a temporary folder");
    let bare = folder.path().join("app.git");
    create_bare(&bare);
    let mut stream = Vec::new();
    for (number, files) in commits.iter().enumerate() {
        let head = "committer Dev <d@example.com> 1700000000 +0000\ndata 1\nx\n";
        stream.extend_from_slice(
            format!("commit refs/heads/b{number}\n{head}M 100644 inline last\ndata 1\nx\n").as_bytes(),
        );
        for (folder, name, content) in files {
            let path = format!("{}{}", FOLDERS[*folder], NAMES[*name]);
            let mode = if NAMES[*name] == "link.yaml" { "120000" } else { "100644" };
            let content = CONTENTS[*content].replace('\u{fffd}', "\u{1}").into_bytes();
            let content: Vec<u8> = content.into_iter().map(|byte| if byte == 1 { 0xff } else { byte }).collect();
            stream.extend_from_slice(format!("M {mode} inline {path}\ndata {}\n", content.len()).as_bytes());
            stream.extend_from_slice(&[&content, b"\n".as_slice()].concat());
        }
    }
    import_bytes(&bare, &stream);
    (folder, bare)
}

fn import_bytes(bare: &Path, stream: &[u8]) {
    let file = bare.join("stream");
    fs::write(&file, stream).expect("a file");
    let mut child = crate::servers::git_http::command();
    child.arg("-C").arg(bare).args(["fast-import", "--quiet"]).stdin(fs::File::open(&file).expect("the file"));
    assert!(child.status().expect("git").success());
}

/// What a dry run tells.
#[derive(Debug, PartialEq)]
enum Told {
    Found(Box<Findings>, Option<String>),
    Failed(String),
}

fn run(lab: &Lab, bare: &Path, branch: &str, path: &str, latest: &Latest) -> Told {
    let request = UpdateRequest {
        automation: NamespacedName::new("ns", "apps"),
        checkout: Checkout::Branch(branch.to_owned()),
        push: Default::default(),
        path: path.to_owned(),
        latest: latest.clone(),
        decided: BTreeMap::new(),
        signer: None,
        author: Author { name: "Bot".to_owned(), email: "bot@example.com".to_owned() },
        message: MessageTemplate { text: "x".to_owned(), values: BTreeMap::new() },
    };
    let remote = remote(bare.to_str().expect("a path"));
    let budget = PushBudget::new(PushLimit::Unlimited, Duration::ZERO);
    let terms = Terms { mode: Mode::DryRun, now: Timestamp::UNIX_EPOCH, budget: &budget };
    let outcome = update(&lab.git, &remote, &[request], terms).remove(0);
    match outcome {
        Ok(update) => Told::Found(Box::new(update.findings), update.diff),
        Err(failed) => Told::Failed(crate::git::told(&failed.error)),
    }
}

/// The findings of a rewrite that knows nothing, over the same tree.
fn without_index(lab: &Lab, bare: &Path, branch: &str, path: &str, latest: &Latest) -> Option<Findings> {
    let session = lab.open(bare.to_str().expect("a path"));
    let tree = session.tree(session.fetch(branch).expect("a tip")).expect("a tree");
    rewrite(&tree, path, latest, &mut NoIndex, drop).ok()
}

fn check(warm: &Lab, bare: &Path, branch: &str, path: &str, which: usize) {
    let latest = latest(which);
    let told = run(warm, bare, branch, path, &latest);
    assert_eq!(told, run(&Lab::new(), bare, branch, path, &latest), "warm and cold: {branch} {path:?} {which}");
    let plain = without_index(warm, bare, branch, path, &latest);
    match told {
        Told::Found(found, _) => {
            let plain = plain.expect("findings");
            assert_eq!((&found.changes, &found.current), (&plain.changes, &plain.current));
            assert_eq!(found.ignored[..plain.ignored.len()], plain.ignored);
        }
        Told::Failed(_) => assert_eq!(plain, None),
    }
}

const PATHS: [&str; 6] = ["", "apps", "./apps/one", "apps/two/a.yaml", "infra", "apps/one/deep"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 50, failure_persistence: None, ..Default::default() })]

    #[test]
    fn warm_cold_and_plain_runs_tell_the_same(
        commits in prop::collection::vec(
            prop::collection::vec((0..FOLDERS.len(), 0..NAMES.len(), 0..CONTENTS.len()), 0..25), 1..4),
        runs in prop::collection::vec((0..4usize, 0..PATHS.len(), 0..LATEST, 0..40usize), 1..10),
    ) {
        let (_folder, bare) = repository(&commits);
        let warm = Lab::new();
        for (commit, path, which, spoil) in runs {
            check(&warm, &bare, &format!("b{}", commit % commits.len()), PATHS[path], which);
            spoil_notes(&warm, spoil);
        }
    }
}

/// Now and then, one byte of the notes is another than before.
fn spoil_notes(lab: &Lab, at: usize) {
    let homes = fs::read_dir(lab.state.path().join("git")).expect("stores");
    for home in homes.map(|entry| entry.expect("a store").path()) {
        let notes = fs::read_dir(home).expect("files").map(|entry| entry.expect("a file").path());
        let is_list = |path: &PathBuf| ["notes-", "quiet-"].iter().any(|list| path.to_string_lossy().contains(list));
        for path in notes.filter(is_list) {
            let mut bytes = fs::read(&path).expect("notes");
            if at.is_multiple_of(5) && !bytes.is_empty() {
                let at = at * 7919 % bytes.len();
                bytes[at] ^= 1 << (at % 8);
                fs::write(&path, bytes).expect("a write");
            }
        }
    }
}

/// All objects but commits are gone: what a run tells, it knows.
#[test]
fn a_warm_run_reads_no_files_and_no_folders() {
    let all: Vec<Placed> =
        (0..5).flat_map(|folder| (0..6).map(move |at| (folder, at % 5, (folder * 6 + at) % 12))).collect();
    let quiet: Vec<Placed> =
        all.into_iter().filter(|(_, _, content)| [0, 1, 2, 4, 5, 6, 8, 10].contains(content)).collect();
    let (_folder, bare) = repository(&[quiet]);
    let warm = Lab::new();
    let first = run(&warm, &bare, "b0", "", &latest(0));
    assert!(
        matches!(&first, Told::Found(found, None) if found.current.len() > 3 && found.ignored.len() > 3),
        "{first:?}"
    );
    let objects = git(&bare, &["cat-file", "--batch-all-objects", "--batch-check"]);
    let (commits, others): (Vec<&str>, Vec<&str>) = objects.lines().partition(|line| line.contains(" commit "));
    let commit = commits[0].split(' ').next().expect("an id");
    let text = git_output(&bare, &["cat-file", "commit", commit]).stdout;
    fs::remove_dir_all(bare.join("objects")).expect("objects");
    fs::create_dir_all(bare.join("objects")).expect("a folder");
    fs::write(bare.join("text"), text).expect("a file");
    let text = bare.join("text").display().to_string();
    git(&bare, &["hash-object", "-t", "commit", "-w", "--literally", &text]);
    assert!(others.len() > 10 && Log::local(&bare, Some("b0")).is_ok());
    assert_eq!(run(&warm, &bare, "b0", "", &latest(0)), first);
    // Another latest image is asked for, and now the file is needed.
    assert!(run(&warm, &bare, "b0", "", &latest(1)) != first);
}

#[test]
fn folders_that_are_too_deep_are_told_of_by_warm_runs_too() {
    let folder = TempDir::new().expect("a temporary folder");
    let bare = folder.path().join("app.git");
    create_bare(&bare);
    let deep = |levels: usize| format!("{}a.yaml", "d/".repeat(levels));
    let head = "commit refs/heads/b0\ncommitter Dev <d@example.com> 1700000000 +0000\ndata 1\nx\n";
    let file = |path: &str| format!("M 100644 inline {path}\ndata 1\nx\n");
    // The same folder once where all of it is seen, and once where its end is too deep.
    let shallow: String = [1, 60, 127].map(|levels| file(&format!("top/{}", deep(levels)))).concat();
    let far: String = [1, 60, 127].map(|levels| file(&format!("e/e/e/top/{}", deep(levels)))).concat();
    import(&bare, &format!("{head}{shallow}{far}"));
    let warm = Lab::new();
    for path in ["top", "e/e/e/top", "", "e/e", "top", "", "top/d/d"] {
        check(&warm, &bare, "b0", path, 0);
    }
}
