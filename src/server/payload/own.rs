//! The registries that people run themselves. They are known by several hosts (inside and outside of a cluster, say), so of
//! their messages the path alone counts.

use serde::Deserialize;

use super::super::due::{Due, Scope};
use super::super::sender::Message;
use super::{DistributionTarget, Few, Owner, Pushed, nothing, one, read};

#[derive(Deserialize)]
struct Gitea {
    action: String,
    package: Option<GiteaPackage>,
}

#[derive(Deserialize)]
struct GiteaPackage {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    owner: Owner,
}

pub(in crate::server) fn gitea(message: &Message<'_>) -> Pushed {
    if [message.header("x-gitea-event"), message.header("x-forgejo-event")].iter().flatten().any(|it| *it != "package")
    {
        return nothing();
    }
    let event: Gitea = read(message)?;
    match event.package {
        Some(package) if event.action == "created" && package.kind == "container" => {
            one(Due::at(None, &format!("{}/{}", package.owner.name()?, package.name)))
        }
        _ => nothing(),
    }
}

#[derive(Deserialize)]
struct Gitlab {
    object_kind: String,
    build_status: Option<String>,
    object_attributes: Option<GitlabAttributes>,
    project: Option<GitlabProject>,
}

#[derive(Deserialize)]
struct GitlabAttributes {
    status: Option<String>,
}

#[derive(Deserialize)]
struct GitlabProject {
    path_with_namespace: String,
}

/// GitLab has no event for a push to its registry: what a pipeline or job built is in some repository of its project.
pub(in crate::server) fn gitlab(message: &Message<'_>) -> Pushed {
    let event: Gitlab = read(message)?;
    let status = match event.object_kind.as_str() {
        "pipeline" => event.object_attributes.and_then(|attributes| attributes.status),
        "build" => event.build_status,
        _ => return nothing(),
    };
    if status.as_deref() != Some("success") {
        return nothing();
    }
    one(Due::at(None, &event.project?.path_with_namespace).map(|due| due.with_scope(Scope::Below)))
}

#[derive(Deserialize)]
struct Harbor {
    #[serde(rename = "type")]
    kind: String,
    /// `data` in the format of CloudEvents.
    #[serde(alias = "data")]
    event_data: Option<HarborEvent>,
}

#[derive(Deserialize)]
struct HarborEvent {
    repository: Option<HarborRepository>,
}

#[derive(Deserialize)]
struct HarborRepository {
    repo_full_name: String,
}

pub(in crate::server) fn harbor(message: &Message<'_>) -> Pushed {
    let event: Harbor = read(message)?;
    if !matches!(event.kind.as_str(), "PUSH_ARTIFACT" | "pushImage" | "harbor.artifact.pushed") {
        return nothing();
    }
    one(Due::at(None, &event.event_data?.repository?.repo_full_name))
}

#[derive(Deserialize)]
struct Distribution {
    events: Few<DistributionEvent>,
}

#[derive(Deserialize)]
struct DistributionEvent {
    action: String,
    target: Option<DistributionTarget>,
}

pub(in crate::server) fn distribution(message: &Message<'_>) -> Pushed {
    let envelope: Distribution = read(message)?;
    let pushes = envelope.events.0.into_iter().filter(|event| event.action == "push");
    let manifests = pushes.filter_map(|event| event.target).filter(DistributionTarget::is_manifest);
    Some(manifests.filter_map(|target| Due::at(None, &target.repository?)).collect())
}

#[derive(Deserialize)]
struct Nexus {
    action: String,
    component: Option<NexusPart>,
    asset: Option<NexusPart>,
}

#[derive(Deserialize)]
struct NexusPart {
    format: String,
    name: String,
}

pub(in crate::server) fn nexus(message: &Message<'_>) -> Pushed {
    let event: Nexus = read(message)?;
    let is_push = matches!(event.action.as_str(), "CREATED" | "UPDATED");
    let name = match (&event.component, &event.asset) {
        (Some(image), _) if image.format == "docker" => Some(image.name.as_str()),
        // `v2/NAME/manifests/TAG`; layers are assets as well.
        (None, Some(file)) if file.format == "docker" => manifest_of(&file.name),
        _ => None,
    };
    match name {
        Some(name) if is_push => one(in_folder(name)),
        _ => nothing(),
    }
}

fn manifest_of(path: &str) -> Option<&str> {
    path.trim_start_matches('/').strip_prefix("v2/")?.rsplit_once("/manifests/").map(|(name, _)| name)
}

fn in_folder(name: &str) -> Option<Due> {
    Due::at(None, name).map(|due| due.with_scope(Scope::InFolder))
}

#[derive(Deserialize)]
struct Artifactory {
    domain: String,
    event_type: String,
    data: Option<ArtifactoryImage>,
}

#[derive(Deserialize)]
struct ArtifactoryImage {
    image_name: Option<String>,
}

pub(in crate::server) fn artifactory(message: &Message<'_>) -> Pushed {
    let event: Artifactory = read(message)?;
    if event.domain != "docker" || !matches!(event.event_type.as_str(), "pushed" | "promoted") {
        return nothing();
    }
    one(in_folder(&event.data?.image_name?))
}

#[derive(Deserialize)]
struct Generic {
    repository: String,
}

pub(in crate::server) fn generic(message: &Message<'_>) -> Pushed {
    let mut query = url::form_urlencoded::parse(message.query.as_bytes());
    match query.find(|(name, _)| name == "repository") {
        Some((_, name)) => one(Due::parse(&name)),
        None => one(Due::parse(&read::<Generic>(message)?.repository)),
    }
}
