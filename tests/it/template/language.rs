//! The language, its functions and `printf`, against what Go gave for the same templates: output or error, word by word.
//! The cases are in `fixtures/template`; the answers are those of Go 1.26.8 and, for `functions.jsonl`, sprig v3.3.0.

use serde_json::json;
use tagwright::template::{Args, Failure, Function, Functions, Template, Type, Value};

use super::oracle::{check_all, given, value};

/// What the templates of the fixtures are given.
fn data() -> Value {
    value(&json!({
        "name": "prod-1", "empty": "", "n": 3, "neg": -7, "zero": 0, "f": 2.25, "big": 123456789.125,
        "yes": true, "no": false, "nothing": null,
        "list": ["b", "a", "c"], "nums": [3, 1, 2], "mixed": [1, "two", 3.5, true, null], "nolist": [],
        "map": {"x": 1, "y": "why", "z": null}, "deep": {"a": {"b": [{"c": "d"}]}}, "nomap": {},
        "uni": "héllo wörld ✓ ǆ ß ﬁ 日本", "markup": "<b>\"Tom\" & 'Jerry'</b>\u{0}\u{2028}=",
        "lines": "one\n  two\n\nthree\n", "pct": "100% d",
        "ctl": "a\u{1}\tb\u{a0}\u{200b}\u{1F600}\\\"'`",
    }))
}

/// Runs the cases of one file.
fn check(name: &str, cases: &str, functions: &Functions) {
    let data = data();
    let cases = cases.lines().map(|line| serde_json::from_str(line).expect("a JSON line"));
    check_all(name, cases, ["out", "base64", "err"], |template| given("t", template, functions, &data));
}

#[test]
fn speaks_the_language() {
    check("language.jsonl", include_str!("../../../fixtures/template/language.jsonl"), &Functions::none());
}

#[test]
fn prints_by_verbs() {
    check("printf.jsonl", include_str!("../../../fixtures/template/printf.jsonl"), &Functions::none());
}

#[test]
fn has_functions_of_sprig() {
    check("functions.jsonl", include_str!("../../../fixtures/template/functions.jsonl"), Functions::standard());
}

fn greet(args: Args<'_>) -> Result<Value, Failure> {
    match args.text(0).as_bytes() {
        b"" => Err(Failure::new("nobody there")),
        name => Ok([b"hello ", name].concat().into()),
    }
}

static GREETINGS: &[Function] = &[
    Function::new("greet", &[Type::String], greet),
    Function::new("len", &[Type::Any], |_| Ok("mine".into())),
    Function::variadic("count", &[Type::Bool], &Type::Int, |args| Ok(Value::Int(args.rest(1).len() as i64))),
];

#[test]
fn takes_functions_of_callers() {
    let functions = Functions::none().with(GREETINGS);
    let data = Value::dict([("greet", Value::Function(&GREETINGS[0])), ("n", Value::Int(1))]);
    let check = |template: &str, want: &str| {
        let got = Template::parse_with("t", template, &functions).and_then(|template| template.render(&data));
        assert_eq!(got.unwrap_or_else(|error| error.to_string()), want, "of {template:?}");
    };
    let failed = |column: usize, at: &str, message: &str| {
        format!("template: t:1:{column}: executing \"t\" at <{at}>: {message}")
    };
    check("{{ greet `Go` }} {{ `Go` | greet }} {{ len 5 }}", "hello Go hello Go mine");
    check("{{ count true 1 2 3 }}{{ 4 | count false }}{{ count true }}", "310");
    check("{{ greet `` }}", &failed(3, "greet ``", "error calling greet: nobody there"));
    check("{{ greet }}", &failed(3, "greet", "wrong number of args for greet: want 1 got 0"));
    check("{{ count 1 2 }}", &failed(9, "1", "expected bool; found 1"));
    check("{{ count true .greet }}", &failed(14, ".greet", "wrong type for value; expected int; got func()"));
    check("{{ call .greet `Go` }}", "hello Go");
    check(
        "{{ call .greet }}",
        &failed(3, "call .greet", "error calling call: wrong number of args for .greet: got 0 want 1"),
    );
    let wrong = "error calling call: arg 0: value has type int; should be string";
    check("{{ call .greet .n }}", &failed(3, "call .greet .n", wrong));
    check("{{ .greet }}", &failed(3, "{{.greet}}", "can't print {{.greet}} of type func()"));
    check("{{ upper `a` }}", "template: t:1: function \"upper\" not defined");
}

#[test]
fn differs_from_go_by_name() {
    super::check("{{ printf `%p` list }}", &Value::Nil, "%!p([]interface {}=[])");
    super::check("{{ keys (dict `b` 1 `a` 2 `c` 3) }}", &Value::Nil, "[a b c]");
}

#[test]
fn says_where_a_mistake_is() {
    let place = |template: &str| {
        let error =
            Template::parse("t", template).and_then(|template| template.render(&Value::Int(1)).map(|_| template));
        error.err().map(|error| (error.line(), error.column()))
    };
    assert_eq!(place("a\n{{ .x }}"), Some((Some(2), Some(3))));
    assert_eq!(place("é {{ .x }}"), Some((Some(1), Some(6))));
    assert_eq!(place("a\n\n{{ nope }}"), Some((Some(3), Some(3))));
    assert_eq!(place("a\né {{ `x` y }}"), Some((Some(2), Some(10))));
    assert_eq!(place("{{ if . }}\n"), Some((Some(2), Some(0))));
    assert_eq!(place("a {{ . `"), Some((Some(1), Some(7))));
    assert_eq!(place(&" ".repeat(100_000)), Some((None, None)));
    assert_eq!(place("{{ . }}"), None);
}

#[test]
fn says_which_block_has_no_end() {
    let line = |template: &str| Template::parse("t", template).err().and_then(|error| error.unclosed());
    assert_eq!(line("a\n{{ if . }}\n{{ . }}"), Some(2));
    assert_eq!(line("{{ if . }}\n{{ range . }}{{ end }}"), Some(1));
    assert_eq!(line("{{ if . }}\n{{ range . }}{{ else }}\n{{ with . }}{{ end }}"), Some(2));
    assert_eq!(line("\n{{ define `x` }}\n"), Some(2));
    assert_eq!(line("\n{{ block `x` . }}\n"), Some(2));
    assert_eq!(line("{{ end }}"), None);
    assert_eq!(line("{{ . "), None);
}

#[test]
fn names_its_functions() {
    let names: Vec<&str> = Functions::none().with(GREETINGS).names().collect();
    assert_eq!(names.iter().filter(|name| **name == "len").count(), 1, "{names:?}");
    assert!(["count", "greet", "printf", "urlquery"].iter().all(|name| names.contains(name)), "{names:?}");
    assert!(names.is_sorted(), "{names:?}");
}

#[test]
fn crosses_threads() {
    fn check<T: Send + Sync>() {}
    check::<Template>();
    check::<Value>();
}
