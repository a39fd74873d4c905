//! Fuzz target: templates that work, with some of their bytes changed, lost, doubled or moved. None may panic, whatever
//! comes of it is within the bounds, and the same again.
//!
//! `PROPTEST_CASES=1000000 cargo test --test it template::fuzz` runs longer; a failure is printed with its smallest input.

use proptest::prelude::*;
use proptest::sample::Index;
use tagwright::template::{Template, Value, limits};

use super::flux;

/// Templates as people write them, and one for each corner of the language.
const SAMPLES: &[&str] = &[
    "{{ .AutomationObject }}: {{ len .Changed.Changes }}",
    "{{ range $file, $objects := .Changed.FileChanges -}}\n- {{ $file }}\n{{ range $o, $changes := $objects }}{{ $o.Kind }} \
     {{ $o.Name }}{{ range $changes }} {{ .OldValue }} -> {{ .NewValue }}{{ end }}{{ end }}{{ end -}}",
    "{{- with .Values.cluster }}[{{ . | upper }}]{{ else with .Values.n }}{{ . }}{{ else }}none{{ end -}}",
    "{{ define `part` }}{{ . }}{{ end }}{{ template `part` .Values }}{{ block `other` $ }}{{ .AutomationObject }}{{ end }}",
    "{{ range $i, $c := .Changed.Changes }}{{ if gt $i 0 }}, {{ else }}{{ continue }}{{ end }}{{ $c.Setter }}{{ break }}{{ end }}",
    "{{ $x := 1 }}{{ range 3 }}{{ $x = . }}{{ end }}{{ printf `%[2]*[1]d|%-8.3q|%+v|%#x|%T|%e|%U` $x 6 `a` 2.5 }}",
    "{{ (index .Changed.Changes 0).NewValue | splitList `:` | last | trunc 4 | quote | indent 2 }}",
    "{{ $d := dict `a` (list 1 2.5 nil `x`) }}{{ $d.a }}{{ slice (index $d `a`) 1 3 }}{{ get $d `b` | default 0x1F }}",
    "{{ if and (eq 1 1 2) (or (not true) (lt `a` `b`)) }}{{/* why */}}{{ html `<a>` }}{{ js \"\\u0041'\" }}{{ end }}",
    "{{ repeat 3 `ab` | replace `b` `c` }}{{ urlquery `a b` 'x' }}{{ println 1e3 -0b11 0o17 1_000 }}{{ call nil }}",
    "{{ template `x` }}{{ define `x` }}{{ range 9 }}{{ template `x` . }}{{ end }}{{ end }}",
    "{{ $s := `xy` }}{{ range 90 }}{{ $s = print $s $s }}{{ end }}{{ $s }}",
];

/// One change of a sample.
#[derive(Clone, Debug)]
enum Change {
    Put(Index, String),
    Remove(Index, usize),
    Double(Index, usize),
    /// Something from another sample.
    Splice(Index, &'static str, Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let pieces = [
        "{{",
        "}}",
        "{{- ",
        " -}}",
        "{{ end }}",
        "{{ else }}",
        "(",
        ")",
        "|",
        ".",
        "$",
        ":=",
        "=",
        ",",
        "`",
        "\"",
        "'",
        "\\",
        " ",
        "\n",
        "0",
        "9",
        "%",
        "*",
        "[",
        "nil",
        "range ",
        "break",
        "é",
        "\u{0}",
        "1000000000000",
        "-1",
    ];
    let piece = prop_oneof![
        6 => proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    let sample = || proptest::sample::select(SAMPLES.to_vec());
    prop_oneof![
        4 => (any::<Index>(), piece).prop_map(|(at, piece)| Change::Put(at, piece)),
        2 => (any::<Index>(), 1..12_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        2 => (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Change::Double(at, length)),
        2 => (any::<Index>(), sample(), any::<Index>(), 1..40_usize)
            .prop_map(|(at, other, from, length)| Change::Splice(at, other, from, length)),
    ]
}

/// The characters from `start` on, at most `length` of them.
fn part(text: &[char], start: usize, length: usize) -> Vec<char> {
    text.iter().skip(start).take(length).copied().collect()
}

fn changed(sample: &str, changes: &[Change]) -> String {
    let mut text: Vec<char> = sample.chars().collect();
    for change in changes {
        let place = |at: &Index| at.index(text.len() + 1);
        let (at, removed, put) = match change {
            Change::Put(at, piece) => (place(at), 0, piece.chars().collect()),
            Change::Remove(at, length) => (place(at), *length, Vec::new()),
            Change::Double(at, length) => (place(at), 0, part(&text, place(at), *length)),
            Change::Splice(at, other, from, length) => {
                let other: Vec<char> = other.chars().collect();
                (place(at), 0, part(&other, from.index(other.len()), *length))
            }
        };
        let end = text.len().min(at + removed);
        text.splice(at..end, put);
    }
    text.into_iter().collect()
}

fn given() -> Value {
    let list = Value::list(vec![Value::Int(1), Value::Nil, "x".into(), Value::Float(0.5)]);
    Value::dict([
        ("Changed", list),
        ("Values", Value::dict([("cluster", Value::from("é{{ . }}"))])),
        ("n", Value::Int(-1)),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn changed_templates_stay_within_bounds(
        sample in proptest::sample::select(SAMPLES.to_vec()),
        changes in proptest::collection::vec(change(), 0..6),
    ) {
        let text = changed(sample, &changes);
        match Template::parse("t", &text) {
            Err(error) => {
                let lines = text.matches('\n').count() + 1;
                prop_assert!(error.line().is_none_or(|line| (1..=lines).contains(&line)), "{error} in {text:?}");
            }
            Ok(template) => for data in [flux::data(), given(), Value::Nil] {
                let rendered = template.render_bytes(&data);
                prop_assert!(rendered.as_ref().map_or(0, Vec::len) <= limits::OUTPUT_BYTES_MAX, "{text:?}");
                prop_assert_eq!(&template.render_bytes(&data), &rendered, "{:?}", text);
            },
        }
    }
}
