//! Dictionaries are shared: who changes one changes it for all; a rendering leaves what it was given alone.

use tagwright::template::{Template, Value};

use crate::template::rendered;

fn data() -> Value {
    let inner = Value::dict([("x", Value::Int(1))]);
    Value::dict([("d", inner.clone()), ("same", inner.clone()), ("list", Value::list(vec![inner]))])
}

/// Renders twice from the same data: what the first rendering changed must not show in the second.
fn check(template: &str, want: &str) {
    let (data, parsed) = (data(), Template::parse("t", template).expect("a template"));
    for _ in 0..2 {
        let got = rendered(&parsed, &data);
        assert!(got.ends_with(want), "of {template:?}: wanted …{want:?}, got {got:?}");
    }
    assert_eq!(rendered(&Template::parse("t", "{{ . }}").expect("a template"), &data), PRINTED);
}

const PRINTED: &str = "map[d:map[x:1] list:[map[x:1]] same:map[x:1]]";

#[test]
fn changes_show_wherever_a_dictionary_is_held() {
    check("{{ $d := dict }}{{ $_ := set $d `a` 1 }}{{ $d }}", "map[a:1]");
    check("{{ $d := dict `a` 1 }}{{ $e := $d }}{{ $_ := unset $e `a` }}{{ $d }}", "map[]");
    check("{{ $_ := set .d `y` 2 }}{{ .d }} {{ .same }} {{ .list }}", "map[x:1 y:2] map[x:1 y:2] [map[x:1 y:2]]");
    check("{{ range .list }}{{ $_ := set . `y` 2 }}{{ end }}{{ .d.y }}", "2");
    check("{{ $c := deepCopy .d }}{{ $_ := set $c `y` 2 }}{{ .d }} {{ $c }}", "map[x:1] map[x:1 y:2]");
    check(
        "{{ $d := dict `a` 1 `b` 2 }}{{ range $k, $v := $d }}{{ $_ := set $d (print $k $k) $v }}{{ $k }}{{ end }}",
        "ab",
    );
    check("{{ $d := dict `in` (dict `a` 1) }}{{ $_ := merge $d (dict `in` (dict `b` 2)) }}{{ $d.in }}", "map[a:1 b:2]");
    check("{{ $_ := mergeOverwrite .d (dict `x` 5) }}{{ .same.x }}", "5");
    check("{{ set nil `a` 1 }}", "error calling set: assignment to entry in nil map");
}

#[test]
fn a_dictionary_cannot_hold_itself() {
    const ITSELF: &str = "error calling set: the map would hold itself";
    check("{{ $d := dict }}{{ set $d `d` $d }}", ITSELF);
    check("{{ $d := dict }}{{ set $d `d` (list 1 (list $d)) }}", ITSELF);
    check("{{ $d := dict }}{{ $e := dict `d` $d }}{{ set $d `e` $e }}", ITSELF);
    check("{{ $d := dict }}{{ $e := dict }}{{ $_ := set $e `d` $d }}{{ set $d `e` $e }}", ITSELF);
    check("{{ $d := dict }}{{ merge $d (dict `a` (list $d)) }}", "error calling merge: the map would hold itself");
    check("{{ set .d `d` . }}", ITSELF);
    // Shared, but not within itself.
    check(
        "{{ $d := dict }}{{ $e := dict `a` $d `b` $d }}{{ $_ := set $e `c` (list $d $d) }}{{ $e }}",
        "c:[map[] map[]]]",
    );
}

#[test]
fn dictionaries_do_not_grow_too_deep() {
    const DEEP: &str = "lists and maps more than 100 deep";
    check(
        "{{ $d := dict }}{{ $r := $d }}{{ range 99 }}{{ $n := dict }}{{ $_ := set $d `a` $n }}{{ $d = $n }}{{ end }}{{ $r | toString | len }}",
        "698",
    );
    check("{{ $d := dict }}{{ range 100 }}{{ $n := dict }}{{ $_ := set $d `a` $n }}{{ $d = $n }}{{ end }}", DEEP);
    check("{{ $d := dict }}{{ range 100 }}{{ $d = dict `a` $d }}{{ end }}", DEEP);
    check("{{ $d := dict }}{{ range 100 }}{{ $d = list $d }}{{ end }}", DEEP);
    check("{{ $in := dict }}{{ $d := $in }}{{ range 98 }}{{ $d = list $d }}{{ end }}{{ $_ := set $in `a` 1 }}", "");
    check(
        "{{ $in := dict }}{{ $d := $in }}{{ range 98 }}{{ $d = list $d }}{{ end }}{{ set $in `a` (list (list)) }}",
        DEEP,
    );
}
