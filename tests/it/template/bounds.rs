//! Bounds: hostile templates end with an error, and no template makes the engine panic.

use proptest::prelude::*;
use tagwright::template::{Template, Value, limits};

use super::rendered;

const STEPS: &str = "exceeded 1000000 steps";
const LONG: &str = "is longer than 1048576 bytes";

/// A list of a thousand numbers, a string of 30 KB that is costly to quote, a map.
fn data() -> Value {
    Value::dict([
        ("list", Value::list((0..1000).map(Value::Int).collect())),
        ("text", "he\u{301}llo ✓".repeat(2500).into()),
        ("map", Value::dict((0..1000).map(|i| (format!("k{i}"), Value::Int(i))))),
    ])
}

/// Small; without optimisation the same calls take several times as much.
const STACK_BYTES: usize = if cfg!(debug_assertions) { 4 << 20 } else { 1 << 20 };

/// Renders `template` on a thread with a small stack; it must end with an error that ends so.
fn check(template: String, want: &str) {
    let run = move || match Template::parse("t", &template) {
        Ok(template) => rendered(&template, &data()),
        Err(error) => error.to_string(),
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run).expect("a thread");
    let got = thread.join().expect("no panic");
    assert!(got.ends_with(want), "wanted …{want:?}, got {:?}", got.chars().take(300).collect::<String>());
}

/// The action over and over.
fn forever(action: &str) -> String {
    format!("{{{{ range 1000000000 }}}}{{{{ {action} }}}}{{{{ end }}}}")
}

fn nested(depth: usize, open: &str, inner: &str) -> String {
    open.repeat(depth) + inner + &"{{ end }}".repeat(depth)
}

#[test]
fn ends_what_would_not_end() {
    check("{{ range 1000000000 }}{{ end }}".into(), STEPS);
    check("{{ range 1000000000 }}{{ range 1000000000 }}{{ end }}{{ end }}".into(), STEPS);
    check("{{ range 1000000000 }}x{{ end }}".into(), STEPS);
    check(forever("if true }}{{ end"), STEPS);
    check(forever("$x := eq 1 2"), STEPS);
    check(forever("$x := $.map.k500"), STEPS);
    check(forever("range $.list }}{{ end"), STEPS);
    check(forever("$x := list 1 2 3"), STEPS);
    check(forever("$x := dict `a` 1 `b` 2"), STEPS);
    check(forever(&format!("$x := and {}", "1 ".repeat(20_000))), STEPS);
    check(forever(&format!("$x := dict {}", "1 ".repeat(20_000))), STEPS);
    let variables: String = (0..2500).map(|i| format!("{{{{ $v{i} := 1 }}}}")).collect();
    check(variables + &forever("$v0"), STEPS);
    check(
        "{{ define `x` }}{{ template `x` }}{{ end }}{{ template `x` }}".into(),
        "exceeded maximum template depth (100)",
    );
    let doubled =
        |i| format!("{{{{ define `x{i}` }}}}{}{{{{ end }}}}", format!("{{{{ template `x{}` }}}}", i + 1).repeat(2));
    let templates: String = (0..60).map(doubled).collect();
    check(format!("{templates}{{{{ define `x60` }}}}{{{{ end }}}}{{{{ template `x0` }}}}"), STEPS);
    let body = nested(90, "{{ range 1 }}", "{{ template `x` (((1))) }}");
    check(
        format!("{{{{ define `x` }}}}{body}{{{{ end }}}}{{{{ template `x` }}}}"),
        "exceeded maximum nesting depth (400)",
    );
}

#[test]
fn bounds_strings_and_lists() {
    check(forever("printf `%100d` 1"), LONG);
    check(forever("$x := printf `%100000d` 1"), STEPS);
    check(forever("$x := printf `%9999999d` 1"), LONG);
    check(forever("$x := printf `%.9999999f` 1.5"), LONG);
    check(forever("$x := printf `%.9999999x` 1"), LONG);
    check(forever("$x := printf `%.1000f` 1e300"), STEPS);
    for function in ["printf `%q`", "printf `%+q`", "quote", "js", "html", "urlquery", "title", "upper", "splitList ``"]
    {
        check(forever(&format!("$x := {function} $.text")), STEPS);
    }
    for call in ["print $.list", "keys $.map", "slice $.list 1", "join `,` $.list", "trimAll $.text $.text"] {
        check(forever(&format!("$x := {call}")), STEPS);
    }
    for call in ["contains `x` $.text", "replace `l` `` $.text", "repeat 1000 `x`", "nindent 1000 `x`"] {
        check(forever(&format!("$x := {call}")), STEPS);
    }
    check(forever("$.list"), LONG);
    check("{{ $s := `x` }}{{ range 100 }}{{ $s = print $s $s }}{{ end }}".into(), STEPS);
    check("{{ repeat 1000000 `xx` }}".into(), LONG);
    check("{{ repeat 9223372036854775807 `xx` }}".into(), LONG);
    check("{{ indent 9223372036854775807 `x` }}".into(), LONG);
    check("{{ indent 1000 (repeat 2000 `\n`) }}".into(), LONG);
    check("{{ replace `` (repeat 1000 `x`) (repeat 2000 `y`) }}".into(), LONG);
    check("{{ html (repeat 500000 `<`) }}".into(), LONG);
    check("{{ splitList `` (repeat 100000 `x`) }}".into(), "the result has more than 65536 items");
}

#[test]
fn bounds_changes_of_dictionaries() {
    check("{{ $d := dict }}{{ range $i := 1000000 }}{{ $_ := set $d (print $i) $i }}{{ end }}".into(), STEPS);
    check(forever("$_ := set $.map `k0` 1"), STEPS);
    check(format!("{{{{ range $k, $v := .map }}}}{}{{{{ end }}}}", forever("$_ := set $.map $k 1")), STEPS);
    check(forever("$_ := deepCopy $.map"), STEPS);
    check(forever("$_ := merge (dict) $.map"), STEPS);
    check(forever("$_ := uniq $.list"), STEPS);
    let doubled = "{{ $d := dict }}{{ range 90 }}{{ $d = dict `a` $d `b` $d }}{{ end }}";
    for call in ["deepCopy $d", "merge $d $d", "deepEqual $d (set $d `c` 1)"] {
        check(format!("{doubled}{{{{ $_ := {call} }}}}{}", forever("$x := 1")), STEPS);
    }
    check(format!("{doubled}{{{{ $d }}}}"), LONG);
}

#[test]
fn bounds_work_that_results_do_not_show() {
    let printed_long = "{{ $l := list 1 2 3 4 }}{{ range 12 }}{{ $l = list $l $l }}{{ end }}";
    for call in ["toDecimal $l", "dict $l 1", "toStrings (list $l)", "sortAlpha (list $l $l)", "toJson (list $l 1i)"] {
        check(format!("{printed_long}{}", forever(&format!("$x := {call}"))), STEPS);
    }
    let alike = "{{ $a := list (repeat 200000 `x`) }}{{ $b := list (repeat 200000 `x`) }}\
        {{ range 9 }}{{ $a = concat $a $a }}{{ $b = concat $b $b }}{{ end }}";
    check(format!("{alike}{}", forever("$x := deepEqual $a $b")), STEPS);
    check(forever("$x := printf (repeat 200000 `%[`)"), STEPS);
    check(forever("$x := (toDate `2006` `2020`).String"), STEPS);
    let groups = "(?P<a>)".repeat(400);
    check(format!("{{{{ $r := repeat 9999 `$a` }}}}{}", forever(&format!("regexReplaceAll `{groups}` `x` $r"))), STEPS);
    check("{{ $r := repeat 9999 `$1` }}{{ regexReplaceAll `(y)?x` (repeat 60000 `x`) $r }}".into(), STEPS);
    check(
        "{{ (semver `1.2.3`).SetMetadata (repeat 257 `a`) }}".into(),
        "error calling SetMetadata: the version is longer than 256 bytes",
    );
    let many = "{{ $s := printf `[%s{}]` (repeat 2000 `{},`) }}";
    let deep = "{{ $s := printf `%s%s%s` (repeat 90 `[`) $s (repeat 90 `]`) }}";
    check(format!("{many}{deep}{}", forever("$x := fromJson $s")), STEPS);
    check(format!("{many}{deep}{{{{ $j := fromJson $s }}}}{}", forever("$x := deepCopy $j")), STEPS);
    let each = |wrap: &str| {
        format!("{many}{}", forever(&format!("$j := fromJson $s }}}}{{{{ range 90 }}}}{{{{ {wrap} }}}}{{{{ end")))
    };
    check(each("$j = list $j"), STEPS);
    check(each("$d := dict }}{{ $_ := set $d `a` $j }}{{ $j = $d"), STEPS);
}

#[test]
fn bounds_memory() {
    let map = "{{ $m := fromJson (print `{\"` (replace ` ` `\":1,\"` (seq 1 20000)) `\":1}`) }}";
    // Each range looks at the map as it was.
    let looks = "{{ range $m }}{{ $_ := set $m `a` 1 }}".repeat(60) + &"{{ end }}".repeat(60);
    check(format!("{map}{looks}"), STEPS);
    let lists = "{{ $s := printf `[%s[]]` (repeat 30000 `[],`) }}{{ $l := list }}";
    check(format!("{lists}{}", forever("$l = append $l (fromJson $s)")), STEPS);
}

#[test]
fn bounds_arithmetic() {
    check("{{ until 9223372036854775807 }}".into(), "the result has more than 65536 items");
    check("{{ untilStep 0 9223372036854775807 1 }}".into(), "the result has more than 65536 items");
    check("{{ seq 1 9223372036854775806 }}".into(), "the result has more than 65536 items");
    check(forever("$x := until 1000"), STEPS);
    check(forever("$x := addf 1e300 1e-300"), STEPS);
    check(format!("{{{{ mulf {}}}}}", "1.2345678901234567 ".repeat(3000)), STEPS);
    check(format!("{{{{ divf 1e300 {}}}}}", "1.2345678901234567e-300 ".repeat(2500)), STEPS);
    check(forever(&format!("$x := semverCompare `{}` `1.0.0`", "1".repeat(500))), "constraint Parser Error");
    check(forever(&format!("$x := semverCompare `{} 1` `1.0.0`", "1 ".repeat(250))), STEPS);
    check(forever("$x := toDate `Jan 2 2006` `Feb 3 2020`"), STEPS);
}

#[test]
fn bounds_depth() {
    const PARSER: &str = "exceeded maximum nesting depth (100)";
    check(format!("{{{{{}", "(".repeat(60_000)), PARSER);
    check(nested(3000, "{{ if 1 }}", ""), PARSER);
    check(format!("{{{{ if 1 }}}}{}{{{{ end }}}}", "{{ else if 1 }}".repeat(3000)), PARSER);
    check("{{ block `y` 1 }}".repeat(1000), PARSER);
    check(nested(98, "{{ with 1 }}", "x"), "x");
    check(format!("{{{{ {}1{} }}}}", "(".repeat(98), ")".repeat(98)), "1");
    let doubled = |times: usize, after: &str| {
        format!("{{{{ $l := list }}}}{{{{ range {times} }}}}{{{{ $l = list $l $l }}}}{{{{ end }}}}{after}")
    };
    check(doubled(101, ""), "lists and maps more than 100 deep");
    check(doubled(90, "{{ $l }}"), LONG);
    check(doubled(90, "{{ $x := print $l }}"), LONG);
    check(doubled(90, "{{ eq $l $l }}"), "non-comparable type []interface {}: []interface {}");
    check(" ".repeat(limits::SOURCE_BYTES_MAX + 1), "template: t: longer than 65536 bytes");
}

/// What templates are made of.
fn piece() -> impl Strategy<Value = String> {
    let fixed = [
        "{{",
        "}}",
        "{{- ",
        " -}}",
        "{{ ",
        " }}",
        "{{/*",
        "*/}}",
        "(",
        ")",
        "|",
        ".",
        "$",
        ",",
        ":=",
        "=",
        " ",
        "\n",
        "if ",
        "else",
        "end",
        "range ",
        "with ",
        "define ",
        "template ",
        "block ",
        "break",
        "continue",
        "nil",
        "true",
        "{{end}}",
        "{{else}}",
        "{{ range .list }}",
        "{{ with .map }}",
        "{{ if .text }}",
        "{{ define `x` }}",
        "`x`",
        ".list",
        ".map",
        ".map.k1",
        ".nope",
        "$x",
        "$x := ",
        "$i, $v := ",
        "printf ",
        "index ",
        "slice ",
        "len ",
        "print ",
        "eq ",
        "lt ",
        "and ",
        "or ",
        "not ",
        "call ",
        "html ",
        "js ",
        "quote ",
        "trunc ",
        "replace ",
        "splitList ",
        "join ",
        "default ",
        "dict ",
        "set ",
        "merge ",
        "deepCopy ",
        "uniq ",
        "list ",
        "get ",
        "first ",
        "chunk ",
        "dig ",
        "append ",
        "divf ",
        "round ",
        "until ",
        "seq ",
        "semver ",
        "semverCompare ",
        "toDate ",
        ".Format ",
        "add ",
        "int ",
        "repeat ",
        "title ",
        "indent ",
        "trimAll ",
        "wrap ",
        "wrapWith ",
        "abbrevboth ",
        "substr ",
        "nospace ",
        "initials ",
        "snakecase ",
        "camelcase ",
        "swapcase ",
        "untitle ",
        "cat ",
        "splitn ",
        "sortAlpha ",
        "toStrings ",
        "regexFindAll ",
        "regexReplaceAll ",
        "regexSplit ",
        "fromJson ",
        "toJson ",
        "urlParse ",
        "urlJoin ",
        "b32dec ",
        "b64dec ",
        "decryptAES ",
        "clean ",
        "ext ",
        "`(a*)+|b`",
        "`[[\"x\",1e999]`",
        "`http://[::1%25a]:1/%zz`",
        "ternary ",
        "\"%",
        "`%",
        "\"",
        "`",
        "'",
        "\\",
        "'a'",
        "\"a\"",
        "\"\\xff\"",
        "\"é\"",
        "`%v`",
        "`%+08.3f`",
        "`%[2]*.[1]*d`",
        "`%#q`",
        "`%-5x`",
        "`%x %X %U %c %e %g %b`",
        "%!",
        "*",
        "[1]",
        "#",
        "0",
        "1",
        "-1",
        "1.5",
        "1e300",
        "0x1p-2",
        "9223372036854775807",
        "-9223372036854775808",
        "i",
        "☃",
    ];
    prop_oneof![
        9 => proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => any::<i64>().prop_map(|int| format!(" {int} ")),
        1 => any::<f64>().prop_map(|float| format!(" {float:e} ")),
    ]
}

/// Verbs with flags and arguments that suit them or not.
fn printf() -> impl Strategy<Value = String> {
    let arguments = ["1", "-5", "2.5", "\"é\\xff\"", ".list", ".map", "nil", "true", "'☃'"];
    let verbs = "[vdbocqxXUeEfFgGstTwpO%\\]\\[*é]{1,2}";
    let format = format!("(%[-+# 0]{{0,3}}[0-9]{{0,3}}(\\.[0-9]{{0,2}})?{verbs}){{1,3}}");
    let arguments = proptest::collection::vec(proptest::sample::select(arguments.to_vec()), 0..4);
    (proptest::string::string_regex(&format).expect("a regular expression"), arguments)
        .prop_map(|(format, arguments)| format!("{{{{ printf `{format}` {} }}}}", arguments.join(" ")))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn never_panics(pieces in proptest::collection::vec(prop_oneof![8 => piece(), 1 => printf()], 0..24)) {
        if let Ok(template) = Template::parse("t", &pieces.concat()) {
            let _ = template.render(&data());
        }
    }

    #[test]
    fn leaves_text_alone(text in "[^{]{0,60}", name in "[ -~{}]{0,20}") {
        let template = format!("{text}{{{{ . }}}}{text}");
        let template = Template::parse("t", &template).expect("an action between texts");
        prop_assert_eq!(rendered(&template, &name.as_str().into()), format!("{text}{name}{text}"));
    }
}
