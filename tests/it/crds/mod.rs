//! The definitions of the kinds: their names and columns here, their files, fields and form in files of their own.

mod files;
mod form;
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tagwright::api::{self, Crd};

const VERSIONS: [&str; 3] = ["v1beta1", "v1beta2", "v1"];

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn plural(crd: &Crd) -> &str {
    crd.object["spec"]["names"]["plural"].as_str().expect("a plural")
}

/// A version of a definition by its name.
fn version<'c>(crd: &'c Crd, name: &str) -> &'c Value {
    let versions = crd.object["spec"]["versions"].as_array().expect("versions");
    versions.iter().find(|version| version["name"] == name).expect("each definition has three versions")
}

fn schema<'c>(crd: &'c Crd, name: &str) -> &'c Value {
    &version(crd, name)["schema"]["openAPIV3Schema"]
}

/// The schemas within a schema, by path: `spec.include[].repository`, `status.observedPolicies{}`.
fn fields(schema: &Value) -> BTreeMap<String, &Value> {
    fn walk<'s>(schema: &'s Value, path: &str, found: &mut BTreeMap<String, &'s Value>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let dot = if path.is_empty() { "" } else { "." };
            walk(field, &format!("{path}{dot}{name}"), found);
        }
        for (keyword, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
            schema.get(keyword).into_iter().for_each(|within| walk(within, &format!("{path}{mark}"), found));
        }
        found.insert(path.to_owned(), schema);
    }
    let mut found = BTreeMap::new();
    walk(schema, "", &mut found);
    found
}

/// A row of a table: type, versions, default and validation of a field.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    kind: String,
    versions: String,
    default: String,
    validation: String,
}

fn table(plural: &str) -> BTreeMap<String, Row> {
    let text = fs::read_to_string(root(&format!("fixtures/crds/{plural}.txt"))).expect("a table for each kind");
    let rows = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut cells = line.splitn(5, " | ").map(|cell| cell.trim().to_owned());
        let mut cell = || cells.next().unwrap_or_else(|| panic!("five columns in {line:?}"));
        let path = cell();
        (path, Row { kind: cell(), versions: cell(), default: cell(), validation: cell() })
    });
    rows.collect()
}

#[test]
fn names_and_columns_are_those_people_know() {
    let check = |at: usize, group: &str, short: &str, category: &str, columns: [&str; 2]| {
        let crd = &api::crds()[at];
        let (spec, names) = (&crd.object["spec"], &crd.object["spec"]["names"]);
        let words = |value: &Value| {
            let words = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            words.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(spec["group"], group);
        assert_eq!(crd.object["metadata"]["name"], format!("{}.{group}", plural(crd)));
        assert_eq!(crd.file_name, format!("{group}_{}.yaml", plural(crd)));
        assert_eq!(words(&names["shortNames"]), short);
        assert_eq!(words(&names["categories"]), format!("all fluxcd {category}"));
        assert_eq!(names["listKind"], format!("{}List", crd.kind));
        assert_eq!(spec["conversion"]["strategy"], "None");
        for (name, columns) in VERSIONS.into_iter().zip([columns[0], columns[1], columns[1]]) {
            let version = version(crd, name);
            assert_eq!(shown_columns(version), columns, "{} {name}", crd.kind);
            let is_new = name == "v1";
            assert_eq!(
                (&version["served"], &version["storage"]),
                (&true.into(), &is_new.into()),
                "{} {name}",
                crd.kind
            );
            assert_eq!(version.get("deprecated").is_none(), is_new, "{} {name}", crd.kind);
            assert!(version["subresources"].get("status").is_some(), "{} {name}", crd.kind);
        }
    };
    let image = "image.toolkit.fluxcd.io";
    let columns = ["Last scan, Tags", "Image, Tags, Ready, Status, (Last scan), Age"];
    check(0, image, "imgrepo imagerepo", "fluxcd-images", columns);
    check(1, image, "imgpol imagepol", "fluxcd-images", ["LatestImage", "Image, Tag, Ready, Status, Age"]);
    check(2, image, "iua imgupd imgauto", "fluxcd-images", ["Last run", "Ready, Status, (Last run), Age"]);
    let columns = ["URL, Ready, Status, Age", "URL, Age, Ready, Status"];
    check(3, "source.toolkit.fluxcd.io", "gitrepo", "fluxcd-sources", columns);
}

/// Names of columns; those that only `-o wide` shows in parentheses.
fn shown_columns(version: &Value) -> String {
    let columns = version["additionalPrinterColumns"].as_array().expect("columns").iter();
    let names = columns.map(|column| match (column["name"].as_str().expect("a name"), column.get("priority")) {
        (name, None) => name.to_owned(),
        (name, Some(_)) => format!("({name})"),
    });
    names.collect::<Vec<_>>().join(", ")
}
