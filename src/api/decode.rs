//! The value of an object to its type.
//!
//! Takes the value and the version it is written for; gives the object and everything that is wrong with it. Serde
//! stops at the first fault: the faulty field is then replaced by an example (or left out) and the value is read again,
//! so that one look at the answer is enough.

use super::field_path::{FieldPath, Step};
use super::meta::{Object, Spec, Version};
use super::problem::{FieldError, Report};
use super::value::{self, Fault, UNKNOWN_MAX, UnknownField};
use crate::object::Value;

/// After so many faults the rest of an object is not looked at.
const FAULTS_MAX: usize = 32;

const METADATA_REQUIRED: [(&str, &str); 2] = [("metadata", r#"{"name":"web"}"#), ("metadata.name", r#""web""#)];

/// What the API server writes, and people copy from `kubectl get -o yaml`.
const METADATA_OF_SERVER: [&str; 11] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Reads an object. It may be used only when the report has no errors.
pub(super) fn decode<S: Spec>(value: &Value, version: Version, default_namespace: &str) -> (Option<Object<S>>, Report) {
    let mut report = Report::default();
    let mut faulty = Vec::new();
    let object =
        read_through::<S>(value, &mut report, &mut faulty).map(|object| in_namespace(object, default_namespace));
    if let Some(object) = &object {
        check(object, &mut report, &faulty);
    }
    note_versions::<S>(value, version, &mut report);
    (object, report)
}

fn in_namespace<S>(mut object: Object<S>, default_namespace: &str) -> Object<S> {
    if object.metadata.namespace.is_empty() {
        default_namespace.clone_into(&mut object.metadata.namespace);
    }
    object
}

/// Reads as often as there are faults to mend. `faulty` gets the fields that were replaced or left out.
fn read_through<S: Spec>(value: &Value, report: &mut Report, faulty: &mut Vec<String>) -> Option<Object<S>> {
    let mut value = value.clone();
    let mut unknown = Vec::new();
    let mut object = None;
    for _ in 0..=FAULTS_MAX {
        let (result, met) = value::read::<Object<S>>(&value);
        unknown = met;
        let Err(fault) = result else {
            object = result.ok();
            break;
        };
        if report.errors.len() == FAULTS_MAX || !mend::<S>(&mut value, &fault, report, faulty) {
            break;
        }
    }
    note_unknown(&unknown, report);
    object
}

/// Reports a fault and changes the value so that it is gone; false when nothing of the object would be left.
fn mend<S: Spec>(value: &mut Value, fault: &Fault, report: &mut Report, faulty: &mut Vec<String>) -> bool {
    let example = example::<S>(&fault.path().to_string());
    // A field that is missing because it was left out has been spoken of.
    if !faulty.contains(&fault.path().to_string()) {
        report.errors.push(describe(fault, example));
    }
    let field = mendable(fault, example.is_some());
    faulty.push(field.to_string());
    replace(value, &field, example)
}

fn describe(fault: &Fault, example: Option<&str>) -> FieldError {
    let message = match example {
        Some(example) if fault.is_missing() => format!("is required, such as {example}"),
        _ => fault.to_string(),
    };
    FieldError::new(fault.path().to_string(), message)
}

fn example<S: Spec>(field: &str) -> Option<&'static str> {
    let mut known = S::REQUIRED.iter().chain(&METADATA_REQUIRED);
    known.find(|(required, _)| *required == field).map(|(_, example)| *example)
}

/// The field to replace or to leave out: an entry of a map, since items cannot be left out of a list without
/// renumbering. What is missing without an example takes the map that lacks it along.
fn mendable(fault: &Fault, has_example: bool) -> FieldPath {
    let mut path = fault.path();
    if fault.is_missing() && !has_example {
        path.0.pop();
    }
    while matches!(path.0.last(), Some(Step::Index(_))) {
        path.0.pop();
    }
    path
}

/// Puts the example in the place of a field, or leaves the field out; false for the object as a whole.
fn replace(value: &mut Value, field: &FieldPath, example: Option<&str>) -> bool {
    let Some((Step::Key(key), parents)) = field.0.split_last() else { return false };
    let parent = parents.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key.as_str()),
        Step::Index(at) => value.get_mut(at),
    });
    let Some(Value::Object(entries)) = parent else { return false };
    match example.and_then(|example| serde_json::from_str(example).ok()) {
        Some(example) => entries.insert(key.clone(), example),
        // In order: the faults that follow are told in the order of the text.
        None => entries.shift_remove(key),
    };
    true
}

/// What the schema cannot say, except about fields that were found faulty already.
fn check<S: Spec>(object: &Object<S>, report: &mut Report, faulty: &[String]) {
    let mut found = Report::default();
    object.metadata.check(&mut found);
    object.spec.check(&mut found);
    let is_news = |error: &FieldError| !faulty.iter().any(|field| are_nested(field, &error.field));
    report.errors.extend(found.errors.into_iter().filter(is_news));
    report.warnings.extend(found.warnings.into_iter().filter(is_news));
}

/// True when one of two fields is, or lies within, the other.
fn are_nested(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn note_unknown(unknown: &[UnknownField], report: &mut Report) {
    for field in unknown.iter().filter(|field| !is_of_server(&field.path)) {
        let message = match field.suggestion {
            Some(suggestion) => format!("unknown field, ignored; did you mean {suggestion}?"),
            None => "unknown field, ignored".to_owned(),
        };
        report.warn(field.path.to_string(), message);
    }
    if unknown.len() == UNKNOWN_MAX {
        report.warn("", "has many unknown fields, the rest of them is not listed");
    }
}

/// The fields beside `metadata` and `spec`, and those of the metadata that a server adds.
fn is_of_server(path: &FieldPath) -> bool {
    match path.0.as_slice() {
        [Step::Key(top)] => matches!(top.as_str(), "apiVersion" | "kind" | "status"),
        [Step::Key(top), Step::Key(field)] => top == "metadata" && METADATA_OF_SERVER.contains(&field.as_str()),
        _ => false,
    }
}

/// Fields that are known but not in the version that the object names.
fn note_versions<S: Spec>(value: &Value, version: Version, report: &mut Report) {
    for (field, first, last) in S::ONLY_IN {
        let present =
            field.split('.').try_fold(value, |value, key| value.get(key)).is_some_and(|value| !value.is_null());
        if !present || (*first..=*last).contains(&version) {
            continue;
        }
        let (version, first, last) = (version.as_str(), first.as_str(), last.as_str());
        let range = if first == last { format!("only {first} has it") } else { format!("{first} to {last} have it") };
        report.warn(*field, format!("is not a field of {version}, {range}; it is used all the same"));
    }
}
