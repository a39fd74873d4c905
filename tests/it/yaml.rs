//! The yaml room: what plain scalars mean, where documents begin, what is loaded, and the outline.

use std::fmt::Write;

use proptest::prelude::*;
use serde_json::json;
use tagwright::yaml::load::NESTING_MAX;
use tagwright::yaml::outline::{Fault, Kind, Outline};
use tagwright::yaml::split::{self, Places};
use tagwright::yaml::{dialect, documents};

/// Each of these is something else than a string to YAML 1.1, to YAML 1.2 or to Go's yaml.v3.
const NOT_STRINGS: &str = "~ null Null NULL y Y n N yes Yes YES no No NO true True TRUE false False FALSE on On ON off Off \
    OFF << = 0 -0 +1 -1 17 00 0644 0789 08 1_000 1_ 20240101 12345678901234567890123 0x1f 0X1F -0x1 0x_1f 0o17 0O17 0b11 \
    0B1_1 -0b1 1.0 1.10 1. .5 +.5 -1.5 1_0.5 1e5 1E5 1e+5 1.5e-3 1.e3 12e4567 1e400 .inf .Inf .INF -.inf +.Inf .nan .NaN \
    .NAN 1:30 190:20:30 190:20:30.15 2024-01-02 2024-1-2 2024-13-45 2024-01-02T03:04:05Z 2024-01-02t3:04:05.5+01:00";

const STRINGS: &str = "x latest stable 1.2.3 1.10.0 v1 v1.10 tRue nULL yEs oN 1.2.3-rc.1 1e 1e5x 0x 0xg 0b2 0o8x 0b 0o . .. ._1 _1 \
    1,000 inf nan nil none None - -- 1-2 2024-01 2024-001-02 20240101-1 2024-01-02-x main-1a2b3c4-1700000000 1:60 1:a \
    ghcr.io/acme/app:1.10 sha256:0000 127.0.0.1 10.0.0.1:5000/app:1.0 +x .info é 1é === <";

#[test]
fn plain_scalars_that_are_not_strings() {
    for (texts, expected) in [(NOT_STRINGS, false), (STRINGS, true)] {
        for text in texts.split_whitespace() {
            assert_eq!(dialect::reads_as_string(text), expected, "{text}");
        }
    }
    for text in ["", "2024-01-02 03:04:05", "2024-01-02 3:04:05 +1"] {
        assert!(!dialect::reads_as_string(text), "{text}");
    }
}

#[test]
fn what_can_be_written_plain() {
    let cases = [
        ("x", true, true),
        ("ghcr.io/acme/app:1.10@sha256:00", true, true),
        ("a,b", true, false),
        ("a[0]", true, false),
        ("{a", false, false),
        ("a}", true, false),
        ("-x", true, true),
        ("-", false, false),
        ("- x", false, false),
        ("?x", true, true),
        (":x", true, true),
        ("-,", false, false),
        ("---", false, false),
        ("--- x", false, false),
        ("---x", true, true),
        ("...", false, false),
        ("a: b", false, false),
        ("a:b", true, true),
        ("a:", false, false),
        ("a #b", false, false),
        ("a#b", true, true),
        ("#a", false, false),
        ("&a", false, false),
        ("*a", false, false),
        ("!a", false, false),
        ("|", false, false),
        (">", false, false),
        ("'a'", false, false),
        ("a'", true, true),
        ("\"a", false, false),
        ("%a", false, false),
        ("@a", false, false),
        ("`a", false, false),
        (" a", false, false),
        ("a ", false, false),
        ("a\tb", false, false),
        ("a\nb", false, false),
        ("a\u{85}b", false, false),
        ("a\u{2028}b", false, false),
        ("\u{feff}a", false, false),
        ("é 🚀", true, true),
        ("", false, false),
    ];
    for (text, in_block, in_flow) in cases {
        assert_eq!(dialect::fits_plain(text, false), in_block, "{text:?} in block context");
        assert_eq!(dialect::fits_plain(text, true), in_flow, "{text:?} in flow context");
    }
}

#[test]
fn where_documents_begin() {
    let cases = [
        ("", vec![0]),
        ("a: 1\n", vec![0]),
        ("---\na: 1\n", vec![0]),
        ("a: 1\n---\nb: 1\n", vec![0, 5]),
        ("a: 1\r\n---\r\nb: 1\r\n", vec![0, 6]),
        ("a: 1\r---\rb: 1\r", vec![0, 5]),
        ("a: 1\n--- # c\nb: 1\n---\tx\n---", vec![0, 5, 18, 24]),
        ("a: 1\n---x\n ---\n----\n", vec![0]),
        ("a: |\n  x\n---\nb: \"\n---\n", vec![0, 9, 18]),
        ("a: 1\n...\nb: 1\n", vec![0]),
        ("%YAML 1.2\n---\na: 1\n---\n", vec![0]),
        ("a: 1\n...\n%TAG ! a\n---\nb: 1\n---\n", vec![0]),
        ("\u{feff}%YAML 1.2\n---\na: 1\n---\n", vec![0]),
        ("a: 1%\n--- %\n", vec![0, 6]),
    ];
    for (text, starts) in cases {
        let found = split::documents(text);
        assert_eq!(found.iter().map(|range| range.start).collect::<Vec<_>>(), starts, "{text:?}");
        assert_eq!(found.iter().map(|range| &text[range.clone()]).collect::<String>(), text);
    }
}

#[test]
fn places_count_lines_and_characters() {
    let mut places = Places::new("\u{feff}a: é x\r\nb\rc\n\nd");
    let asked = [3, 6, 9, 12, 14, 16, 17, 18].map(|offset| (offset, places.of(offset)));
    let expected =
        [(3, (1, 1)), (6, (1, 4)), (9, (1, 6)), (12, (2, 1)), (14, (3, 1)), (16, (4, 1)), (17, (5, 1)), (18, (5, 2))];
    assert_eq!(asked, expected);
}

/// Loaded as by `sigs.k8s.io/yaml` 1.6.0, whose answers these are unless a comment says otherwise.
#[test]
fn values_are_read_as_kubectl_reads_them() {
    let cases = [
        ("a: [y, Y, yes, Yes, on, ON, true, True]", json!({"a": [true, true, true, true, true, true, true, true]})),
        ("a: [n, no, off, false]", json!({"a": [false, false, false, false]})),
        ("a: [~, null, Null, NULL, ]", json!({"a": [null, null, null, null]})),
        ("a:", json!({"a": null})),
        ("a: ['yes', \"1\", !!str 1, !!str true]", json!({"a": ["yes", "1", "1", "true"]})),
        ("a: [0644, 0o17, 0x1F, 0b11, 1_000, -1, +1, 0, 00]", json!({"a": [420, 15, 31, 3, 1000, -1, 1, 0, 0]})),
        ("a: [1.10, 1e3, .5, 1., 1.5e3, 1.5]", json!({"a": [1.1, 1000.0, 0.5, 1.0, 1500.0, 1.5]})),
        ("a: 9007199254740993", json!({"a": 9_007_199_254_740_993_u64})),
        ("a: 18446744073709551615", json!({"a": u64::MAX})),
        (
            "a: [2024-01-02, 2024-01-02T03:04:05Z, 1:30, 1.2.3]",
            json!({"a": ["2024-01-02", "2024-01-02T03:04:05Z", "1:30", "1.2.3"]}),
        ),
        ("a: &x {p: 1}\nb:\n  <<: *x\n  q: 2", json!({"a": {"p": 1}, "b": {"p": 1, "q": 2}})),
        ("a: &x [1]\nb: *x", json!({"a": [1], "b": [1]})),
        ("1: a\n2.5: b", json!({"1": "a", "2.5": "b"})),
        ("a: |\n  x\n  y\nb: >-\n  x\n  y", json!({"a": "x\ny\n", "b": "x y"})),
        ("\u{feff}a: é", json!({"a": "é"})),
        ("a: !custom b", json!({"a": "b"})),
        ("- a\n- b", json!(["a", "b"])),
        ("text", json!("text")),
    ];
    for (text, expected) in cases {
        let loaded = documents(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(loaded.into_iter().map(|document| document.value).collect::<Vec<_>>(), [expected], "{text}");
    }
}

#[test]
fn documents_begin_on_their_lines() {
    let cases = [
        ("", vec![]),
        ("---\n---\n# c\n---\n~\n...\n", vec![]),
        ("a: 1\n", vec![1]),
        ("# c\n\na: 1\n", vec![3]),
        ("---\na: 1\n---\n# c\nb: 1\n---\n", vec![2, 5]),
        ("a: 1\r\n---\r\nb: 1\r\n...\r\n---\r\n- c\r\n", vec![1, 3, 6]),
        ("%YAML 1.2\n---\na: 1\n", vec![3]),
        ("--- {a: 1}\n--- b\n", vec![1, 2]),
    ];
    for (text, lines) in cases {
        let loaded = documents(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(loaded.iter().map(|document| document.line).collect::<Vec<_>>(), lines, "{text:?}");
    }
    assert_eq!(documents(&"---\na: 1\n".repeat(5000)).map(|loaded| loaded.len()), Ok(5000));
}

#[test]
fn what_does_not_load_names_its_place() {
    let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |mut text, level| {
        let _ = writeln!(text, "a{level}: &a{level} [*a{0}, *a{0}]", level - 1);
        text
    });
    let cases = [
        ("a: 1\nb: [1,\n".to_owned(), 2, "unclosed"),
        ("a: 1\n---\nb: 1\nb: 2\n".to_owned(), 4, "duplicate"),
        ("a: .inf\n".to_owned(), 1, "finite"),
        ("a: *x\n".to_owned(), 1, "anchor"),
        ("a: 1\nb: 'x\n".to_owned(), 3, "quoted"),
        ("{{ if }}\na: 1\n".to_owned(), 1, "string"),
        (bomb, 0, "alias"),
    ];
    do_not_load(cases);
}

#[test]
fn nesting_is_read_to_its_bound_and_no_deeper() {
    on_a_deep_stack(|| {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(documents(&nested(NESTING_MAX)).is_ok());
        assert!(documents(&"- ".repeat(NESTING_MAX)).is_ok());
        do_not_load([
            (nested(NESTING_MAX + 1), 1, ""),
            ("- ".repeat(NESTING_MAX + 1), 1, ""),
            (format!("a: 1\nb: {}", "[".repeat(1_000_000)), 2, ""),
            ("- ".repeat(100_000), 1, ""),
        ]);
    });
}

/// Builds without optimisation take ten times the stack for a level, more than a test has for all that are allowed.
fn on_a_deep_stack(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(32 << 20);
        thread.spawn_scoped(scope, work).expect("a thread").join().expect("it ends well");
    });
}

fn do_not_load(cases: impl IntoIterator<Item = (String, usize, &'static str)>) {
    for (text, line, message) in cases {
        let error = documents(&text).expect_err("it is broken");
        let start: String = text.chars().take(40).collect();
        assert!(line == 0 || error.line == line, "{start:?}: {error}");
        assert!(error.to_string().to_lowercase().contains(message), "{start:?}: {error}");
    }
}

#[test]
fn an_outline_gives_what_is_written() {
    let text = "\u{feff}a: &x !!str 'é' # c\nb: [*x, \"\\u00e9\"]\nc: |+ # d\n   e\n\nf:\n";
    let outline = Outline::read(text).expect("it parses");
    let scalars =
        outline.events.iter().enumerate().filter(|(_, event)| matches!(event.kind, Kind::Scalar(_) | Kind::Alias));
    let scalars: Vec<(&str, &str)> =
        scalars.map(|(index, event)| (outline.written(index), event.value.as_ref())).collect();
    let expected = [
        ("a", "a"),
        ("'é'", "é"),
        ("b", "b"),
        ("*x", ""),
        ("\"\\u00e9\"", "é"),
        ("c", "c"),
        ("e\n\n", "e\n\n"),
        ("f", "f"),
    ];
    assert_eq!(scalars, expected);
    let comments: Vec<&str> = outline.comments.iter().map(|comment| &text[comment.clone()]).collect();
    assert_eq!(comments, ["# c", "# d"]);
}

#[test]
fn an_outline_has_bounds() {
    let cases = [
        ("[".repeat(300), "recursion"),
        ("a: 1\nb: *x\n".to_owned(), "anchor"),
        ("a: \0\n".to_owned(), "NUL"),
        ("x".repeat(17 << 20), "MiB"),
    ];
    for (text, expected) in cases {
        let Fault { reason, .. } = Outline::read(&text).expect_err("it is out of bounds");
        assert!(reason.contains(expected), "{reason}");
    }
    let replayed = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a,".repeat(20_000));
    assert!(documents(&replayed).is_err(), "aliases of long scalars are bounded too");
    let comments = format!("a: 1\n{}b:\n{}  - 1\n", "# c\n".repeat(50_000), "  # c\n".repeat(50_000));
    assert_eq!(Outline::read(&comments).expect("comments are no bound").comments.len(), 100_000);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn what_fits_plain_reads_back(text in "[-?:,\\[\\]{}#&*!|>'\"%@`a .~<0é/]{1,8}") {
        for (in_flow, written) in [(false, format!("a: {text}\n")), (true, format!("a: [{text}]\n"))] {
            if dialect::fits_plain(&text, in_flow) {
                let outline = Outline::read(&written).map_err(|fault| TestCaseError::fail(format!("{text:?}: {fault}")))?;
                let read = outline.events.iter().any(|event| event.in_flow == in_flow && event.value == text);
                prop_assert!(read, "{:?}", written);
            }
        }
    }

    #[test]
    fn documents_read_alone_as_together(text in "(a: x\n|- y\n|---\n|--- z\n|...\n|# c\n|b: \"\n  \"\n|  c: \\|\n    d\n|\n|a: &x 1\n|-- -\n){0,12}") {
        if let Ok(whole) = Outline::read(&text) {
            let mut apart = Vec::new();
            for range in split::documents(&text) {
                let part = Outline::read(&text[range.clone()]).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
                apart.extend(part.events.iter().filter(|event| event.style().is_some()).map(|event| (range.start + event.start(), event.value.to_string())));
            }
            let together: Vec<_> = whole.events.iter().filter(|event| event.style().is_some()).map(|event| (event.start(), event.value.to_string())).collect();
            prop_assert_eq!(apart, together);
        }
    }

    #[test]
    fn loading_never_panics(text in "([-?:,\\[\\]{}#&*!|>'\"%@`a \t\n~.<0]|: |- |&a |\\*a ){0,60}") {
        let _ = documents(&text);
    }
}
