//! The CustomResourceDefinitions of the kinds, made from the Rust types of their specs and statuses.
//!
//! Every version of a kind has the fields of all of its versions: v1 is stored, objects are converted by writing
//! another version on them, and whoever edits an object in an old version must not lose what only a newer one has. The
//! versions differ in what is required, in their columns, and in that the old ones are deprecated.

mod definitions;
mod structural;

use serde_json::{Value, json};

use crate::object::Node;
use crate::yaml;
use definitions::{Column, DEFINITIONS, Definition, Needed};

use super::meta::{Kind, Version};

const VERSIONS: [Version; 3] = [Version::V1, Version::V1Beta2, Version::V1Beta1];

/// The definition of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crd {
    pub kind: Kind,
    /// The object to apply.
    pub object: Value,
    /// Under which it lies in `crds/`.
    pub file_name: String,
}

impl Crd {
    /// The object as one YAML document, keys in order.
    pub fn yaml(&self) -> String {
        yaml::emit(&Node::from(self.object.clone())).expect("plain texts and small numbers have a written form")
    }
}

/// The definitions of all kinds that have one.
pub fn crds() -> Vec<Crd> {
    DEFINITIONS.iter().map(crd).collect()
}

fn crd(definition: &Definition) -> Crd {
    let (group, plural) = (definition.kind.group(), definition.plural);
    let (spec, status) = ((definition.spec)(), (definition.status)());
    let versions: Vec<Value> =
        VERSIONS.into_iter().map(|version| self::version(definition, version, &spec, &status)).collect();
    let object = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{plural}.{group}"),
            // Flux would take `$` and braces in the texts for variables of its own.
            "annotations": { "kustomize.toolkit.fluxcd.io/substitute": "disabled" },
        },
        "spec": {
            "group": group,
            "names": names(definition),
            "scope": "Namespaced",
            "conversion": { "strategy": "None" },
            "versions": versions,
        },
    });
    Crd { kind: definition.kind, object, file_name: format!("{group}_{plural}.yaml") }
}

fn names(definition: &Definition) -> Value {
    let kind = definition.kind.as_str();
    json!({
        "kind": kind,
        "listKind": format!("{kind}List"),
        "plural": definition.plural,
        "singular": kind.to_lowercase(),
        "shortNames": definition.short_names,
        "categories": ["all", "fluxcd", definition.category],
    })
}

fn version(definition: &Definition, version: Version, spec: &Value, status: &Value) -> Value {
    let columns = if version == Version::V1Beta1 { definition.columns_of_v1beta1 } else { definition.columns };
    let mut made = json!({
        "name": version.as_str(),
        "served": true,
        "storage": version == Version::V1,
        "subresources": { "status": {} },
        "additionalPrinterColumns": columns.iter().map(column).collect::<Vec<_>>(),
        "schema": { "openAPIV3Schema": schema(definition, version, spec, status) },
    });
    if version != Version::V1 {
        let (version, kind) = (version.as_str(), definition.kind);
        made["deprecated"] = true.into();
        made["deprecationWarning"] = format!("{version} {kind} is deprecated, upgrade to v1").into();
    }
    made
}

fn column(column: &Column) -> Value {
    let mut made = json!({ "name": column.name, "type": column.kind, "jsonPath": column.path });
    if column.is_wide {
        made["priority"] = 1.into();
    }
    made
}

fn schema(definition: &Definition, version: Version, spec: &Value, status: &Value) -> Value {
    let mut status = status.clone();
    // Tells an object that no controller has looked at from one whose first generation was reconciled.
    status["default"] = json!({ "observedGeneration": -1 });
    let mut schema = json!({
        "type": "object",
        "description": definition.about,
        "properties": {
            "apiVersion": { "type": "string", "description": "The API group and version of this object." },
            "kind": { "type": "string", "description": "The kind of this object." },
            "metadata": { "type": "object" },
            "spec": spec,
            "status": status,
        },
    });
    for needed in definition.needed.iter().filter(|needed| needed.versions.contains(&version)) {
        require(&mut schema, needed);
    }
    schema
}

/// Makes a field required in a schema.
fn require(schema: &mut Value, needed: &Needed) {
    let found = schema.pointer_mut(&pointer(needed.path)).expect("the table of definitions names fields of the types");
    let required = found["required"].as_array().into_iter().flatten();
    let mut required: Vec<&str> = required.filter_map(Value::as_str).chain([needed.field]).collect();
    required.sort_unstable();
    found["required"] = json!(required);
}

/// The JSON pointer to the schema of a field: `status.includedArtifacts[]`.
fn pointer(path: &str) -> String {
    path.split('.').map(|field| format!("/properties/{}", field.replace("[]", "/items"))).collect()
}
