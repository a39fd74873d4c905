//! Decides the latest image of every policy of a world: gathers scan and select requests from the objects.

use std::collections::{BTreeMap, BTreeSet};

use super::access;
use super::inputs::World;
use super::round::Memory;
use crate::api::{DigestReflectionPolicy, ImagePolicy, ImageRepository, Kind, Labels, Objects};
use crate::engine::cause::Cause;
use crate::engine::scan::{Scan, ScanRequest, scan};
use crate::engine::select::{Reflection, SelectRequest, Selection, select};
use crate::goregex::Regex;
use crate::object::NamespacedName;
use crate::policy::Selector;
use crate::registry::{Client, DockerConfig, Registries};

/// Each policy's latest image, or why there is none.
pub(super) type Decisions = BTreeMap<NamespacedName, Result<Selection, Undecided>>;

/// Why a policy has no latest image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// It or its image repository is suspended, as somebody wants it; says which.
    Suspended(String),
    Failed(Cause),
}

impl Undecided {
    pub fn message(&self) -> &str {
        match self {
            Self::Suspended(message) => message,
            Self::Failed(cause) => &cause.message,
        }
    }
}

impl<C: Into<Cause>> From<C> for Undecided {
    fn from(cause: C) -> Self {
        Self::Failed(cause.into())
    }
}

type Scans = BTreeMap<NamespacedName, Result<(ScanRequest, Scan), Undecided>>;

/// The label that every namespace of a cluster has; the only one that is known without a cluster.
const NAMESPACE_LABEL: &str = "kubernetes.io/metadata.name";

/// A policy that can be decided.
struct Ready<'a> {
    id: &'a NamespacedName,
    selector: Selector,
    scan: &'a (ScanRequest, Scan),
    reflection: Reflection,
}

/// Scans the repositories that policies name and selects from their tags.
pub(super) async fn decide(client: &Client, world: &World, memory: &Memory) -> Decisions {
    let objects = &world.objects;
    let scans = scan_all(client, world).await;
    let mut decisions = Decisions::new();
    let mut ready = Vec::new();
    for (id, policy) in &objects.image_policies {
        match prepare(objects, id, policy, &scans) {
            Ok(policy) => ready.push(policy),
            Err(undecided) => drop(decisions.insert(id.clone(), Err(undecided))),
        }
    }
    let requests: Vec<SelectRequest<'_>> = ready.iter().map(|policy| policy.request(memory)).collect();
    let selected = select(client, &requests).await;
    let selected = selected.into_iter().map(|outcome| outcome.map_err(Undecided::from));
    decisions.extend(ready.iter().map(|policy| policy.id.clone()).zip(selected));
    decisions
}

/// The repository that a policy selects from.
pub(super) fn repository_of(policy: &ImagePolicy) -> NamespacedName {
    policy.spec.image_repository_ref.within(&policy.metadata.namespace)
}

async fn scan_all(client: &Client, World { objects, docker, .. }: &World) -> Scans {
    let used: BTreeSet<NamespacedName> = objects.image_policies.values().map(repository_of).collect();
    let mut scans = Scans::new();
    let mut asked = Vec::new();
    for (id, repository) in objects.image_repositories.iter().filter(|(id, _)| used.contains(*id)) {
        match scan_request(repository, objects, docker.as_ref(), client.registries()) {
            Ok(request) => asked.push((id.clone(), request)),
            Err(undecided) => drop(scans.insert(id.clone(), Err(undecided))),
        }
    }
    let (ids, requests): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let outcomes = scan(client, &requests).await;
    for ((id, request), outcome) in ids.into_iter().zip(requests).zip(outcomes) {
        scans.insert(id, outcome.map(|scan| (request, scan)).map_err(Undecided::from));
    }
    scans
}

fn scan_request(
    repository: &ImageRepository,
    objects: &Objects,
    docker: Option<&DockerConfig>,
    registries: &Registries,
) -> Result<ScanRequest, Undecided> {
    if repository.spec.suspend {
        return Err(Undecided::Suspended(format!("ImageRepository {} is suspended", repository.name())));
    }
    let exclusions =
        repository.spec.exclusion_list.iter().map(|pattern| Regex::new(pattern)).collect::<Result<_, _>>()?;
    let access = access::registry(repository, objects, docker, registries)?;
    Ok(ScanRequest { repository: repository.spec.repository()?, access, exclusions })
}

fn prepare<'a>(
    objects: &Objects,
    id: &'a NamespacedName,
    policy: &ImagePolicy,
    scans: &'a Scans,
) -> Result<Ready<'a>, Undecided> {
    if policy.spec.suspend {
        return Err(Undecided::Suspended("the policy is suspended".to_owned()));
    }
    let repository_id = repository_of(policy);
    let absent = || Cause::new(objects.why_absent(Kind::ImageRepository, &repository_id));
    let repository = objects.image_repositories.get(&repository_id).ok_or_else(absent)?;
    if repository_id.namespace != id.namespace && !admits(repository, &id.namespace) {
        return Err(Undecided::Failed(Cause::with_hint(
            format!("ImageRepository {repository_id} does not admit namespace {} (spec.accessFrom)", id.namespace),
            format!(
                "without a cluster the only label of a namespace is {NAMESPACE_LABEL}; match it, or have empty matchLabels"
            ),
        )));
    }
    let scan = scans.get(&repository_id).ok_or_else(absent)?.as_ref().map_err(Undecided::clone)?;
    Ok(Ready { id, selector: policy.spec.selector()?, scan, reflection: reflection(policy) })
}

fn admits(repository: &ImageRepository, namespace: &str) -> bool {
    let labels = Labels::from([(NAMESPACE_LABEL.to_owned(), namespace.to_owned())]);
    repository.spec.access_from.as_ref().is_some_and(|access| access.admits(&labels))
}

impl Ready<'_> {
    fn request<'a>(&'a self, memory: &'a Memory) -> SelectRequest<'a> {
        let (asked, scan) = self.scan;
        SelectRequest {
            selector: &self.selector,
            repository: &asked.repository,
            access: &asked.access,
            tags: &scan.tags,
            reflection: self.reflection,
            previous: memory.get(self.id),
        }
    }
}

fn reflection(policy: &ImagePolicy) -> Reflection {
    match policy.spec.digest_reflection_policy {
        DigestReflectionPolicy::Never => Reflection::Never,
        DigestReflectionPolicy::IfNotPresent => Reflection::IfNotPresent,
        DigestReflectionPolicy::Always => Reflection::Always,
    }
}
