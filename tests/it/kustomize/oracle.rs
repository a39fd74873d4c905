//! Generated roots with the answers of kustomize v5.8.2.
//!
//! `SHOW=N` prints the first N that differ, `FEATURE=tag` and `CASE=id` choose among them.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rayon::prelude::*;
use serde_json::Value;
use similar::TextDiff;
use tagwright::kustomize::{Options, Outcome, build};
use tagwright::tree::Memory;
use tagwright::yaml::{Dialect, nodes};

use crate::oracle;

const NAME: &str = "kustomize.jsonl.xz";
/// How many may be right in meaning and wrong in form, or refused by name: one in two hundred.
const PER_MILLE_MAX: usize = 5;
/// So many roots are built again with one thread.
const AGAIN: usize = 300;
/// Diffs are cut after that many lines.
const LINES_SHOWN: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    OtherForm,
    /// We refuse what kustomize builds, and say why.
    Refused,
    /// Another answer, or one where kustomize refuses.
    Other,
}

#[test]
fn roots_build_as_with_kustomize() {
    let Some(cases) = oracle::xz_lines(NAME) else { return };
    let chosen: Vec<&Value> = cases.iter().filter(|case| is_chosen(case)).collect();
    let answers: Vec<_> = chosen.par_iter().map(|case| answer(case)).collect();
    let verdicts: Vec<Verdict> = chosen.iter().zip(&answers).map(|(case, got)| verdict(case, got)).collect();
    let wrong = |wanted: Verdict| {
        let both = verdicts.iter().zip(chosen.iter().zip(&answers));
        both.filter(move |(verdict, _)| **verdict == wanted).map(|(_, both)| both).collect::<Vec<_>>()
    };
    let [form, refused, other] = [Verdict::OtherForm, Verdict::Refused, Verdict::Other].map(wrong);
    let same = chosen.len() - form.len() - refused.len() - other.len();
    println!("{NAME}: {same} of {}, {} in another form, {} refused", chosen.len(), form.len(), refused.len());
    let differing = [other.as_slice(), &refused, &form].concat();
    print_features(&differing);
    let shown = std::env::var("SHOW").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    differing.iter().take(shown).for_each(|(case, got)| println!("{}", describe(case, got)));
    let ids: Vec<_> = other.iter().map(|(case, _)| text(case, "id")).collect();
    assert!(!chosen.is_empty(), "{NAME} holds no such cases");
    assert!(other.is_empty(), "{} roots differ, such as {:?}", ids.len(), &ids[..ids.len().min(10)]);
    let rest = form.len() + refused.len();
    assert!(rest * 1000 <= chosen.len() * PER_MILLE_MAX, "{rest} roots have another form or are refused");
}

#[test]
fn a_build_does_not_depend_on_threads() {
    let Some(cases) = oracle::xz_lines(NAME) else { return };
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    for case in cases.iter().take(AGAIN) {
        let alone = one.install(|| answer(case));
        assert_eq!(answer(case), alone, "{}", text(case, "id"));
    }
}

fn is_chosen(case: &Value) -> bool {
    let wanted = |name: &str| std::env::var(name).ok();
    let tags = || case["features"].as_array().into_iter().flatten().filter_map(Value::as_str);
    wanted("CASE").is_none_or(|id| text(case, "id") == id)
        && wanted("FEATURE").is_none_or(|feature| tags().any(|tag| tag == feature))
}

fn text<'c>(case: &'c Value, field: &str) -> &'c str {
    case[field].as_str().unwrap_or_default()
}

/// What we build, or why not.
fn answer(case: &Value) -> Result<String, String> {
    let texts = case["files"].as_object().into_iter().flatten();
    let texts = texts.map(|(path, text)| (path.clone(), text.as_str().expect("a text").as_bytes().to_vec()));
    let binary = case["binary"].as_object().into_iter().flatten();
    let binary = binary.map(|(path, text)| {
        let bytes = BASE64_STANDARD.decode(text.as_str().expect("a text")).expect("base64");
        (path.clone(), bytes)
    });
    let tree: Memory = texts.chain(binary).collect();
    match build(&tree, text(case, "root"), &Options::default()) {
        Ok(Outcome::Built(built)) => built.yaml().map_err(|error| chain(&error)),
        Ok(Outcome::Missing(remotes)) => Err(format!("remotes are missing: {remotes:?}")),
        Err(error) => Err(chain(&error)),
    }
}

fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn verdict(case: &Value, got: &Result<String, String>) -> Verdict {
    match (got, case.get("want").and_then(Value::as_str)) {
        (Err(_), None) => Verdict::Same,
        (Err(_), Some(_)) => Verdict::Refused,
        (Ok(got), Some(want)) if unversioned(got) == unversioned(want) => Verdict::Same,
        (Ok(got), Some(want)) if is_same_meaning(&unversioned(got), &unversioned(want)) => Verdict::OtherForm,
        _ => Verdict::Other,
    }
}

/// The managed-by label carries the version of whoever built.
fn unversioned(output: &str) -> String {
    let lines = output.split_inclusive('\n').map(|line| match line.split_once("app.kubernetes.io/managed-by: ") {
        Some((indent, _)) => format!("{indent}app.kubernetes.io/managed-by: builder\n"),
        None => line.to_owned(),
    });
    lines.collect()
}

fn is_same_meaning(got: &str, want: &str) -> bool {
    let read = |text: &str| nodes(text.as_bytes(), 0, Dialect::Resource).ok();
    read(got).is_some_and(|got| Some(got) == read(want))
}

fn print_features(other: &[(&&Value, &Result<String, String>)]) {
    let mut features: BTreeMap<&str, usize> = BTreeMap::new();
    for (case, _) in other {
        let tags = case["features"].as_array().into_iter().flatten().filter_map(Value::as_str);
        tags.for_each(|tag| *features.entry(tag).or_default() += 1);
    }
    let mut features: Vec<_> = features.into_iter().collect();
    features.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if !features.is_empty() {
        println!("those that differ, by feature: {:?}", &features[..features.len().min(40)]);
    }
}

fn describe(case: &Value, got: &Result<String, String>) -> String {
    let mut description = format!("=== {} {}\n", text(case, "id"), case["features"]);
    match (got, case.get("want").and_then(Value::as_str)) {
        (Err(error), _) => writeln!(description, "we refuse: {error}"),
        (Ok(_), None) => writeln!(description, "kustomize refuses: {}", text(case, "error")),
        (Ok(got), Some(want)) => {
            let diff = TextDiff::from_lines(want, got)
                .unified_diff()
                .context_radius(4)
                .header("kustomize", "ours")
                .to_string();
            let cut: Vec<&str> = diff.lines().take(LINES_SHOWN).collect();
            writeln!(description, "{}", cut.join("\n"))
        }
    }
    .expect("a String takes everything");
    description
}
