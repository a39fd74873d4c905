//! OCI distribution client: the tags of a repository, the digest of a tag, when an image was built.
//!
//! Takes a [`Repository`] and the [`Access`] that its user configured; gives tags within the grammar and digests, or
//! an [`Error`] that says what the registry did. Follows the OCI distribution specification 1.1 and Docker's token
//! protocol. A credential reaches the host that it is for, and nothing else.

mod authorize;
mod challenge;
mod credentials;
mod docker_config;
mod document;
mod error;
mod glob;
mod grant;
mod json;
mod link;
mod manifest;
mod page;
pub mod parse;
mod platform;
mod realm;
mod referrers;
mod refusal;
mod registries;
mod registries_file;
mod route;
mod scheme;
mod session;
mod sizes;
mod tags;
mod text;
mod token;

use std::sync::Arc;
use std::time::Duration;

pub use credentials::{Access, Credentials, Sources};
pub use docker_config::{DockerConfig, DockerConfigError, docker_config};
pub use error::{Error, Fault};
pub use manifest::{Created, Image, Known, Reference};
pub use platform::{Platform, PlatformError};
pub use realm::{RealmOwner, judge_realm};
pub use referrers::{Referrer, ReferrerKind};
pub use registries::{CredentialsSource, LimitRule, Registries, RegistryRule, user_password};
pub use registries_file::{REGISTRIES_BYTES_MAX, RegistriesFile, registries_file};
pub use tags::{Listing, SkippedTag, TagList};

use crate::cloud::Clouds;
use crate::image::{Digest, Repository, Tag};
use crate::metrics::Metrics;
use crate::net::{Deadline, Http};
use grant::Grants;
use route::Route;
use scheme::Schemes;
use session::Session;
use sizes::PageSizes;

/// Asks registries. Clones share connections and tokens; one serves any number of users with different credentials.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    limits: Limits,
    grants: Arc<Grants>,
    schemes: Arc<Schemes>,
    page_sizes: Arc<PageSizes>,
    registries: Arc<Registries>,
    clouds: Clouds,
    metrics: Metrics,
}

/// The bounds of one operation.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For a whole operation with all its pages and retries, when its [`Access`] names no other.
    pub timeout: Duration,
    pub pages_max: usize,
    pub tags_max: usize,
    /// Of one page of tags, unpacked; it is read as it arrives and not kept.
    pub page_bytes_max: usize,
    /// Of one manifest or image config; the specification asks registries to take at least 4 MiB.
    pub manifest_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            pages_max: 10_000,
            tags_max: 1_000_000,
            page_bytes_max: 256 << 20,
            manifest_bytes_max: 4 << 20,
        }
    }
}

impl Client {
    pub fn new(http: Http, limits: Limits) -> Self {
        let client = Self {
            http,
            limits,
            grants: Arc::default(),
            schemes: Arc::default(),
            page_sizes: Arc::default(),
            registries: Arc::default(),
            clouds: Clouds::from_env(),
            metrics: Metrics::default(),
        };
        client.with_registries(Registries::default())
    }

    /// Registries are asked by these rules, and no more often than they say.
    pub fn with_registries(self, registries: Registries) -> Self {
        let registries = Arc::new(registries);
        let rates = registries.clone();
        Self { http: self.http.limited(move |host| rates.rate(host)), registries, ..self }
    }

    /// How many operations on this repository's host are worth being begun at a time: more would only wait for each other.
    pub fn concurrency(&self, repository: &Repository) -> usize {
        let rule = self.registries.rule(repository);
        let host = rule.and_then(|rule| rule.api.host_str()).unwrap_or(repository.host());
        self.registries.rate(host).connections.get() as usize
    }

    pub fn registries(&self) -> &Registries {
        &self.registries
    }

    /// Logins of clouds come from here, and not from the identity of this process.
    pub fn with_clouds(self, clouds: Clouds) -> Self {
        Self { clouds, ..self }
    }

    /// Looks into the cache of tokens are counted there.
    pub fn with_metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// All tags of the repository, sorted by bytes, each once. What is no tag by the grammar is passed over and counted.
    pub async fn tags(&self, repository: &Repository, access: &Access) -> Result<TagList, Error> {
        let listed =
            self.admitted(repository, access, |session| async move { tags::list(&session, &self.limits).await });
        listed.await.map_err(|fault| not_listed(repository, fault))
    }

    /// The same, unless the registry says that the list is still the one that it called `etag` ([`TagList::etag`]).
    pub async fn tags_if_changed(
        &self,
        repository: &Repository,
        access: &Access,
        etag: &str,
    ) -> Result<Listing, Error> {
        let listed = self.admitted(repository, access, |session| async move {
            tags::list_if_changed(&session, &self.limits, etag).await
        });
        listed.await.map_err(|fault| not_listed(repository, fault))
    }

    /// The digest of what the tag names now: of the index, for an image of many platforms.
    pub async fn digest(&self, repository: &Repository, tag: &Tag, access: &Access) -> Result<Digest, Error> {
        let read = self
            .admitted(repository, access, |session| async move { manifest::digest(&session, tag, &self.limits).await });
        let image = || format!("{repository}:{tag}");
        read.await.map_err(|fault| Error::ReadDigest { image: image(), source: Box::new(fault) })
    }

    /// The manifest behind a reference: of an index, the one for `platform` as containerd chooses it, or the first image.
    pub async fn image(
        &self,
        repository: &Repository,
        reference: &Reference,
        access: &Access,
        platform: Option<&Platform>,
    ) -> Result<Image, Error> {
        let read = self.admitted(repository, access, |session| async move {
            manifest::image(&session, reference, platform, &self.limits).await
        });
        let image = || reference.of(repository);
        read.await.map_err(|fault| Error::ReadManifest { image: image(), source: Box::new(fault) })
    }

    /// When the image behind a reference was built, of an index the image for `platform`. What came of one digest stays.
    pub async fn created(
        &self,
        repository: &Repository,
        reference: &Reference,
        access: &Access,
        platform: Option<&Platform>,
    ) -> Result<Created, Error> {
        self.created_unless_known(repository, reference, access, platform, &|_| None).await
    }

    /// The same; an image whose time is `known` is not read.
    pub async fn created_unless_known(
        &self,
        repository: &Repository,
        reference: &Reference,
        access: &Access,
        platform: Option<&Platform>,
        known: Known<'_>,
    ) -> Result<Created, Error> {
        let read = self.admitted(repository, access, |session| async move {
            manifest::created(&session, reference, platform, known, &self.limits).await
        });
        let image = || reference.of(repository);
        read.await.map_err(|fault| Error::ReadCreated { image: image(), source: Box::new(fault) })
    }

    /// What says that it is about the manifest with this digest: all, or what is of one artifact type.
    pub async fn referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
        artifact_type: Option<&str>,
        access: &Access,
    ) -> Result<Vec<Referrer>, Error> {
        let listed = self.admitted(repository, access, |session| async move {
            referrers::list(&session, digest, artifact_type, &self.limits).await
        });
        let image = || format!("{repository}@{digest}");
        listed.await.map_err(|fault| Error::ListReferrers { image: image(), source: Box::new(fault) })
    }

    /// Does `operation` as the first of those who may ask that the registry does not turn away.
    async fn admitted<'a, T, F: Future<Output = Result<T, Fault>>>(
        &'a self,
        repository: &'a Repository,
        access: &Access,
        operation: impl Fn(Session<'a>) -> F,
    ) -> Result<T, Fault> {
        let Route { access, base, path } = self.registries.route(repository, access)?;
        let http = self.http.over(&access.connection)?;
        let deadline = Deadline::after(access.timeout.unwrap_or(self.limits.timeout));
        let base = match base {
            Some(base) => base,
            None => self.schemes.base(&http, repository, &access, deadline).await?,
        };
        let mut turned_away = Vec::new();
        for (identity, slot) in self.grants.candidates(&base, &access) {
            let (client, http, base) = (self, http.clone(), base.clone());
            let (access, path, held) = (access.clone(), path.clone(), slot.clone());
            let session = Session { client, http, repository, path, access, identity, slot: held, deadline, base };
            match operation(session).await {
                Err(fault) if fault.is_denial() => turned_away.push(fault),
                done => return done,
            }
            // What was granted is worth nothing here: next time others come first.
            slot.try_lock().map(|mut grant| grant.take()).ok();
        }
        Err(access.explain(refusal::of_all(turned_away)))
    }
}

fn not_listed(repository: &Repository, fault: Fault) -> Error {
    Error::ListTags { repository: repository.clone(), source: Box::new(fault) }
}
