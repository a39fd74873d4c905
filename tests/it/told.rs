//! What a repeated `sync` tells, and what was told before: rounds in sequence, as tables.

use serde_json::{Value, json};
use tagwright::cli::Told;

/// A policy with this tag latest, or this error.
fn policy(name: &str, tag: &str, error: Option<&str>) -> (&'static str, Value) {
    let latest = error.is_none().then(|| json!({"name": "web", "tag": tag}));
    ("policies", json!({"namespace": "a", "name": name, "was": [], "latest": latest, "warnings": [], "error": error}))
}

fn web(tag: &str) -> (&'static str, Value) {
    policy("web", tag, None)
}

/// An automation with fields of its own.
fn apps(own: &Value) -> (&'static str, Value) {
    let mut automation = json!({
        "namespace": "a", "name": "apps", "running": false, "commit": null, "effect": null, "diff": null,
        "changes": [], "ignored": [], "warnings": [], "error": null,
    });
    for (field, value) in own.as_object().expect("fields") {
        automation[field] = value.clone();
    }
    ("automations", automation)
}

fn pushed(commit: &str) -> (&'static str, Value) {
    apps(&json!({"commit": commit, "effect": "advances", "changes": [{"new": commit}]}))
}

fn warned(text: &str) -> (&'static str, Value) {
    apps(&json!({"warnings": [text]}))
}

fn resting() -> (&'static str, Value) {
    apps(&json!({}))
}

fn running() -> (&'static str, Value) {
    apps(&json!({"running": true}))
}

fn failing() -> (&'static str, Value) {
    apps(&json!({"error": {"message": "no route"}}))
}

/// A round of the whole world with these objects, or a part of it.
type Round = (bool, Vec<(&'static str, Value)>);

fn whole(objects: &[(&'static str, Value)]) -> Round {
    (true, objects.to_vec())
}

fn part(objects: &[(&'static str, Value)]) -> Round {
    (false, objects.to_vec())
}

/// Plays rounds one after the other. `expected` has a letter for each: `n` for news, `-` for what was told before.
fn check(expected: &str, rounds: &[Round]) {
    let mut told = Told::default();
    let found: String = rounds
        .iter()
        .map(|(is_whole, objects)| {
            let news = told.note(*is_whole, &json!([]), objects.iter().cloned().map(Ok));
            if news.expect("plain JSON") { 'n' } else { '-' }
        })
        .collect();
    assert_eq!(found, expected, "{rounds:?}");
}

#[test]
fn what_was_told_is_no_news() {
    check("n-", &[whole(&[web("1")]), whole(&[web("1")])]);
    check("nn-", &[whole(&[web("1")]), whole(&[web("2")]), whole(&[web("2")])]);
    // What a part told is known to the whole, and the other way round.
    check(
        "nn--",
        &[whole(&[web("1"), resting()]), part(&[web("2")]), whole(&[web("2"), resting()]), part(&[web("2")])],
    );
    check("nn", &[whole(&[web("1")]), whole(&[web("1"), policy("other", "1", None)])]);
}

#[test]
fn a_failure_and_its_end_are_news_once() {
    let failed = policy("web", "1", Some("no route"));
    check(
        "nn-n-",
        &[
            whole(&[web("1")]),
            part(std::slice::from_ref(&failed)),
            whole(std::slice::from_ref(&failed)),
            part(&[web("1")]),
            whole(&[web("1")]),
        ],
    );
    check("nn", &[whole(&[failed]), whole(&[policy("web", "1", Some("another"))])]);
}

#[test]
fn each_commit_is_news_and_what_it_leaves_is_none() {
    check("nn-", &[whole(&[resting()]), part(&[pushed("c1")]), whole(&[resting()])]);
    check("nnn-", &[whole(&[resting()]), part(&[pushed("c1")]), part(&[pushed("c2")]), whole(&[resting()])]);
    // The changes of a dry run stay.
    let planned = apps(&json!({"diff": "-a\n+b", "changes": [{"new": "b"}]}));
    check("n-n", &[whole(std::slice::from_ref(&planned)), whole(&[planned]), whole(&[resting()])]);
}

#[test]
fn what_is_gone_is_news_of_the_whole_alone() {
    check("nn", &[whole(&[web("1"), resting()]), whole(&[web("1")])]);
    check("n--", &[whole(&[web("1"), resting()]), part(&[web("1")]), whole(&[web("1"), resting()])]);
}

#[test]
fn a_warning_is_news_once_and_its_end_none() {
    check("nn--", &[whole(&[resting()]), whole(&[warned("odd")]), whole(&[warned("odd")]), whole(&[resting()])]);
    check("nn-n", &[whole(&[resting()]), whole(&[warned("odd")]), whole(&[resting()]), whole(&[warned("odd")])]);
}

#[test]
fn what_is_under_way_is_as_it_was_until_it_ends() {
    check("n---", &[whole(&[resting()]), whole(&[running()]), part(&[running()]), part(&[resting()])]);
    check(
        "n-n--",
        &[whole(&[resting()]), whole(&[running()]), part(&[failing()]), whole(&[running()]), part(&[failing()])],
    );
    // Nothing is known of it yet: that is news, and what comes of it.
    check("n-n", &[whole(&[running()]), whole(&[running()]), part(&[resting()])]);
}

#[test]
fn mistakes_in_files_are_news_when_they_change() {
    let mut told = Told::default();
    let mut is_news = |problems: Value| told.note(true, &problems, []).expect("plain JSON");
    assert!(is_news(json!([])));
    assert!(is_news(json!([{"line": 1}])));
    assert!(!is_news(json!([{"line": 1}])));
    assert!(is_news(json!([])));
}
