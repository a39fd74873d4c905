//! What the messages of each sender say was pushed.
//!
//! A function per sender: takes a message, gives the repositories in it (none when nothing was pushed: a ping, a
//! deletion, a pull), or `None` when the message is not what the sender writes. Bodies come from strangers: of a list
//! only the beginning is kept, what is not asked for is skipped without being stored, and names that are none are left.
//!
//! Registries that people run themselves are known by several hosts (inside and outside of a cluster, say), so of their
//! messages the path alone counts.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::due::{Due, Scope};
use super::sender::Message;

/// More entries of one list are not read.
const ENTRIES_MAX: usize = 1000;
const HUB: &str = "docker.io";
const GHCR: &str = "ghcr.io";

type Pushed = Option<Vec<Due>>;

/// The first entries of a list.
#[derive(Default)]
struct Few<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor(PhantomData))
    }
}

struct FewVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FewVisitor<T> {
    type Value = Few<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T>, A::Error> {
        let mut few = Vec::new();
        while few.len() < ENTRIES_MAX {
            match list.next_element()? {
                Some(entry) => few.push(entry),
                None => return Ok(Few(few)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Few(few))
    }
}

/// The body as JSON; GitHub and Gitea can be told to send it in a form. `curl --data` calls JSON a form too.
fn read<T: DeserializeOwned>(message: &Message<'_>) -> Option<T> {
    let is_form =
        message.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if is_form {
        let mut fields = url::form_urlencoded::parse(message.body);
        if let Some((_, payload)) = fields.find(|(name, _)| name == "payload") {
            return serde_json::from_str(&payload).ok();
        }
    }
    serde_json::from_slice(message.body).ok()
}

/// The first events of a body that is a list of them.
pub(super) fn first_events<T: DeserializeOwned>(message: &Message<'_>) -> Option<Vec<T>> {
    let is_list = message.body.trim_ascii_start().first() == Some(&b'[');
    is_list.then(|| read::<Few<T>>(message)).flatten().map(|few| few.0)
}

/// Whether the body is JSON at all, whoever it is from.
pub(super) fn is_json(message: &Message<'_>) -> bool {
    read::<IgnoredAny>(message).is_some()
}

fn nothing() -> Pushed {
    Some(Vec::new())
}

fn one(due: Option<Due>) -> Pushed {
    Some(due.into_iter().collect())
}

#[derive(Deserialize)]
struct DockerHub {
    repository: DockerHubRepository,
}

#[derive(Deserialize)]
struct DockerHubRepository {
    repo_name: String,
}

pub(super) fn docker_hub(message: &Message<'_>) -> Pushed {
    let hub: DockerHub = read(message)?;
    one(Due::at(Some(HUB), &hub.repository.repo_name))
}

#[derive(Deserialize)]
struct Quay {
    repository: String,
    docker_url: Option<String>,
    /// Only in messages about pushes.
    updated_tags: Option<Few<IgnoredAny>>,
}

pub(super) fn quay(message: &Message<'_>) -> Pushed {
    let quay: Quay = read(message)?;
    match (quay.updated_tags, quay.docker_url) {
        (None, _) => nothing(),
        (Some(_), Some(url)) => one(Due::parse(&url)),
        (Some(_), None) => one(Due::at(None, &quay.repository)),
    }
}

#[derive(Deserialize)]
struct Aliyun {
    repository: AliyunRepository,
}

#[derive(Deserialize)]
struct AliyunRepository {
    repo_full_name: String,
}

pub(super) fn aliyun(message: &Message<'_>) -> Pushed {
    let aliyun: Aliyun = read(message)?;
    one(Due::at(None, &aliyun.repository.repo_full_name))
}

#[derive(Deserialize)]
struct Github {
    action: Option<String>,
    #[serde(alias = "registry_package")]
    package: Option<GithubPackage>,
    package_version: Option<GithubVersion>,
}

#[derive(Deserialize)]
struct GithubPackage {
    name: String,
    package_type: Option<String>,
    namespace: Option<String>,
    owner: Option<Owner>,
    package_version: Option<GithubVersion>,
}

#[derive(Deserialize)]
struct GithubVersion {
    package_url: Option<String>,
}

#[derive(Deserialize)]
struct Owner {
    login: Option<String>,
    /// Older versions of Gitea write this one alone, newer ones both.
    username: Option<String>,
}

impl Owner {
    fn name(self) -> Option<String> {
        self.login.or(self.username)
    }
}

pub(super) fn github(message: &Message<'_>) -> Pushed {
    if !matches!(message.header("x-github-event")?, "package" | "registry_package" | "package_v2") {
        return nothing();
    }
    let event: Github = read(message)?;
    let package = event.package?;
    let is_push = matches!(event.action.as_deref(), Some("published" | "updated" | "create" | "created"));
    let is_image = package.package_type.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case("container"));
    if !is_push || !is_image {
        return nothing();
    }
    // An untagged version is written with nothing after the colon.
    let url = package.package_version.or(event.package_version).and_then(|version| version.package_url);
    let url = url.as_deref().map(|url| url.trim_end_matches(':')).filter(|url| !url.is_empty());
    match (url, package.namespace.or(package.owner.and_then(Owner::name))) {
        (Some(url), _) => one(Due::parse(url)),
        (None, Some(owner)) => one(Due::at(Some(GHCR), &format!("{owner}/{}", package.name))),
        (None, None) => None,
    }
}

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

pub(super) fn gitea(message: &Message<'_>) -> Pushed {
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
pub(super) fn gitlab(message: &Message<'_>) -> Pushed {
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

pub(super) fn harbor(message: &Message<'_>) -> Pushed {
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DistributionTarget {
    repository: Option<String>,
    media_type: Option<String>,
    tag: Option<String>,
}

impl DistributionTarget {
    /// Blobs are pushed too, and change no tag.
    fn is_manifest(&self) -> bool {
        let kind = self.media_type.as_deref().unwrap_or_default();
        self.tag.as_deref().is_some_and(|tag| !tag.is_empty()) || kind.contains("manifest") || kind.contains("index")
    }
}

pub(super) fn distribution(message: &Message<'_>) -> Pushed {
    let envelope: Distribution = read(message)?;
    let pushes = envelope.events.0.into_iter().filter(|event| event.action == "push");
    let manifests = pushes.filter_map(|event| event.target).filter(DistributionTarget::is_manifest);
    Some(manifests.filter_map(|target| Due::at(None, &target.repository?)).collect())
}

/// A message of the registry itself, or an event of Event Grid around it, in Event Grid's schema or in CloudEvents'.
#[derive(Deserialize)]
struct Azure {
    action: Option<String>,
    target: Option<DistributionTarget>,
    request: Option<AzureRequest>,
    data: Option<Box<Azure>>,
}

#[derive(Deserialize)]
struct AzureRequest {
    host: Option<String>,
}

impl Azure {
    fn pushed(self) -> Pushed {
        if let Some(message) = self.data {
            return message.pushed();
        }
        if self.action? != "push" {
            return nothing();
        }
        let host = self.request.and_then(|request| request.host);
        one(Due::at(host.as_deref(), &self.target?.repository?))
    }
}

pub(super) fn azure(message: &Message<'_>) -> Pushed {
    match first_events::<Azure>(message) {
        // One that is something else does not hide the others.
        Some(events) => {
            let pushed: Vec<Vec<Due>> = events.into_iter().filter_map(Azure::pushed).collect();
            (!pushed.is_empty()).then(|| pushed.concat())
        }
        None => read::<Azure>(message)?.pushed(),
    }
}

/// Any level of an event of ECR: EventBridge's envelope, CloudEvents' around it or instead of it, and the details.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Amazon {
    account: Option<String>,
    region: Option<String>,
    source: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    action_type: Option<String>,
    result: Option<String>,
    #[serde(alias = "repositoryName")]
    repository_name: Option<String>,
    #[serde(alias = "data")]
    detail: Option<Box<Amazon>>,
}

impl Amazon {
    /// This level and those inside it.
    fn levels(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |level| level.detail.as_deref())
    }

    fn find<'a>(&'a self, field: impl Fn(&'a Self) -> &'a Option<String>) -> Option<&'a str> {
        self.levels().find_map(|level| field(level).as_deref())
    }

    fn host(&self) -> Option<String> {
        // `arn:aws:ecr:REGION:ACCOUNT:repository/NAME`, written as `urn:` by some.
        let source =
            self.levels().filter_map(|level| level.source.as_deref()).find_map(|source| source.split_once(":ecr:"));
        let mut parts = source.map_or("", |(_, place)| place).split(':').filter(|part| !part.is_empty());
        let region = self.find(|level| &level.region).or(parts.next())?;
        let account = self.find(|level| &level.account).or(parts.next())?;
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        Some(format!("{account}.dkr.ecr.{region}.{domain}"))
    }
}

pub(super) fn amazon(message: &Message<'_>) -> Pushed {
    let mut event: Amazon = read(message)?;
    // CloudEvents in binary mode have these in the head.
    event.kind = event.kind.or(message.header("ce-type").map(str::to_owned));
    event.source = event.source.or(message.header("ce-source").map(str::to_owned));
    let name = event.find(|level| &level.repository_name)?;
    let is_push = match (event.find(|level| &level.action_type), event.find(|level| &level.kind)) {
        (Some(action), _) => matches!(action, "PUSH" | "REPLICATE"),
        (None, Some(kind)) => kind.to_ascii_lowercase().ends_with("push"),
        (None, None) => false,
    };
    if !is_push || event.find(|level| &level.result).is_some_and(|result| result != "SUCCESS") {
        return nothing();
    }
    one(Due::at(event.host().as_deref(), name))
}

/// Pub/Sub's envelope, or what is in it when the subscription unwraps it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Google {
    Wrapped { message: GoogleMessage },
    Bare(GooglePush),
}

#[derive(Deserialize)]
struct GoogleMessage {
    data: String,
}

#[derive(Deserialize)]
struct GooglePush {
    action: String,
    tag: Option<String>,
    digest: Option<String>,
}

pub(super) fn google(message: &Message<'_>) -> Pushed {
    let push: GooglePush = match read(message)? {
        Google::Wrapped { message } => serde_json::from_slice(&STANDARD.decode(message.data).ok()?).ok()?,
        Google::Bare(push) => push,
    };
    if push.action != "INSERT" {
        return nothing();
    }
    one(Due::parse(&push.tag.or(push.digest)?))
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

pub(super) fn nexus(message: &Message<'_>) -> Pushed {
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

pub(super) fn artifactory(message: &Message<'_>) -> Pushed {
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

pub(super) fn generic(message: &Message<'_>) -> Pushed {
    let mut query = url::form_urlencoded::parse(message.query.as_bytes());
    match query.find(|(name, _)| name == "repository") {
        Some((_, name)) => one(Due::parse(&name)),
        None => one(Due::parse(&read::<Generic>(message)?.repository)),
    }
}
