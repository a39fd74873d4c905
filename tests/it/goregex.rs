//! Go's regular expressions: Go's own answers (`fixtures/goregex.json`), and what is bounded.

use proptest::prelude::*;
use serde_json::Value;
use tagwright::goregex::{Fuel, Regex, Search};

use crate::oracle;

/// Every pattern of the fixture is refused where Go refuses it and else matches the same parts of the same texts.
#[test]
fn go_answers() {
    let fixture: Value =
        serde_json::from_str(include_str!("../../fixtures/goregex.json")).expect("the fixture is JSON");
    let texts: Vec<&str> = array(&fixture["texts"]).iter().map(text).collect();
    let patterns = array(&fixture["patterns"]);
    let failures: Vec<String> = patterns.iter().flat_map(|case| disagreements(case, &texts)).collect();
    oracle::report("goregex.json", patterns.len(), &failures);
}

fn disagreements(case: &Value, texts: &[&str]) -> Vec<String> {
    let pattern = text(&case["pattern"]);
    let (regex, error) = match (Regex::new(pattern), case.get("error")) {
        (Ok(_), Some(error)) => return vec![format!("{pattern:?}: accepted, Go says {error}")],
        (Err(_), Some(_)) => return Vec::new(),
        (Ok(regex), None) => (Some(regex), None),
        (Err(error), None) => (None, Some(error)),
    };
    let Some(regex) = regex else { return vec![format!("{pattern:?}: refused, {error:?}")] };
    let differs = |&text: &&&str| {
        let want = case["matches"].get(*text).and_then(Value::as_str);
        regex.expand("$0|$1|$2|$3", text).as_deref() != want || regex.is_match(text) != want.is_some()
    };
    let shown = |text: &&str| format!("{pattern:?} {text:?}: {:?}", regex.expand("$0|$1|$2|$3", text));
    texts.iter().filter(differs).map(shown).collect()
}

#[test]
fn go_expansions() {
    let fixture: Value =
        serde_json::from_str(include_str!("../../fixtures/goregex.json")).expect("the fixture is JSON");
    let cases = array(&fixture["expansions"]);
    let failures: Vec<String> = cases.iter().filter_map(wrong_expansion).collect();
    oracle::report("goregex.json, expansions", cases.len(), &failures);
}

fn wrong_expansion(case: &Value) -> Option<String> {
    let got = Regex::new(text(&case["pattern"])).ok()?.expand(text(&case["template"]), text(&case["text"]));
    (got.as_deref() != case["want"].as_str()).then(|| format!("{case}: {got:?}"))
}

fn array(value: &Value) -> &[Value] {
    value.as_array().expect("the fixture has a list here")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("the fixture has a text here")
}

#[test]
fn refusals_name_the_construct() {
    let check = |pattern: &str, expected: &str| {
        let error = Regex::new(pattern).expect_err(pattern).to_string();
        assert_eq!(error, expected, "{pattern}");
    };
    check(r"a\C", r"matching a single byte is not supported: `\C`");
    check("a(?=b)", "lookahead and lookbehind are not supported: `(?=b)`");
    check("(?<!b)", "lookahead and lookbehind are not supported: `(?<!b)`");
    check(r"(a)\1", r"backreferences are not supported: `\1`");
    check("(?P=n)", "backreferences are not supported: `(?P=n)`");
    check("(?x)a", "unknown or incomplete group or flag: `(?x)a`");
}

#[test]
fn hostile_patterns_end_in_an_error() {
    let check = |pattern: String, expected: &str| {
        let error = Regex::new(&pattern).expect_err("is refused").to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("a".repeat(8193), "longer than 8192 bytes");
    check("(".repeat(4000) + &")".repeat(4000), "nested more than 200 deep");
    check(format!("a{}", r"*\Q\E".repeat(1600)), "nested more than 200 deep");
    check(r"(?i)\pL{1000}".to_owned(), "when compiled");
    check(r"\pL".repeat(2730), "when compiled");
    check(r"(?:\pL{30}){30}".to_owned(), "when compiled");
}

proptest! {
    #[test]
    fn any_pattern_is_read_without_panic(pattern in "\\PC{0,20}|[a-c\\[\\](){}*+?|^$\\\\.:<>P!=dDpQE0-9,&~-]{0,24}", template in "[$0-9a-z{}]{0,8}") {
        if let Ok(regex) = Regex::new(&pattern) {
            prop_assert_eq!(regex.expand(&template, "abc").is_some(), regex.is_match("abc"));
        }
    }

    #[test]
    fn counted_searches_find_the_same(pattern in "[ab.*+?|()^$é]{0,10}|([ab](\\*|\\+\\?|\\{1,2\\})?|\\(|\\|\\)){0,12}", text in "[abé\n]{0,12}") {
        let mut fuel = Fuel::new(1_000_000);
        let (regex, search) = (Regex::new(&pattern), Search::new(&pattern, &mut fuel));
        prop_assert_eq!(regex.is_ok(), search.is_ok());
        if let (Ok(regex), Ok(search)) = (regex, search) {
            let template = search.template("$0,$1,$2");
            let found = search.matches_with_groups(text.as_bytes()).next(&mut fuel).expect("fuel").map(|places| {
                let mut out = Vec::new();
                template.append(&mut out, 1000, |group| text.as_bytes().get(places[2 * group]..places[2 * group + 1]));
                String::from_utf8(out).expect("UTF-8")
            });
            prop_assert_eq!(found, regex.expand("$0,$1,$2", &text));
        }
    }
}
