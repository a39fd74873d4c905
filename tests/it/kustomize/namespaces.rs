//! Namespaces: small roots and what kustomize v5.8.2 makes of them.

use super::small::{check, refuse};

#[test]
fn namespaces_follow_the_schema() {
    check(
        "
resources: [x.yaml]
namespace: team
=== x.yaml
apiVersion: v1
kind: Namespace
metadata: {name: a, namespace: kept}
---
apiVersion: example.com/v1
kind: Namespace
metadata: {name: a}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: a}
spec: {conversion: {webhook: {clientConfig: {service: {}}}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: b}
spec: {conversion: {webhook: {clientConfig: {service: {namespace: null}}}}}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: null}
",
        "
apiVersion: v1
kind: Namespace
metadata:
  name: team
  namespace: kept
---
apiVersion: example.com/v1
kind: Namespace
metadata:
  name: a
  namespace: team
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: a
spec:
  conversion:
    webhook:
      clientConfig:
        service: {}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: b
spec:
  conversion:
    webhook:
      clientConfig:
        service:
          namespace: team
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  namespace: team
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata:
  name: a
spec:
  service:
    namespace: team
",
    );
    check(
        r#"
resources: [x.yaml]
namespace: "5"
=== x.yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: a}
subjects:
- {kind: User, name: default}
- {kind: ServiceAccount, name: default, namespace: null}
- {kind: ServiceAccount, name: default, namespace: other}
- {kind: ServiceAccount, name: web, namespace: other}
"#,
        r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: a
subjects:
- kind: User
  name: default
  namespace: "5"
- kind: ServiceAccount
  name: default
  namespace: "5"
- kind: ServiceAccount
  name: default
  namespace: "5"
- kind: ServiceAccount
  name: web
  namespace: other
"#,
    );
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

#[test]
fn namespace_transformers_choose_subjects_and_what_is_unset() {
    check(
        r#"
resources: [x.yaml]
transformers: [t.yaml]
=== t.yaml
apiVersion: builtin
kind: NamespaceTransformer
metadata: {name: t, namespace: team}
setRoleBindingSubjects: none
unsetOnly: true
fieldSpecs:
- {path: a/none, create: true}
- {path: a/kept-null}
- {path: a/empty}
- {path: a/there}
=== x.yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: x, namespace: kept}
subjects:
- {kind: User, name: default}
- {kind: ServiceAccount, name: a, namespace: kept}
- {kind: ServiceAccount, name: b}
---
apiVersion: v1
kind: X
metadata: {name: x, namespace: null}
a: {none: null, kept-null: null, empty: "", there: x}
"#,
        r#"
a:
  none: team
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: x
  namespace: kept
subjects:
- kind: User
  name: default
- kind: ServiceAccount
  name: a
  namespace: kept
- kind: ServiceAccount
  name: b
---
a:
  empty: team
  kept-null: team
  none: "null"
  there: x
apiVersion: v1
kind: X
metadata:
  name: x
  namespace: null
"#,
    );
    check(
        r#"
resources: [x.yaml]
transformers: [t.yaml]
=== t.yaml
apiVersion: builtin
kind: NamespaceTransformer
metadata: {name: t, namespace: team}
setRoleBindingSubjects: allServiceAccounts
unsetOnly: false
fieldSpecs:
- {path: a/none, create: true}
- {path: a/kept-null}
- {path: a/empty}
- {path: a/there}
=== x.yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: x, namespace: kept}
subjects:
- {kind: User, name: default}
- {kind: ServiceAccount, name: a, namespace: kept}
- {kind: ServiceAccount, name: b}
---
apiVersion: v1
kind: X
metadata: {name: x, namespace: null}
a: {none: null, kept-null: null, empty: "", there: x}
"#,
        "
a:
  none: team
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: x
  namespace: team
subjects:
- kind: User
  name: default
- kind: ServiceAccount
  name: a
  namespace: team
- kind: ServiceAccount
  name: b
  namespace: team
---
a:
  empty: team
  kept-null: team
  none: team
  there: team
apiVersion: v1
kind: X
metadata:
  name: x
  namespace: team
",
    );
    check(
        r#"
resources: [x.yaml]
transformers: [t.yaml]
=== t.yaml
apiVersion: builtin
kind: NamespaceTransformer
metadata: {name: t, namespace: team}
setRoleBindingSubjects: allServiceAccounts
unsetOnly: true
fieldSpecs:
- {path: a/none, create: true}
- {path: a/kept-null}
- {path: a/empty}
- {path: a/there}
=== x.yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: x, namespace: kept}
subjects:
- {kind: User, name: default}
- {kind: ServiceAccount, name: a, namespace: kept}
- {kind: ServiceAccount, name: b}
---
apiVersion: v1
kind: X
metadata: {name: x, namespace: null}
a: {none: null, kept-null: null, empty: "", there: x}
"#,
        r#"
a:
  none: team
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: x
  namespace: kept
subjects:
- kind: User
  name: default
- kind: ServiceAccount
  name: a
  namespace: kept
- kind: ServiceAccount
  name: b
  namespace: team
---
a:
  empty: team
  kept-null: team
  none: "null"
  there: x
apiVersion: v1
kind: X
metadata:
  name: x
  namespace: null
"#,
    );
    refuse(
        "
resources: [x.yaml]
transformers: [t.yaml]
=== t.yaml
apiVersion: builtin
kind: NamespaceTransformer
metadata: {name: t, namespace: team}
setRoleBindingSubjects: some
=== x.yaml
apiVersion: v1
kind: X
metadata: {name: x}
",
    );
}

#[test]
fn a_namespace_that_is_null_is_none() {
    check(
        "
resources: [x.yaml]
configMapGenerator: [{name: x, behavior: merge, literals: [a=b]}]
=== x.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: x, namespace: null}
",
        "
apiVersion: v1
data:
  a: b
kind: ConfigMap
metadata:
  name: x
",
    );
}
