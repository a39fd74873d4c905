//! `crds`: what the OpenAPI definitions of custom resources say about their fields.
//!
//! Takes a file of definitions by name, `com.example.v1.Widget: {Schema: {properties: …}}`; gives the tables that the
//! `x-kubernetes-…` extensions of its properties ask for.

use super::TransformerConfig;
use crate::kustomize::error::Error;
use crate::kustomize::kustomization::decode::{describe, document, field};
use crate::kustomize::kustomization::{FieldSpec, NameReference};
use crate::object::{Mapping, Node, Tag};

/// Definitions that lead to each other in a circle never end; no true one is this deep.
const DEPTH_MAX: usize = 64;
/// Definitions that share others can be much larger than their text.
const PROPERTIES_MAX: usize = 100_000;

impl TransformerConfig {
    /// Reads the definitions in the file `name`, which places in it call `file`, as kustomize's field `crds` does.
    pub fn read_crds(text: &[u8], name: &str, file: u32) -> Result<Self, Error> {
        document(text, file).and_then(|node| config(&node)).map_err(|error| error.in_file(name, 0))
    }
}

fn config(node: &Node) -> Result<TransformerConfig, Error> {
    let definitions = mapping(node)?;
    let mut config = TransformerConfig::default();
    let mut properties_left = PROPERTIES_MAX;
    for (name, definition) in definitions.into_iter().flat_map(Mapping::iter) {
        let within = |error: Error| error.in_field(&name.text);
        let is_object = |properties: &Mapping| {
            ["apiVersion", "kind", "metadata"].iter().all(|field| properties.contains_key(field))
        };
        if !properties(definition).map_err(within)?.is_some_and(is_object) {
            continue;
        }
        let kind = name.text.rsplit('.').next().unwrap_or_default();
        let mut found = Found { definitions: node, kind, config: TransformerConfig::default(), properties_left };
        found.visit(&name.text, &mut Vec::new()).map_err(within)?;
        properties_left = found.properties_left;
        config.merge(&found.config).map_err(within)?;
    }
    Ok(config)
}

/// What the definitions say about the fields of one kind.
struct Found<'n> {
    definitions: &'n Node,
    kind: &'n str,
    config: TransformerConfig,
    properties_left: usize,
}

impl<'n> Found<'n> {
    /// Looks at the properties of the definition `name`, which is reached by the fields of `path`.
    fn visit(&mut self, name: &str, path: &mut Vec<&'n str>) -> Result<(), Error> {
        let Some(definition) = self.definitions.get(name) else { return Ok(()) };
        if path.len() >= DEPTH_MAX {
            return Err(Error::new(format!("{} leads back to itself", path.join("."))));
        }
        for (property, schema) in properties(definition)?.into_iter().flat_map(Mapping::iter) {
            self.properties_left = self.properties_left.checked_sub(1).ok_or_else(|| {
                Error::new(format!("the definitions have more than {PROPERTIES_MAX} properties in all"))
            })?;
            path.push(&property.text);
            self.note(schema, path);
            if let Some(reference) = schema.get("$ref").and_then(Node::text) {
                self.visit(reference, path)?;
            }
            path.pop();
        }
        Ok(())
    }

    fn note(&mut self, schema: &Node, path: &[&str]) {
        let says = |name: &str| extension(schema, name);
        let kind = self.kind.to_owned();
        let spec = || FieldSpec { kind: kind.clone(), path: path.join("/"), ..FieldSpec::default() };
        if says("x-kubernetes-annotation").is_some() {
            self.config.common_annotations.push(spec());
        }
        if says("x-kubernetes-label-selector").is_some() {
            self.config.common_labels.push(spec());
        }
        if says("x-kubernetes-identity").is_some() {
            self.config.name_prefix.push(spec());
        }
        let referent = says("x-kubernetes-object-ref-api-version").zip(says("x-kubernetes-object-ref-kind"));
        if let Some((version, kind)) = referent {
            let key = says("x-kubernetes-object-ref-name-key").unwrap_or("name");
            let field_specs = vec![FieldSpec { path: format!("{}/{key}", path.join("/")), ..spec() }];
            let (version, kind) = (version.to_owned(), kind.to_owned());
            self.config.name_reference.push(NameReference { group: String::new(), version, kind, field_specs });
        }
    }
}

/// The value of an extension, which counts where it is a string.
fn extension<'n>(schema: &'n Node, name: &str) -> Option<&'n str> {
    let value = schema.get(name)?.as_scalar()?;
    (value.tag == Tag::Str).then_some(&*value.text)
}

fn properties(definition: &Node) -> Result<Option<&Mapping>, Error> {
    mapping(definition)?;
    let Some(schema) = field(definition, "Schema") else { return Ok(None) };
    mapping(schema)?;
    let Some(properties) = schema.get("properties") else { return Ok(None) };
    let properties = mapping(properties)?;
    for (name, property) in properties.into_iter().flat_map(Mapping::iter) {
        mapping(property).map_err(|error| error.in_field(&name.text))?;
    }
    Ok(properties)
}

/// A mapping, or nothing for null.
fn mapping(node: &Node) -> Result<Option<&Mapping>, Error> {
    let refuse = || {
        let error = Error::new(format!("expected OpenAPI definitions, found {}", describe(node)));
        error.on_line(node.place().line)
    };
    if node.is_null() { Ok(None) } else { node.as_mapping().map(Some).ok_or_else(refuse) }
}
