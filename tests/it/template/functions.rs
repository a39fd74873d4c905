//! Functions by subject. Random calls, with the answers that Go 1.26.8 and sprig v3.3.0 gave, are in `fixtures/template`:
//! a line with the data, and lines like those of `oracle/gotemplate.jsonl.gz`.

mod dates;
mod dicts;
mod math;
mod text;
mod versions;

use serde_json::Value as Json;
use tagwright::template::Functions;

use super::oracle::{check_all, decoded, given};

/// Runs the calls of one file.
fn check(name: &str, lines: &str) {
    let mut lines = lines.lines().map(|line| serde_json::from_str::<Json>(line).expect("a JSON line"));
    let data = decoded(&lines.next().expect("the data")["data"]);
    let given = |template: &str| given("commit message", template, Functions::standard(), &data);
    check_all(name, lines, ["want", "want_base64", "error"], given);
}

#[test]
fn agree_with_go_on_random_calls() {
    check("dates.jsonl", include_str!("../../../fixtures/template/dates.jsonl"));
    check("dicts.jsonl", include_str!("../../../fixtures/template/dicts.jsonl"));
    check("lists.jsonl", include_str!("../../../fixtures/template/lists.jsonl"));
    check("math.jsonl", include_str!("../../../fixtures/template/math.jsonl"));
    check("text.jsonl", include_str!("../../../fixtures/template/text.jsonl"));
    check("versions.jsonl", include_str!("../../../fixtures/template/versions.jsonl"));
}
