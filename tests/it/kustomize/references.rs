//! Which fields follow the resources that they name, and which do not.

use super::cases;

#[test]
fn references_follow_what_they_name_as_with_kustomize() {
    cases::check(include_str!("../../../fixtures/kustomize/references.txt"));
}
