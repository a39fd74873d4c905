//! How nodes are written: the forms of texts, numbers and keys, each as kustomize v5.8.2 answers.

use tagwright::object::{Mapping, Node, Scalar, Style, Tag};
use tagwright::yaml::emit::Problem;
use tagwright::yaml::{Dialect, emit, json, plain};

#[test]
fn a_text_takes_the_first_form_that_fits() {
    let same =
        "word v1.2.3 1.2.3 a:b a#b -a ?a :a --a a, a] << = NaN 0x 0b 1e 1e400 1,000 yEs 2021-13-01 http://x/?y=z é";
    for text in same.split(' ') {
        check(text, text);
    }
    check("two words", "two words");
    for text in "y N yes off true null ~ 007 0o17 1_000 1e3 .5 -1 +.5 .inf .NaN 12:30 190:20:30.5 2021-01-01".split(' ')
    {
        check(text, &format!("\"{text}\""));
    }
    for text in ["2021-01-01 00:00:00", "2021-01-01   00:00:00", "0b-1", "0b+1"] {
        check(text, &format!("\"{text}\""));
    }
    check("", "\"\"");
    for text in
        ["*a", "@a", "- a", "-", "?", ",a", "---", "...a", "a:", "a: b", "a #b", " a", "a ", "[a", "{{ x }}", "|"]
    {
        check(text, &format!("'{text}'"));
    }
    check("'a'", "'''a'''");
    check("it's", "it's");
}

#[test]
fn special_characters_are_escaped() {
    check("a\tb", r#""a\tb""#);
    check("\r\0\u{7}\u{1b}", r#""\r\0\a\e""#);
    check("\u{1f680} \"\\", r#""\U0001F680 \"\\""#);
    check("a\u{feff}\u{1}", r#""a\uFEFF\x01""#);
    // Each character behind a byte order mark at the start.
    check("\u{feff}a b", r#""\uFEFF\x61\x20\x62""#);
    check("a\u{a0}b\u{301}", "a\u{a0}b\u{301}");
    check("a\u{2028}b", "'a\u{2028}    b'");
    // Read once more as YAML, it folds like any line break.
    check("x \u{85}  y\u{85} \u{85}z", "|-\n    x y\n    z");
}

#[test]
fn lines_make_a_literal_block() {
    check("a\nb", "|-\n    a\n    b");
    check("a\nb\n", "|\n    a\n    b");
    check("a\n\n", "|+\n    a\n");
    check("\n", "|2+\n");
    check(" a\n", "|2\n     a");
    check("\na", "|2-\n\n    a");
    check("a\n\n  b\n", "|\n    a\n\n      b");
    check("a \nb", r#""a \nb""#);
    check("a\tb\nc", r#""a\tb\nc""#);
    check("a\n ", r#""a\n ""#);
}

#[test]
fn texts_are_folded_behind_column_80() {
    let (x, y) = ("x".repeat(72), "y".repeat(9));
    check(&format!("{x} {y}"), &format!("{x} {y}"));
    check(&format!("{x}123456789 {y} z"), &format!("{x}123456789\n    {y} z"));
    // Two blanks stay together; so do a blank and the quote behind it.
    check(&format!("{x}123456789  {y} z"), &format!("{x}123456789  {y}\n    z"));
    check(&format!("{x}123456789 "), &format!("'{x}123456789 '"));
    check(&format!("# {x}12345 {y}"), &format!("'# {x}12345\n    {y}'"));
    check(&format!("\t{x}123456  {y} "), &format!("\"\\t{x}123456\n    \\ {y} \""));
    // Characters count, not bytes.
    let umlauts = "ü".repeat(72);
    check(&format!("{umlauts} {y}"), &format!("{umlauts} {y}"));
    check(&format!("{umlauts}123456789 {y}"), &format!("{umlauts}123456789\n    {y}"));
    check(&format!("{x} {y}\n"), &format!("|\n    {x} {y}"));
}

/// Checks a text as the value of a key in a mapping in a list.
fn check(text: &str, expected: &str) {
    let node = Node::sequence(vec![mapping([("abcde", Node::sequence(vec![Node::string(text)]))])]);
    let written = format!("- abcde:\n  - {expected}\n");
    assert_eq!(emit(&node).as_deref(), Ok(&*written), "{text:?}");
}

#[test]
fn numbers_are_those_of_json() {
    let cases = "1.10 1.1, 1e3 1000, 12345678.9 1.23456789e+07, 0x1F 31, 010 8, -0.0 0, 1_000 1000, 100000.5 100000.5, \
        1234567.5 1.2345675e+06, 0.0001 0.0001, 0.00001 1e-05, 5e-324 5e-324, 1e15 1000000000000000, \
        1e19 10000000000000000000, 1e20 1e+20, 1e21 1e+21, 18446744073709551615 18446744073709551615, \
        18446744073709551616 1.8446744073709552e+19, 123456789012345678901234567890 1.2345678901234568e+29, \
        -9223372036854775808 -9223372036854775808, -9223372036854775809 -9.223372036854776e+18, \
        9007199254740993.0 9007199254740992, 1.7976931348623157e308 1.7976931348623157e+308, 5e-7 5e-07";
    for case in cases.split(", ") {
        let (number, expected) = case.trim().split_once(' ').expect("two words");
        let node = Node::Scalar(plain(number, Dialect::Resource));
        assert_eq!(emit(&node).as_deref(), Ok(&*format!("{expected}\n")), "{number}");
    }
    for (number, expected) in [
        ("1e20", "100000000000000000000"),
        ("1e21", "1e+21"),
        ("5e-7", "5e-7"),
        ("-0.0", "-0"),
        ("-0.00025", "-0.00025"),
        ("855581897577421.25", "855581897577421.2"),
    ] {
        assert_eq!(json(&Node::Scalar(plain(number, Dialect::Resource))).as_deref(), Ok(expected));
    }
}

#[test]
fn other_types_are_written_by_their_value() {
    let cases = [
        (Tag::Null, "~", "null"),
        (Tag::Bool, "True", "true"),
        (Tag::Float, "3", "3"),
        (Tag::Timestamp, "2021-01-01", "\"2021-01-01T00:00:00Z\""),
        (Tag::Binary, "aGVs\nbG8=", "hello"),
        (Tag::Binary, "//8=", "\u{fffd}\u{fffd}"),
    ];
    for (tag, text, expected) in cases {
        assert_eq!(emit(&Scalar::new(text, tag).into()).as_deref(), Ok(&*format!("{expected}\n")), "{text}");
    }
}

#[test]
fn keys_stand_in_their_natural_order() {
    let cases = [
        "a b",
        "B b",
        "b9 b10",
        "1 a",
        "_a a",
        "$x _ a z é",
        "a a1 a2 a10 b",
        "a1 a01",
        "a-1 a1",
        "a.b a/b a_b ab",
        "1 2 10",
        "a1 a1b",
        "v1 v1alpha1 v1beta1 v2",
        "a10 a100",
        "a10b a010c",
        "x.y x.y.z",
    ];
    for case in cases {
        let keys: Vec<&str> = case.split(' ').collect();
        let expected = emit(&mapping(keys.iter().map(|key| (*key, Node::null())))).expect("strings");
        let written: Vec<_> = expected.lines().map(|line| line.trim_end_matches(": null").trim_matches('"')).collect();
        assert_eq!(written, keys);
        assert_eq!(emit(&mapping(keys.iter().rev().map(|key| (*key, Node::null())))), Ok(expected.clone()));
    }
}

#[test]
fn an_order_that_goes_in_circles_is_borne() {
    let keys: Vec<String> = (0..300).map(|at| format!("a{}{}", at, ["", "b", "0c"][at % 3])).collect();
    let once = emit(&mapping(keys.iter().map(|key| (&**key, Node::null())))).expect("strings");
    assert_eq!(once.lines().count(), 300);
}

#[test]
fn keys_that_are_no_words_are_quoted_or_stand_alone() {
    let long = "k".repeat(129);
    let node = mapping([
        ("y", mapping([("a: b", Node::string("c")), ("", Node::null())])),
        (&long, Node::sequence(vec![Node::string("x")])),
        ("a\nb", mapping([("c", Node::sequence(vec![Node::sequence(vec![Node::null()])]))])),
    ]);
    let written = format!("? |-\n  a\n  b\n: c:\n  - - null\n? {long}\n: - x\n\"y\":\n  \"\": null\n  'a: b': c\n");
    assert_eq!(emit(&node), Ok(written));
}

#[test]
fn collections_nest_without_needless_indentation() {
    let node = mapping([
        ("a", Node::sequence(vec![mapping([("b", Node::null()), ("c", mapping([]))]), Node::sequence(vec![])])),
        ("d", mapping([("e", mapping([("f", Node::sequence(vec![Node::null()]))]))])),
    ]);
    let written = "a:\n- b: null\n  c: {}\n- []\nd:\n  e:\n    f:\n    - null\n";
    assert_eq!(emit(&node).as_deref(), Ok(written));
    assert_eq!(emit(&mapping([])).as_deref(), Ok("{}\n"));
    assert_eq!(emit(&Node::string("a b")).as_deref(), Ok("a b\n"));
}

#[test]
fn what_kustomize_cannot_write_is_refused() {
    let nested = |key: Scalar| mapping([("a", Node::Mapping([(key, Node::null())].into_iter().collect()))]);
    let cases = [
        (Node::Scalar(plain(".inf", Dialect::Resource)), Problem::NotFinite(".inf".to_owned())),
        (Node::string("a\u{7f}"), Problem::Character(0x7f)),
        (Node::string("\u{80}"), Problem::Character(0x80)),
        (Node::string("\u{fffe}"), Problem::Character(0xfffe)),
        (Node::string("a\u{85}--- b"), Problem::DocumentMarker("--- ".to_owned())),
        (nested(plain("1", Dialect::Resource)), Problem::KeyNotString("1".to_owned())),
        (nested(Scalar::string("a\u{85}")), Problem::Character(0x85)),
        (nested(Scalar::string("k".repeat(1023))), Problem::KeyTooLong("k".repeat(40))),
        (mapping([("a", Node::null()), ("b", Node::null()), ("a", Node::null())]), Problem::KeyTwice("a".to_owned())),
        (Scalar::new("x", Tag::Binary).into(), Problem::Invalid("x".to_owned())),
        ((0..1000).fold(Node::null(), |node, _| Node::sequence(vec![node])), Problem::TooDeep),
    ];
    for (node, problem) in cases {
        assert_eq!(emit(&node).map_err(|error| error.problem), Err(problem));
    }
    assert!(emit(&nested(Scalar::string("k".repeat(1022)))).is_ok());
    let root: Mapping = [(plain("1.50", Dialect::Resource), Node::null())].into_iter().collect();
    assert_eq!(emit(&root.into()).as_deref(), Ok("\"1.50\": null\n"));
}

#[test]
fn json_is_as_go_writes_it() {
    let node = mapping([
        ("b10", Node::sequence(vec![Node::string("<a> & \"b\"\\\n\r\t\u{8}\u{c}\u{1}\u{7f}\u{2028}é\u{1f680}")])),
        ("b9", mapping([("c", Node::sequence(vec![])), ("B", mapping([]))])),
        ("a", Node::Scalar(plain("0x10", Dialect::Resource))),
    ]);
    let text = r#"["\u003ca\u003e \u0026 \"b\"\\\n\r\t\b\f\u0001DEL\u2028é🚀"]"#.replace("DEL", "\u{7f}");
    assert_eq!(json(&node), Ok(format!(r#"{{"a":16,"b10":{text},"b9":{{"B":{{}},"c":[]}}}}"#)));
    let doubled = mapping([("a", Node::null()), ("a", Node::null())]);
    assert_eq!(json(&doubled).map_err(|error| error.problem), Err(Problem::KeyTwice("a".to_owned())));
}

fn mapping<'a>(entries: impl IntoIterator<Item = (&'a str, Node)>) -> Node {
    entries.into_iter().map(|(key, value)| (Scalar::string(key), value)).collect::<Mapping>().into()
}

#[test]
fn folded_texts_change_where_lines_are_indented() {
    let cases = [
        ("one\ntwo\n\nthree\n", "one\ntwo\n\nthree\n"),
        ("hello\n  indented\nback\n", "hello\n\n  indented\nback\n"),
        ("one\n\ntwo\n three", "one\n\ntwo\n\n three"),
        ("a\n\n b\n\nc\n", "a\n\n\n b\n\nc\n"),
        // Where the text begins with a blank, lines are joined instead.
        (" a\nb\nc\n\nd", " a\nb c\nd"),
        ("a\n\n", "a\n\n\n"),
        (" a\n\n", " a\n\n"),
        ("\n\na\n", "\n\na\n"),
        ("\n", "\n"),
        ("a\n\tb", "a\n\n\tb"),
        // These are written in double quotes.
        ("a \n b", "a \n b"),
        ("a\n\tb\u{1}", "a\n\tb\u{1}"),
        ("\u{1f680}\n b\n\n", "\u{1f680}\n b\n\n"),
    ];
    for (text, expected) in cases {
        let scalar = Scalar { style: Style::Folded, ..Scalar::string(text) };
        assert_eq!(json(&Node::Scalar(scalar.clone())), json(&Node::string(expected)), "{text:?}");
        assert_eq!(emit(&Node::Scalar(scalar)), emit(&Node::string(expected)), "{text:?}");
    }
}
