//! How long a policy takes over 100,000 tags: `cargo bench --bench policy`.
//!
//! Prints, for each kind of policy, the least and the median time of `latest`, of `explain`, and of `explain` with every
//! reason put into words; and the least time as a multiple of a plain sort of the same strings in the same run.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use tagwright::policy::{Direction, FilterRules, Order, Rules, Selector};

const TAGS: usize = 100_000;
const RUNS: usize = 31;

#[allow(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() {
    println!(
        "{TAGS} tags, {RUNS} runs, {} threads; ms, least / median, (multiple of a sort)",
        rayon::current_num_threads()
    );
    println!("{:34} {:>14} {:>22} {:>22} {:>22}", "policy", "sort", "latest", "explain", "explain + words");
    for (name, rules, tags) in policies() {
        let selector = Selector::new(&rules).expect("the bench's rules are valid");
        let sort = times(|| {
            let mut sorted = tags.clone();
            let start = Instant::now();
            sorted.sort_unstable();
            (start, sorted.len())
        });
        let latest = times(|| (Instant::now(), selector.latest(&tags).map_or(0, str::len)));
        let explain = times(|| (Instant::now(), selector.explain(&tags).len()));
        let words = times(|| {
            let start = Instant::now();
            let mut sentences = String::new();
            for verdict in selector.explain(&tags) {
                writeln!(sentences, "{} {}", verdict.tag, verdict.reason).expect("a String takes any text");
            }
            (start, sentences.len())
        });
        let cell = |(least, median): (f64, f64)| format!("{least:.1} / {median:.1} ({:.1})", least / sort.0);
        let sorted = format!("{:.1} / {:.1}", sort.0, sort.1);
        println!("{name:34} {sorted:>14} {:>22} {:>22} {:>22}", cell(latest), cell(explain), cell(words));
    }
}

/// The least and the median of several runs, in milliseconds. A run says when it began.
fn times(mut run: impl FnMut() -> (Instant, usize)) -> (f64, f64) {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let (start, result) = run();
            black_box(result);
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[0], times[RUNS / 2])
}

fn policies() -> Vec<(&'static str, Rules, Vec<String>)> {
    let semver = |range: &str, loose| Order::Semver { range: range.to_owned(), loose };
    let numerical = || Order::Numerical(Direction::Ascending);
    let alphabetical = || Order::Alphabetical(Direction::Ascending);
    let main = Some((r"^main-(?P<sha>[0-9a-f]{7})-(?P<ts>[0-9]+)$", "$ts"));
    let release = Some((r"^release-(?P<version>v?[0-9.]+(-[a-z0-9.]+)?)$", "$version"));
    vec![
        ("semver ^1.2", rules(semver("^1.2", false), None, &[]), versions("")),
        ("semver >=1.0.0-0 || 7.x", rules(semver(">=1.0.0-0 || 7.x", false), None, &[]), versions("")),
        ("semver, exclude .sig", rules(semver("*", false), None, &[r"^.*\.sig$"]), versions("")),
        ("semver, filter", rules(semver("^1.2", false), release, &[]), versions("release-")),
        (
            "semver, filter, repeated group",
            rules(semver("*", false), Some((r"^v?[0-9]+(\.[0-9]+){2}$", "$0")), &[]),
            versions(""),
        ),
        ("semver loose", rules(semver("*", true), None, &[]), versions("")),
        ("semver loose, filter", rules(semver("*", true), release, &[]), versions("release-")),
        ("numerical", rules(numerical(), None, &[]), stamps("")),
        ("numerical, filter", rules(numerical(), main, &[]), stamps("main-")),
        ("numerical, filter, exclude .sig", rules(numerical(), main, &[r"^.*\.sig$"]), stamps("main-")),
        ("numerical, filter (\\d+)$", rules(numerical(), Some((r"-(\d+)$", "$1")), &[]), stamps("main-")),
        ("numerical, filter .*-(.*)", rules(numerical(), Some((r"^main-.*-(?P<ts>.*)$", "$ts")), &[]), stamps("main-")),
        (
            "numerical, filter, two groups",
            rules(numerical(), Some((r"^main-.*-(\d+)(\d)$", "$1$2")), &[]),
            stamps("main-"),
        ),
        ("alphabetical", rules(alphabetical(), None, &[]), stamps("main-")),
        ("alphabetical, filter", rules(alphabetical(), main, &[]), stamps("main-")),
        ("alphabetical, filter (?i)", rules(alphabetical(), Some(("(?i)MAIN-", "")), &[]), stamps("main-")),
    ]
}

fn rules(order: Order, filter: Option<(&str, &str)>, exclude: &[&str]) -> Rules {
    let filter =
        filter.map(|(pattern, extract)| FilterRules { pattern: pattern.to_owned(), extract: Some(extract.to_owned()) });
    Rules { order, filter, exclude: exclude.iter().map(|&pattern| pattern.to_owned()).collect() }
}

/// Versions in no order; one in eight is a prerelease.
fn versions(prefix: &str) -> Vec<String> {
    let mut random = numbers(7);
    (0..TAGS)
        .map(|_| {
            let [major, minor, patch] = [random() % 9, random() % 60, random() % 900];
            let pre = if random().is_multiple_of(8) { format!("-rc.{}", random() % 20) } else { String::new() };
            format!("{prefix}{major}.{minor}.{patch}{pre}")
        })
        .collect()
}

/// Time stamps in no order; behind a prefix and a commit when there is a prefix.
fn stamps(prefix: &str) -> Vec<String> {
    let mut random = numbers(11);
    let commit =
        |random: u64| if prefix.is_empty() { String::new() } else { format!("{prefix}{:07x}-", random % 0x1000_0000) };
    (0..TAGS).map(|_| format!("{}{}", commit(random()), 1_600_000_000 + random() % 100_000_000)).collect()
}

/// The same numbers in every run.
fn numbers(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}
