//! The fields of the definitions against the tables of `fixtures/crds`, both ways.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tagwright::api::{self, Crd, SourceText};

use super::form::VALIDATIONS;
use super::{Row, VERSIONS, fields, plural, root, schema, table};

#[test]
fn every_version_has_the_fields_of_the_tables() {
    for crd in api::crds() {
        let table = table(plural(&crd));
        for version in VERSIONS {
            let fields = fields(schema(&crd, version));
            let common = ["", "apiVersion", "kind", "metadata"];
            let found: BTreeSet<&str> =
                fields.keys().map(String::as_str).filter(|path| !common.contains(path)).collect();
            let expected: BTreeSet<&str> = table.keys().map(String::as_str).collect();
            assert_eq!(found, expected, "fields of {} in {version}", crd.kind);
        }
        for (path, expected) in table {
            assert_eq!(row(&crd, &path, &expected.versions), expected, "{path} of {}", crd.kind);
        }
    }
}

/// The row that the definition would have; its versions are not in the schemas.
fn row(crd: &Crd, path: &str, versions: &str) -> Row {
    let of = |version| fields(schema(crd, version))[path].clone();
    let field = of("v1");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut validation = Vec::new();
    let requiring: Vec<&str> = VERSIONS.into_iter().filter(|version| requires(schema(crd, version), path)).collect();
    match requiring.len() {
        0 => {}
        3 => validation.push("required".to_owned()),
        _ => validation.push(format!("required in {}", requiring.join(" "))),
    }
    let said = VALIDATIONS.iter().filter_map(|keyword| Some((keyword, field.get(keyword)?)));
    validation.extend(said.map(|(keyword, value)| format!("{keyword} {}", text(value))));
    if let Some(words) = field["enum"].as_array() {
        validation.push(format!("enum {}", words.iter().map(text).collect::<Vec<_>>().join(" ")));
    }
    let rules = field["x-kubernetes-validations"].as_array().into_iter().flatten();
    validation.extend(rules.map(|rule| format!("rule {}: {}", text(&rule["message"]), text(&rule["rule"]))));
    Row {
        kind: text(&field["type"]),
        versions: versions.to_owned(),
        default: field.get("default").map_or_else(|| "-".to_owned(), Value::to_string),
        validation: if validation.is_empty() { "-".to_owned() } else { validation.join("; ") },
    }
}

/// Whether the map around a field requires it.
fn requires(schema: &Value, path: &str) -> bool {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    let fields = fields(schema);
    fields[parent]["required"].as_array().is_some_and(|required| required.iter().any(|field| field == name))
}

#[test]
fn versions_differ_in_nothing_but_what_is_required() {
    fn forget(schema: &mut Value) {
        if let Some(fields) = schema.as_object_mut() {
            fields.remove("required");
            fields.values_mut().for_each(forget);
        }
    }
    for crd in api::crds() {
        let [oldest, old, new] = VERSIONS.map(|version| {
            let mut schema = schema(&crd, version).clone();
            forget(&mut schema);
            schema
        });
        assert!(oldest == new && old == new, "{}", crd.kind);
    }
}

/// The loader warns of fields that the version of an object lacks: of exactly those that the tables say.
#[test]
fn the_loader_knows_the_versions_of_the_tables() {
    let every_field = fs::read_to_string(root("fixtures/api/every-field.yaml")).expect("a fixture");
    for version in VERSIONS {
        let text = every_field.replace("VERSION", version);
        let loaded = api::load([SourceText { file: "app.yaml", text: &text }], "default");
        for crd in api::crds() {
            let of_kind =
                |problem: &&api::Problem| problem.object.as_ref().is_some_and(|id| id.kind == crd.kind.as_str());
            let warned: BTreeSet<String> =
                loaded.problems.iter().filter(of_kind).map(|problem| problem.field.clone()).collect();
            let table = table(plural(&crd));
            let lacks = |path: &str| {
                let versions = &table[path].versions;
                !["all", "own"].contains(&versions.as_str()) && !versions.split(' ').any(|has| has == version)
            };
            // What a version lacks is named once, not with everything in it.
            let is_top = |path: &str| path.rsplit_once(['.', '[', '{']).is_none_or(|(parent, _)| !lacks(parent));
            let expected: BTreeSet<String> =
                table.keys().filter(|path| path.starts_with("spec.") && lacks(path) && is_top(path)).cloned().collect();
            assert_eq!(warned, expected, "{} in {version}", crd.kind);
        }
    }
}
