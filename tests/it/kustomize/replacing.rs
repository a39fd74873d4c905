//! Replacements: what is copied to where, as kustomize v5.8.2 does it, and what is refused.

use tagwright::kustomize::{Options, Outcome, build};
use tagwright::tree::Memory;

use super::small;

const RESOURCES: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: a
data:
  s: hello
  n: 5
  q: "80"
  colon: a:b:c
  json: '{"a": {"b": [1, 2]}, "d": "t<u"}'
  pretty: |
    {
      "z": [],
      "a": {"b": [1, "two"]}
    }
  conf.yaml: |
    # head
    server:
      host: old   # the host
      port: 80
      list:
        - a
        - "b"

      flow: {a: 1, b: [x, 'y']}
    "on": yes
    nothing:
spec:
  items: [a, b]
  named:
  - name: web
    port: 80
  - name: web-2
    port: "81"
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: ns}
spec:
  replicas: 3
  s: value
  colon: x:y:z
  m: {k: v}
"#;

fn built(replacement: &str) -> Result<String, String> {
    let kustomization = format!("resources: [r.yaml]\nreplacements:\n- {replacement}");
    let files = [("kustomization.yaml", kustomization.as_str()), ("r.yaml", RESOURCES)];
    let tree: Memory = files.into_iter().collect();
    let chain = |error: &dyn std::error::Error| {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
    };
    match build(&tree, "", &Options::default()).map_err(|error| chain(&error))? {
        Outcome::Built(built) => built.yaml().map_err(|error| chain(&error)),
        Outcome::Missing(_) => Err("remotes are missing".to_owned()),
    }
}

/// Writes `value` (`sourceValue: …` or `source: {…}`) to `field` of the ConfigMap; `wanted` are the lines that change.
fn check(value: &str, field: &str, options: &str, wanted: &[&str]) {
    let before = built("{sourceValue: a, targets: [{select: {kind: None}}]}").expect("nothing is selected");
    let replacement =
        format!("{{{value}, targets: [{{select: {{name: a}}, fieldPaths: ['{field}'], options: {{{options}}}}}]}}");
    let after = built(&replacement).unwrap_or_else(|error| panic!("{replacement}: {error}"));
    let is_new = |line: &&str| !before.lines().any(|old| old == *line);
    assert_eq!(after.lines().filter(is_new).collect::<Vec<_>>(), wanted, "{replacement}");
}

fn refused(replacement: &str, wanted: &str) {
    let error = built(replacement).expect_err(replacement);
    assert!(error.ends_with(wanted), "{replacement}: {error}");
}

#[test]
fn a_scalar_keeps_its_kind() {
    check("sourceValue: '8080'", "data.q", "", &["  q: \"8080\""]);
    check("sourceValue: '8080'", "data.n", "", &["  \"n\": 8080"]);
    check("source: {kind: Deployment, fieldPath: spec.replicas}", "data.s", "", &["  s: \"3\""]);
    check("source: {kind: Deployment}", "spec.items", "", &["  items: d"]);
}

#[test]
fn paths_select() {
    check("sourceValue: x", "spec.items.1", "", &["  - x"]);
    check("sourceValue: x", "spec.items.[=b]", "", &["  - x"]);
    // A match is a regular expression, which any part of the text may meet.
    check("sourceValue: '9'", "spec.named.[name=web].port", "", &["    port: 9", "    port: \"9\""]);
    check("sourceValue: '9'", "spec.named.[name=^web$].port", "", &["    port: 9"]);
    check("sourceValue: '9'", "spec.named.*.port", "", &["    port: 9", "    port: \"9\""]);
    check("sourceValue: x", "metadata.labels.[a.b/c]", "create: true", &["  labels:", "    a.b/c: x"]);
    check("sourceValue: x", "metadata.labels.a\\.b", "create: true", &["  labels:", "    a.b: x"]);
}

#[test]
fn what_is_missing_is_made_on_request() {
    check("sourceValue: 'true'", "metadata.labels.new", "create: true", &["  labels:", "    new: true"]);
    check("sourceValue: x", "spec.new.[name=q].v", "create: true", &["  new:", "  - name: q", "    v: x"]);
    check("sourceValue: x", "spec.items.2", "create: true", &["  - x"]);
}

/// An empty text without a type is null, but where kustomize has braces or brackets around it: there it needs quotes.
#[test]
fn an_empty_text_without_a_type_is_null_in_block_form() {
    let check = |spec: &str, field: &str, wanted: &str| {
        let widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: w\nspec:";
        let target = format!("{{select: {{kind: Widget}}, fieldPaths: ['{field}'], options: {{create: true}}}}");
        let root = format!(
            "resources: [w.yaml]\nreplacements: [{{sourceValue: '', targets: [{target}]}}]\n=== w.yaml\n{widget}{spec}"
        );
        small::check(&root, &format!("{widget}{wanted}\n"));
    };
    check(" {t: old}", "spec.sel.a", "\n  sel:\n    a: \"\"\n  t: old");
    check(" {}", "spec.sel.a", "\n  sel:\n    a: \"\"");
    check("\n  sel: {}", "spec.sel.a", "\n  sel:\n    a: \"\"");
    check("\n  t: old", "spec.sel.a", "\n  sel:\n    a: null\n  t: old");
    check("\n  sel:\n    q: 1", "spec.sel.a", "\n  sel:\n    a: null\n    q: 1");
    check(" {t: [{q: a}]}", "spec.t.[q=a].s", "\n  t:\n  - q: a\n    s: \"\"");
    check("\n  t:\n  - {q: a}", "spec.t.[q=a].s", "\n  t:\n  - q: a\n    s: \"\"");
    check("\n  t:\n  - q: a", "spec.t.[q=a].s", "\n  t:\n  - q: a\n    s: null");
    check("\n  t:\n  - a", "spec.t.1", "\n  t:\n  - a\n  - null");
    check("\n  t: [a]", "spec.t.1", "\n  t:\n  - a\n  - \"\"");
    check("\n  t: []", "spec.t.0", "\n  t:\n  - \"\"");
    check("\n  t: []", "spec.t.[q=a].s", "\n  t:\n  - q: a\n    s: \"\"");
    // A scalar that is there keeps its type, and a null that type and its braces.
    check(" {t: }", "spec.t", "\n  t: \"\"");
    check(" {t: null}", "spec.t", "\n  t: \"\"");
    check("\n  t:", "spec.t", "\n  t: null");
    check("\n  t: a", "spec.t", "\n  t: \"\"");
}

/// A merge keeps the form of what was there; JSON keeps that of nothing but what is empty.
#[test]
fn patches_change_the_form_of_what_they_bring() {
    let check = |spec: &str, patch: &str, field: &str, wanted: &str| {
        let widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: w\nspec:";
        let target = format!("{{select: {{kind: Widget}}, fieldPaths: ['{field}'], options: {{create: true}}}}");
        let root = format!(
            "resources: [w.yaml]\npatches:\n- target: {{kind: Widget}}\n  patch: |-\n    {patch}\n\
             replacements: [{{sourceValue: '', targets: [{target}]}}]\n=== w.yaml\n{widget}{spec}"
        );
        small::check(&root, &format!("{widget}{wanted}\n"));
    };
    let merge = |spec: &str| format!("{{apiVersion: v1, kind: Widget, metadata: {{name: w}}, spec: {spec}}}");
    let block = |spec: &str| format!("kind: Widget\n    metadata: {{name: w}}\n    spec:\n      {spec}");
    check("\n  t: 1", &merge("{m: {q: 1}}"), "spec.m.a", "\n  m:\n    a: \"\"\n    q: 1\n  t: 1");
    check("\n  t: 1", &merge("{m: {q: 1}}"), "spec.a", "\n  a: null\n  m:\n    q: 1\n  t: 1");
    check("\n  m: {t: 1}", &block("m:\n        q: 1"), "spec.m.a", "\n  m:\n    a: \"\"\n    q: 1\n    t: 1");
    check("\n  m:\n    t: 1", &merge("{m: {q: 1}}"), "spec.m.a", "\n  m:\n    a: null\n    q: 1\n    t: 1");
    check("\n  m:\n    t: 1", &merge("{m: {t: null}}"), "spec.m.a", "\n  m:\n    a: null");
    let replace = merge("{m: {$patch: replace, q: 1}}");
    check("\n  m: {t: 1}", &replace, "spec.m.a", "\n  m:\n    a: \"\"\n    q: 1");
    check("\n  m:\n    t: 1", &replace, "spec.m.a", "\n  m:\n    a: null\n    q: 1");
    check("\n  t: 1", &merge("{l: [b]}"), "spec.l.1", "\n  l:\n  - b\n  - \"\"\n  t: 1");
    check("\n  l: [a]", &block("l:\n      - b"), "spec.l.1", "\n  l:\n  - b\n  - \"\"");
    check("\n  l:\n  - a", &merge("{l: [b]}"), "spec.l.1", "\n  l:\n  - b\n  - null");
    let add = |value: &str| format!("- {{op: add, path: /spec/z, value: {value}}}");
    check(" {m: {t: 1}}", &add("1"), "spec.m.a", "\n  m:\n    a: null\n    t: 1\n  z: 1");
    check(" {m: {t: 1}}", &add("{a: 1}"), "spec.z.b", "\n  m:\n    t: 1\n  z:\n    a: 1\n    b: null");
    check(" {m: {}}", &add("{}"), "spec.z.b", "\n  m: {}\n  z:\n    b: \"\"");
    check(" {m: {}}", &add("1"), "spec.m.b", "\n  m:\n    b: \"\"\n  z: 1");
    check(" {l: [a]}", &add("1"), "spec.l.1", "\n  l:\n  - a\n  - null\n  z: 1");
    check(" {l: []}", &add("1"), "spec.l.0", "\n  l:\n  - \"\"\n  z: 1");
}

/// Though it is written as null, it is none to the steps that follow.
#[test]
fn an_empty_text_without_a_type_is_passed_on() {
    small::check_overlay(
        "
resources: []
=== base/kustomization.yaml
resources: [w.yaml]
replacements:
- {sourceValue: '', targets: [{select: {kind: W}, fieldPaths: [spec.a], options: {create: true}}]}
- source: {kind: W, fieldPath: spec.a}
  targets: [{select: {kind: W}, fieldPaths: [spec.b], options: {create: true}}]
=== base/w.yaml
apiVersion: example.com/v1
kind: W
metadata: {name: w}
spec:
  c: 1
=== over/kustomization.yaml
resources: [../base]
patches:
- patch: '{apiVersion: example.com/v1, kind: W, metadata: {name: w}, spec: {d: 1}}'
",
        "
apiVersion: example.com/v1
kind: W
metadata:
  name: w
spec:
  a: null
  b: null
  c: 1
  d: 1
",
    );
}

/// What a prefix or a namespace was written to has no type either, but its quotes.
#[test]
fn a_name_in_quotes_stays_a_string() {
    let root = |value: &str| {
        format!(
            "
resources: []
=== base/kustomization.yaml
namespace: nn
resources: [w.yaml]
=== base/w.yaml
{{apiVersion: example.com/v1, kind: W, metadata: {{name: w, namespace: 'q'}}}}
=== over/kustomization.yaml
resources: [../base]
replacements: [{{sourceValue: '{value}', targets: [{{select: {{kind: W}}, fieldPaths: [metadata.namespace]}}]}}]
"
        )
    };
    let wanted = "apiVersion: example.com/v1\nkind: W\nmetadata:\n  name: w\n  namespace: ";
    small::check_overlay(&root("5"), &format!("{wanted}\"5\"\n"));
    small::check_overlay(&root(""), &format!("{wanted}\"\"\n"));
}

#[test]
fn parts_of_texts_are_replaced() {
    check("sourceValue: x", "data.colon", "delimiter: ':', index: 1", &["  colon: a:x:c"]);
    check("sourceValue: x", "data.colon", "delimiter: ':', index: -1", &["  colon: x:a:b:c"]);
    check("sourceValue: x", "data.colon", "delimiter: ':', index: 9", &["  colon: a:b:c:x"]);
    let part = "source: {kind: Deployment, fieldPath: spec.colon, options: {delimiter: ':', index: 2}}";
    check(part, "data.s", "", &["  s: z"]);
}

#[test]
fn paths_go_on_inside_of_texts() {
    let json = "  json: '{\"a\":{\"b\":[1,9]},\"d\":\"t\\u003cu\"}'";
    check("sourceValue: '9'", "data.json.a.b.1", "", &[json]);
    let pretty = ["  pretty: |-", "      \"a\": {", "        \"b\": [", "          9,", "          \"two\""];
    let pretty = [&pretty[..], &["        ]", "      },", "      \"z\": []"]].concat();
    check("sourceValue: '9'", "data.pretty.a.b.0", "", &pretty);
    let lines = ["  conf.yaml: |-", "      host: new # the host", "      - a", "      - \"b\""];
    check("sourceValue: new", "data.conf\\.yaml.server.host", "", &lines);
    let flow = "      flow: {a: 1, b: [c, 'y']}";
    let lines = [lines[0], "      host: old # the host", lines[2], lines[3], flow];
    check("sourceValue: c", "data.conf\\.yaml.server.flow.b.0", "", &lines);
}

#[test]
fn refusals_say_why() {
    let to = |field: &str| format!("{{sourceValue: x, targets: [{{select: {{name: a}}, fieldPaths: ['{field}']}}]}}");
    refused(&to("data.nope"), "there is no field data.nope");
    refused(&to("data.n"), "\"x\" cannot take the place of a number");
    refused(&to("spec.items.7"), "there is no item 7 among 2");
    refused(&to("data.*"), "* selects from a list, and there is none");
    refused("{targets: [{select: {name: a}}]}", "there is neither a source nor a sourceValue");
    refused("{sourceValue: a}", "there are no targets");
    refused("{sourceValue: a, targets: [{}]}", "the target has no select");
    refused("{source: {kind: Job}, targets: [{select: {name: a}}]}", "there is no resource Job");
    refused("{source: {fieldPath: a}, targets: [{select: {name: a}}]}", "there are several resources ");
    let missing = "{source: {kind: Deployment, fieldPath: spec.none}, targets: [{select: {name: a}}]}";
    refused(missing, "Deployment d has no field spec.none");
    // kustomize never comes back from this one.
    let endless =
        "{sourceValue: x, targets: [{select: {name: a}, fieldPaths: ['spec.items.[=^$]'], options: {create: true}}]}";
    refused(endless, "does not match the item made from it");
}

#[test]
fn selectors_take_and_reject() {
    let text =
        built("{sourceValue: x, targets: [{select: {name: '.*'}, reject: [{kind: Config.*}], fieldPaths: [spec.s]}]}");
    assert!(text.expect("the Deployment alone is taken").contains("  s: x\n"));
    refused("{sourceValue: x, targets: [{select: {name: '('}}]}", "missing closing ): `^(?:()$`");
}

#[test]
fn replacements_write_as_with_kustomize() {
    super::cases::check(include_str!("../../../fixtures/kustomize/replacements.txt"));
}
