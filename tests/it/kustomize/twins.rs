//! Labels that stand at several places: small roots and what kustomize v5.8.2 makes of them.

use super::cases;
use super::small::check_overlay;

#[test]
fn twins_share_values_and_how_they_are_written() {
    cases::check(include_str!("../../../fixtures/kustomize/twins.txt"));
}

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
    check_overlay(
        "
=== over/kustomization.yaml
resources: [../base]
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: x, labels: {app: patched}, annotations: {note: patched}}
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
    note: patched
  labels:
    app: patched
  name: x
spec:
  selector:
    matchLabels:
      app: patched
  template:
    metadata:
      annotations:
        note: patched
      labels:
        app: patched
",
    );
    check_overlay(
        "
=== over/kustomization.yaml
resources: [../base]
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: x, labels: {app: null}, annotations: {$patch: replace, note: patched}}
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
    note: patched
  labels:
    app: over
  name: x
spec:
  selector:
    matchLabels:
      app: base
  template:
    metadata:
      annotations:
        note: base
      labels:
        app: base
",
    );
    check_overlay(
        "
=== over/kustomization.yaml
resources: [../base]
patches:
- target: {kind: Deployment}
  patch: |
    - {op: add, path: /metadata/labels/more, value: x}
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
    more: x
  name: x
spec:
  selector:
    matchLabels:
      app: base
  template:
    metadata:
      annotations:
        note: base
      labels:
        app: base
",
    );
    check_overlay(
        "
=== over/kustomization.yaml
resources: [../base]
replacements:
- source: {kind: Deployment, fieldPath: metadata.name}
  targets:
  - select: {kind: Deployment}
    fieldPaths: [metadata.labels.app]
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
    app: x
  name: x
spec:
  selector:
    matchLabels:
      app: x
  template:
    metadata:
      annotations:
        note: base
      labels:
        app: x
",
    );
}
