//! Trees of files that builds are tried on: a root over a base over resources, of parts that people write.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Path and text.
pub(super) type Files = BTreeMap<String, String>;

const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web, "on": "yes"}
  annotations:
    note: 'a: b # c'
spec:
  replicas: 010
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: robot
      containers:
        - &main
          name: web
          image: registry.example.com:5000/acme/web:1.0.0
          args: [--port, "8080", -v]
          ports: [{containerPort: 8080, name: http}, {containerPort: 8080, protocol: UDP}]
          env:
            - {name: LEVEL, value: "1e3"}
            - name: TITLE
              valueFrom: {configMapKeyRef: {name: settings, key: title}}
        - {<<: *main, name: second, image: nginx}
      volumes:
        - name: settings
          configMap: {name: settings}
"#;
const REST: &str = r#"---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
# nothing
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}}
  - {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: robot}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: robot}
subjects: [{kind: ServiceAccount, name: robot, namespace: default}]
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: web, annotations: null}
spec: {size: 1.10, big: 18446744073709551615, when: 2021-01-01, parts: [{name: a}, {name: b}], text: "a\tb\n"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {title: Shop, "settings.json": '{"size": 1}'}
"#;

/// Fields of the base; each stands alone.
const BASE: &[&str] = &[
    "namePrefix: base-\n",
    "commonAnnotations: {owner: \"007\"}\n",
    "commonLabels: {team: shop}\n",
    "configMapGenerator:\n- {name: made, literals: [a=1, b=two], files: [notes.txt, n=notes.txt]}\n",
    "secretGenerator:\n- {name: hidden, envs: [values.env], options: {immutable: true}}\n",
    "images:\n- {name: nginx, newTag: \"1.27\"}\n",
    "generatorOptions: {labels: {made: \"true\"}}\n",
];

/// Fields of the root over it.
const OVERLAY: &[&str] = &[
    "namePrefix: prod-\n",
    "nameSuffix: -z\n",
    "namespace: prod\n",
    r#"labels:
- pairs: {env: prod}
  includeSelectors: true
  fields: [{path: spec/labels, create: true, kind: Widget}]
"#,
    "images:\n- {name: registry.example.com:5000/acme/web, newName: acme/web, digest: \"sha256:00\"}\n",
    "replicas:\n- {name: web, count: 5}\n",
    r#"patches:
- path: patch.yaml
- target: {kind: Deploy.*|Widget, labelSelector: "app!=x"}
  patch: |-
    - {op: add, path: /metadata/labels, value: {a~b: yes}}
- target: {kind: Service, name: w.b}
  patch: '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "any", "annotations": {"x": "$(WHO)"}}}'
"#,
    "configMapGenerator:\n- {name: made, behavior: merge, literals: [\"b='3'\"]}\n",
    r#"replacements:
- source: {kind: ConfigMap, name: settings, fieldPath: data.title}
  targets:
  - select: {kind: Deployment}
    fieldPaths: ["spec.template.spec.containers.[name=web].env.[name=LEVEL].value", metadata.annotations.title]
    options: {create: true}
"#,
    "vars:\n- {name: WHO, objref: {kind: Service, name: web, apiVersion: v1}}\n",
    "components: [../part]\n",
    r#"transformers:
- |-
  apiVersion: builtin
  kind: AnnotationsTransformer
  metadata: {name: x}
  annotations: {t: "1"}
  fieldSpecs: [{path: metadata/annotations, create: true}]
"#,
];

const PATCH: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {"on": null}}
spec:
  template:
    spec:
      containers:
        - {name: sidecar, image: "nginx:1"}
        - {name: second, $patch: delete}
        - name: web
          env: [{name: LEVEL, value: debug}]
          ports: [{containerPort: 8080, name: web}]
"#;
const PART: &str = r#"apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
nameSuffix: -part
configMapGenerator:
- {name: part, literals: [p=1]}
"#;

/// `top` over `base`, each with some of its fields. Many build, some are refused.
pub(super) fn tree() -> impl Strategy<Value = Files> {
    let fields = |all: &'static [&'static str]| subsequence(all, 0..=all.len().min(5)).prop_map(|some| some.concat());
    let listed = select(&["[deployment.yaml, rest.yaml]", "[rest.yaml, deployment.yaml]", "[rest.yaml]"]);
    (listed, fields(BASE), fields(OVERLAY)).prop_map(|(listed, base, overlay)| {
        let files = [
            ("base/kustomization.yaml", format!("resources: {listed}\n{base}")),
            ("base/deployment.yaml", DEPLOYMENT.to_owned()),
            ("base/rest.yaml", REST.to_owned()),
            ("base/notes.txt", "line\n\tother \u{e9}\n".to_owned()),
            ("base/values.env", "# values\nA=1\n  B = x=y\n".to_owned()),
            ("part/kustomization.yaml", PART.to_owned()),
            ("top/kustomization.yaml", format!("resources: [../base]\n{overlay}")),
            ("top/patch.yaml", PATCH.to_owned()),
        ];
        files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect()
    })
}
