//! Manifests: the digest of what a tag names, the manifest for one machine in an index, and when an image was built.
//!
//! A digest is what the registry says on HEAD, or the hash of what it gives. Whatever is read has the digest that it was
//! asked for by.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::image::{Digest, Tag};
use crate::net::header::HeaderName;
use crate::net::{Answer, Method, StatusCode, host};
use crate::registry::document::{self, Descriptor, Document};
use crate::registry::platform::Platform;
use crate::registry::refusal;
use crate::registry::session::Session;
use crate::registry::text::shown;
use crate::registry::{Fault, Limits};

/// What a manifest is asked for by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    Tag(Tag),
    Digest(Digest),
}

/// The manifest of one image behind a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Of what the reference names: of the index, for an image of many platforms.
    pub digest: Digest,
    /// Of the manifest for one platform; the same where there is no index.
    pub manifest: Digest,
    /// What the index says that the manifest is for.
    pub platform: Option<Platform>,
}

/// When an image was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    pub digest: Digest,
    pub manifest: Digest,
    /// As the image tells it; `None` if it tells nothing, as charts and other artifacts do.
    pub at: Option<Timestamp>,
}

/// Tells when an image was built where that need not be read.
pub type Known<'k> = &'k (dyn Fn(&Image) -> Option<Timestamp> + Sync);

impl Created {
    /// Whether the time is none: builds that give the same bytes each time write the start of an epoch instead
    /// (`0001-01-01`, `1970-01-01`, or `1980-01-01T00:00:01Z` as buildpacks do).
    pub fn is_placeholder(&self) -> bool {
        self.at.is_some_and(|at| at <= BUILDPACKS_EPOCH)
    }
}

const BUILDPACKS_EPOCH: Timestamp = Timestamp::constant(315_532_801, 0);
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// So many indexes may lie inside each other.
const INDEXES_MAX: usize = 3;

/// Without these a registry answers 404 or converts the manifest, which changes its digest.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// Asks by HEAD, which counts against no limit of pulls; by GET when HEAD is refused or says nothing.
pub(super) async fn digest(session: &Session<'_>, tag: &Tag, limits: &Limits) -> Result<Digest, Fault> {
    let url = session.url(&format!("manifests/{tag}"));
    let head = session.ask(Method::HEAD, url.clone(), ACCEPT, 0).await?;
    match head.status {
        status if status.is_success() => {
            if let Some(digest) = said(&head).and_then(|text| text.parse().ok()) {
                return Ok(digest);
            }
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {}
        _ => return Err(refusal::status(&head)),
    }
    let answer = session.ask(Method::GET, url, ACCEPT, limits.manifest_bytes_max).await?;
    checked(&answer)
}

/// Finds the manifest for a platform, through indexes if there are such.
pub(super) async fn image(
    session: &Session<'_>,
    reference: &Reference,
    platform: Option<&Platform>,
    limits: &Limits,
) -> Result<Image, Fault> {
    Ok(find(session, reference, platform, limits).await?.0)
}

/// Reads when the image for a platform was built, unless that is known: its annotation, else its config.
pub(super) async fn created(
    session: &Session<'_>,
    reference: &Reference,
    platform: Option<&Platform>,
    known: Known<'_>,
    limits: &Limits,
) -> Result<Created, Fault> {
    let (image, found) = find(session, reference, platform, limits).await?;
    if let Some(at) = known(&image) {
        return Ok(Created { digest: image.digest, manifest: image.manifest, at: Some(at) });
    }
    let document = match found {
        Some(document) => document,
        None => fetch(session, &Reference::Digest(image.manifest.clone()), limits).await?.document,
    };
    if document.index().is_some() {
        return Err(not_understood(session, "its index names an index as an image".to_owned()));
    }
    let at = match (document.created(), &document.config) {
        (None, Some(config)) if config.is_image_config() => config_time(session, config, platform, limits).await?,
        (annotated, _) => annotated,
    };
    Ok(Created { digest: image.digest, manifest: image.manifest, at })
}

struct Fetched {
    digest: Digest,
    document: Document,
}

/// The manifest, and the document where it had to be read on the way.
async fn find(
    session: &Session<'_>,
    reference: &Reference,
    wanted: Option<&Platform>,
    limits: &Limits,
) -> Result<(Image, Option<Document>), Fault> {
    let mut at = fetch(session, reference, limits).await?;
    let digest = at.digest.clone();
    for _ in 0..INDEXES_MAX {
        let Some(index) = at.document.index() else {
            return Ok((Image { digest, manifest: at.digest, platform: None }, Some(at.document)));
        };
        let chosen = document::choose(index, wanted).ok_or_else(|| no_platform(session, wanted, index))?;
        if !chosen.is_index() {
            let (manifest, platform) = (chosen.digest.clone(), chosen.platform());
            return Ok((Image { digest, manifest, platform }, None));
        }
        at = fetch(session, &Reference::Digest(chosen.digest.clone()), limits).await?;
    }
    Err(Fault::TooMany { host: host(&session.base), max: INDEXES_MAX, what: "indexes inside each other" })
}

async fn fetch(session: &Session<'_>, reference: &Reference, limits: &Limits) -> Result<Fetched, Fault> {
    let url = session.url(&format!("manifests/{reference}"));
    let answer = session.ask(Method::GET, url, ACCEPT, limits.manifest_bytes_max).await?;
    let digest = match reference {
        Reference::Tag(_) => checked(&answer)?,
        Reference::Digest(asked) => {
            admitted(&answer)?;
            same(&answer, asked)?
        }
    };
    let document = Document::read(&answer.body).map_err(|cause| not_understood(session, cause))?;
    Ok(Fetched { digest, document })
}

async fn config_time(
    session: &Session<'_>,
    config: &Descriptor,
    wanted: Option<&Platform>,
    limits: &Limits,
) -> Result<Option<Timestamp>, Fault> {
    let answer = session.blob(&config.digest, limits.manifest_bytes_max).await?;
    admitted(&answer)?;
    same(&answer, &config.digest)?;
    let (at, platform) = document::config(&answer.body).map_err(|cause| not_understood(session, cause))?;
    match (wanted, platform) {
        (Some(wanted), Some(platform)) if !wanted.runs().contains(&platform) => Err(Fault::NoPlatform {
            host: host(&session.base),
            wanted: wanted.to_string(),
            given: shown(&platform.to_string()),
        }),
        _ => Ok(at),
    }
}

fn no_platform(session: &Session<'_>, wanted: Option<&Platform>, index: &[Descriptor]) -> Fault {
    let wanted = wanted.map_or_else(|| "any platform".to_owned(), ToString::to_string);
    Fault::NoPlatform { host: host(&session.base), wanted, given: document::named(index) }
}

pub(super) fn not_understood(session: &Session<'_>, cause: String) -> Fault {
    Fault::NotUnderstood { host: host(&session.base), cause }
}

/// The digest of the body; it must be the one that the registry says, if it says one.
pub(super) fn checked(answer: &Answer) -> Result<Digest, Fault> {
    admitted(answer)?;
    let Some(said) = said(answer) else { return Ok(hash("sha256", &answer.body)) };
    let algorithm = said.parse::<Digest>().map_or_else(|_| "sha256".to_owned(), |digest| digest.algorithm().to_owned());
    let is = hash(&algorithm, &answer.body);
    if is.as_str() == said {
        return Ok(is);
    }
    Err(Fault::DigestMismatch { host: host(&answer.url), said: shown(said), is: is.to_string() })
}

/// What was asked for by its digest has this digest, whatever the registry says.
fn same(answer: &Answer, asked: &Digest) -> Result<Digest, Fault> {
    let is = hash(asked.algorithm(), &answer.body);
    if is == *asked {
        return Ok(is);
    }
    Err(Fault::OtherContent { host: host(&answer.url), asked: asked.to_string(), is: is.to_string() })
}

/// Whether the answer is what was asked for, and not a refusal.
pub(super) fn admitted(answer: &Answer) -> Result<(), Fault> {
    let host = || host(&answer.url);
    match answer.status {
        status if status.is_success() => {}
        StatusCode::NOT_FOUND if refusal::names(answer, "NAME_UNKNOWN") => {
            return Err(Fault::NoRepository { host: host() });
        }
        StatusCode::NOT_FOUND if refusal::names(answer, "MANIFEST_UNKNOWN") => {
            return Err(Fault::NoTag { host: host() });
        }
        _ => return Err(refusal::status(answer)),
    }
    if refusal::is_web_page(answer) {
        return Err(Fault::WebPage { host: host() });
    }
    Ok(())
}

fn said(answer: &Answer) -> Option<&str> {
    answer.header(&DIGEST)
}

fn hash(algorithm: &str, bytes: &[u8]) -> Digest {
    let (name, hash) = match algorithm {
        "sha384" => ("sha384", Sha384::digest(bytes).to_vec()),
        "sha512" => ("sha512", Sha512::digest(bytes).to_vec()),
        _ => ("sha256", Sha256::digest(bytes).to_vec()),
    };
    Digest::of_hash(name, &hash).expect("a hash in hexadecimal is a digest")
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl Reference {
    /// `web:1.0` or `web@sha256:…`.
    pub(super) fn of(&self, repository: &impl fmt::Display) -> String {
        match self {
            Self::Tag(tag) => format!("{repository}:{tag}"),
            Self::Digest(digest) => format!("{repository}@{digest}"),
        }
    }
}
