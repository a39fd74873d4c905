//! Strategic merge: what kustomize v5.8.2 makes of a resource and a patch.

use tagwright::kustomize::{Merged, Schema, merge};
use tagwright::object::Node;
use tagwright::yaml::{Dialect, emit, nodes};

#[test]
fn fields_are_merged_one_by_one() {
    // Fields are added, changed and taken out by null.
    check(
        deployment,
        "{replicas: 1, paused: true, strategy: {type: Recreate}}",
        "{replicas: 2, paused: null, minReadySeconds: 5, strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: null}}}",
        "{minReadySeconds: 5, replicas: 2, strategy: {rollingUpdate: {maxSurge: 1}, type: Recreate}}",
    );
    // An empty map keeps what is there.
    check(deployment, "{strategy: {type: Recreate}}", "{strategy: {}}", "{strategy: {type: Recreate}}");
    // A null stays where it is written.
    check(
        any,
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: web, labels: null}, data: {a: ~, c: null}}",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {c: x}}",
        "{apiVersion: v1, data: {a: null, c: x}, kind: ConfigMap, metadata: {name: web, labels: null}}",
    );
    // Directives of maps.
    check(
        deployment,
        "{strategy: {type: Recreate, x: 1}, selector: {a: b}, template: {metadata: {labels: {a: b}}}}",
        "{strategy: {$patch: replace, type: RollingUpdate}, selector: {$patch: delete}, template: {$patch: merge, metadata: {labels: {c: d}}}}",
        "{strategy: {type: RollingUpdate}, template: {metadata: {labels: {a: b, c: d}}}}",
    );
    // Added maps follow their directives.
    check(
        deployment,
        "{replicas: 1}",
        "{strategy: {$patch: replace, type: R, gone: null}, selector: {$patch: delete, a: b}, template: {metadata: {$patch: delete}, spec: {}}}",
        "{replicas: 1, strategy: {type: R}, template: {spec: {}}}",
    );
    // Replace at the root changes nothing.
    check(
        any,
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 1}}",
        "{$patch: replace, apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2}}",
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 1}}",
    );
    // A number in the place of a quoted text is a text.
    check(
        deployment,
        r#"{replicas: "1", a: "2", b: 3, c: 4}"#,
        r#"{replicas: 2, a: true, b: "5", c: null}"#,
        "{a: 'true', b: '5', replicas: '2'}",
    );
}

#[test]
fn keyed_lists_are_merged_item_by_item() {
    // Unkeyed lists are replaced.
    check(
        pod,
        "{tolerations: [{key: a}, {key: b}]}",
        "{tolerations: [{key: c, $patch: delete}]}",
        "{tolerations: [{$patch: delete, key: c}]}",
    );
    // Items of the patch come first.
    check(
        pod,
        "{containers: [{name: a, image: a:1}, {name: b, image: b:1}]}",
        "{containers: [{name: new}, {name: b, image: b:2}]}",
        "{containers: [{name: new}, {image: 'b:2', name: b}, {image: 'a:1', name: a}]}",
    );
    // Items are deleted by key.
    check(
        pod,
        "{containers: [{name: a}, {name: b}], volumes: [{name: v}]}",
        "{containers: [{name: a, $patch: delete}], volumes: [{name: v, $patch: delete}]}",
        "{containers: [{name: b}], volumes: []}",
    );
    // A list is replaced or deleted by its directive.
    check(
        pod,
        r#"{containers: [{name: a}, {name: b}], volumes: [{name: v}], hostAliases: [{ip: "1"}]}"#,
        r#"{containers: [{name: c}, {$patch: replace}], volumes: [{$patch: delete}], hostAliases: [{$patch: merge}, {ip: "2"}]}"#,
        "{containers: [{name: c}], hostAliases: [{ip: '2'}, {ip: '1'}]}",
    );
    // Replace inside of an item loses the patch.
    check(
        pod,
        "{containers: [{name: a, image: a:1, command: [x]}]}",
        "{containers: [{name: a, $patch: replace, image: a:2}]}",
        "{containers: [{command: [x], image: 'a:1', name: a}]}",
    );
    // Empty lists change nothing.
    check(pod, "{containers: [{name: a}]}", "{containers: []}", "{containers: [{name: a}]}");
    // Nested lists.
    check(
        pod,
        r#"{containers: [{name: a, env: [{name: X, value: "1"}, {name: Y, value: "2"}], volumeMounts: [{mountPath: /a, name: v}]}]}"#,
        r#"{containers: [{name: a, env: [{name: Y, value: "3"}, {name: Z, valueFrom: {fieldRef: {fieldPath: a}}}], volumeMounts: [{mountPath: /a, readOnly: true}]}]}"#,
        "{containers: [{env: [{name: Y, value: '3'}, {name: Z, valueFrom: {fieldRef: {fieldPath: a}}}, {name: X, value: '1'}], name: a, volumeMounts: [{mountPath: /a, name: v, readOnly: true}]}]}",
    );
    // Ports are told apart by protocol.
    check(
        pod,
        "{containers: [{name: a, ports: [{containerPort: 80, protocol: TCP, name: old}, {containerPort: 80, protocol: UDP}]}]}",
        "{containers: [{name: a, ports: [{containerPort: 80, protocol: TCP, name: new}, {containerPort: 443, protocol: TCP}]}]}",
        "{containers: [{name: a, ports: [{containerPort: 443, protocol: TCP}, {containerPort: 80, name: new, protocol: TCP}, {containerPort: 80, protocol: UDP}]}]}",
    );
    // A port without protocol wins over the patch.
    check(
        pod,
        "{containers: [{name: a, ports: [{containerPort: 80, name: old}]}]}",
        "{containers: [{name: a, ports: [{containerPort: 80, protocol: TCP, name: new}]}]}",
        "{containers: [{name: a, ports: [{containerPort: 80, name: old}]}]}",
    );
    // A protocol in the base only.
    check(
        pod,
        "{containers: [{name: a, ports: [{containerPort: 80, protocol: TCP, name: old}]}]}",
        "{containers: [{name: a, ports: [{containerPort: 80, name: new}, {containerPort: 443}]}]}",
        "{containers: [{name: a, ports: [{containerPort: 443}, {containerPort: 80, name: old, protocol: TCP}]}]}",
    );
    // Spread constraints have two keys.
    check(
        pod,
        "{topologySpreadConstraints: [{topologyKey: zone, whenUnsatisfiable: A, maxSkew: 1}, {topologyKey: host, whenUnsatisfiable: A, maxSkew: 1}]}",
        "{topologySpreadConstraints: [{topologyKey: zone, whenUnsatisfiable: A, maxSkew: 2}, {topologyKey: zone, whenUnsatisfiable: B, maxSkew: 3}]}",
        "{topologySpreadConstraints: [{maxSkew: 3, topologyKey: zone, whenUnsatisfiable: B}, {maxSkew: 2, topologyKey: zone, whenUnsatisfiable: A}, {maxSkew: 1, topologyKey: host, whenUnsatisfiable: A}]}",
    );
    // An item without its key takes what stands before it.
    check(
        pod,
        "{volumes: [{name: a}, {emptyDir: {}}, {name: c}]}",
        "{volumes: [{name: new}]}",
        "{volumes: [{emptyDir: {}}]}",
    );
    // The last of equal items stays.
    check(
        pod,
        "{containers: [{name: a, image: a:1}, {name: a, image: a:2}]}",
        "{containers: [{name: b}]}",
        "{containers: [{name: b}, {image: 'a:2', name: a}]}",
    );
    // Finalizers are a set.
    check(
        any,
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, finalizers: [a, b, b]}, spec: {replicas: 1}}",
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, finalizers: [c, b]}, spec: {replicas: 1}}",
        "{apiVersion: apps/v1, kind: Deployment, metadata: {finalizers: [c, b, a], name: web}, spec: {replicas: 1}}",
    );
    // Other directives leak.
    check(
        pod,
        "{containers: [{name: a, args: [x, y]}], volumes: [{name: v, emptyDir: {}}]}",
        "{containers: [{name: a, $deleteFromPrimitiveList/args: [x]}], $setElementOrder/containers: [{name: a}], volumes: [{name: v, $retainKeys: [name]}]}",
        "{$setElementOrder/containers: [{name: a}], containers: [{$deleteFromPrimitiveList/args: [x], args: [x, y], name: a}], volumes: [{$retainKeys: [name], emptyDir: {}, name: v}]}",
    );
    // Kinds that are not known have plain lists.
    check(
        any,
        "{apiVersion: example.com/v1, kind: Widget, metadata: {name: web}, spec: {containers: [{name: a}], inner: {apiVersion: v1, kind: Pod, spec: {containers: [{name: a, image: x}]}}}}",
        "{apiVersion: example.com/v1, kind: Widget, metadata: {name: web}, spec: {containers: [{name: b}], inner: {spec: {containers: [{name: b}]}}}}",
        "{apiVersion: example.com/v1, kind: Widget, metadata: {name: web}, spec: {containers: [{name: b}], inner: {apiVersion: v1, kind: Pod, spec: {containers: [{name: b}, {image: x, name: a}]}}}}",
    );
}

#[test]
fn what_cannot_be_merged_is_refused() {
    // Another form.
    refused(deployment, "{strategy: {type: a}}", "{strategy: [a]}");
    // An unknown directive.
    refused(deployment, "{strategy: {type: a}}", "{strategy: {$patch: drop}}");
}

#[test]
fn nulls_that_are_not_written_go() {
    let widget = |spec: &str| read(&format!("apiVersion: example.com/v1\nkind: Widget\nspec:\n{spec}"));
    let mut base = widget("  a:\n  b: null\n  c: ~\n  d: {e: , f: null}\n");
    merge(&mut base, &widget("  x: y\n"), Schema::builtin()).expect("it merges");
    assert_same(&base, &widget("  b: null\n  c: ~\n  d: {f: null}\n  x: y\n"));
}

#[test]
fn comments_that_are_json_hide_the_schema() {
    for comment in ["# {\"$imagepolicy\": \"ns:name\"}", "#{\"a\": {}}"] {
        for (above, beside, is_hidden) in [
            (format!("        {comment}\n"), String::new(), true),
            (String::new(), format!("  {comment}"), true),
            (format!("      {comment}\n"), String::new(), true),
            (format!("        # one more\n        {comment}\n"), String::new(), false),
            ("        # {}\n".to_owned(), "  # {words}".to_owned(), false),
        ] {
            let head =
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n    template:\n      spec:\n";
            let mut base = read(&format!("{head}{above}        containers:{beside}\n        - name: a\n"));
            merge(&mut base, &pod("{containers: [{name: b}]}"), Schema::builtin()).expect("it merges");
            let want = if is_hidden { "{containers: [{name: b}]}" } else { "{containers: [{name: b}, {name: a}]}" };
            assert_same(&base, &pod(want));
        }
    }
}

#[test]
fn a_patch_deletes_its_resource() {
    let mut base = deployment("{replicas: 1}");
    let patch = read("{$patch: delete, apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}");
    assert_eq!(merge(&mut base, &patch, Schema::builtin()).expect("it merges"), Merged::Deleted);
}

#[test]
fn long_lists_are_merged_in_linear_time_or_refused() {
    let list = |item: &dyn Fn(usize) -> String, count| (0..count).map(item).collect::<Vec<_>>().join(", ");
    let named = list(&|at| format!("{{name: v{at}}}"), 4_000);
    check(
        pod,
        &format!("{{volumes: [{named}]}}"),
        &format!("{{volumes: [{named}]}}"),
        &format!("{{volumes: [{named}]}}"),
    );
    let nameless = list(&|at| format!("{{emptyDir: {{sizeLimit: {at}}}}}"), 2_500);
    refused(pod, &format!("{{volumes: [{nameless}]}}"), "{hostname: a}");
}

#[test]
fn a_document_of_ones_own_takes_the_place_of_what_is_built_in() {
    let document = "
        {definitions: {
          widget: {x-kubernetes-group-version-kind: [{group: example.com, version: v1, kind: Widget}],
            properties: {spec: {$ref: '#/definitions/spec'}}},
          spec: {properties: {parts: {type: array, items: {$ref: '#/definitions/part'},
            x-kubernetes-patch-strategy: merge, x-kubernetes-patch-merge-key: id}}},
          part: {properties: {id: {type: string}, spec: {$ref: '#/definitions/spec'}}}},
        paths: {/apis/example.com/v1/widgets: {get: {x-kubernetes-group-version-kind:
          {group: example.com, version: v1, kind: Widget}}}}}";
    let schema = Schema::from_openapi(document.as_bytes()).expect("the document is good");
    let widget = |spec: &str| read(&format!("{{apiVersion: example.com/v1, kind: Widget, spec: {spec}}}"));
    let mut base = widget("{parts: [{id: a, spec: {parts: [{id: x, old: 1}]}}, {id: b}]}");
    let patch = widget("{parts: [{id: c}, {id: a, spec: {parts: [{id: x, new: 2}]}}]}");
    merge(&mut base, &patch, &schema).expect("it merges");
    assert_same(&base, &widget("{parts: [{id: c}, {id: a, spec: {parts: [{id: x, old: 1, new: 2}]}}, {id: b}]}"));
    let mut base = pod("{volumes: [{name: a}]}");
    merge(&mut base, &pod("{volumes: [{name: b}]}"), &schema).expect("it merges");
    assert_same(&base, &pod("{volumes: [{name: b}]}"));
    let kind = |api_version, kind| tagwright::kustomize::Gvk::new(api_version, kind);
    for (gvk, is_cluster_scoped) in [
        (kind("example.com/v1", "Widget"), true),
        (kind("v1", "Namespace"), true),
        (kind("v1", "Pod"), false),
        (kind("example.com/v1", "Gadget"), false),
        (kind("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"), true),
    ] {
        assert_eq!(schema.is_cluster_scoped(&gvk), is_cluster_scoped, "{gvk:?}");
    }
}

fn check(wrap: fn(&str) -> Node, base: &str, patch: &str, want: &str) {
    let mut base = wrap(base);
    merge(&mut base, &wrap(patch), Schema::builtin()).expect("it merges");
    assert_same(&base, &wrap(want));
}

fn refused(wrap: fn(&str) -> Node, base: &str, patch: &str) {
    let answer = merge(&mut wrap(base), &wrap(patch), Schema::builtin());
    assert!(answer.is_err(), "{patch} is merged");
}

fn assert_same(one: &Node, other: &Node) {
    assert_eq!(emit(one).expect("it can be written"), emit(other).expect("it can be written"));
}

fn any(text: &str) -> Node {
    read(text)
}

fn deployment(spec: &str) -> Node {
    read(&format!("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {spec}}}"))
}

fn pod(spec: &str) -> Node {
    deployment(&format!("{{template: {{spec: {spec}}}}}"))
}

fn read(text: &str) -> Node {
    nodes(text.as_bytes(), 1, Dialect::Resource).expect("it is YAML").remove(0)
}
