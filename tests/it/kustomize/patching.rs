//! Patches: which resources they change, and how; the answers are those of kustomize v5.8.2.

use tagwright::kustomize::{Options, Outcome, build};
use tagwright::tree::Memory;

use super::small::{check, check_overlay};

/// Every value kind that changes on its way through JSON.
const SPEC: &str = r#"{a: 1, list: [x, y, z], o: {k: v, n: null}, f: 1.50, e: 1e3, big: 9007199254740993, t: 2021-01-01, s: "8080", "a/b": c, "m~n": d}"#;

#[test]
fn json_patches_change_places() {
    changes("{op: add, path: /spec/new, value: {x: [1]}}", &["+  new:", "+    x:", "+    - 1"]);
    changes("{op: add, path: /spec/list/-, value: w}", &["+  - w"]);
    changes("{op: add, path: /spec/list/0, value: w}", &["+  - w"]);
    changes("{op: add, path: /spec/list/-1, value: w}", &["+  - w"]);
    changes("{op: add, path: /spec/list/3, value: w}", &["+  - w"]);
    changes("{op: add, path: /spec/nothing}", &["+  nothing: null"]);
    changes("{op: add, path: spec/new, value: 1}", &["+new: 1"]);
    changes("{op: remove, path: /spec/a}", &["-  a: 1"]);
    changes("{op: remove, path: /spec/list/1}", &[r#"-  - "y""#]);
    changes("{op: remove, path: /spec/list/-1}", &["-  - z"]);
    changes("{op: remove, path: /spec/a~1b}", &["-  a/b: c"]);
    changes("{op: remove, path: /spec/m~0n}", &["-  m~n: d"]);
    changes("{op: replace, path: /spec/a, value: yes}", &["-  a: 1", "+  a: true"]);
    changes("{op: replace, path: /spec/none, value: 1}", &["+  none: 1"]);
    changes("{op: replace, path: /spec/list/0, value: null}", &["-  - x", "+  - null"]);
    changes(
        "{op: replace, path: /spec/list, value: []}",
        &["-  list:", "-  - x", r#"-  - "y""#, "-  - z", "+  list: []"],
    );
    changes("{op: move, from: /spec/a, path: /spec/o/a}", &["-  a: 1", "+    a: 1"]);
    changes("{op: move, from: /spec/list/0, path: /spec/list/-}", &["-  - x", "+  - x"]);
    changes("{op: copy, from: /spec/o, path: /spec/list/1}", &["+  - k: v", r#"+    "n": null"#]);
    changes("{op: copy, from: /spec/none, path: /spec/x}", &["+  x: null"]);
    changes("{op: test, path: /spec/a, value: 1}", &[]);
    changes("{op: test, path: /spec/f, value: 1.5}", &[]);
    changes("{op: test, path: /spec/e, value: 1000}", &[]);
    changes("{op: test, path: /spec/none, value: null}", &[]);
    changes("{op: test, path: /spec/none}", &[]);
    changes(r#"{op: test, path: /spec/s, value: "8080"}"#, &[]);
    changes("{op: add, path: /metadata/annotations/x, value: 5}", &["+  annotations:", r#"+    x: "5""#]);
}

#[test]
fn json_patches_are_refused() {
    for operation in [
        "{op: add, path: /spec/list/4, value: w}",
        "{op: add, path: /spec/list/q, value: w}",
        "{op: add, path: /spec/none/x, value: 1}",
        "{op: add, path: /spec/o/n/x, value: 1}",
        "{op: add, path: new, value: 1}",
        "{op: remove, path: /spec/none}",
        "{op: remove, path: /spec/list/3}",
        "{op: remove, path: /spec/list/-4}",
        "{op: replace, path: /none/none, value: 1}",
        "{op: replace, path: /spec/list/-, value: 1}",
        "{op: move, from: /spec/none, path: /spec/x}",
        "{op: copy, from: /spec/list/7, path: /spec/x}",
        r#"{op: test, path: /spec/a, value: "1"}"#,
        "{op: test, path: /spec/o, value: {n: null, k: v}}",
        "{op: test, path: /spec/none, value: 1}",
        "{op: test, path: /spec/list, value: [x, y, z]}",
        "{op: bogus, path: /spec/a}",
        "{path: /spec/a}",
        "{op: add}",
        "null",
        r#"{op: add, path: "", value: {}}"#,
    ] {
        assert!(patched(operation).is_none(), "{operation}");
    }
}

#[test]
fn an_object_goes_through_json_for_a_patch() {
    assert_eq!(
        patched("{op: test, path: /spec/a, value: 1}").expect("it passes"),
        "\
apiVersion: example.com/v1
kind: Widget
metadata:
  name: web
spec:
  a: 1
  a/b: c
  big: 9007199254740992
  e: 1000
  f: 1.5
  list:
  - x
  - \"y\"
  - z
  m~n: d
  o:
    k: v
    \"n\": null
  s: \"8080\"
  t: \"2021-01-01T00:00:00Z\"
"
    );
}

#[test]
fn a_folded_text_gets_its_break_before_the_patch() {
    let text = "\
resources: [a.yaml]
patches:
- target: {kind: X}
  patch: '- {op: add, path: /spec/c, value: 1}'
=== a.yaml
apiVersion: v1
kind: X
metadata: {name: a}
spec:
  a: >
    one
      two
    three
";
    let head = "apiVersion: v1\nkind: X\nmetadata:\n  name: a\nspec:\n";
    check(text, &format!("{head}  a: |\n    one\n\n      two\n    three\n  c: 1\n"));
}

fn changes(operation: &str, changes: &[&str]) {
    let before = patched("{op: test, path: /spec/a, value: 1}").expect("it passes");
    let after = patched(operation).unwrap_or_else(|| panic!("{operation} is refused"));
    let diff = similar::TextDiff::from_lines(&before, &after);
    let changed: Vec<String> = diff
        .iter_all_changes()
        .filter(|change| change.tag() != similar::ChangeTag::Equal)
        .map(|change| format!("{}{}", change.tag(), change.value().trim_end_matches('\n')))
        .collect();
    assert_eq!(changed, changes, "{operation}");
}

fn patched(operation: &str) -> Option<String> {
    let file = format!("resources: [r.yaml]\npatches:\n- target: {{kind: Widget}}\n  patch: |-\n    - {operation}\n");
    let resource = format!("apiVersion: example.com/v1\nkind: Widget\nmetadata: {{name: web}}\nspec: {SPEC}\n");
    let tree: Memory = [("kustomization.yaml", file), ("r.yaml", resource)].into_iter().collect();
    match build(&tree, "", &Options::default()).ok()? {
        Outcome::Built(built) => built.yaml().ok(),
        Outcome::Missing(_) => None,
    }
}

/// A patch takes over the version of the resource that it is for, be it an empty text; but not one of `patches` that
/// names its resource itself.
#[test]
fn a_resource_without_a_version_gets_an_empty_one() {
    let root = |resource: &str, patches: &str| format!("resources: [w.yaml]\n{patches}\n=== w.yaml\n{resource}");
    let patch = "{kind: W, metadata: {name: w}, spec: {b: 1}}";
    let block = "kind: W\nmetadata:\n  name: w\n";
    let wanted = |version: &str| format!("{version}{block}spec:\n  b: 1\n");
    let strategic = format!("patchesStrategicMerge:\n- '{patch}'");
    let named = format!("patches:\n- patch: '{patch}'");
    let selected = format!("patches:\n- target: {{kind: W}}\n  patch: '{patch}'");
    let versioned = selected.replace("'{kind", "'{apiVersion: v1, kind");
    let twice = format!("{selected}\n{}", selected.trim_start_matches("patches:\n"));
    let then_json =
        format!("{selected}\n- target: {{kind: W}}\n  patch: |-\n    - {{op: test, path: /spec/b, value: 1}}");
    for patches in [&strategic, &selected, &versioned, &twice, &then_json] {
        check(&root(block, patches), &wanted("apiVersion: null\n"));
        check(&root(&format!("apiVersion:\n{block}"), patches), &wanted("apiVersion: null\n"));
    }
    check(&root(block, &named), &wanted(""));
    check(&root("{kind: W, metadata: {name: w}}", &selected), &wanted("apiVersion: \"\"\n"));
    check(&root(&format!("apiVersion: v1\n{block}"), &selected), &wanted("apiVersion: v1\n"));
}

#[test]
fn patches_change_what_they_do_with_kustomize() {
    super::cases::check(include_str!("../../../fixtures/kustomize/patches.txt"));
}

#[test]
fn json_patches_are_read_as_with_kustomize() {
    super::cases::check(include_str!("../../../fixtures/kustomize/json-patches.txt"));
}

/// kustomize reads its own schema when it first has to, and a base that names another one adds that to it.
#[test]
fn a_schema_that_comes_late_stands_beside_the_built_in_one() {
    let built = |first: &str| {
        format!(
            "
=== over/kustomization.yaml
resources: [first.yaml, ../base]
=== over/first.yaml
{first}
=== base/kustomization.yaml
openapi: {{path: schema.json}}
resources: [pod.yaml]
patches: [{{patch: '{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{containers: [{{name: b}}]}}}}'}}]
=== base/schema.json
{{\"definitions\": {{}}}}
=== base/pod.yaml
apiVersion: v1
kind: Pod
metadata: {{name: p}}
spec: {{containers: [{{name: a}}]}}
"
        )
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: b\n";
    let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: x\n";
    check_overlay(&built(service), &format!("{service}---\n{pod}"));
    let thing = "apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: x\n";
    check_overlay(&built(thing), &format!("{thing}---\n{pod}  - name: a\n"));
}
