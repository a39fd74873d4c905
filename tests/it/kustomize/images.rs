//! `images`: small roots and what kustomize v5.8.2 makes of them.

use super::small::{check, refuse};

#[test]
fn references_are_taken_apart_and_put_together() {
    check(
        r#"
resources: [x.yaml]
images:
- {name: nginx, newTag: "2"}
- {name: "reg:5000/a", newTag: v2}
- {name: app, digest: "sha256:ab"}
- {name: both, newTag: t, digest: "sha256:ab"}
- {name: renamed, newName: other/name}
- {name: kept}
=== x.yaml
apiVersion: example.com/v1
kind: X
metadata: {name: x}
containers:
- image: nginx
- image: nginx:1
- image: "nginx:1@sha256:cd"
- image: "nginx@sha256:cd"
- image: nginx@sha512:cd:1
- image: nginx:1:2
- image: x/nginx:1
- image: "nginx:{tag}"
- image: reg:5000/a
- image: reg:5000/a:1@sha256:cd
- image: app:1
- image: app
- image: both:1@sha256:cd
- image: renamed
- image: "renamed:1"
- image: renamed:1@sha256:cd
- image: kept:1@sha256:cd
- image: null
"#,
        "
apiVersion: example.com/v1
containers:
- image: nginx:2
- image: nginx:2
- image: nginx:2
- image: nginx:2
- image: nginx@sha512:cd:1
- image: nginx:1:2
- image: x/nginx:1
- image: nginx:2
- image: reg:5000/a:v2
- image: reg:5000/a:v2
- image: app@sha256:ab
- image: app@sha256:ab
- image: both:t@sha256:ab
- image: other/name
- image: other/name:1
- image: other/name:1@sha256:cd
- image: kept:1@sha256:cd
- image: null
kind: X
metadata:
  name: x
",
    );
    check(
        "
resources: [x.yaml]
images:
- {name: app, tagSuffix: -x}
- {name: tagged, tagSuffix: -x, newTag: t}
=== x.yaml
apiVersion: example.com/v1
kind: X
metadata: {name: x}
containers:
- image: app:1
- image: app
- image: app@sha256:ab
- image: app:1@sha256:ab
- image: tagged:1
",
        "
apiVersion: example.com/v1
containers:
- image: app:1-x
- image: app:-x
- image: app:-x
- image: app:1-x
- image: tagged:t
kind: X
metadata:
  name: x
",
    );
}

#[test]
fn a_name_is_a_piece_of_a_pattern() {
    check(
        r#"
resources: [x.yaml]
images:
- {name: ng.nx, newTag: "2"}
- {name: "a|b", newTag: t}
- {name: "(", newTag: t}
- {name: "(?i)case", newTag: t}
=== x.yaml
apiVersion: example.com/v1
kind: X
metadata: {name: x}
containers:
- image: nginx
- image: a:1
- image: aX
- image: b:1
- image: Xb
- image: "("
- image: CASE
"#,
        "
apiVersion: example.com/v1
containers:
- image: nginx:2
- image: a:t
- image: aX:t
- image: b:t
- image: Xb:t
- image: (
- image: CASE:t
kind: X
metadata:
  name: x
",
    );
    check(
        r#"
resources: [x.yaml]
images:
- {name: "", newTag: t}
- {name: nu, newName: "5"}
- {name: "null", newName: named}
=== x.yaml
apiVersion: example.com/v1
kind: X
metadata: {name: x}
containers:
- image: ""
- image: ":1"
- image: nu
- image: "nu"
- image: null
"#,
        r#"
apiVersion: example.com/v1
containers:
- image: :t
- image: :t
- image: 5
- image: "5"
- image: named
kind: X
metadata:
  name: x
"#,
    );
}

#[test]
fn containers_are_found_at_any_depth() {
    check(
        r#"
resources: [x.yaml]
images: [{name: nginx, newTag: "2", tagSuffix: ignored}, {name: app, tagSuffix: -x}]
=== x.yaml
apiVersion: v1
kind: Pod
metadata: {name: x}
spec: {containers: [{image: nginx}, {image: "app:1"}, {name: none}, null], initContainers: null, ephemeralContainers: [{image: nginx}],
  volumes: [{image: {reference: nginx}}, {image: null}, {image: {}}]}
---
apiVersion: example.com/v1
kind: X
metadata: {name: x}
deep: [[{initContainers: [{image: nginx, containers: [{image: "app:1"}]}]}]]
mapping: {containers: {image: nginx}}
empty: {containers: null}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: x}
spec: {containers: [{image: nginx}]}
"#,
        "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: x
spec:
  containers:
  - image: nginx
---
apiVersion: example.com/v1
deep:
- - initContainers:
    - containers:
      - image: app:1-x
      image: nginx:2
empty:
  containers: null
kind: X
mapping:
  containers:
    image: nginx
metadata:
  name: x
---
apiVersion: v1
kind: Pod
metadata:
  name: x
spec:
  containers:
  - image: nginx:2
  - image: app:1-x-x
  - name: none
  - null
  ephemeralContainers:
  - image: nginx
  initContainers: []
  volumes:
  - image:
      reference: nginx:2
  - image: null
  - image: {}
",
    );
    let root = "
resources: [x.yaml]
images: [{name: other}]
=== x.yaml
apiVersion: example.com/v1
kind: X
metadata: {name: x}
a: {containers: @}
";
    for wrong in ["[word]", "[[]]", "[{image: {}}]", "[{image: []}]"] {
        refuse(&root.replace('@', wrong));
    }
}

#[test]
fn a_dot_in_a_plain_name_is_any_character() {
    check(
        r#"
resources: [x.yaml]
images:
- {name: x.y, digest: "d:1"}
=== x.yaml
apiVersion: example.com/v1
kind: X
metadata: {name: x}
containers:
- image: xéy@a.b:1
- image: xy
- image: "x\ny"
- image: x.y@a..b:1
- image: x.y@a
- image: x.y:~
- image: x.y:t@a_b:{c}
"#,
        "
apiVersion: example.com/v1
containers:
- image: xéy@d:1
- image: xy
- image: |-
    x
    y
- image: x.y@a..b:1
- image: x.y@a
- image: x.y:~
- image: x.y@d:1
kind: X
metadata:
  name: x
",
    );
}
