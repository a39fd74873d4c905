//! Labels that stand at several places: small roots and what kustomize v5.8.2 makes of them.

use super::small::check_overlay;

/// The value of a label that kustomize puts at several places is one node.
#[test]
fn what_is_written_over_a_label_is_written_over_its_twins() {
    check_overlay(
        "
=== over/kustomization.yaml
resources: [../base]
labels:
- pairs: {app: over}
=== base/kustomization.yaml
resources: [x.yaml]
labels:
- pairs: {app: base}
  includeSelectors: true
commonAnnotations: {note: base}
=== base/x.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: x}
",
        "
apiVersion: apps/v1
kind: Deployment
metadata:
  annotations:
    note: base
  labels:
    app: over
  name: x
spec:
  selector:
    matchLabels:
      app: over
  template:
    metadata:
      annotations:
        note: base
      labels:
        app: over
",
    );
}
