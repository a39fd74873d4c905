//! The order of the output: as the resources came (`fifo`), or by kind, in an order that kustomize calls `legacy` and
//! takes where nothing is said.

use std::cmp::Ordering;

use crate::kustomize::error::Error;
use crate::kustomize::kustomization::SortOptions;
use crate::kustomize::resource::rank::{self, Ranks, sort_text};
use crate::kustomize::resource::{Gvk, Id, Resource};
use crate::kustomize::schema::Schema;

/// The resources in the order that the root asks for.
pub(in crate::kustomize) fn ordered(
    resources: Vec<Resource>,
    options: Option<&SortOptions>,
    schema: &Schema,
) -> Result<Vec<Resource>, Error> {
    let Some(options) = options else { return Ok(by_kind(resources, rank::builtin(), schema)) };
    match (options.order.as_str(), &options.legacy_sort_options) {
        ("fifo", None) => Ok(resources),
        ("fifo", Some(_)) => Err(Error::new("legacySortOptions go with the order legacy, not with fifo")),
        ("legacy", None) => Ok(by_kind(resources, rank::builtin(), schema)),
        ("legacy", Some(own)) => Ok(by_kind(resources, &Ranks::new(&own.order_first, &own.order_last), schema)),
        (order, _) => Err(Error::new(format!("the order is fifo or legacy, not {order:?}")).in_field("order")),
    }
}

fn by_kind(resources: Vec<Resource>, ranks: &Ranks<'_>, schema: &Schema) -> Vec<Resource> {
    let keyed = resources.into_iter().map(|resource| {
        let id = resource.id(schema);
        (
            ranks.of(&id.gvk.kind),
            sort_text([&id.gvk.group, &id.gvk.version, &id.gvk.kind]),
            id_text(&id),
            id.gvk,
            resource,
        )
    });
    let mut keyed: Vec<_> = keyed.collect();
    keyed.sort_by(|a, b| {
        if a.3 == b.3 {
            return a.2.cmp(&b.2);
        }
        a.0.cmp(&b.0).then_with(|| compare_kinds((&a.3, &a.1), (&b.3, &b.1)))
    });
    keyed.into_iter().map(|(.., resource)| resource).collect()
}

/// Of two kinds called Namespace, that of the core group comes first.
fn compare_kinds(a: (&Gvk, &str), b: (&Gvk, &str)) -> Ordering {
    let are_namespaces = &*a.0.kind == "Namespace" && &*b.0.kind == "Namespace";
    let order = a.1.cmp(b.1);
    if are_namespaces && (a.0.group.is_empty() || b.0.group.is_empty()) { order.reverse() } else { order }
}

fn id_text(id: &Id) -> String {
    let namespace = if id.namespace.is_empty() { "~X" } else { &id.namespace };
    let name = if id.name.is_empty() { "~N" } else { &id.name };
    format!("{namespace}|{name}")
}
