//! Functions by subject. Random calls, with the answers that Go 1.26.8 and sprig v3.3.0 gave, are in `fixtures/template`:
//! a line with the data, and lines like those of `oracle/gotemplate.jsonl.gz`.

mod dates;
mod dicts;
mod math;
mod text;
mod versions;

use base64::Engine;
use serde_json::Value as Json;
use tagwright::template::Template;

use super::oracle::{conclude, decoded, text};

/// Runs the calls of one file.
fn check(name: &str, lines: &str) {
    let mut lines = lines.lines().map(|line| serde_json::from_str::<Json>(line).expect("a JSON line"));
    let data = decoded(&lines.next().expect("the data")["data"]);
    let (mut passed, mut failed) = (0, Vec::new());
    for case in lines {
        let template = text(&case, "template").expect("a template");
        let parsed = Template::parse("commit message", template);
        let got = parsed.and_then(|template| template.render_bytes(&data)).map_err(|error| error.to_string());
        let bytes =
            text(&case, "want_base64").map(|text| base64::prelude::BASE64_STANDARD.decode(text).expect("base64"));
        let output = text(&case, "want").map(|text| text.as_bytes().to_vec()).or(bytes);
        let want = output.ok_or(text(&case, "error").unwrap_or_default().to_owned());
        if got == want {
            passed += 1;
        } else {
            let show = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            failed.push(format!("{template:?}\n  want {:?}\n  got  {:?}", want.map(show), got.map(show)));
        }
    }
    conclude(name, passed, &failed);
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
