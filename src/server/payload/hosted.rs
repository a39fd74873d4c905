//! The senders that are services: each has one host, or says which.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::due::Due;
use super::super::sender::Message;
use super::{DistributionTarget, Few, Owner, Pushed, first_events, nothing, one, read};

const HUB: &str = "docker.io";
const GHCR: &str = "ghcr.io";

#[derive(Deserialize)]
struct DockerHub {
    repository: DockerHubRepository,
}

#[derive(Deserialize)]
struct DockerHubRepository {
    repo_name: String,
}

pub(in crate::server) fn docker_hub(message: &Message<'_>) -> Pushed {
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

pub(in crate::server) fn quay(message: &Message<'_>) -> Pushed {
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

pub(in crate::server) fn aliyun(message: &Message<'_>) -> Pushed {
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

pub(in crate::server) fn github(message: &Message<'_>) -> Pushed {
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

pub(in crate::server) fn azure(message: &Message<'_>) -> Pushed {
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

pub(in crate::server) fn amazon(message: &Message<'_>) -> Pushed {
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

pub(in crate::server) fn google(message: &Message<'_>) -> Pushed {
    let push: GooglePush = match read(message)? {
        Google::Wrapped { message } => serde_json::from_slice(&STANDARD.decode(message.data).ok()?).ok()?,
        Google::Bare(push) => push,
    };
    if push.action != "INSERT" {
        return nothing();
    }
    one(Due::parse(&push.tag.or(push.digest)?))
}
