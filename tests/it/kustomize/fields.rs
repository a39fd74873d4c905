//! Field specs, names, and counts: small roots and what kustomize v5.8.2 makes of them.

use super::small::{check, check_overlay, refuse};

#[test]
fn a_value_without_quotes_has_the_type_of_its_text() {
    check(
        r#"
resources: [x.yaml]
namePrefix: "1"
configurations: [c.yaml]
=== c.yaml
namePrefix:
- {path: a/none}
- {path: a/tilde}
- {path: empty}
- {path: a/missing}
- {path: a/made, create: true}
- {path: a/number}
- {path: a/quoted}
- {path: a/word}
=== x.yaml
apiVersion: v1
kind: X
metadata: {name: 2}
a: {none: null, tilde: ~, number: 5, quoted: "5", word: b}
empty:
"#,
        r#"
a:
  made: 1
  none: 1null
  number: 15
  quoted: "15"
  tilde: 1~
  word: 1b
apiVersion: v1
empty: 1
kind: X
metadata:
  name: 12
"#,
    );
}

#[test]
fn paths_go_through_lists_and_make_what_is_missing() {
    check(
        r#"
resources: [x.yaml]
labels:
- pairs: {app: "1"}
  fields:
  - {path: nil/labels}
  - {path: made-null/labels, create: true}
  - {path: "list[]/labels", create: true}
  - {path: bare-list/labels}
  - {path: lists/labels, create: true}
  - {path: "null-list[]/labels"}
  - {path: "no-list/in[]/labels", create: true}
  - {path: '/slash/a\/b/labels', create: true}
  - {path: other-kind, create: true, kind: Z}
  - {path: other-group, create: true, group: apps}
  - {path: other-version, create: true, version: v2}
  - {path: all/of/it, create: true, kind: X, group: example.com, version: v1}
=== x.yaml
apiVersion: example.com/v1
kind: X
metadata: {name: x, labels: null}
nil: {labels: null}
made-null: {labels: null}
list: [{a: b}, null]
bare-list: [{a: b}, {labels: {app: 5, tier: {}}}, {labels: {app: {}}}]
lists: [[{a: b}], []]
null-list: null
"#,
        r#"
all:
  of:
    it:
      app: "1"
apiVersion: example.com/v1
bare-list:
- a: b
- labels:
    app: "1"
    tier: {}
- labels:
    app: "1"
kind: X
list:
- a: b
  labels:
    app: "1"
- null
lists:
- - a: b
    labels:
      app: "1"
- []
made-null:
  labels:
    app: "1"
metadata:
  labels:
    app: "1"
  name: x
nil:
  labels: null
no-list: {}
null-list: []
slash:
  a/b:
    labels:
      app: "1"
"#,
    );
    let root = "
resources: [x.yaml]
labels:
- pairs: {app: v}
  fields:
  - {path: @}
=== x.yaml
apiVersion: v1
kind: X
metadata: {name: x}
scalar: x
scalars: [a]
list: [{a: b}]
map: {}
";
    for wrong in [
        "scalar/labels",
        "scalar",
        "scalars/labels",
        "list",
        r#""list[]""#,
        "map/",
        "map//a",
        "map/0/a",
        r#""map/-""#,
        r#""map/[a=b]/c""#,
        r#""""#,
    ] {
        refuse(&root.replace('@', wrong));
    }
}

#[test]
fn names_are_given_prefixes_and_suffixes_but_for_some_kinds() {
    check(
        "
resources: [x.yaml]
namePrefix: p-
nameSuffix: -s
=== x.yaml
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: b}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: c}
---
apiVersion: example.com/v1
kind: APIService
metadata: {name: d}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: e}
",
        "
apiVersion: v1
kind: Namespace
metadata:
  name: a
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: b
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: p-e-s
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata:
  name: c
---
apiVersion: example.com/v1
kind: APIService
metadata:
  name: p-d-s
",
    );
}

#[test]
fn counts_are_set_by_any_name_of_a_layer() {
    check_overlay(
        r#"
=== over/kustomization.yaml
replicas: [{name: a, count: 5}, {name: p-b, count: -1}]
resources: [../base]
=== base/kustomization.yaml
resources: [x.yaml]
namePrefix: p-
=== base/x.yaml
apiVersion: example.com/v1
kind: Deployment
metadata: {name: a}
spec: {replicas: "3"}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: a}
spec: {replicas: null}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: b}
spec: null
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: b}
"#,
        r#"
apiVersion: example.com/v1
kind: Deployment
metadata:
  name: p-a
spec:
  replicas: "5"
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: p-a
spec:
  replicas: 5
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: p-b
---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: p-b
spec:
  replicas: -1
"#,
    );
    let root = "
resources: [x.yaml]
replicas: [{name: a, count: 5}]
=== x.yaml
apiVersion: apps/v1
@
";
    for wrong in [
        "kind: DaemonSet\nmetadata: {name: a}",
        "kind: Deployment\nmetadata: {name: b}",
        "kind: Deployment\nmetadata: {name: a}\nspec: {replicas: {}}",
        "kind: Deployment\nmetadata: {name: a}\nspec: {replicas: [1]}",
    ] {
        refuse(&root.replace('@', wrong));
    }
}

/// What kustomize remembers of a resource stands in its annotations, so that a spec finds them without creating any.
#[test]
fn labels_find_the_annotations_of_renamed_resources() {
    let labels = "resources: [x.yaml]\nlabels: [{pairs: {a: b}, fields: [{path: metadata/annotations}]}]\n";
    let object = "\n=== x.yaml\nkind: A\nmetadata: {name: x}";
    let plain = "kind: A\nmetadata:\n  labels:\n    a: b\n  name: x\n";
    check(&format!("{labels}{object}"), plain);
    let renamed = "kind: A\nmetadata:\n  annotations:\n    a: b\n  labels:\n    a: b\n  name: p-x\n";
    check(&format!("{labels}namePrefix: p-\n{object}"), renamed);
}

/// With so many pairs the keys of a mapping are looked up in an index.
#[test]
fn many_labels_are_set_as_a_few_are() {
    let many: Vec<String> = (100..200).map(|n| format!("l{n}")).collect();
    let pairs: String = many.iter().map(|key| format!("  {key}: new\n")).collect();
    let own = [("kept", "x"), ("l150", "old"), ("l120", "new"), ("l199", "{a: b}")];
    let own: String = own.iter().map(|(key, value)| format!("    {key}: {value}\n")).collect();
    let want: String = many.iter().map(|key| format!("    {key}: new\n")).collect();
    for (field, place) in [("commonAnnotations", "annotations"), ("commonLabels", "labels")] {
        check(
            &format!(
                "resources: [x.yaml]\n{field}:\n{pairs}\n=== x.yaml\nkind: A\nmetadata:\n  {place}:\n{own}  name: x"
            ),
            &format!("kind: A\nmetadata:\n  {place}:\n    kept: x\n{want}  name: x\n"),
        );
    }
}
