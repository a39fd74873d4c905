//! Selection by policy: the peers' own answers, tables of our own, and what holds for any tags.

use std::cmp::Ordering;
use std::error::Error as _;

use proptest::prelude::*;
use serde_json::Value;
use tagwright::policy::{Direction, FilterRules, InvalidPolicy, Order, Outcome, Rules, Selector};

use crate::oracle;

/// Random questions; the peers' answers.
#[test]
fn peers_answers() {
    let Some(cases) = oracle::lines("policy.jsonl.gz") else { return };
    let failures: Vec<String> = cases.iter().filter_map(disagreement).collect();
    oracle::report("policy.jsonl.gz", cases.len(), &failures);
}

fn disagreement(case: &Value) -> Option<String> {
    let tags: Vec<&str> = case["tags"].as_array()?.iter().filter_map(Value::as_str).collect();
    let selector = Selector::new(&rules_of(case));
    let is_error = case.get("error").is_some_and(|error| !error.is_null());
    let want = if is_error { None } else { case["latest"].as_str() };
    let got = selector.as_ref().ok().map(|selector| selector.latest(&tags).unwrap_or_default());
    (got != want)
        .then(|| format!("{case}: {got:?} {:?}", selector.err().and_then(|error| Some(error.source()?.to_string()))))
}

fn rules_of(case: &Value) -> Rules {
    let text = |key: &str| case.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let direction = if text("order") == "desc" { Direction::Descending } else { Direction::Ascending };
    let order = match (text("kind").as_str(), text("compare").as_str()) {
        ("filter", "numerical") => Order::Numerical(direction),
        ("filter", _) => Order::Alphabetical(direction),
        (kind, _) => Order::Semver { range: text("range"), loose: kind == "semver-loose" },
    };
    let filter = case.get("pattern").map(|_| FilterRules { pattern: text("pattern"), extract: Some(text("extract")) });
    Rules { order, filter, exclude: Vec::new() }
}

/// Every version and constraint of the incumbents' library.
#[test]
fn masterminds_tables() {
    let Some(tables) = oracle::json("masterminds-semver.json") else { return };
    let loose = tables["loose"].as_object().expect("a table of versions");
    let versions: Vec<&str> = loose.keys().map(String::as_str).collect();
    let constraints = tables["constraints"].as_array().expect("a list of constraints");
    let wrong_versions = loose.iter().filter_map(|(text, want)| wrong_version(text, want));
    let wrong_constraints = constraints.iter().filter_map(|case| wrong_constraint(case, &versions));
    let failures: Vec<String> = wrong_versions.chain(wrong_constraints).collect();
    oracle::report("masterminds-semver.json", loose.len() + constraints.len(), &failures);
}

fn wrong_version(text: &str, want: &Value) -> Option<String> {
    let want = want.as_str().filter(|want| !want.is_empty());
    let order = loose(">=0.0.0-0").compare(text, want.unwrap_or("0.0.0"));
    let is_right = if want.is_some() { order == Some(Ordering::Equal) } else { order.is_none() };
    (!is_right).then(|| format!("version {text:?}: {order:?}, want {want:?}"))
}

fn wrong_constraint(case: &Value, versions: &[&str]) -> Option<String> {
    let range = case["c"].as_str().expect("a constraint is text").to_owned();
    let selector = Selector::new(&semver(range, true)).ok();
    let want = case.get("matches").and_then(Value::as_array).map(|list| sorted(list.iter().filter_map(Value::as_str)));
    let got = selector.as_ref().map(|selector| {
        let verdicts = selector.explain(versions);
        sorted(verdicts.iter().filter(|verdict| verdict.outcome != Outcome::Rejected).map(|verdict| verdict.tag))
    });
    (got != want).then(|| format!("{case}: {got:?}"))
}

fn sorted<'t>(tags: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut tags: Vec<&str> = tags.collect();
    tags.sort_unstable();
    tags
}

fn loose(range: &str) -> Selector {
    selector(semver(range.to_owned(), true))
}

fn semver(range: String, loose: bool) -> Rules {
    Rules { order: Order::Semver { range, loose }, filter: None, exclude: Vec::new() }
}

fn selector(rules: Rules) -> Selector {
    Selector::new(&rules).unwrap_or_else(|error| panic!("{error}: {:?}", error.source()))
}

fn numerical(direction: Direction) -> Rules {
    Rules { order: Order::Numerical(direction), filter: None, exclude: Vec::new() }
}

fn alphabetical(direction: Direction) -> Rules {
    Rules { order: Order::Alphabetical(direction), filter: None, exclude: Vec::new() }
}

fn filtered(rules: Rules, pattern: &str, extract: &str) -> Rules {
    let filter = FilterRules { pattern: pattern.to_owned(), extract: Some(extract.to_owned()) };
    Rules { filter: Some(filter), ..rules }
}

/// `tags` are separated by blanks; nothing is selected when `expected` is empty.
fn check(rules: Rules, tags: &str, expected: &str) {
    let tags: Vec<&str> = tags.split(' ').collect();
    let selector = selector(rules.clone());
    assert_eq!(selector.latest(&tags).unwrap_or_default(), expected, "{rules:?} {tags:?}");
}

#[test]
fn the_highest_version_in_range() {
    let check = |range: &str, tags: &str, expected: &str| check(semver(range.to_owned(), false), tags, expected);
    check("^1", "1.0.0 1.2.0 2.0.0-rc.1 2.0.0", "1.2.0");
    check("*", "1.0.0 2.0.0-rc.1", "1.0.0");
    check("*-0", "1.0.0 2.0.0-rc.1", "2.0.0-rc.1");
    check(">=1.0.0", "v2025.02.03 2025.1.9", "v2025.02.03");
    check(">=1.0.0", "1 1.2 20240101 latest", "");
    check("1.2.3 - 2", "1.2.2 1.2.3 2.9.9 3.0.0", "2.9.9");
    check("1.2.3 - 2 || 3.1 - 3.2", "1.0.0 3.2.7 3.3.0", "3.2.7");
    check(">1.2", "1.2.9 1.3.0", "1.3.0");
    check("<=1.2", "1.2.9 1.3.0", "1.2.9");
    check("^0.0.3", "0.0.3 0.0.4", "0.0.3");
    check("~0.0.0", "0.0.1 7.0.0", "7.0.0");
    check("!=1.2", "1.2.9 1.1.0 ", "1.1.0");
    check("*", "1.0.0 v1.0.0 1.0.0+b", "v1.0.0");
    check("*", "18446744073709551615.0.0 18446744073709551616.0.0 1.0.0", "18446744073709551615.0.0");
    check("*-0", "1.0.0-9 1.0.0-10 1.0.0-08", "1.0.0-10");
    check(
        "*-0",
        "1.0.0-99999999999999999999999 1.0.0-100000000000000000000000 1.0.0-9",
        "1.0.0-100000000000000000000000",
    );
}

#[test]
fn numbers_compare_exactly() {
    let check = |tags: &str, greatest: &str, least: &str| {
        check(numerical(Direction::Ascending), tags, greatest);
        check(numerical(Direction::Descending), tags, least);
    };
    check("1 2 10", "10", "1");
    check("9007199254740992 9007199254740993", "9007199254740993", "9007199254740992");
    check(
        "123456789012345678901234567890 123456789012345678901234567891",
        "123456789012345678901234567891",
        "123456789012345678901234567890",
    );
    check(
        "12345678901234567890123.5 12345678901234567890123.49",
        "12345678901234567890123.5",
        "12345678901234567890123.49",
    );
    check("1e3 999 1001", "1001", "999");
    check("0.1 0.10 .1", "0.10", "0.10");
    check("1_000 999", "1_000", "999");
    check("1__0 1_ _1 5", "5", "5");
    check("-1 -2 +1 0 -0.5", "+1", "-2");
    check("-1e-7 0 -0 1e-400", "1e-400", "-1e-7");
    check("Inf 1e308 -inf", "Inf", "-inf");
    check("NaN nan abc 0x10 0x1p4 1e400 1.8e308 5", "5", "5");
    check("0e99999999999999999999 1e-99999999999999999999", "1e-99999999999999999999", "0e99999999999999999999");
    check("007 7", "7", "7");
    check("x", "", "");
}

#[test]
fn bytes_order_text() {
    check(alphabetical(Direction::Ascending), "a B b", "b");
    check(alphabetical(Direction::Descending), "a B b", "B");
}

#[test]
fn filters_extract_what_is_compared() {
    let numbers = || numerical(Direction::Ascending);
    check(filtered(numbers(), r"^main-[a-f0-9]+-(?P<ts>\d+)$", "$ts"), "main-b-3 main-a-20 pr-c-99", "main-a-20");
    check(filtered(numbers(), r"^main-[a-f0-9]+-(?P<ts>\d+)$", "$ts"), "main-a-20 main-b-20 main-b-020", "main-b-20");
    check(filtered(numbers(), r"^(\d+)\.(\d+)$", "$1$2"), "1.9 1.10", "1.10");
    check(filtered(numbers(), r"^(\d+)\.(\d+)$", "$1x$2"), "7.1 3.2", "3.2");
    check(filtered(numbers(), "^1", ""), "12 2 11", "12");
    check(filtered(numbers(), "", ""), "12 2 11", "12");
    check(filtered(semver("*".to_owned(), false), "^release-(.*)$", "$1"), "release-1.2.3 9.9.9", "release-1.2.3");
    check(filtered(alphabetical(Direction::Ascending), "^a(b)?", "$1"), "a ab c", "ab");
}

#[test]
fn excluded_tags_are_passed_over() {
    let exclude = vec![r"^.*\.sig$".to_owned(), "rc".to_owned()];
    check(Rules { exclude, ..alphabetical(Direction::Ascending) }, "a b.sig c-rc", "a");
}

#[test]
fn reasons_are_sentences() {
    let check = |rules: Rules, tags: &str, expected: &[&str]| {
        let tags: Vec<&str> = tags.split(' ').collect();
        let selector = selector(rules);
        let verdicts = selector.explain(&tags);
        let got: Vec<String> = verdicts.iter().map(|v| format!("{} {:?}: {}", v.tag, v.outcome, v.reason)).collect();
        assert_eq!(got, expected);
    };
    check(
        Rules { exclude: vec![r"^.*\.sig$".to_owned()], ..semver("^1.2".to_owned(), false) },
        "1.2 1.3.0 abc v1.4.0 1.4.0 1.4.0-rc.1 2.0.0 1.1.0 x.sig 1.2.3-01 1.2.3.4",
        &[
            "v1.4.0 Latest: satisfies ^1.2 and is the highest of 3",
            "1.4.0 Eligible: ranks the same as v1.4.0, which is greater in byte order",
            "1.3.0 Eligible: satisfies ^1.2 but v1.4.0 is higher",
            "1.2 Rejected: \"1.2\" is not a semantic version (needs two dots)",
            "abc Rejected: \"abc\" is not a semantic version (does not start with a number)",
            "1.4.0-rc.1 Rejected: 1.4.0-rc.1 is a prerelease and the range has none",
            "2.0.0 Rejected: 2.0.0 has another major version than ^1.2",
            "1.1.0 Rejected: 1.1.0 is less than ^1.2",
            "x.sig Rejected: excluded by ^.*\\.sig$",
            "1.2.3-01 Rejected: \"1.2.3-01\" is not a semantic version (has a prerelease number with a leading zero)",
            "1.2.3.4 Rejected: \"1.2.3.4\" is not a semantic version (has something other than a prerelease or build metadata \
             after the numbers)",
        ],
    );
    check(
        filtered(numerical(Direction::Descending), r"^main-(.*)$", "$1"),
        "main-7 main-5 main-x main- main-1e999 pr-1",
        &[
            "main-5 Latest: 5 is the lowest number of 2",
            "main-7 Eligible: 7 is higher than the number of main-5",
            "main-x Rejected: \"x\" is not a number",
            "main- Rejected: \"\" is not a number",
            "main-1e999 Rejected: \"1e999\" is beyond the range of numbers",
            "pr-1 Rejected: does not match pattern ^main-(.*)$",
        ],
    );
    check(
        semver(">=1.2.3 <2 || ^4".to_owned(), true),
        "1.2 4 5",
        &[
            "4 Latest: satisfies >=1.2.3 <2 || ^4 and is the highest of 1",
            "1.2 Rejected: 1.2 satisfies no part of >=1.2.3 <2 || ^4",
            "5 Rejected: 5 satisfies no part of >=1.2.3 <2 || ^4",
        ],
    );
    check(
        alphabetical(Direction::Ascending),
        "a b",
        &["b Latest: b is the last of 2 in byte order", "a Eligible: a comes before b in byte order"],
    );
}

#[test]
fn tags_compare_whatever_the_range() {
    let check = |rules: Rules, left: &str, right: &str, expected: Option<Ordering>| {
        assert_eq!(selector(rules).compare(left, right), expected, "{left} {right}");
    };
    check(semver("^1".to_owned(), false), "3.0.0", "2.0.0-rc.1", Some(Ordering::Greater));
    check(semver("^1".to_owned(), false), "v3.0.0", "3.0.0", Some(Ordering::Equal));
    check(semver("^1".to_owned(), false), "3.0.0", "3.0", None);
    check(numerical(Direction::Descending), "5", "7", Some(Ordering::Greater));
    check(filtered(numerical(Direction::Ascending), "^a-(.*)", "$1"), "a-5", "a-7", Some(Ordering::Less));
    check(filtered(numerical(Direction::Ascending), "^a-(.*)", "$1"), "a-5", "b-7", None);
}

#[test]
fn invalid_rules_name_the_field() {
    let check = |rules: Rules, expected: &str, cause: &str| {
        let error: InvalidPolicy = Selector::new(&rules).expect_err("is refused");
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        assert_eq!((error.to_string().as_str(), source.as_str()), (expected, cause));
    };
    let range = |range: &str| semver(range.to_owned(), false);
    check(range(""), "semver.range \"\"", "has an empty alternative; `*` stands for any version");
    check(range("^1 ||"), "semver.range \"^1 ||\"", "has an empty alternative; `*` stands for any version");
    check(
        range(">=1 foo"),
        "semver.range \">=1 foo\"",
        "expected an operator (= != > >= < <= ~ ^) and a version, found \"foo\"",
    );
    check(range("^1.2.3-01"), "semver.range \"^1.2.3-01\"", "\"1.2.3-01\" has a prerelease number with a leading zero");
    check(range(&"1 ".repeat(300)), &format!("semver.range {:?}", "1 ".repeat(300)), "is longer than 512 bytes");
    check(
        range(&["1"; 33].join("||")),
        &format!("semver.range {:?}", ["1"; 33].join("||")),
        "has more than 32 alternatives",
    );
    check(
        filtered(numerical(Direction::Ascending), "(?=a)", ""),
        "filterTags.pattern \"(?=a)\"",
        "lookahead and lookbehind are not supported: `(?=a)`",
    );
    check(
        Rules { exclude: vec!["a".to_owned(), "[".to_owned()], ..numerical(Direction::Ascending) },
        "exclusionList[1] \"[\"",
        "missing closing ]: `[`",
    );
}

/// Enough tags for several threads and blocks.
#[test]
fn many_tags_are_selected_from_as_few_are() {
    let tags: Vec<String> = (0..30_000).map(|n| format!("main-{:x}-{}", n % 251, n * 7919 % 30_011)).collect();
    let rules = filtered(numerical(Direction::Ascending), r"^main-[0-9a-f]+-(\d+)$", "$1");
    let best = (0..30_000).max_by_key(|n| n * 7919 % 30_011).expect("there are tags");
    let selector = selector(rules);
    assert_eq!(selector.latest(&tags), Some(tags[best].as_str()));
    assert_eq!(selector.explain(&tags)[0].tag, tags[best]);
    assert_eq!(selector.explain(&tags).len(), tags.len());
}

fn any_tag() -> impl Strategy<Value = String> {
    prop_oneof![
        "v?[0-3](\\.[0-3]){0,2}(-(rc|[0-9])(\\.[0-9]{1,2})?)?(\\+b)?",
        "(main|pr)-[ab]-[0-9]{1,3}",
        "[+-]?[0-9]{1,25}(\\.[0-9]{1,3})?(e-?[0-9])?",
        "\\PC{0,6}",
    ]
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let direction = || prop_oneof![Just(Direction::Ascending), Just(Direction::Descending)];
    let range = prop::sample::select(vec!["*", "^1 || >=2-0", "~1.2", ">0.0.1-0 <3"]).prop_map(str::to_owned);
    let order = prop_oneof![
        (range, any::<bool>()).prop_map(|(range, loose)| Order::Semver { range, loose }),
        direction().prop_map(Order::Numerical),
        direction().prop_map(Order::Alphabetical),
    ];
    let filters = [None, Some(("-([0-9]+)$", "$1")), Some(("^(v?[0-9.]+)(-.*)?", "$1$2")), Some(("(?i)^M", ""))];
    (order, prop::sample::select(filters.to_vec()), any::<bool>()).prop_map(|(order, filter, excludes)| {
        let exclude = if excludes { vec![r"\+b$".to_owned()] } else { Vec::new() };
        let rules = Rules { order, filter: None, exclude };
        match filter {
            Some((pattern, extract)) => filtered(rules, pattern, extract),
            None => rules,
        }
    })
}

proptest! {
    #[test]
    fn latest_and_explain_agree(rules in any_rules(), tags in prop::collection::vec(any_tag(), 0..20)) {
        let selector = selector(rules);
        let verdicts = selector.explain(&tags);
        prop_assert_eq!(verdicts.len(), tags.len());
        let outcomes: Vec<Outcome> = verdicts.iter().map(|verdict| verdict.outcome).collect();
        let latest = verdicts.first().filter(|verdict| verdict.outcome == Outcome::Latest).map(|verdict| verdict.tag);
        prop_assert_eq!(selector.latest(&tags), latest);
        prop_assert!(outcomes.iter().skip(1).all(|&outcome| outcome != Outcome::Latest));
        prop_assert!(outcomes.is_sorted_by_key(|&outcome| outcome == Outcome::Rejected));
        prop_assert!(latest.is_some() || outcomes.iter().all(|&outcome| outcome == Outcome::Rejected));
        let eligible: Vec<&str> = verdicts.iter().filter(|v| v.outcome != Outcome::Rejected).map(|v| v.tag).collect();
        let is_descending = |pair: &[&str]| match selector.compare(pair[0], pair[1]) {
            Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => pair[0] >= pair[1],
            _ => false,
        };
        prop_assert!(eligible.windows(2).all(is_descending), "{:?}", eligible);
        for verdict in &verdicts {
            prop_assert!(!verdict.reason.to_string().is_empty());
        }
    }

    #[test]
    fn the_order_of_the_tags_given_does_not_matter(rules in any_rules(), tags in prop::collection::vec(any_tag(), 0..20)) {
        let selector = selector(rules);
        let reversed: Vec<String> = tags.iter().rev().cloned().collect();
        prop_assert_eq!(selector.latest(&tags), selector.latest(&reversed));
    }

    #[test]
    fn the_order_is_total(rules in any_rules(), a in any_tag(), b in any_tag(), c in any_tag()) {
        let selector = selector(rules);
        let (ab, ba) = (selector.compare(&a, &b), selector.compare(&b, &a));
        prop_assert_eq!(ab, ba.map(Ordering::reverse));
        let has_key = |tag: &str| selector.compare(tag, tag).is_some();
        prop_assert_eq!(ab.is_some(), has_key(&a) && has_key(&b));
        if let (Some(ab), Some(bc), Some(ac)) = (ab, selector.compare(&b, &c), selector.compare(&a, &c)) {
            prop_assert!(ab != bc || ab == ac, "{a:?} {b:?} {c:?}");
            prop_assert!(ab != Ordering::Equal || bc == ac, "{a:?} {b:?} {c:?}");
        }
    }

    #[test]
    fn any_range_is_read_without_panic(range in "[\\^~<>=!,| .xX*v0-9a-c+\\t-]{0,20}|\\PC{0,10}", tag in any_tag()) {
        if let Ok(selector) = Selector::new(&semver(range, true)) {
            let tags = [tag];
            prop_assert_eq!(selector.latest(&tags).is_some(), selector.explain(&tags)[0].outcome == Outcome::Latest);
        }
    }
}
