//! The digest of a manifest: what the registry says on HEAD, or the hash of what it gives.

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::image::{Digest, Tag};
use crate::net::header::HeaderName;
use crate::net::{Answer, Method, StatusCode, host};
use crate::registry::refusal;
use crate::registry::session::Session;
use crate::registry::text::shown;
use crate::registry::{Fault, Limits};

const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

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
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {}
        _ => return Err(refusal::status(&head)),
    }
    let answer = session.ask(Method::GET, url, ACCEPT, limits.manifest_bytes_max).await?;
    checked(&answer)
}

/// The digest of the body; it must be the one that the registry says, if it says one.
fn checked(answer: &Answer) -> Result<Digest, Fault> {
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
    let Some(said) = said(answer) else { return Ok(hash("sha256", &answer.body)) };
    let algorithm = said.parse::<Digest>().map_or_else(|_| "sha256".to_owned(), |digest| digest.algorithm().to_owned());
    let is = hash(&algorithm, &answer.body);
    if is.as_str() == said {
        return Ok(is);
    }
    Err(Fault::DigestMismatch { host: host(), said: shown(said), is: is.to_string() })
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
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{name}:{hex}").parse().expect("a hash in hexadecimal is a digest")
}
