//! Two runs of one automation that know different things: the newer decision stays, whichever run comes last.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use tagwright::engine::budget::{PushBudget, PushLimit};
use tagwright::engine::message::MessageTemplate;
use tagwright::engine::update::{Checkout, Mode, PushTo, Terms, UpdateRequest, update};
use tagwright::git::Author;
use tagwright::object::NamespacedName;
use tagwright::setter::Latest;

use crate::git::{Lab, remote};
use crate::servers::git_http::{create_bare, foreign_commit, git};

/// One run: when it was, and what it knows of each policy since when, in seconds of a day.
struct Run(u32, &'static [(&'static str, u32, u32)]);

fn file(policy: &str, version: u32) -> (String, String) {
    let text = format!("image: acme/{policy}:{version} # {{\"$imagepolicy\": \"ns:{policy}\"}}\n");
    (format!("{policy}.yaml"), text)
}

fn request(known: &[(&str, u32, u32)], push: &PushTo, time: impl Fn(u32) -> Timestamp) -> UpdateRequest {
    let name = |policy: &str| NamespacedName::new("ns", policy);
    let image = |policy: &str, version: u32| format!("acme/{policy}:{version}").parse().expect("an image");
    let images = known.iter().map(|(policy, version, _)| (name(policy), Ok(image(policy, *version)))).collect();
    UpdateRequest {
        automation: NamespacedName::new("ns", "apps"),
        checkout: Checkout::Branch("main".to_owned()),
        push: push.clone(),
        path: String::new(),
        latest: Latest { namespace: Some("ns".to_owned()), images },
        decided: known.iter().map(|(policy, _, at)| (name(policy), time(*at))).collect(),
        signer: None,
        author: Author { name: "Bot".to_owned(), email: "bot@example.com".to_owned() },
        message: MessageTemplate { text: "update".to_owned(), values: BTreeMap::new() },
    }
}

/// Plays runs, each in a process of its own, on a branch with `web` and `api` at 0; then the versions of both there.
fn check(push: &str, runs: &[Run], expected: [u32; 2]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bare = folder.path().join("app.git");
    create_bare(&bare);
    commit(&bare, &[("web", 0), ("api", 0)]);
    let branch = (push != "main").then(|| push.to_owned());
    let push_to = PushTo { branch, ..PushTo::default() };
    let start = Timestamp::now() - jiff::SignedDuration::from_hours(24);
    let time = |second: u32| start + Duration::from_secs(second.into());
    for Run(now, known) in runs {
        let budget = PushBudget::new(PushLimit::Unlimited, Duration::ZERO);
        let terms = Terms { mode: Mode::Push, now: time(*now), budget: &budget };
        let remote = remote(bare.to_str().expect("a path"));
        update(&Lab::new().git, &remote, &[request(known, &push_to, time)], terms).remove(0).expect("an update");
    }
    let shown = |policy: &str| git(&bare, &["show", &format!("{push}:{policy}.yaml")]);
    for (policy, version) in ["web", "api"].into_iter().zip(expected) {
        let found = shown(policy);
        assert_eq!(found, file(policy, version).1, "{policy} on {push}: {}", git(&bare, &["log", "-p", push]));
    }
}

fn commit(bare: &Path, versions: &[(&str, u32)]) {
    let files: Vec<(String, String)> = versions.iter().map(|(policy, version)| file(policy, *version)).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    foreign_commit(bare, "main", &files, "by hand");
}

#[test]
fn an_older_decision_does_not_replace_a_newer_one() {
    // The second run has news of `api`, and of `web` what it scanned before the first one did.
    let both = || [Run(100, &[("web", 2, 100)]), Run(200, &[("web", 1, 50), ("api", 7, 200)])];
    check("main", &both(), [2, 7]);
    // A push branch is made as a whole, or left.
    check("updates", &both(), [2, 0]);
    for push in ["main", "updates"] {
        check(push, &[Run(100, &[("web", 2, 100)]), Run(200, &[("web", 1, 50)])], [2, 0]);
        // It is the newer one that scanned since.
        check(push, &[Run(100, &[("web", 2, 100)]), Run(200, &[("web", 1, 150)])], [1, 0]);
    }
}

#[test]
fn a_commit_that_comes_late_is_as_old_as_its_decision() {
    for push in ["main", "updates"] {
        check(push, &[Run(600, &[("web", 1, 50)]), Run(610, &[("web", 2, 100)])], [2, 0]);
        // Together with a newer one it is told to be as old as the oldest.
        let late = Run(600, &[("web", 1, 50), ("api", 7, 600)]);
        check(push, &[late, Run(610, &[("web", 2, 100), ("api", 7, 605)])], [2, 7]);
    }
}
