//! `vars`: what they read and where they stand.

use super::cases;

#[test]
fn vars_are_resolved_as_with_kustomize() {
    cases::check(include_str!("../../../fixtures/kustomize/variables.txt"));
}
