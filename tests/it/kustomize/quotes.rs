//! Quotes that kustomize puts around what it writes, and what they make of values written over that.

use super::small::{check, check_overlay};

/// Text that YAML 1.1 would not take for a string is quoted, and quotes outlast what is merged over it.
#[test]
fn what_is_merged_over_generated_text_is_text_where_that_had_quotes() {
    check_overlay(
        "
=== over/kustomization.yaml
resources: [../base]
patches:
- patch: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: x, labels: {c: 5, d: 5}}
    data: {a: true, b: true, c: true, d: true, e: true, f: true, g: true}
=== base/kustomization.yaml
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator:
- name: x
  literals: ['a=#hash', b=hash, c=1, 'd=x: y', 'e= lead', f=1.2.3, 'g=[']
labels:
- pairs: {c: '1', d: one}
",
        "
apiVersion: v1
data:
  a: \"true\"
  b: true
  c: \"true\"
  d: \"true\"
  e: true
  f: true
  g: true
kind: ConfigMap
metadata:
  labels:
    c: \"5\"
    d: 5
  name: x
",
    );
}

#[test]
fn the_managed_by_label_leaves_other_labels_as_they_are() {
    check(
        "
resources: [x.yaml]
buildMetadata: [managedByLabel]
=== x.yaml
kind: A
metadata: {name: x, labels: {a: null, b: 1}}
",
        "
kind: A
metadata:
  labels:
    a: null
    app.kubernetes.io/managed-by: kustomize-v5.8.2
    b: 1
  name: x
",
    );
}

/// Where there are vars, what a replacement created is taken for text.
#[test]
fn vars_make_text_of_what_was_created() {
    let created = |vars: &str| {
        format!(
            "resources: [x.yaml]\n{vars}
replacements:
- source: {{kind: A, fieldPath: spec.x}}
  targets: [{{select: {{kind: A}}, options: {{create: true}}, fieldPaths: [metadata.labels.a, spec.b]}}]
=== x.yaml
kind: A
metadata: {{name: x}}
spec: {{x: 5}}
"
        )
    };
    let built =
        |label: &str| format!("kind: A\nmetadata:\n  labels:\n    a: {label}\n  name: x\nspec:\n  b: 5\n  x: 5\n");
    check(&created(""), &built("5"));
    check(&created("vars: [{name: V, objref: {kind: A, name: x}}]"), &built("\"5\""));
}

/// The name of what was patched has no type any more, and what replaces it says what it is.
#[test]
fn a_number_replaces_the_name_of_what_was_patched() {
    let named = |patches: &str| {
        format!(
            "resources: [x.yaml]\n{patches}
replacements:
- source: {{kind: A, fieldPath: x}}
  targets: [{{select: {{kind: A}}}}]
=== x.yaml
kind: A
metadata: {{name: a}}
x: 80
"
        )
    };
    check(&named(""), "kind: A\nmetadata:\n  name: \"80\"\nx: 80\n");
    let patches = "patches: [{patch: '{kind: A, metadata: {name: a}}'}]";
    check(&named(patches), "kind: A\nmetadata:\n  name: 80\nx: 80\n");
}
