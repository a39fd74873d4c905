//! Referrers: what a registry holds about one manifest, such as signatures and SBOMs (OCI distribution 1.1).
//!
//! Registries without the API for it keep the same list under a tag that is made of the manifest's digest.

use std::fmt;

use crate::image::Digest;
use crate::net::{Answer, Method, StatusCode, host};
use crate::registry::document::{Descriptor, Document};
use crate::registry::link::next_page;
use crate::registry::manifest::{admitted, checked, not_understood};
use crate::registry::refusal;
use crate::registry::session::Session;
use crate::registry::{Fault, Limits};

/// A manifest that says that it is about another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    pub digest: Digest,
    /// What it is, such as `application/spdx+json`, as its maker says.
    pub artifact_type: Option<String>,
    /// What it states, where it is an attestation and its maker says so beside it.
    pub predicate_type: Option<String>,
}

/// What a referrer is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferrerKind {
    Signature,
    Attestation,
    Sbom,
    Other,
}

/// Parts of the types of artifacts that are in use, and what they are.
const KINDS: [(&str, ReferrerKind); 9] = [
    ("spdx", ReferrerKind::Sbom),
    ("cyclonedx", ReferrerKind::Sbom),
    ("sbom", ReferrerKind::Sbom),
    ("in-toto", ReferrerKind::Attestation),
    ("dsse", ReferrerKind::Attestation),
    ("attestation", ReferrerKind::Attestation),
    ("signature", ReferrerKind::Signature),
    ("sigstore.bundle", ReferrerKind::Signature),
    ("cosign", ReferrerKind::Signature),
];

impl Referrer {
    /// By what its maker says of it.
    pub fn kind(&self) -> ReferrerKind {
        let kind = self.artifact_type.as_deref().unwrap_or_default();
        match self.predicate_type {
            Some(_) => ReferrerKind::Attestation,
            None => KINDS.iter().find(|(part, _)| kind.contains(part)).map_or(ReferrerKind::Other, |(_, kind)| *kind),
        }
    }
}

impl fmt::Display for ReferrerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "signature",
            Self::Attestation => "attestation",
            Self::Sbom => "sbom",
            Self::Other => "artifact",
        })
    }
}

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json";
const PAGES_MAX: usize = 100;
/// The longest name of a media type (RFC 6838), and of what an attestation states, which is a URL.
const TYPE_BYTES_MAX: usize = 255;
const REFERRERS_MAX: usize = 10_000;

/// Lists what refers to `subject`; of one kind, where one is wanted.
pub(super) async fn list(
    session: &Session<'_>,
    subject: &Digest,
    wanted: Option<&str>,
    limits: &Limits,
) -> Result<Vec<Referrer>, Fault> {
    let mut url = session.url(&format!("referrers/{subject}"));
    if let Some(kind) = wanted {
        url.query_pairs_mut().append_pair("artifactType", kind);
    }
    let mut found = Vec::new();
    for page in 0..PAGES_MAX {
        let answer = session.ask(Method::GET, url, ACCEPT, limits.manifest_bytes_max).await?;
        if page == 0 && has_no_api(&answer) {
            found = by_tag(session, subject, limits).await?;
            return Ok(of_kind(found, wanted));
        }
        admitted(&answer)?;
        found.extend(read(&answer.body).map_err(|cause| not_understood(session, cause))?);
        if found.len() > REFERRERS_MAX {
            return Err(Fault::TooMany { host: host(&session.base), max: REFERRERS_MAX, what: "referrers" });
        }
        match next_page(&answer.url, &answer.headers)? {
            Some(next) => url = next,
            None => return Ok(of_kind(found, wanted)),
        }
    }
    Err(Fault::TooMany { host: host(&session.base), max: PAGES_MAX, what: "pages of referrers" })
}

/// With the API even an unknown manifest has a list, an empty one.
fn has_no_api(answer: &Answer) -> bool {
    matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED)
        && !refusal::names(answer, "NAME_UNKNOWN")
}

async fn by_tag(session: &Session<'_>, subject: &Digest, limits: &Limits) -> Result<Vec<Referrer>, Fault> {
    let url = session.url(&format!("manifests/{}", tag_of(subject)));
    let answer = session.ask(Method::GET, url, ACCEPT, limits.manifest_bytes_max).await?;
    if answer.status == StatusCode::NOT_FOUND && !refusal::names(&answer, "NAME_UNKNOWN") {
        return Ok(Vec::new());
    }
    checked(&answer)?;
    read(&answer.body).map_err(|cause| not_understood(session, cause))
}

/// `sha256-HEX`, with no more of the hash than fits (OCI distribution 1.1, "Referrers Tag Schema").
fn tag_of(digest: &Digest) -> String {
    let hash = digest.as_str().split_once(':').map_or("", |(_, hash)| hash);
    format!("{}-{}", digest.algorithm(), hash.get(..64).unwrap_or(hash))
}

/// Reads a page of the list, or the error's text.
pub(super) fn read(json: &[u8]) -> Result<Vec<Referrer>, String> {
    let document = Document::read(json)?;
    document.index().ok_or("expected a list of referrers")?.iter().map(referrer).collect()
}

/// Lists are kept, hence what is in them must be short.
fn referrer(entry: &Descriptor) -> Result<Referrer, String> {
    let (artifact_type, predicate_type) = (entry.kind(), entry.predicate());
    match artifact_type.iter().chain(&predicate_type).all(|text| text.len() <= TYPE_BYTES_MAX) {
        true => Ok(Referrer { digest: entry.digest.clone(), artifact_type, predicate_type }),
        false => Err(format!("the type of a referrer is longer than {TYPE_BYTES_MAX} bytes")),
    }
}

/// Not every registry filters.
fn of_kind(mut found: Vec<Referrer>, wanted: Option<&str>) -> Vec<Referrer> {
    found.retain(|referrer| wanted.is_none_or(|wanted| referrer.artifact_type.as_deref() == Some(wanted)));
    found
}
