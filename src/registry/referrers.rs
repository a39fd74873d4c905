//! Referrers: what a registry holds about one manifest, such as signatures and SBOMs (OCI distribution 1.1).
//!
//! Registries without the API for it keep the same list under a tag that is made of the manifest's digest.

use crate::image::Digest;
use crate::net::{Answer, Method, StatusCode, host};
use crate::registry::document::Document;
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
}

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json";
const PAGES_MAX: usize = 100;
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
        found.extend(read(session, &answer)?);
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
    read(session, &answer)
}

/// `sha256-HEX`, with no more of the hash than fits (OCI distribution 1.1, "Referrers Tag Schema").
fn tag_of(digest: &Digest) -> String {
    let hash = digest.as_str().split_once(':').map_or("", |(_, hash)| hash);
    format!("{}-{}", digest.algorithm(), hash.get(..64).unwrap_or(hash))
}

fn read(session: &Session<'_>, answer: &Answer) -> Result<Vec<Referrer>, Fault> {
    let document = Document::read(&answer.body).map_err(|cause| not_understood(session, cause))?;
    let index = document.index().ok_or_else(|| not_understood(session, "expected a list of referrers".to_owned()))?;
    Ok(index.iter().map(|entry| Referrer { digest: entry.digest.clone(), artifact_type: entry.kind() }).collect())
}

/// Not every registry filters.
fn of_kind(mut found: Vec<Referrer>, wanted: Option<&str>) -> Vec<Referrer> {
    found.retain(|referrer| wanted.is_none_or(|wanted| referrer.artifact_type.as_deref() == Some(wanted)));
    found
}
