//! Kustomization files: what is read, what is refused, and where.

use serde_json::{Value, json};
use tagwright::kustomize::Error;
use tagwright::kustomize::kustomization::{Kustomization, from_node};
use tagwright::object::{Node, Scalar, Tag};

fn node(value: &Value) -> Node {
    match value {
        Value::Null => Node::null(),
        Value::Bool(value) => Scalar::new(value.to_string(), Tag::Bool).into(),
        Value::Number(value) => {
            Scalar::new(value.to_string(), if value.is_f64() { Tag::Float } else { Tag::Int }).into()
        }
        Value::String(text) => Node::string(text.as_str()),
        Value::Array(items) => Node::sequence(items.iter().map(node).collect()),
        Value::Object(fields) => {
            Node::Mapping(fields.iter().map(|(key, value)| (key.as_str().into(), node(value))).collect())
        }
    }
}

fn read(value: &Value) -> Result<Kustomization, Error> {
    from_node(node(value), "app/kustomization.yaml")
}

fn accepted(value: Value) -> Kustomization {
    read(&value).unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn refused(value: Value, wanted: &str) {
    let error = read(&value).expect_err("it is refused");
    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    assert_eq!(format!("{error}{hint}"), format!("app/kustomization.yaml: {wanted}"), "{value}");
}

#[test]
fn fields_match_in_any_letter_case() {
    let read = accepted(json!({"NamePrefix": "a-", "RESOURCES": ["x"], "images": [{"NewTag": "1", "name": "web"}]}));
    assert_eq!((read.name_prefix.as_str(), read.resources.as_slice()), ("a-", &["x".to_owned()][..]));
    assert_eq!((read.images[0].new_tag.as_str(), read.images[0].name.as_str()), ("1", "web"));
}

#[test]
fn what_is_missing_gets_kustomizes_defaults() {
    let read = accepted(json!({"namePrefix": "a-", "resources": null, "patches": null}));
    assert_eq!(read.kind, "Kustomization");
    assert_eq!(read.api_version, "kustomize.config.k8s.io/v1beta1");
    assert_eq!(accepted(json!({"kind": "Component", "resources": []})).api_version, "kustomize.config.k8s.io/v1alpha1");
    assert_eq!(accepted(json!({"resources": ["a", null]})).resources, ["a", ""]);
}

#[test]
fn old_fields_move() {
    let read = accepted(json!({
        "bases": ["b"], "resources": ["a"], "imageTags": [{"name": "two"}], "images": [{"name": "one", "newTag": "1"}],
        "configMapGenerator": [{"name": "c", "env": "x", "envs": ["y"]}],
        "secretGenerator": [{"name": "s", "env": "x", "type": "Opaque"}],
    }));
    assert_eq!(read.resources, ["a", "b"]);
    assert_eq!(read.images.iter().map(|image| image.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(read.config_map_generator[0].envs, ["y", "x"]);
    assert_eq!(
        (read.secret_generator[0].args.envs[0].as_str(), read.secret_generator[0].r#type.as_str()),
        ("x", "Opaque")
    );
    assert_eq!(read.warnings, ["bases is deprecated: use resources", "imageTags is deprecated: use images"]);
    assert_eq!(read.written.entry("resources", 1).and_then(Node::text), Some("b"));
    assert_eq!(read.written.value("images", 0, "newTag").map(|tag| &*tag.text), Some("1"));
    assert_eq!(read.written.entry("images", 2), None);
}

#[test]
fn a_file_that_says_nothing_is_refused() {
    let wanted = "the kustomization file is empty (list something under resources)";
    for empty in [json!(null), json!({}), json!({"kind": "Kustomization", "apiVersion": "v1", "resources": null})] {
        refused(empty, wanted);
    }
    for empty in [json!({"namePrefix": ""}), json!({"bases": []}), json!({"imageTags": []})] {
        refused(empty, wanted);
    }
    for some in [json!({"resources": []}), json!({"metadata": {}}), json!({"commonLabels": {}})] {
        accepted(some);
    }
}

#[test]
fn refusals_name_the_field() {
    refused(json!(["a"]), "expected a mapping of fields, found a list");
    refused(json!({"resource": []}), "resource: unknown field (did you mean resources?)");
    refused(json!({"rollback": []}), "rollback: unknown field");
    let patches = json!({"patches": [{"path": "a"}, {"target": {"label": "a"}}]});
    refused(patches, "patches[1].target.label: unknown field");
    refused(json!({"namespace": true}), "namespace: expected a string, found the boolean true (write \"true\")");
    refused(json!({"resources": "a"}), "resources: expected a list, found the string \"a\"");
    refused(
        json!({"labels": [{"pairs": {"a": 1}}]}),
        "labels[0].pairs.a: expected a string, found the number 1 (write \"1\")",
    );
    refused(
        json!({"labels": [{"includeSelectors": "yes"}]}),
        "labels[0].includeSelectors: expected true or false, found the string \"yes\"",
    );
    refused(
        json!({"replicas": [{"name": "a", "count": 1.5}]}),
        "replicas[0].count: expected a whole number, found the number 1.5",
    );
    refused(json!({"Resources": [], "resources": []}), "resources: stands here twice (Resources is the same field)");
    refused(
        json!({"namePrefix": "a", "kind": "Deployment"}),
        "kind: Deployment is neither Kustomization nor Component",
    );
    let version = "apiVersion: v1 is not kustomize.config.k8s.io/v1beta1, that of a Kustomization";
    refused(json!({"namePrefix": "a", "apiVersion": "v1"}), version);
    let helm = "helm charts are not supported (render the chart and list the result under resources)";
    refused(json!({"helmCharts": [{"name": "a"}]}), &format!("helmCharts: {helm}"));
    refused(json!({"HelmGlobals": {}}), &format!("HelmGlobals: {helm}"));
}

#[test]
fn whole_numbers_may_be_written_as_floats() {
    assert_eq!(accepted(json!({"replicas": [{"name": "a", "count": 3.0}]})).replicas[0].count, 3);
}
