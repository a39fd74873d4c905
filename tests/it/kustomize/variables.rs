//! `vars`: what they read and where they stand.

use tagwright::kustomize::{Options, Outcome, build};
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
