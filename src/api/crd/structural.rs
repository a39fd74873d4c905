//! From the schema of a Rust type to the form that the API server takes: structural, as for its own types.
//!
//! A field that may be absent is just not required, never nullable; an enumeration is one flat list; the zero of a type
//! is no default; a number has a format only where Kubernetes knows it.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

/// The formats that are kept.
const FORMATS: [&str; 2] = ["int64", "date-time"];

/// The structural schema of a type.
pub(super) fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = Schema::to_value(settings.into_generator().into_root_schema_for::<T>());
    settle(&mut schema);
    schema
}

/// Brings a schema and all schemas in it into form.
fn settle(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    fields.retain(|keyword, _| !matches!(keyword.as_str(), "$schema" | "title"));
    without_null(fields);
    flatten_enumeration(fields);
    without_zeros(fields);
    if let Some(Value::String(description)) = fields.get_mut("description") {
        *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    if let Some(Value::Array(required)) = fields.get_mut("required") {
        required.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
    }
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(settle);
    }
    for keyword in ["items", "additionalProperties"] {
        fields.get_mut(keyword).into_iter().for_each(settle);
    }
}

/// `T or null`, in each way of writing it, becomes `T`.
fn without_null(fields: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            fields.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = fields.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let Some(Value::Array(choices)) = fields.get_mut("anyOf") else { return };
    choices.retain(|choice| choice["type"] != "null");
    if let [Value::Object(only)] = choices.as_mut_slice() {
        let only = std::mem::take(only);
        fields.remove("anyOf");
        // What is said at the field goes before what is said at its type.
        for (keyword, value) in only {
            fields.entry(keyword).or_insert(value);
        }
        without_null(fields);
    }
}

/// Variants with descriptions of their own become one list of words.
fn flatten_enumeration(fields: &mut Map<String, Value>) {
    let Some(Value::Array(variants)) = fields.remove("oneOf") else { return };
    let words = variants.iter().flat_map(|variant| match variant.get("enum").and_then(Value::as_array) {
        Some(words) => words.clone(),
        None => variant.get("const").cloned().into_iter().collect(),
    });
    let words = words.collect();
    fields.entry("enum").or_insert(Value::Array(words));
    fields.entry("type").or_insert("string".into());
}

fn without_zeros(fields: &mut Map<String, Value>) {
    if fields.get("default").is_some_and(is_zero) {
        fields.remove("default");
    }
    let format = fields.get("format").and_then(Value::as_str);
    if format.is_some_and(|format| !FORMATS.contains(&format)) {
        // An unsigned number, which Kubernetes does not have.
        fields.remove("format");
        fields.remove("minimum");
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_zero),
        Value::Bool(true) | Value::Number(_) => false,
    }
}
