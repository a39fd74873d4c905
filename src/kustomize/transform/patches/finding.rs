//! Finding the resource that a patch names.

use std::collections::HashMap;
use std::sync::Arc;

use crate::kustomize::error::Error;
use crate::kustomize::resource::objects::is_empty;
use crate::kustomize::resource::{Id, Resource};
use crate::kustomize::schema::Schema;
use crate::nearest::nearest;

/// Resources by the names that they have and had, so that a patch does not look at all of them.
pub(super) struct Finding(HashMap<Arc<str>, Vec<usize>>);

impl Finding {
    pub(super) fn new(resources: &[Resource]) -> Self {
        let mut finding = Self(HashMap::with_capacity(resources.len()));
        for (at, resource) in resources.iter().enumerate() {
            finding.note(at, resource);
        }
        finding
    }

    /// Learns the names of a resource.
    pub(super) fn note(&mut self, at: usize, resource: &Resource) {
        let previous = resource.previous.iter().map(|previous| &*previous.name);
        for name in previous.chain([resource.name()]) {
            let Some(known) = self.0.get_mut(name) else {
                self.0.insert(name.into(), vec![at]);
                continue;
            };
            if let Err(place) = known.binary_search(&at) {
                known.insert(place, at);
            }
        }
    }

    /// The resources that have or had the name, in order; some that had it long ago may be among them.
    pub(super) fn named(&self, name: &str) -> &[usize] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The one resource that is or was called `id`.
pub(super) fn find(finding: &Finding, resources: &[Resource], id: &Id, schema: &Schema) -> Result<usize, Error> {
    let is_it = |resource: &Resource| {
        let ids = resource.ids(schema);
        !is_empty(&resource.node) && ids.into_iter().any(|own| own.is_same(id))
    };
    let mut found = finding.named(&id.name).iter().copied().filter(|at| is_it(&resources[*at]));
    match (found.next(), found.next()) {
        (Some(at), None) => Ok(at),
        (Some(one), Some(other)) => {
            let names = [one, other].map(|at| resources[at].id(schema).to_string());
            Err(Error::new(format!("several resources are or were called {id}"))
                .with_hint(format!("they are {}; a target can tell them apart", names.join(" and "))))
        }
        (None, _) => Err(none(resources, id)),
    }
}

fn none(resources: &[Resource], id: &Id) -> Error {
    let error = Error::new(format!("no resource is or was called {id}"));
    let named: Vec<String> = resources
        .iter()
        .filter(|resource| resource.name() == &*id.name && !is_empty(&resource.node))
        .map(|resource| format!("a {} of {}", resource.kind(), resource.gvk().api_version()))
        .take(3)
        .collect();
    if !named.is_empty() {
        return error.with_hint(format!("{} is {}, with its namespace", id.name, named.join(" or ")));
    }
    let of_kind = resources.iter().filter(|resource| resource.kind() == &*id.gvk.kind).map(Resource::name);
    match nearest(&id.name, of_kind) {
        Some(name) => error.with_hint(format!("did you mean {name}?")),
        None => error,
    }
}
