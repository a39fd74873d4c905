//! Data that somebody gives: JSON as Go's values.

use serde_json::Value as Json;

use crate::template::Value;

/// A number without a point is an `int`, as in YAML that Go reads; objects are maps.
pub(super) fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => number.as_f64().map_or(Value::Nil, Value::Float),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::list(items.iter().map(value).collect()),
        Json::Object(entries) => Value::dict(entries.iter().map(|(key, entry)| (key.as_str(), value(entry)))),
    }
}
