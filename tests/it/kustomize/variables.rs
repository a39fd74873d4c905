//! `vars`: what they read and where they stand.

use tagwright::kustomize::{Error, Options, Outcome, build};
use tagwright::tree::Memory;

use super::cases;

#[test]
fn vars_are_resolved_as_with_kustomize() {
    cases::check(include_str!("../../../fixtures/kustomize/variables.txt"));
}

#[test]
fn a_var_that_stands_nowhere_or_cannot_stand_there_is_told() {
    let vars = "\
resources: [all.yaml]
vars:
- {name: USED, objref: {apiVersion: v1, kind: Pod, name: p}}
- {name: UNUSED, objref: {apiVersion: v1, kind: Pod, name: p}}
- {name: LIST, objref: {apiVersion: v1, kind: Pod, name: p}, fieldref: {fieldPath: spec.containers}}
";
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{args: [$(USED), -$(LIST)]}]}}";
    let files = [("kustomization.yaml", vars), ("all.yaml", pod)];
    let tree: Memory = files.into_iter().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect();
    let outcome = build(&tree, "", &Options::default()).expect("a root");
    let Outcome::Built(built) = outcome else { panic!("nothing is remote here") };
    let told = |part: &str| built.warnings.iter().any(|warning| warning.contains(part));
    assert!(
        told("the var LIST reads a list or a mapping") && told("$(UNUSED) stands in no field"),
        "{:?}",
        built.warnings
    );
    assert!(!told("$(USED)"), "{:?}", built.warnings);
}

/// A text of many variables of a million bytes each is refused before it is made.
#[test]
fn values_multiply_up_to_a_bound() {
    assert!(in_an_argument("-$(V)").is_ok());
    assert!(in_an_argument(&"$(V)".repeat(1 << 18)).is_err());
    // A bracket that closes nowhere is not looked for again and again.
    assert!(in_an_argument(&"$(".repeat(1 << 19)).is_ok());
}

fn in_an_argument(text: &str) -> Result<Outcome, Error> {
    let vars = "\
resources: [all.yaml]
vars: [{name: V, objref: {apiVersion: v1, kind: Pod, name: p}, fieldref: {fieldPath: spec.value}}]
";
    let spec = format!("{{value: {}, containers: [{{args: ['{text}']}}]}}", "v".repeat(1 << 20));
    let pod = format!("{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {spec}}}");
    let files = [("kustomization.yaml", vars), ("all.yaml", &pod)];
    let tree: Memory = files.into_iter().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect();
    build(&tree, "", &Options::default())
}
