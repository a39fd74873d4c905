//! Namespaces: small roots and what kustomize v5.8.2 makes of them.

use super::cases;
use super::small::refuse;

#[test]
fn namespaces_are_set_as_with_kustomize() {
    cases::check(include_str!("../../../fixtures/kustomize/namespaces.txt"));
}

#[test]
fn subjects_are_mappings_with_names() {
    let root = "
resources: [x.yaml]
namespace: team
=== x.yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: a}
subjects: @
";
    for wrong in ["word", "{}", "[word]", "[[]]", "[{name: [a]}]", "[{name: default, namespace: {}}]"] {
        refuse(&root.replace('@', wrong));
    }
}
