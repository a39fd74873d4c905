//! Objects of built-in plugins, and what kustomize v5.8.2 makes of them.

use super::cases;

#[test]
fn values_are_added_as_with_kustomize() {
    cases::check(include_str!("../../../fixtures/kustomize/value-add.txt"));
}
