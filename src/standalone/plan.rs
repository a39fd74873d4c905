//! From objects to work: which listings their image repositories share, and which policies select from each.
//!
//! Takes a world, gives listings with their policies, and the policies that cannot be decided. Asks nobody.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::advice::told;
use super::inputs::World;
use crate::api::{ImagePolicy, ImageRepository, Kind, Labels, Objects};
use crate::engine::access;
use crate::engine::cause::Cause;
use crate::engine::decide::{Decisions, Undecided, repository_of};
use crate::engine::tags::Watched;
use crate::engine::view::view;
use crate::ledger::View;
use crate::object::NamespacedName;
use crate::registry::{Access, DockerConfig, Registries};

/// The label that every namespace of a cluster has; the only one that is known without a cluster.
const NAMESPACE_LABEL: &str = "kubernetes.io/metadata.name";

/// What the objects of a world ask for.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) watched: BTreeMap<View, Arc<Watched>>,
    /// The policies that need no look at a registry, since something is wrong or suspended.
    pub(super) undecided: Decisions,
}

pub(super) fn plan(world: &World, registries: &Registries) -> Plan {
    let mut watched = BTreeMap::new();
    let mut undecided = Decisions::new();
    for (id, policy) in &world.objects.image_policies {
        match watched_by(world, registries, id, policy) {
            Ok((view, found)) => match watched.entry(view) {
                Entry::Vacant(place) => drop(place.insert(found)),
                Entry::Occupied(mut shared) => shared.get_mut().join(found),
            },
            Err(reason) => drop(undecided.insert(id.clone(), Err(reason))),
        }
    }
    Plan { watched: watched.into_iter().map(|(view, watched)| (view, Arc::new(watched))).collect(), undecided }
}

fn watched_by(
    world: &World,
    registries: &Registries,
    id: &NamespacedName,
    policy: &ImagePolicy,
) -> Result<(View, Watched), Undecided> {
    let objects = &world.objects;
    if policy.spec.suspend {
        return Err(Undecided::Suspended("the policy is suspended".to_owned()));
    }
    let repository_id = repository_of(policy);
    let absent = || Cause::new(objects.why_absent(Kind::ImageRepository, &repository_id));
    let repository = objects.image_repositories.get(&repository_id).ok_or_else(absent)?;
    if repository_id.namespace != id.namespace && !admits(repository, &id.namespace) {
        return Err(Undecided::Failed(not_admitted(&repository_id, &id.namespace)));
    }
    if repository.spec.suspend {
        return Err(Undecided::Suspended(format!("ImageRepository {repository_id} is suspended")));
    }
    let (access, view) = access(repository, objects, world.docker.as_ref(), registries)?;
    let image = repository.spec.repository()?;
    let watched = Watched {
        asked: registries.asked_as(&image),
        repository: image,
        access,
        interval: repository.spec.interval.get(),
        repositories: vec![repository_id],
        policies: vec![id.clone()],
    };
    Ok((view, watched))
}

fn admits(repository: &ImageRepository, namespace: &str) -> bool {
    let labels = Labels::from([(NAMESPACE_LABEL.to_owned(), namespace.to_owned())]);
    repository.spec.access_from.as_ref().is_some_and(|access| access.admits(&labels))
}

fn not_admitted(repository: &NamespacedName, namespace: &str) -> Cause {
    Cause::with_hint(
        format!("ImageRepository {repository} does not admit namespace {namespace} (spec.accessFrom)"),
        format!(
            "without a cluster the only label of a namespace is {NAMESPACE_LABEL}; match it, or have empty matchLabels"
        ),
    )
}

/// How a repository is asked, and the name of who sees it so.
fn access(
    repository: &ImageRepository,
    objects: &Objects,
    docker: Option<&DockerConfig>,
    registries: &Registries,
) -> Result<(Access, View), Undecided> {
    let access = access::registry(repository, objects, docker, registries).map_err(told)?;
    let image = repository.spec.repository()?;
    let name = access::access_name(repository, &access, registries.rule(&image));
    Ok((access, view(&image, registries, &name)))
}
