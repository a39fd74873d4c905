//! Labels that stand at several places: small roots and what kustomize v5.8.2 makes of them.

use super::cases;

#[test]
fn twins_share_values_and_how_they_are_written() {
    cases::check(include_str!("../../../fixtures/kustomize/twins.txt"));
}
