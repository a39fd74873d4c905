//! Reading YAML into nodes: texts and what kustomize's readers make of them.
//!
//! Nodes are noted as JSON is, strings in single quotes where they could be taken for something else.

use proptest::prelude::*;
use tagwright::object::{Node, Scalar, Tag};
use tagwright::yaml::{Dialect, json, nodes};

fn note(node: &Node) -> String {
    match node {
        Node::Scalar(scalar) => note_scalar(scalar),
        Node::Sequence(items) => format!("[{}]", items.iter().map(note).collect::<Vec<_>>().join(", ")),
        Node::Mapping(mapping) => {
            let field = |(key, value): (&Scalar, &Node)| format!("{}: {}", note_scalar(key), note(value));
            format!("{{{}}}", mapping.iter().map(field).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Strings in quotes, numbers and booleans as they are written, all else with its tag.
fn note_scalar(scalar: &Scalar) -> String {
    match scalar.tag {
        Tag::Str => format!("{:?}", &*scalar.text),
        Tag::Int | Tag::Float | Tag::Bool => scalar.text.to_string(),
        Tag::Null => "null".to_owned(),
        tag => format!("{tag:?}({})", scalar.text),
    }
}

/// The documents of `text`, one after the other; where it is refused, `line N`.
fn read(text: &str, dialect: Dialect) -> String {
    match nodes(text.as_bytes(), 1, dialect) {
        Ok(nodes) => nodes.iter().map(note).collect::<Vec<_>>().join(" | "),
        Err(error) => format!("line {}: {}", error.line, error.message),
    }
}

#[track_caller]
fn check(text: &str, want: &str) {
    assert_eq!(read(text, Dialect::Resource), want, "{text}");
}

#[track_caller]
fn check_kustomization(text: &str, want: &str) {
    assert_eq!(read(text, Dialect::Kustomization), want, "{text}");
}

#[track_caller]
fn check_refused(text: &str, dialect: Dialect, want: &str) {
    let refused = nodes(text.as_bytes(), 1, dialect).expect_err(text).to_string();
    assert!(refused.contains(want), "{text}: {refused}");
}

#[test]
fn scalars_are_what_yaml_v3_takes_them_for() {
    check(
        "a: yes\nb: 010\nc: 1_000\nd: 2021-01-01\ne: ~\nf:\n",
        r#"{"a": "yes", "b": 010, "c": 1_000, "d": Timestamp(2021-01-01), "e": null, "f": null}"#,
    );
    check("a: 'true'\nb: \"1\"\nc: |\n  1\n", r#"{"a": "true", "b": "1", "c": "1\n"}"#);
    check(
        "a: !!str 5\nb: !!int '5'\nc: !local 5\nd: !!float 5\ne: ! 5\nf: !!binary aGk=\n",
        r#"{"a": "5", "b": 5, "c": "5", "d": 5, "e": 5, "f": Binary(aGk=)}"#,
    );
    check_refused("a:\n  !!int x\n", Dialect::Resource, "line 2, column 9: `x` is not an integer");
    check_refused("a: !!bool yes", Dialect::Resource, "`yes` is not a boolean");
}

#[test]
fn kustomization_files_hand_on_values() {
    check_kustomization(
        "a: yes\nb: 010\nc: 2021-01-01\nd: 'no'\ne: 0x10\n",
        r#"{"a": true, "b": 8, "c": "2021-01-01", "d": "no", "e": 16}"#,
    );
    check_kustomization("1: a\nyes: b\n", r#"{"1": "a", "true": "b"}"#);
    check_kustomization("a: 1\n---\nb: 2\n", r#"{"a": 1}"#);
    check_kustomization("", "null");
    check_refused("a: .inf", Dialect::Kustomization, "`.inf` is no value of JSON");
}

#[test]
fn resources_are_split_as_kustomize_splits_them() {
    check("a: 1\n---\nb: 2\n", r#"{"a": 1} | {"b": 2}"#);
    check("---\n---\na: 1\n--- # next\n# nothing\n---\t\nb: 2\n---\n", r#"null | {"a": 1} | null | {"b": 2} | null"#);
    check("a: 1\r\n---\r\nb: |\r\n  x\r\n", r#"{"a": 1} | {"b": "x\n"}"#);
    check("a: 1\n...\nb: 2\n", r#"{"a": 1}"#);
    check("\u{feff}a: 1\n", r#"{"a": 1}"#);
    check_refused("a: 1\n--- b: 2\n", Dialect::Resource, "line 2, column 4: `--- b: 2` is no line between documents");
    check_refused("a: 1\n---\nb: 2\n---\nc: [\n", Dialect::Resource, "line 5, column 4");
}

#[test]
fn aliases_and_merge_keys_are_resolved() {
    check("a: &x [1, {b: 2}]\nc: *x\n", r#"{"a": [1, {"b": 2}], "c": [1, {"b": 2}]}"#);
    check("a: &x {b: 1, c: 2}\nd:\n  c: 3\n  <<: *x\n", r#"{"a": {"b": 1, "c": 2}, "d": {"c": 3, "b": 1}}"#);
    check(
        "a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne:\n  <<: [*x, *y]\n",
        r#"{"a": {"b": 1}, "c": {"b": 2, "d": 3}, "e": {"b": 1, "d": 3}}"#,
    );
    check_refused("a: &x [1]\nb:\n  <<: *x\n", Dialect::Resource, "the value of `<<` must be a mapping");
    check_refused("a: &x {b: 1}\nc: {<<: *x, <<: *x}\n", Dialect::Resource, "comes twice");
    check_refused("a: &x [*x]\n", Dialect::Resource, "within the value of its anchor");
    check_refused("a: *x\n", Dialect::Resource, "line 1");
    // There, what comes later wins.
    check_kustomization(
        "a: &x {b: 1}\nc: {b: 2, <<: *x}\nd: {<<: *x, b: 2}\n",
        r#"{"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 2}}"#,
    );
}

#[test]
fn keys_are_taken_as_they_are_or_refused() {
    check("1: a\nb: {2: c, d: e, d: f}\n", r#"{1: "a", "b": {2: "c", "d": "e", "d": "f"}}"#);
    check_refused("null: a\n", Dialect::Resource, "line 1, column 1: null cannot be a key");
    check_refused("? {a: 1}\n: b\n", Dialect::Resource, "cannot be a key");
    check_kustomization("a: 1\nb: 2\na: 3\n", r#"{"b": 2, "a": 3}"#);
    check_refused("1.5: a\n", Dialect::Kustomization, "the key `1.5` is a float, not a string");
    // kustomize takes a field of this name away when it looks for what to merge.
    check("\"<<\": a\nb: c\n", r#"{"b": "c"}"#);
}

#[test]
fn what_yaml_1_1_reads_in_another_way_is_read_so() {
    check("a: |\n  b", r#"{"a": "b"}"#);
    check("a: >+\n  b\n  c", r#"{"a": "b c"}"#);
    check("a: |\n  b\n   ", r#"{"a": "b\n "}"#);
    check("a: |\n  b\n  ", r#"{"a": "b\n"}"#);
    check("a: |\n  b\n# c", r#"{"a": "b\n"}"#);
    check("a: \"b \u{85} c\u{85}\u{85}d\"\n", r#"{"a": "b c\nd"}"#);
    check("a: \"b\nc\n\td\"\ne: 'f\n\ng'\n", r#"{"a": "b c d", "e": "f\ng"}"#);
    check("a: \"b\"# c\nd: [#e\nf,# g\nh]\n", r#"{"a": "b", "d": ["f", "h"]}"#);
    check(r#"{"a": "\u00e9\\/"}"#, r#"{"a": "é\\/"}"#);
    check_refused(r#"{"a": "b\/c"}"#, Dialect::Resource, r"the escape `\/` is not one of YAML 1.1");
    check_refused(r#"{"a": "\ud83d\ude80"}"#, Dialect::Resource, r"the escape `\ud83d`");
    check_refused("a: |\n  \tb\n", Dialect::Resource, "a tab begins the first line of a block scalar");
}

#[test]
fn what_kustomize_changes_on_the_way_to_json_is_changed() {
    let check = |text: &str, want: &str| {
        let read = nodes(text.as_bytes(), 1, Dialect::Resource).expect(text);
        assert_eq!(json(&read[0]).expect(text), want, "{text}");
    };
    // A value that is not written in a flow mapping becomes an empty string there, not in a block.
    check("a: {b, c: , d: ~}\ne:\n", r#"{"a":{"b":"","c":"","d":null},"e":null}"#);
    // A timestamp with a time gets quotes in a flow collection, and so stays as it was written.
    check(
        "[2020-1-1T1:2:03Z, 2020-1-1, !!timestamp 2020-1-1T1:2:03Z]",
        r#"["2020-1-1T1:2:03Z","2020-01-01T00:00:00Z","2020-01-01T01:02:03Z"]"#,
    );
    check("a: 2020-1-1T1:2:03Z", r#"{"a":"2020-01-01T01:02:03Z"}"#);
    // Folded texts with indented lines gain line breaks.
    check("a: >\n  b\n  c\n    d\n  e\n", r#"{"a":"b c\n\n  d\ne\n"}"#);
    check("a: >+\n  b\n\n", r#"{"a":"b\n\n\n"}"#);
    check("a: >2\n    b\n  c\n  d\n\n  e\n", r#"{"a":"  b\nc d e\n"}"#);
    check("a: >\n  b\n\n  c\n", r#"{"a":"b\nc\n"}"#);
    // Those that are written in quotes do not.
    check("a: >\n  b\n    c \n  d\n", r#"{"a":"b\n  c \nd\n"}"#);
    check("a: |\n  b\n    c\n", r#"{"a":"b\n  c\n"}"#);
}

#[test]
fn every_scalar_knows_its_line() {
    let lines = |text: &str| {
        let documents = nodes(text.as_bytes(), 7, Dialect::Resource).expect(text);
        let last = documents.last().and_then(Node::as_mapping).and_then(|fields| fields.iter().next_back());
        let (key, value) = last.expect("a field");
        let place = value.as_scalar().expect("a scalar").place;
        (place.file, key.place.line, place.line)
    };
    assert_eq!(lines("a: 1\nb: 2\n"), (7, 2, 2));
    assert_eq!(lines("# c\n---\na: 1\n---\n\nb:\n  c\n"), (7, 6, 7));
    assert_eq!(lines("a: 1\r\n---\r\nb: 2\r\n"), (7, 3, 3));
}

#[test]
fn what_is_hostile_is_refused() {
    let nested = |open: &str, count: usize| open.repeat(count);
    check_refused(&nested("[", 10_000), Dialect::Resource, "line 1");
    check_refused(&nested("- ", 10_000), Dialect::Kustomization, "line 1");
    let bomb: String =
        (1..40).fold("a0: &a0 [x, x]\n".to_owned(), |text, at| format!("{text}a{at}: &a{at} [*a{0}, *a{0}]\n", at - 1));
    check_refused(&bomb, Dialect::Resource, "aliases make more than 64 MiB of the document");
    let chain: String =
        (1..400).fold("a0: &a0 [x]\n".to_owned(), |text, at| format!("{text}a{at}: &a{at} [*a{}]\n", at - 1));
    check_refused(&chain, Dialect::Resource, "more than 255 deep");
    check_refused(
        &format!("a: 1\n---\nb: {}\n", "x".repeat(50 << 20)),
        Dialect::Resource,
        "line 3, column 1: the document is larger",
    );
    assert!(nodes(b"a: \xff\n", 1, Dialect::Resource).is_err());
    check_refused("a: 1\nb: \u{7}\n", Dialect::Resource, "line 2, column 4: a control character is not YAML");
    check_refused("a: \u{7f}\n", Dialect::Resource, "a control character");
    check_refused("a: \0\n", Dialect::Kustomization, "a control character");
}

proptest! {
    #[test]
    fn no_text_stops_the_reader(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        let text = pieces.concat();
        for dialect in [Dialect::Resource, Dialect::Kustomization] {
            if let Ok(read) = nodes(text.as_bytes(), 1, dialect) {
                prop_assert_eq!(&read, &nodes(text.as_bytes(), 1, dialect).expect("what was read once"));
            }
        }
    }

    #[test]
    fn no_bytes_stop_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for dialect in [Dialect::Resource, Dialect::Kustomization] {
            let _ = nodes(&bytes, 1, dialect).is_ok();
        }
    }
}

const PIECES: &[&str] = &[
    "a",
    "b: ",
    ": ",
    "- ",
    "-",
    "? ",
    "\n",
    "\n",
    "\n  ",
    "\n    ",
    " ",
    "\t",
    "\r\n",
    "\r",
    "[",
    "]",
    "{",
    "}",
    ",",
    "'",
    "\"",
    "\\",
    "\\/",
    "\\u",
    "d83d",
    "#",
    " # c",
    "|",
    ">",
    "|-",
    ">+",
    "|2",
    "&x ",
    "*x",
    "<<",
    "<<: *x",
    "!",
    "!!str ",
    "!!int ",
    "!!null",
    "%",
    "@",
    "---",
    "\n---\n",
    "\n...\n",
    "~",
    "1",
    "0x1F",
    "2021-01-01",
    ".inf",
    "yes",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "é",
    "\u{1f680}",
    "!!binary aGk=",
];

/// What YAML 1.1 and 1.2 read differently is read as kustomize does, or refused; line separators among it.
#[test]
fn what_yaml_1_1_reads_otherwise_is_read_so_or_refused() {
    super::cases::check(include_str!("../../../fixtures/kustomize/yaml-1.1.txt"));
}
