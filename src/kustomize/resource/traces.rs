//! The annotations in which kustomize keeps what it remembers of a resource. We keep that in [`Resource`]; but a file
//! may carry such annotations too, and kustomize believes them.

use std::sync::Arc;

use super::metadata::{Texts, set_in_metadata, texts};
use super::{Behavior, Previous, Resource};
use crate::kustomize::error::Error;

const ANNOTATIONS: [&str; 2] = ["metadata", "annotations"];

const PREVIOUS_KINDS: &str = "internal.config.kubernetes.io/previousKinds";
const PREVIOUS_NAMES: &str = "internal.config.kubernetes.io/previousNames";
const PREVIOUS_NAMESPACES: &str = "internal.config.kubernetes.io/previousNamespaces";
const PREFIXES: &str = "internal.config.kubernetes.io/prefixes";
const SUFFIXES: &str = "internal.config.kubernetes.io/suffixes";
const BEHAVIOR: &str = "internal.config.kubernetes.io/generatorBehavior";
/// Asks for the hash of the content behind the name.
pub(in crate::kustomize) const NEEDS_HASH: &str = "internal.config.kubernetes.io/needsHashSuffix";

/// All that never reach the output, whoever wrote them.
const TRACES: [&str; 18] = [
    PREVIOUS_KINDS,
    PREVIOUS_NAMES,
    PREVIOUS_NAMESPACES,
    PREFIXES,
    SUFFIXES,
    BEHAVIOR,
    NEEDS_HASH,
    "internal.config.kubernetes.io/refBy",
    "internal.config.kubernetes.io/allowNameChange",
    "internal.config.kubernetes.io/allowKindChange",
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
];

/// Takes what the annotations of a file say about the build into the resource. The annotations stay until the end:
/// patches and selectors see them.
pub(super) fn adopted(mut resource: Resource) -> Result<Resource, Error> {
    let Some(annotations) = resource.node.at(&ANNOTATIONS).and_then(|node| node.as_mapping()) else {
        return Ok(resource);
    };
    if annotations.iter().all(|(key, _)| !TRACES.contains(&&*key.text)) {
        return Ok(resource);
    }
    let annotations = texts(&resource.node, "annotations");
    resource.previous = previous(&annotations)?;
    resource.prefixes = list(&annotations, PREFIXES);
    resource.suffixes = list(&annotations, SUFFIXES);
    resource.needs_hash = needs_hash(&annotations);
    resource.behavior = annotations.get(BEHAVIOR).map(|text| Behavior::named(text)).unwrap_or_default();
    resource.is_annotated = true;
    Ok(resource)
}

/// The annotations in which kustomize has what we keep beside the object.
pub(in crate::kustomize) fn remembered(resource: &Resource) -> Texts {
    let previous = |text: fn(&Previous) -> &Arc<str>| resource.previous.iter().map(text).cloned().collect();
    let lists: [(&str, Vec<Arc<str>>); 5] = [
        (PREVIOUS_KINDS, previous(|id| &id.kind)),
        (PREVIOUS_NAMES, previous(|id| &id.name)),
        (PREVIOUS_NAMESPACES, previous(|id| &id.namespace)),
        (PREFIXES, resource.prefixes.clone()),
        (SUFFIXES, resource.suffixes.clone()),
    ];
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    let mut remembered: Texts = lists.map(|(key, list)| (key.into(), list.join(",").into())).collect();
    if resource.needs_hash {
        remembered.insert(NEEDS_HASH.into(), "enabled".into());
    }
    remembered
}

/// Whether the annotations ask for a hash behind the name; a patch may have brought them.
pub(in crate::kustomize) fn asks_for_hash(resource: &Resource) -> bool {
    let asked = resource.node.at(&["metadata", "annotations", NEEDS_HASH]);
    asked.and_then(|asked| asked.text()) == Some("enabled")
}

fn needs_hash(annotations: &Texts) -> bool {
    annotations.get(NEEDS_HASH).is_some_and(|text| &**text == "enabled")
}

/// Takes all traces out of the annotations, which are texts from then on.
pub(in crate::kustomize) fn remove(resource: &mut Resource, and: &[&str]) {
    let mut annotations = texts(&resource.node, "annotations");
    annotations.retain(|key, _| !TRACES.contains(&&**key) && !and.contains(&&**key));
    set_in_metadata(&mut resource.node, "annotations", annotations);
}

fn previous(annotations: &Texts) -> Result<Vec<Previous>, Error> {
    if !annotations.contains_key(PREVIOUS_NAMES) {
        return Ok(Vec::new());
    }
    let [names, namespaces, kinds] =
        [PREVIOUS_NAMES, PREVIOUS_NAMESPACES, PREVIOUS_KINDS].map(|key| list(annotations, key));
    if names.len() != namespaces.len() || names.len() != kinds.len() {
        return Err(Error::new("the annotations of previous names, namespaces and kinds are not of one length"));
    }
    let ids = names.into_iter().zip(namespaces).zip(kinds);
    Ok(ids.map(|((name, namespace), kind)| Previous { kind, namespace, name }).collect())
}

fn list(annotations: &Texts, key: &str) -> Vec<Arc<str>> {
    annotations.get(key).map(|text| text.split(',').map(Arc::from).collect()).unwrap_or_default()
}
