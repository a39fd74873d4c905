//! The resources of a build in their order, found by who they are or were: adding one that is there already is refused,
//! a generated one may be merged into it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::id::{Gvk, Id};
use super::metadata::{Texts, base64_lines, data, set_in_metadata, set_name, set_namespace, set_texts, texts};
use super::objects::is_empty;
use super::{Behavior, Resource};
use crate::kustomize::error::Error;
use crate::kustomize::load::Files;
use crate::kustomize::schema::Schema;
use crate::object::Node;

/// More than any cluster takes.
const RESOURCES_MAX: usize = 200_000;

/// Resources in order. Who they are is looked up in an index that is made when it is needed, and forgotten when
/// something may have changed them.
#[derive(Debug, Default)]
pub(in crate::kustomize) struct Resources {
    list: Vec<Resource>,
    index: Option<Index>,
}

#[derive(Debug, Default)]
struct Index {
    current: HashMap<Key, usize>,
    /// By present and previous ids; filled when something generated comes.
    any: Option<HashMap<Key, Vec<usize>>>,
}

/// What makes two ids the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    gvk: Gvk,
    namespace: Arc<str>,
    name: Arc<str>,
}

impl From<&Id> for Key {
    fn from(id: &Id) -> Self {
        let namespace = match id.effective_namespace() {
            written if written == &*id.namespace => id.namespace.clone(),
            other => other.into(),
        };
        Self { gvk: id.gvk.clone(), namespace, name: id.name.clone() }
    }
}

impl Resources {
    pub(in crate::kustomize) fn list(&self) -> &[Resource] {
        &self.list
    }

    /// All resources, to be changed in any way.
    pub(in crate::kustomize) fn list_mut(&mut self) -> &mut Vec<Resource> {
        self.index = None;
        &mut self.list
    }

    pub(in crate::kustomize) fn into_list(self) -> Vec<Resource> {
        self.list
    }

    /// Adds resources behind the others; refuses one that is there already.
    pub(in crate::kustomize) fn append(
        &mut self,
        resources: Vec<Resource>,
        schema: &Schema,
        files: &Files,
    ) -> Result<(), Error> {
        resources.into_iter().try_for_each(|resource| self.push(resource, schema, files))
    }

    fn push(&mut self, resource: Resource, schema: &Schema, files: &Files) -> Result<(), Error> {
        if self.list.len() >= RESOURCES_MAX {
            return Err(Error::new(format!("the build has more than {RESOURCES_MAX} resources")));
        }
        let at = self.list.len();
        let id = resource.id(schema);
        let index = self.index.get_or_insert_with(|| Index { current: current(&self.list, schema), any: None });
        if let Some(first) = index.current.insert(Key::from(&id), at) {
            return Err(twice(&id, &self.list[first], &resource, files));
        }
        if let Some(any) = &mut index.any {
            keys(&resource, schema).for_each(|key| any.entry(key).or_default().push(at));
        }
        self.list.push(resource);
        Ok(())
    }

    /// Adds generated resources: each as a new one, or in the place of the one that it replaces or is merged into.
    pub(in crate::kustomize) fn absorb(
        &mut self,
        generated: Vec<Resource>,
        schema: &Schema,
        files: &Files,
    ) -> Result<(), Error> {
        generated.into_iter().try_for_each(|resource| self.absorb_one(resource, schema, files))
    }

    fn absorb_one(&mut self, resource: Resource, schema: &Schema, files: &Files) -> Result<(), Error> {
        let id = resource.id(schema);
        let index = self.index.get_or_insert_with(|| Index { current: current(&self.list, schema), any: None });
        let any = index.any.get_or_insert_with(|| any(&self.list, schema));
        match any.get(&Key::from(&id)).map(Vec::as_slice) {
            None => match resource.behavior {
                Behavior::Merge | Behavior::Replace => {
                    Err(Error::new(format!("there is no resource {id} to merge into or to replace")))
                }
                Behavior::Create | Behavior::Unspecified => self.push(resource, schema, files),
            },
            Some(&[at]) => self.join(at, resource, &id),
            Some(several) => {
                Err(Error::new(format!("{} resources are or were called {id}, which it is merged into", several.len())))
            }
        }
    }

    fn join(&mut self, at: usize, resource: Resource, id: &Id) -> Result<(), Error> {
        let old = &self.list[at];
        if old.gvk() != resource.gvk() {
            return Err(Error::new(format!("what was {id} is now a {}, and cannot take it in", old.kind())));
        }
        self.list[at] = match resource.behavior {
            Behavior::Replace => replaced(old, resource),
            Behavior::Merge => merged(old, resource)?,
            Behavior::Create | Behavior::Unspecified => {
                return Err(Error::new(format!("there is already a resource {id}"))
                    .with_hint("set behavior to merge or replace"));
            }
        };
        Ok(())
    }

    /// Refuses two resources that came to be called alike.
    pub(in crate::kustomize) fn check_unique(&self, schema: &Schema) -> Result<(), Error> {
        check_unique(&self.list, schema)
    }
}

/// The refusal of a resource that is there already, with the lines on which both are written.
fn twice(id: &Id, first: &Resource, second: &Resource, files: &Files) -> Error {
    let line = |resource: &Resource| {
        let place = resource.node.place();
        files.name(place.file).map(|name| format!("{name}:{}", place.line))
    };
    let error = Error::new(format!("there is already a resource {id}"));
    match (line(first), line(second)) {
        (Some(first), Some(second)) if first == second => error.with_hint(format!("{first} is read twice")),
        (Some(first), Some(second)) => error.with_hint(format!("it is in {first} and in {second}")),
        (Some(one), None) | (None, Some(one)) => error.with_hint(format!("one of them is in {one}")),
        (None, None) => error,
    }
}

/// The same of resources in no list; those that a patch emptied are called nothing any more.
pub(in crate::kustomize) fn check_unique(resources: &[Resource], schema: &Schema) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for resource in resources.iter().filter(|resource| !is_empty(&resource.node)) {
        let id = resource.id(schema);
        if !seen.insert(Key::from(&id)) {
            return Err(Error::new(format!("two resources are called {id}")));
        }
    }
    Ok(())
}

fn current(list: &[Resource], schema: &Schema) -> HashMap<Key, usize> {
    list.iter().enumerate().map(|(at, resource)| (Key::from(&resource.id(schema)), at)).collect()
}

fn any(list: &[Resource], schema: &Schema) -> HashMap<Key, Vec<usize>> {
    let mut any: HashMap<Key, Vec<usize>> = HashMap::new();
    for (at, resource) in list.iter().enumerate() {
        keys(resource, schema).for_each(|key| any.entry(key).or_default().push(at));
    }
    any
}

/// Everything that a resource is or was called, each once.
fn keys(resource: &Resource, schema: &Schema) -> impl Iterator<Item = Key> + use<> {
    let mut keys: Vec<Key> = Vec::new();
    for id in resource.ids(schema) {
        let key = Key::from(&id);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into_iter()
}

/// The new resource under the old one's name and with the labels and annotations of both.
fn replaced(old: &Resource, mut new: Resource) -> Resource {
    for field in ["labels", "annotations"] {
        let mut both = texts(&old.node, field);
        both.extend(texts(&new.node, field));
        set_in_metadata(&mut new.node, field, both);
    }
    set_name(&mut new.node, old.name());
    set_namespace(&mut new.node, old.namespace());
    Resource {
        previous: old.previous.clone(),
        prefixes: old.prefixes.clone(),
        suffixes: old.suffixes.clone(),
        variables: old.variables.clone(),
        behavior: old.behavior,
        needs_hash: old.needs_hash && new.needs_hash,
        origin: new.origin.or_else(|| old.origin.clone()),
        transformations: old.transformations.clone(),
        is_annotated: old.is_annotated,
        twins: new.twins,
        node: new.node,
    }
}

/// As [`replaced`], with the data of both.
fn merged(old: &Resource, new: Resource) -> Result<Resource, Error> {
    let mut values = data(&old.node, "data");
    if new.kind() == "Secret" && &*new.gvk().api_version() == "v1" {
        values.extend(encoded(&old.node)?);
    }
    values.extend(data(&new.node, "data"));
    let mut binary = data(&old.node, "binaryData");
    binary.extend(data(&new.node, "binaryData"));
    let mut joined = replaced(old, new);
    set_texts(&mut joined.node, "data", values);
    set_texts(&mut joined.node, "binaryData", binary);
    joined.origin = old.origin.clone().or(joined.origin);
    Ok(joined)
}

/// The `stringData` of a Secret, as its `data` would have it.
fn encoded(secret: &Node) -> Result<Texts, Error> {
    let Some(fields) = secret.get("stringData").and_then(Node::as_mapping) else { return Ok(Texts::new()) };
    let encode = |(key, value): (&crate::object::Scalar, &Node)| match value.text() {
        Some(text) => Ok((key.text.clone(), base64_lines(if value.is_null() { "" } else { text }.as_bytes()).into())),
        None => Err(Error::new(format!("stringData.{} is no text", key.text))),
    };
    fields.iter().map(encode).collect()
}
