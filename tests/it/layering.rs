//! The table of allowed arrows between the rooms of `src/`. A `use` that is not in it fails here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A room and the rooms that it may use, in reading order: leaf, pure, edge, engine, drivers.
const ARROWS: &[(&str, &[&str])] = &[
    ("image", &[]),
    ("object", &[]),
    ("secret", &["object"]),
    ("tree", &[]),
    ("cache", &[]),
    ("goregex", &[]),
    ("nearest", &[]),
    ("metrics", &[]),
    ("semver", &[]),
    ("template", &["goregex", "semver"]),
    ("yaml", &["object"]),
    ("policy", &["image", "goregex", "semver"]),
    ("api", &["image", "object", "secret", "goregex", "yaml", "policy"]),
    ("setter", &["image", "object", "yaml"]),
    ("trailer", &["object"]),
    ("schedule", &[]),
    ("manifest", &["image", "object"]),
    ("kustomize", &["object", "tree", "cache", "goregex", "nearest", "yaml"]),
    ("net", &["metrics", "secret"]),
    ("cloud", &["net", "secret"]),
    ("registry", &["image", "object", "yaml", "api", "metrics", "net", "cloud", "secret"]),
    ("git", &["cache", "cloud", "metrics", "net", "secret", "tree"]),
    ("ledger", &["image", "object"]),
    ("cluster", &["object", "secret", "api", "metrics", "net"]),
    (
        "engine",
        &[
            "image",
            "object",
            "secret",
            "tree",
            "goregex",
            "nearest",
            "template",
            "policy",
            "api",
            "setter",
            "trailer",
            "schedule",
            "registry",
            "git",
            "ledger",
            "metrics",
            "kustomize",
            "net",
            "cloud",
        ],
    ),
    (
        "standalone",
        &[
            "image", "object", "secret", "tree", "goregex", "policy", "api", "setter", "schedule", "net", "cloud",
            "registry", "git", "ledger", "engine", "metrics",
        ],
    ),
    (
        "controller",
        &["api", "cluster", "engine", "git", "image", "ledger", "metrics", "net", "object", "registry", "schedule"],
    ),
    ("server", &["image", "secret", "net", "metrics"]),
    (
        "cli",
        &[
            "image",
            "object",
            "secret",
            "tree",
            "yaml",
            "policy",
            "api",
            "setter",
            "trailer",
            "manifest",
            "kustomize",
            "net",
            "cloud",
            "registry",
            "git",
            "ledger",
            "engine",
            "standalone",
            "cluster",
            "controller",
            "schedule",
            "server",
            "telemetry",
            "metrics",
        ],
    ),
    ("telemetry", &[]),
];

/// What only one room may touch: `(what a line must not contain, the rooms that may)`.
const OWNED: &[(&str, &[&str])] = &[
    ("reqwest::", &["net", "git"]),
    ("rustls::", &["net"]),
    ("git2::", &["git"]),
    ("kube::", &["cluster", "controller"]),
    ("redb::", &["ledger"]),
    ("russh::", &["git/ssh/", "git/private_key.rs"]),
    ("println!", &["cli/output"]),
    ("process::Command", &[]),
];

#[test]
fn rooms_use_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for file in sources() {
        let room = room_of(&file);
        let text = fs::read_to_string(&file).expect("a source file");
        if room == "lib" || room == "main" {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("{}: room {room} is not in the table", file.display()));
            continue;
        };
        for used in used_rooms(&text, depth_of(&file)) {
            if used != room && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: {room} may not use {used}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "new arrows between rooms:\n{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_upward_arrow_and_no_unused_room() {
    let order: Vec<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    let present: BTreeSet<String> = sources().iter().map(|file| room_of(file)).collect();
    for (at, (room, allowed)) in ARROWS.iter().enumerate() {
        assert!(present.contains(*room), "{room} is in the table and not in src/");
        for used in *allowed {
            // Telemetry sits beside the drivers: it uses nothing and any of them may start it.
            let below = order.iter().position(|name| name == used).is_some_and(|used_at| used_at < at);
            assert!(below || *used == "telemetry", "{room} -> {used} points upwards");
        }
    }
}

#[test]
fn what_belongs_to_one_room_stays_there() {
    let mut wrong = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(&file).expect("a source file");
        let place = file.strip_prefix(source_folder()).expect("below src").to_string_lossy().into_owned();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for (what, rooms) in OWNED {
                if line.contains(what) && !rooms.iter().any(|room| place.starts_with(room)) {
                    wrong.push(format!("src/{place}:{}: {what} belongs to {rooms:?}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![source_folder()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of src/") {
            let path = entry.expect("an entry of src/").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

fn room_of(file: &Path) -> String {
    let inside = file.strip_prefix(source_folder()).expect("below src");
    let first = inside.components().next().expect("a file name").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// How many modules a file's names are below the root: `super::`, that many times, is `crate::`.
fn depth_of(file: &Path) -> usize {
    let inside = file.strip_prefix(source_folder()).expect("below src");
    inside.components().count() - usize::from(inside.ends_with("mod.rs"))
}

/// The names after `crate::` (and inside `crate::{…}`), wherever they stand, also where it is spelt `super::super::`.
fn used_rooms(text: &str, depth: usize) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let code = code.replace(&"super::".repeat(depth), "crate::");
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            rooms.extend(top_names(&group[..closing(group)]));
        } else {
            rooms.extend(first_name(rest));
        }
    }
    rooms
}

fn closing(group: &str) -> usize {
    let mut depth = 1;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    group.len()
}

fn top_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.extend(first_name(group[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

fn first_name(path: &str) -> Option<String> {
    let name: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

#[test]
fn the_reader_of_uses_reads_groups_and_ways_up() {
    let check = |text: &str, depth: usize, expected: &[&str]| {
        assert_eq!(used_rooms(text, depth).into_iter().collect::<Vec<_>>(), expected, "{text}");
    };
    check("use crate::{image::{Tag, Digest}, net};\nlet x = crate::git::Oid::zero();", 1, &["git", "image", "net"]);
    check("// crate::cli", 1, &[]);
    check("use super::git;", 1, &["git"]);
    check("use super::git;", 2, &[]);
    check("use super::super::{git, net};", 2, &["git", "net"]);
}
