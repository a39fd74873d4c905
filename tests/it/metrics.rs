//! The counters, and the OpenMetrics text of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tagwright::metrics::{Cache, HookOutcome, Metrics, ScanOutcome, UpdateOutcome};

#[test]
fn clones_count_together() {
    let metrics = Metrics::default();
    let clone = metrics.clone();
    clone.count_exchange("ghcr.io:443", 200);
    clone.count_exchange("ghcr.io:443", 200);
    clone.git_pushes_lost.inc();
    check(
        &metrics,
        &[
            "tagwright_http_requests_total{host=\"ghcr.io:443\",code=\"200\"} 2",
            "tagwright_git_pushes_lost_total 1",
            "tagwright_git_pushes_total 0",
        ],
    );
}

#[test]
fn everything_is_counted_under_its_name() {
    let version = format!("tagwright_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    check(
        &counted(),
        &[
            version.as_str(),
            "tagwright_scans_total{outcome=\"changed\"} 1",
            "tagwright_scans_total{outcome=\"not_modified\"} 1",
            "tagwright_scan_duration_seconds_count 2",
            "tagwright_scan_duration_seconds_bucket{le=\"0.1\"} 1",
            "tagwright_tags{repository=\"ghcr.io/acme/web\"} 17",
            "tagwright_cache_lookups_total{cache=\"token\",hit=\"true\"} 1",
            "tagwright_cache_lookups_total{cache=\"scan\",hit=\"false\"} 1",
            "tagwright_rate_waits_total{host=\"ghcr.io:443\"} 2",
            "tagwright_rate_wait_seconds_total{host=\"ghcr.io:443\"} 1.5",
            "tagwright_http_retries_total{host=\"ghcr.io:443\",code=\"429\"} 1",
            "tagwright_git_push_retries_total 0",
            "tagwright_updates_total{outcome=\"pushed\"} 1",
            "tagwright_update_lag_seconds_sum 0.25",
            "tagwright_hooks_total{sender=\"harbor\",outcome=\"refused\"} 1",
        ],
    );
}

#[test]
fn labels_from_outside_are_bounded() {
    let metrics = Metrics::default();
    for number in 0..5000 {
        metrics.count_exchange(&format!("{number}.example:443"), 200);
        metrics.count_retry(&format!("{number}.example:443"), 503);
        metrics.set_tags(&format!("ghcr.io/acme/web{number}"), number);
    }
    let text = metrics.encode();
    let series = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!(series("tagwright_http_requests_total"), 201);
    assert_eq!(series("tagwright_http_retries_total"), 201);
    assert!(text.contains("tagwright_http_requests_total{host=\"other\",code=\"200\"} 4800\n"));
    assert_eq!(series("tagwright_tags{"), 2000);
    metrics.keep_tags(|repository| repository == "ghcr.io/acme/web7");
    metrics.set_tags("ghcr.io/acme/web4999", 1);
    check(
        &metrics,
        &[
            "tagwright_tags{repository=\"ghcr.io/acme/web7\"} 7",
            "tagwright_tags{repository=\"ghcr.io/acme/web4999\"} 1",
        ],
    );
    assert_eq!(metrics.encode().matches("tagwright_tags{").count(), 2);
}

#[test]
fn the_guide_names_every_metric() {
    let guide = include_str!("../../docs/guide.md");
    let text = counted().encode();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let names = types.map(|(family, kind)| match kind {
        "counter" => format!("`{family}_total`"),
        "info" => format!("`{family}_info`"),
        _ => format!("`{family}`"),
    });
    let unnamed: Vec<String> = names.filter(|name| !guide.contains(name)).collect();
    assert_eq!(unnamed, [""; 0]);
}

#[test]
fn the_text_is_openmetrics() {
    openmetrics(&Metrics::default().encode());
    openmetrics(&counted().encode());
    let hostile = Metrics::default();
    hostile.set_tags("a\"b\\c\nd", 1);
    openmetrics(&hostile.encode());
}

fn counted() -> Metrics {
    let metrics = Metrics::default();
    metrics.count_exchange("ghcr.io:443", 0);
    metrics.count_retry("ghcr.io:443", 429);
    metrics.count_scan(ScanOutcome::Changed, Duration::from_millis(60));
    metrics.count_scan(ScanOutcome::NotModified, Duration::from_secs(90));
    metrics.set_tags("ghcr.io/acme/web", 17);
    metrics.count_lookup(Cache::Token, true);
    metrics.count_lookup(Cache::Scan, false);
    metrics.count_rate_wait("ghcr.io:443", Duration::from_millis(500));
    metrics.count_rate_wait("ghcr.io:443", Duration::from_secs(1));
    metrics.count_update(UpdateOutcome::Pushed, Duration::from_millis(5));
    metrics.count_lag(Duration::from_millis(250));
    metrics.count_hook("harbor", HookOutcome::Refused);
    metrics
}

fn check(metrics: &Metrics, lines: &[&str]) {
    let text = metrics.encode();
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "{line} in {text}");
    }
}

/// Reads the text by the rules of the OpenMetrics specification: each family once and in one piece, its type before its
/// samples, the suffixes that its type has, quoted labels, each series once, histograms that add up, and an end.
pub(crate) fn openmetrics(text: &str) {
    let body = text.strip_suffix("# EOF\n").expect("the end mark");
    let (mut types, mut series) = (BTreeMap::new(), BTreeSet::new());
    let (mut counts, mut buckets) = (BTreeMap::new(), BTreeMap::new());
    let mut current = String::new();
    for line in body.lines() {
        assert!(!line.is_empty() && line.trim() == line, "{line:?}");
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (what, family, rest) = (words.next(), words.next().expect("a name"), words.next());
            if family != current {
                assert!(!types.contains_key(family), "{family} is in two pieces");
                family.clone_into(&mut current);
            }
            match what.expect("a keyword") {
                "TYPE" => assert!(types.insert(family.to_owned(), rest.expect("a type").to_owned()).is_none()),
                "UNIT" => assert!(family.ends_with(&format!("_{}", rest.expect("a unit"))), "{line}"),
                "HELP" => assert!(rest.is_some_and(|help| help.ends_with('.')), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (name, labels, value) = sample(line);
        let suffix = name.strip_prefix(&current).expect("a sample of the family above it");
        let kind = types.get(&current).expect("a type before the samples").as_str();
        let allowed: &[&str] = match kind {
            "counter" => &["_total"],
            "gauge" => &[""],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_count", "_sum"],
            _ => panic!("type {kind}"),
        };
        assert!(allowed.contains(&suffix), "{line} in a {kind}");
        assert!(series.insert((name.to_owned(), labels.clone())), "{line} is there twice");
        if suffix == "_bucket" {
            let before = buckets.insert(current.clone(), value).unwrap_or(0.0);
            assert!(value >= before, "{line}: buckets add up");
        }
        if suffix == "_count" {
            counts.insert(current.clone(), value);
        }
    }
    assert_eq!(buckets, counts, "the last bucket of a histogram holds all");
}

/// Name, labels and value of a line such as `name{label="value"} 1`.
fn sample(line: &str) -> (&str, Vec<(String, String)>, f64) {
    let end = line.find(['{', ' ']).expect("a name");
    let (name, mut rest) = line.split_at(end);
    assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{line}");
    let mut labels = Vec::new();
    while let Some(label) = rest.strip_prefix(['{', ',']) {
        let (key, value) = label.split_once("=\"").expect("a quoted label");
        let end = quoted_end(value).expect("the closing quote");
        labels.push((key.to_owned(), value[..end].to_owned()));
        rest = &value[end + 1..];
    }
    let value = rest.strip_prefix('}').unwrap_or(rest).strip_prefix(' ').expect("a value");
    (name, labels, value.parse().expect("a number"))
}

fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| match c {
        '"' if !escaped => Some(at),
        _ => {
            escaped = c == '\\' && !escaped;
            None
        }
    })
}
