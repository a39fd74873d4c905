//! Reading YAML into nodes: texts and what kustomize's readers make of them.
//!
//! Nodes are noted as JSON is, strings in single quotes where they could be taken for something else.

use tagwright::object::{Node, Scalar, Tag};
use tagwright::yaml::{Dialect, nodes};

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
fn keys_are_strings_and_come_once() {
    check("1: a\n", r#"{"1": "a"}"#);
    check_refused("a:\n  1: b\n", Dialect::Resource, "line 2, column 3: the key `1` is an integer, not a string");
    check_refused("a:\n  b: 1\n  c: 1\n  b: 2\n", Dialect::Resource, "the key `b` of line 4 comes twice");
    check_refused("? {a: 1}\n: b\n", Dialect::Resource, "cannot be a key");
    check_kustomization("a: 1\nb: 2\na: 3\n", r#"{"b": 2, "a": 3}"#);
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
