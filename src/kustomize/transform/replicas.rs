//! `replicas`: how many copies of a workload are to run.

use std::collections::{BTreeMap, HashMap};

use crate::kustomize::error::Error;
use crate::kustomize::field::{FieldSpecs, Missing, scalar, with_tagged};
use crate::kustomize::kustomization::Replica;
use crate::kustomize::resource::{Gvk, Resource};
use crate::kustomize::schema::Schema;
use crate::object::{Node, Style, Tag};

/// Sets the counts of the resources that the entries name: by the name that they have, or had at any layer, with a
/// kind that `specs` are for. An entry that finds none is refused.
pub(super) fn apply(
    resources: &mut [Resource],
    replicas: &[Replica],
    specs: &FieldSpecs,
    schema: &Schema,
) -> Result<(), Error> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, replica) in replicas.iter().enumerate() {
        by_name.entry(&replica.name).or_default().push(at);
    }
    let mut is_found = vec![false; replicas.len()];
    for resource in resources {
        for (at, gvks) in named(resource, &by_name, schema) {
            is_found[at] |= scale(resource, &gvks, replicas[at].count, specs).map_err(|error| at_entry(error, at))?;
        }
    }
    match is_found.iter().position(|is_found| !is_found) {
        Some(at) => Err(at_entry(none_of_that_name(&replicas[at]), at)),
        None => Ok(()),
    }
}

/// The entries that name the resource, and the kinds that it has or had under that name.
fn named(resource: &Resource, by_name: &HashMap<&str, Vec<usize>>, schema: &Schema) -> BTreeMap<usize, Vec<Gvk>> {
    let had_one = || resource.previous.iter().any(|previous| by_name.contains_key(&*previous.name));
    if !by_name.contains_key(resource.name()) && !had_one() {
        return BTreeMap::new();
    }
    let mut found: BTreeMap<usize, Vec<Gvk>> = BTreeMap::new();
    for id in resource.ids(schema) {
        for &at in by_name.get(&*id.name).into_iter().flatten() {
            found.entry(at).or_default().push(id.gvk.clone());
        }
    }
    found
}

/// Whether `specs` are for one of the kinds; the count is set where they are for the kind of today.
fn scale(resource: &mut Resource, gvks: &[Gvk], count: i64, specs: &FieldSpecs) -> Result<bool, Error> {
    let today = resource.gvk();
    let mut is_found = false;
    for spec in specs.iter().filter(|spec| gvks.iter().any(|gvk| gvk.is_selected_by(spec.selector()))) {
        is_found = true;
        if today.is_selected_by(spec.selector()) {
            spec.rewrite(resource, Missing::BecomesScalar, &|node| counted(node, count))?;
        }
    }
    Ok(is_found)
}

/// A count in quotes stays in quotes: a string.
fn counted(node: &Node, count: i64) -> Result<Option<Node>, Error> {
    let old = scalar(node)?;
    let tag = if old.style == Style::Plain { Tag::Int } else { Tag::Str };
    Ok(with_tagged(old, &count.to_string(), tag))
}

fn at_entry(error: Error, at: usize) -> Error {
    error.in_field(&format!("[{at}]"))
}

fn none_of_that_name(replica: &Replica) -> Error {
    Error::new(format!("no resource of the kinds that have replicas is named {:?}", replica.name))
}
