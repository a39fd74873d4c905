//! The types of the objects' fields: durations, selectors, defaults.

use proptest::prelude::*;
use tagwright::api::{self, Duration, Kind, Labels, SourceText};

fn nanoseconds(text: &str) -> Option<u128> {
    text.parse::<Duration>().ok().map(|duration| duration.get().as_nanos())
}

#[test]
fn durations_are_those_of_the_schema() {
    const SECOND: u128 = 1_000_000_000;
    let check = |text: &str, expected: Option<u128>| assert_eq!(nanoseconds(text), expected, "{text:?}");
    check("0s", Some(0));
    check("30s", Some(30 * SECOND));
    check("5m", Some(300 * SECOND));
    check("1h30m", Some(5400 * SECOND));
    check("1.5h", Some(5400 * SECOND));
    check("1h0m0s", Some(3600 * SECOND));
    check("750ms", Some(750_000_000));
    check("1m1ms", Some(60_001_000_000));
    check("30s5m", Some(330 * SECOND));
    check("0.0000000019s", Some(1));
    check("0.33333333333333333333333h", Some(1_199_999_999_999));
    check("2562047h", Some(2_562_047 * 3600 * SECOND));
    for text in [
        "", "0", "5", "-5m", "+5m", "5 m", " 5m", "5m ", ".5s", "1.s", "5us", "5ns", "5µs", "5d", "1h30", "m", "5M",
        "1e3s", "٥m",
    ] {
        check(text, None);
    }
    for text in ["2562048h", "99999999999999999999h", "18446744073709551615h", "2562047h1000h"] {
        check(text, None);
    }
}

#[test]
fn ages_may_have_days() {
    const DAY: u64 = 86_400;
    let check = |text: &str, expected: Option<u64>| {
        assert_eq!(Duration::age(text).ok().map(|age| age.get().as_secs()), expected, "{text:?}");
    };
    check("7d", Some(7 * DAY));
    check("1d12h", Some(DAY + DAY / 2));
    check("0.5d", Some(DAY / 2));
    check("36h", Some(DAY + DAY / 2));
    check("7", None);
    check("-7d", None);
    check("106752d", None);
}

#[test]
fn durations_print_as_go_prints_them() {
    let check = |text: &str, expected: &str| {
        assert_eq!(text.parse::<Duration>().expect("a duration").to_string(), expected, "{text:?}");
    };
    check("0s", "0s");
    check("5m", "5m0s");
    check("90s", "1m30s");
    check("1.5h", "1h30m0s");
    check("100h", "100h0m0s");
    check("1500ms", "1.5s");
    check("1h0.25s", "1h0m0.25s");
    check("50ms", "50ms");
    check("0.05ms", "0.05ms");
}

proptest! {
    #[test]
    fn durations_survive_printing(milliseconds in 0u64..=9_000_000_000_000) {
        let duration: Duration = format!("{milliseconds}ms").parse().expect("a duration");
        prop_assert_eq!(duration.to_string().parse::<Duration>(), Ok(duration));
    }

    #[test]
    fn any_text_is_a_duration_or_not(text in "[0-9.smh]{0,30}|\\PC{0,10}") {
        nanoseconds(&text);
    }
}

fn labels(text: &str) -> Labels {
    text.split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}

/// The only object of `text`, by what `get` picks of the loaded objects.
fn loaded<T>(kind: Kind, spec: &str, get: impl Fn(&api::Objects) -> T) -> T {
    let (group, kind) = (kind.group(), kind.as_str());
    let text = format!("apiVersion: {group}/v1\nkind: {kind}\nmetadata: {{name: web}}\nspec: {spec}\n");
    let loaded = api::load([SourceText { file: "a.yaml", text: &text }], "team");
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    get(&loaded.objects)
}

#[test]
fn label_selectors_match_as_in_kubernetes() {
    let check = |selector: &str, of: &str, expected: bool| {
        let spec = format!(
            "{{interval: 5m, sourceRef: {{name: a}}, git: {{commit: {{author: {{email: a}}}}}}, policySelector: {selector}}}"
        );
        let matches = loaded(Kind::ImageUpdateAutomation, &spec, |objects| {
            let automation = objects.image_update_automations.values().next().expect("an automation");
            automation.spec.selects(&labels(of))
        });
        assert_eq!(matches, expected, "{selector} over {of:?}");
    };
    check("null", "a=b", true);
    check("{}", "", true);
    check("{}", "a=b", true);
    check("{matchLabels: {a: b}}", "a=b c=d", true);
    check("{matchLabels: {a: b, c: d}}", "a=b", false);
    check("{matchLabels: {a: b}}", "a=x", false);
    check("{matchExpressions: [{key: a, operator: In, values: [b, c]}]}", "a=c", true);
    check("{matchExpressions: [{key: a, operator: In, values: [b, c]}]}", "a=d", false);
    check("{matchExpressions: [{key: a, operator: In, values: [b, c]}]}", "", false);
    check("{matchExpressions: [{key: a, operator: NotIn, values: [b]}]}", "a=b", false);
    check("{matchExpressions: [{key: a, operator: NotIn, values: [b]}]}", "a=c", true);
    check("{matchExpressions: [{key: a, operator: NotIn, values: [b]}]}", "", true);
    check("{matchExpressions: [{key: a, operator: Exists}]}", "a=", true);
    check("{matchExpressions: [{key: a, operator: Exists}]}", "", false);
    check("{matchExpressions: [{key: a, operator: DoesNotExist}]}", "a=b", false);
    check("{matchExpressions: [{key: a, operator: DoesNotExist}]}", "b=a", true);
    check("{matchLabels: {a: b}, matchExpressions: [{key: c, operator: Exists}]}", "a=b", false);
}

#[test]
fn access_is_given_to_namespaces_by_label() {
    let check = |selectors: &str, of: &str, expected: bool| {
        let spec = format!("{{image: web, interval: 5m, accessFrom: {{namespaceSelectors: {selectors}}}}}");
        let admits = loaded(Kind::ImageRepository, &spec, |objects| {
            let repository = objects.image_repositories.values().next().expect("a repository");
            repository.spec.access_from.as_ref().expect("a rule").admits(&labels(of))
        });
        assert_eq!(admits, expected, "{selectors} over {of:?}");
    };
    check("[]", "a=b", false);
    check("[{}]", "", true);
    check("[{matchLabels: {}}]", "", true);
    check("[{matchLabels: {a: b}}]", "a=b", true);
    check("[{matchLabels: {a: b}}]", "a=c", false);
    check("[{matchLabels: {a: b}}, {matchLabels: {a: c}}]", "a=c", true);
}

#[test]
fn timeouts_have_defaults_and_a_floor() {
    let of_repository = |times: &str| {
        loaded(Kind::ImageRepository, &format!("{{image: web, {times}}}"), |objects| {
            objects.image_repositories.values().next().expect("a repository").spec.timeout().as_millis()
        })
    };
    assert_eq!(of_repository("interval: 5m"), 300_000);
    assert_eq!(of_repository("interval: 5m, timeout: 20s"), 20_000);
    assert_eq!(of_repository("interval: 5m, timeout: 10ms"), 1_000);
    assert_eq!(of_repository("interval: 0s"), 1_000);
    let of_source = |times: &str| {
        loaded(Kind::GitRepository, &format!("{{url: 'https://h/a', {times}}}"), |objects| {
            objects.git_repositories.values().next().expect("a repository").spec.timeout().as_secs()
        })
    };
    assert_eq!(of_source("interval: 5m"), 60);
    assert_eq!(of_source("interval: 5m, timeout: 2m"), 120);
}

/// The order and the filter reach the selection as they are written.
#[test]
fn selectors_follow_the_spec() {
    let check = |spec: &str, tags: &[&str], expected: Option<&str>| {
        let latest = loaded(Kind::ImagePolicy, &format!("{{imageRepositoryRef: {{name: web}}, {spec}}}"), |objects| {
            let policy = objects.image_policies.values().next().expect("a policy");
            policy.spec.selector().expect("a selector").latest(tags).map(str::to_owned)
        });
        assert_eq!(latest.as_deref(), expected, "{spec} over {tags:?}");
    };
    check("policy: {semver: {range: '<2.0.0'}}", &["1.0.0", "1.10.0", "1.9.0", "2.0.0", "1.11"], Some("1.10.0"));
    check("policy: {semver: {range: ^3}}", &["1.0.0"], None);
    check("policy: {alphabetical: {}}", &["a", "c", "b"], Some("c"));
    check("policy: {alphabetical: {order: asc}}", &["a", "c", "b"], Some("c"));
    check("policy: {alphabetical: {order: desc}}", &["a", "c", "b"], Some("a"));
    check("policy: {numerical: {}}", &["9", "10", "x"], Some("10"));
    check("policy: {numerical: {order: desc}}", &["9", "10"], Some("9"));
    let filter = "filterTags: {pattern: '^main-[a-f0-9]+-(?P<ts>[0-9]+)$', extract: $ts}";
    check(
        &format!("{filter}, policy: {{numerical: {{}}}}"),
        &["main-ff-9", "main-0a-10", "dev-0a-11"],
        Some("main-0a-10"),
    );
    check("filterTags: {pattern: ^v}, policy: {alphabetical: {}}", &["v1", "w1"], Some("v1"));
    check("filterTags: {}, policy: {alphabetical: {}}", &["v1", "w1"], Some("w1"));
}
