//! The form of the schemas: structural, complete for what people write, described.

use std::fs;

use serde_json::Value;
use tagwright::{api, yaml};

use super::{VERSIONS, fields, root, schema};

/// What every schema may say.
const KEYWORDS: [&str; 4] = ["type", "description", "default", "required"];

/// What is asked of values.
pub(super) const VALIDATIONS: [&str; 10] = [
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "format",
    "pattern",
    "x-kubernetes-map-type",
    "x-kubernetes-list-type",
];

#[test]
fn schemas_are_structural() {
    for crd in api::crds() {
        for version in VERSIONS {
            for (path, schema) in fields(schema(&crd, version)) {
                check_structural(schema, &format!("{path} of {} in {version}", crd.kind));
            }
        }
    }
}

fn check_structural(schema: &Value, place: &str) {
    let fields = schema.as_object().unwrap_or_else(|| panic!("a schema is a map: {place}"));
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_else(|| panic!("no type: {place}"));
    let allowed: &[&str] = match kind {
        "object" => &["properties", "additionalProperties", "x-kubernetes-validations"],
        "array" => &["items"],
        "string" => &["enum"],
        "boolean" | "integer" => &[],
        other => panic!("type {other}: {place}"),
    };
    let known =
        |keyword: &str| KEYWORDS.contains(&keyword) || VALIDATIONS.contains(&keyword) || allowed.contains(&keyword);
    let strange: Vec<&String> = fields.keys().filter(|keyword| !known(keyword)).collect();
    assert!(strange.is_empty(), "{strange:?}: {place}");
    assert_eq!(kind == "array", fields.contains_key("items"), "items: {place}");
    assert!(!(fields.contains_key("properties") && fields.contains_key("additionalProperties")), "{place}");
    for required in schema["required"].as_array().into_iter().flatten() {
        let name = required.as_str().expect("a name");
        assert!(schema["properties"].get(name).is_some(), "{name} is required and not there: {place}");
    }
    if let Some(default) = fields.get("default") {
        check_value(default, schema, place);
    }
}

/// A value has nothing that its schema does not, and is of its type: nothing is pruned or refused for it.
fn check_value(value: &Value, schema: &Value, place: &str) {
    match value {
        Value::Object(entries) => {
            assert_eq!(schema["type"], "object", "{place}");
            for (key, value) in entries {
                let within = schema["properties"].get(key).or(schema.get("additionalProperties"));
                let within = within.unwrap_or_else(|| panic!("{key} would be pruned: {place}"));
                check_value(value, within, &format!("{place}.{key}"));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| check_value(item, &schema["items"], place)),
        Value::String(_) => assert_eq!(schema["type"], "string", "{place}"),
        Value::Bool(_) => assert_eq!(schema["type"], "boolean", "{place}"),
        Value::Number(_) => assert_eq!(schema["type"], "integer", "{place}"),
        Value::Null => panic!("null: {place}"),
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{value} is none of {words:?}: {place}");
    }
}

#[test]
fn nothing_of_the_fixtures_is_pruned() {
    let crds = api::crds();
    let read = |name: &str| fs::read_to_string(root("fixtures/api").join(name)).expect("a fixture");
    let every_field = read("every-field.yaml");
    let texts = VERSIONS.map(|version| every_field.replace("VERSION", version)).into_iter();
    for text in texts.chain([read("v1beta1-2021.yaml"), read("v1beta2.yaml")]) {
        for document in yaml::documents(&text).expect("YAML") {
            let object = document.value;
            let Some(crd) = crds.iter().find(|crd| object["kind"] == crd.kind.as_str()) else { continue };
            let (_, version) = object["apiVersion"].as_str().and_then(|text| text.split_once('/')).expect("a group");
            let fields = fields(schema(crd, version));
            check_value(&object["spec"], fields["spec"], &format!("{} {version}", crd.kind));
            object.get("status").into_iter().for_each(|status| check_value(status, fields["status"], "status"));
        }
    }
}

#[test]
fn every_field_is_described() {
    for crd in api::crds() {
        for (path, field) in fields(schema(&crd, "v1")) {
            let is_named = !path.ends_with(['}', ']']) && path != "metadata";
            let description = field["description"].as_str().unwrap_or_default();
            assert!(!is_named || description.ends_with('.'), "{path} of {}: {description:?}", crd.kind);
            // Rust's links and quotes mean nothing to `kubectl explain`.
            assert!(!description.contains(['`', '[']), "{path} of {}: {description:?}", crd.kind);
        }
    }
}
