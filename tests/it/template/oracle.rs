//! Go's answers, kept in `fixtures/oracle`, or in the folder that `TAGWRIGHT_ORACLE` names.

use base64::Engine;
use serde_json::Value as Json;
use tagwright::template::{Args, Failure, Function, Functions, List, Template, Type, Value};

use super::{flux, rendered};
use crate::oracle;

pub(super) fn text<'a>(case: &'a Json, key: &str) -> Option<&'a str> {
    case.get(key).and_then(Json::as_str)
}

/// Prints `N of M` and fails when a case failed.
fn conclude(name: &str, passed: usize, failed: &[String]) {
    println!("{name}: {passed} of {}", passed + failed.len());
    assert!(passed > 0, "{name} has no case");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What a template gave or must give, byte by byte.
pub(super) type Answer = Result<Vec<u8>, String>;

/// The answer that a case has under these keys: as text, in Base64, or as an error.
fn wanted(case: &Json, [output, base64, error]: [&str; 3]) -> Answer {
    let decoded = |text| base64::prelude::BASE64_STANDARD.decode(text).expect("base64");
    let output = text(case, output).map(|text| text.as_bytes().to_vec()).or(text(case, base64).map(decoded));
    output.ok_or_else(|| text(case, error).expect("an error").to_owned())
}

/// What the template of that name makes of the data.
pub(super) fn given(name: &str, template: &str, functions: &Functions, data: &Value) -> Answer {
    let parsed = Template::parse_with(name, template, functions);
    parsed.and_then(|template| template.render_bytes(data)).map_err(|error| error.to_string())
}

/// How two answers differ.
fn difference(template: &str, want: &Answer, got: &Answer) -> String {
    let show = |answer: &Answer| {
        answer.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).map_err(String::clone)
    };
    format!("{template:?}\n  want {:?}\n  got  {:?}", show(want), show(got))
}

/// Compares what the templates of all cases give with the answers under those keys.
pub(super) fn check_all(
    name: &str,
    cases: impl Iterator<Item = Json>,
    keys: [&str; 3],
    given: impl Fn(&str) -> Answer,
) {
    let (mut passed, mut failed) = (0, Vec::new());
    for case in cases {
        let template = text(&case, "template").expect("a template");
        match (given(template), wanted(&case, keys)) {
            (got, want) if got == want => passed += 1,
            (got, want) => failed.push(difference(template, &want, &got)),
        }
    }
    conclude(name, passed, &failed);
}

fn add(args: Args<'_>) -> Result<Value, Failure> {
    Ok(Value::Int((0..args.rest(0).len()).map(|index| args.int(index)).sum()))
}

static ADD: &[Function] = &[Function::variadic("add", &[], &Type::Int, add)];

#[test]
fn agrees_with_go_on_flux_data() {
    let Some(file) = oracle::json("go-template.json") else { return };
    let functions = Functions::none().with(ADD);
    let data = flux::data();
    let (mut passed, mut failed) = (0, Vec::new());
    for case in file["cases"].as_array().expect("an array of cases") {
        let template = text(case, "template").expect("a template");
        let got = match Template::parse_with("commit message", template, &functions) {
            Ok(template) => rendered(&template, &data),
            Err(error) => error.to_string(),
        };
        match text(case, "out").or(text(case, "err")) {
            Some(want) if want == got => passed += 1,
            want => failed.push(format!("{template:?}\n  want {want:?}\n  got  {got:?}")),
        }
    }
    conclude("go-template.json", passed, &failed);
}

/// JSON as Go's data: a number without a point is an int.
pub(super) fn value(json: &Json) -> Value {
    value_with(json, Value::list)
}

/// As Go's decoder leaves it: lists have room behind their ends.
pub(super) fn decoded(json: &Json) -> Value {
    value_with(json, |items| List::appended(&Type::Any, items).into())
}

fn value_with(json: &Json, list: fn(Vec<Value>) -> Value) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Float(number.as_f64().expect("a float")),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => list(items.iter().map(|item| value_with(item, list)).collect()),
        Json::Object(entries) => {
            Value::dict(entries.iter().map(|(key, entry)| (key.as_str(), value_with(entry, list))))
        }
    }
}

/// What came of one of the random templates.
enum Outcome {
    Passed,
    /// An error where Go has one, in other words.
    OtherWords,
    Failed(String),
}

fn outcome(case: &Json) -> Outcome {
    let template = text(case, "template").expect("a template");
    let got = given("commit message", template, Functions::standard(), &decoded(&case["data"]));
    let want = wanted(case, ["want", "want_base64", "error"]);
    match (&got, &want) {
        (Ok(got), Ok(want)) if got == want => Outcome::Passed,
        // The file has the first 120 characters.
        (Err(got), Err(want)) if got.chars().take(120).eq(want.chars()) => Outcome::Passed,
        (Err(_), Err(_)) => Outcome::OtherWords,
        _ => Outcome::Failed(difference(template, &want, &got)),
    }
}

#[test]
fn agrees_with_go_on_random_templates() {
    let Some(cases) = oracle::lines("gotemplate.jsonl.gz") else { return };
    let (mut passed, mut other_words, mut failed) = (0, 0, Vec::new());
    for case in &cases {
        match outcome(case) {
            Outcome::Passed => passed += 1,
            Outcome::OtherWords => other_words += 1,
            Outcome::Failed(case) => failed.push(case),
        }
    }
    println!("gotemplate.jsonl.gz: {other_words} errors in other words");
    conclude("gotemplate.jsonl.gz", passed + other_words, &failed);
}
