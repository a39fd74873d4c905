//! Reads a schema from an OpenAPI v2 document: `definitions` say how lists are merged, `paths` which kinds live in a
//! namespace.
//!
//! Only what a build asks for is kept: objects, the lists that are merged, and the way to them.

use std::collections::HashMap;
use std::sync::Arc;

use super::Form;
use super::Kind;
use super::MergeKeys;
use super::Schema;
use crate::kustomize::error::Error;
use crate::kustomize::resource::Gvk;
use crate::object::Node;
use crate::yaml;

const KINDS: &str = "x-kubernetes-group-version-kind";
const STRATEGY: &str = "x-kubernetes-patch-strategy";
const MERGE_KEY: &str = "x-kubernetes-patch-merge-key";
const MERGE_KEYS: &str = "x-kubernetes-list-map-keys";
/// Definitions that name one another without end lead nowhere.
const REFERENCES_MAX: usize = 32;

/// Reads the document, JSON or YAML.
pub(super) fn read(text: &[u8]) -> Result<Schema, Error> {
    let documents = yaml::nodes(text, 0, yaml::Dialect::Kustomization).map_err(|source| invalid().caused_by(source))?;
    from_document(documents.first().unwrap_or(&Node::null()))
}

fn invalid() -> Error {
    Error::new("reading the OpenAPI document")
}

pub(super) fn from_document(document: &Node) -> Result<Schema, Error> {
    let mut forms =
        Forms { document, forms: Vec::new(), plain: Vec::new(), named: HashMap::new(), waiting: Vec::new() };
    let mut kinds = HashMap::<Gvk, Kind>::new();
    for (name, definition) in fields(document.get("definitions"))? {
        let served = definition.get(KINDS).and_then(Node::as_sequence).unwrap_or_default();
        for gvk in served.iter().filter_map(read_gvk) {
            let form = forms.definition(&name.text, definition);
            kinds.entry(gvk).or_default().form = Some(form);
        }
    }
    for (path, operations) in fields(document.get("paths"))? {
        let Some(gvk) = operations.at(&["get", KINDS]).and_then(read_gvk) else { continue };
        let kind = kinds.entry(gvk).or_default();
        let is_namespaced = path.text.contains("namespaces/{namespace}");
        kind.is_namespaced = Some(is_namespaced || kind.is_namespaced == Some(true));
    }
    Ok(Schema { kinds, forms: forms.read(), ..Schema::default() })
}

/// The fields of an object that may be missing.
fn fields(node: Option<&Node>) -> Result<Vec<(&crate::object::Scalar, &Node)>, Error> {
    match node {
        None => Ok(Vec::new()),
        Some(node) if node.is_null() => Ok(Vec::new()),
        Some(Node::Mapping(mapping)) => Ok(mapping.iter().collect()),
        Some(_) => Err(invalid().caused_by("`definitions` and `paths` must be objects")),
    }
}

fn read_gvk(gvk: &Node) -> Option<Gvk> {
    let text = |field| gvk.get(field).and_then(Node::text);
    let group = text("group").unwrap_or_default();
    Some(Gvk { group: group.into(), version: text("version")?.into(), kind: text("kind")?.into() })
}

/// The forms that were met so far. Those that wait are numbered and not read yet: definitions may hold each other in
/// long chains, which must not become deep recursion.
struct Forms<'d> {
    document: &'d Node,
    forms: Vec<Form>,
    /// The forms of scalars and of lists that are not merged: nothing is seen through them.
    plain: Vec<bool>,
    named: HashMap<&'d str, usize>,
    waiting: Vec<(usize, &'d Node)>,
}

impl<'d> Forms<'d> {
    fn read(mut self) -> Vec<Form> {
        while let Some((at, schema)) = self.waiting.pop() {
            self.forms[at] = self.form(schema);
            self.plain[at] = is_plain(schema, &self.forms[at]);
        }
        let Self { mut forms, plain, .. } = self;
        for form in &mut forms {
            form.fields.retain(|(_, at)| !plain[*at]);
            form.others = form.others.filter(|at| !plain[*at]);
            form.items = form.items.filter(|at| !plain[*at]);
        }
        forms
    }

    fn definition(&mut self, name: &'d str, schema: &'d Node) -> usize {
        if let Some(at) = self.named.get(name) {
            return *at;
        }
        let at = self.wait(schema);
        self.named.insert(name, at);
        at
    }

    fn wait(&mut self, schema: &'d Node) -> usize {
        self.forms.push(Form::default());
        self.plain.push(false);
        self.waiting.push((self.forms.len() - 1, schema));
        self.forms.len() - 1
    }

    fn form(&mut self, schema: &'d Node) -> Form {
        let properties = schema.get("properties").and_then(Node::as_mapping);
        let mut fields: Vec<(Arc<str>, usize)> = properties
            .into_iter()
            .flat_map(|properties| properties.iter())
            .filter_map(|(name, schema)| Some((name.text.clone(), self.value(schema)?)))
            .collect();
        fields.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let others = schema.get("additionalProperties").filter(|others| others.as_mapping().is_some());
        let others = others.and_then(|schema| self.value(schema));
        let merge = merge_keys(schema);
        let items = schema.get("items").filter(|_| merge.is_some() && type_of(schema) == Some("array"));
        Form { fields, others, items: items.and_then(|schema| self.value(schema)), merge }
    }

    /// The form of a field or an item. A reference stands for what it leads to, whatever is written beside it.
    fn value(&mut self, schema: &'d Node) -> Option<usize> {
        let Some(first) = reference(schema) else { return Some(self.wait(schema)) };
        let mut name = first;
        for _ in 0..REFERENCES_MAX {
            let definition = self.document.get("definitions")?.get(name)?;
            match reference(definition) {
                Some(next) => name = next,
                None => return Some(self.definition(name, definition)),
            }
        }
        None
    }
}

/// The name of the definition that a schema stands for.
fn reference(schema: &Node) -> Option<&str> {
    schema.get("$ref").and_then(Node::text)?.strip_prefix("#/definitions/")
}

/// The type of a value, where it has one.
fn type_of(schema: &Node) -> Option<&str> {
    match schema.get("type")? {
        Node::Sequence(types) => types.first().filter(|_| types.len() == 1)?.text(),
        one => one.text(),
    }
}

fn is_plain(schema: &Node, form: &Form) -> bool {
    form.merge.is_none() && matches!(type_of(schema), Some("string" | "integer" | "number" | "boolean" | "array"))
}

/// How the lists of a schema become one (`x-kubernetes-patch-strategy`, Kubernetes' API conventions).
fn merge_keys(schema: &Node) -> Option<MergeKeys> {
    let strategy = schema.get(STRATEGY).and_then(Node::text)?;
    if !strategy.split(',').any(|strategy| strategy == "merge") {
        return None;
    }
    let keys = match schema.get(MERGE_KEYS).and_then(Node::as_sequence) {
        Some(keys) => keys.iter().filter_map(Node::text).map(Arc::from).collect(),
        None => schema.get(MERGE_KEY).and_then(Node::text).map(Arc::from).into_iter().collect(),
    };
    Some(keys)
}
