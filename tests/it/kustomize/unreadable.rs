//! Keys and texts that kustomize writes in a way that it cannot read back, and therefore refuses.

use super::small::{check, refuse};

/// The keys of what it generates, and of annotations that it went over, stand without quotes.
#[test]
fn keys_that_read_as_something_else_are_refused() {
    refuse("configMapGenerator: [{name: x, literals: [true=1]}]");
    refuse("configMapGenerator: [{name: x, literals: ['1=1']}]");
    refuse("secretGenerator: [{name: x, literals: [null=1]}]");
    refuse("configMapGenerator: [{name: x, options: {labels: {'1e3': a}}}]");
    let annotated = |kustomization: &str| {
        format!(
            "{kustomization}\n=== x.yaml\napiVersion: v1\nkind: A\nmetadata: {{name: x, annotations: {{'true': a}}}}"
        )
    };
    refuse(&annotated("resources: [x.yaml]"));
    refuse(&annotated("resources: [x.yaml]\nnamePrefix: p-"));
    let held = |kustomization: &str| {
        format!(
            "{kustomization}\n=== x.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata: {{'yes': a}}"
        )
    };
    let kept = "apiVersion: v1\ndata:\n  \"yes\": a\nkind: ConfigMap\nmetadata:\n  name: x\n";
    check(&held("resources: [x.yaml]"), kept);
    check(&held("resources: [x.yaml]\nconfigMapGenerator: [{name: x, behavior: merge}]"), kept);
    refuse(&held("resources: [x.yaml]\nconfigMapGenerator: [{name: x, behavior: merge, literals: ['1=1']}]"));
}

#[test]
fn blocks_that_begin_with_a_tab_are_refused() {
    let generated = |content: &str| format!("configMapGenerator: [{{name: x, files: [a]}}]\n=== a\n{content}");
    refuse(&generated("\ta\nb"));
    let held = |annotations: &str| {
        format!("resources: [x.yaml]\nnamePrefix: p-\n=== x.yaml\nkind: A\nmetadata: {{name: x, {annotations}}}")
    };
    let named = "kind: A\nmetadata:\n  annotations:\n    a: \"\\ta\"\n  name: p-x\n";
    check(&held(r#"annotations: {a: "\ta"}"#), named);
    refuse(&held(r#"annotations: {a: "\ta\nb"}"#));
    let quoted = "kind: A\nmetadata:\n  labels:\n    a: \"\\ta\\nb\"\n  name: p-x\n";
    check(&held(r#"labels: {a: "\ta\nb"}"#), quoted);
}
