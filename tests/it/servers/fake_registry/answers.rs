//! The answers of the fake registry, right and wrong.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream;
use sha2::{Digest as _, Sha256};

use super::{Fault, LinkStyle, reply};

const JSON: (&str, &str) = ("content-type", "application/json");
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// The page that a request asks for.
pub(super) struct Page<'a> {
    pub(super) repository: &'a str,
    /// As it was asked for.
    pub(super) asked: Option<usize>,
    pub(super) last: Option<String>,
    pub(super) size: usize,
    pub(super) style: LinkStyle,
    pub(super) addr: SocketAddr,
}

pub(super) fn listing(page: &Page<'_>, tags: &[(String, Vec<u8>)], fault: Option<&Fault>) -> Response {
    let names: Vec<&str> = tags.iter().map(|(tag, _)| tag.as_str()).collect();
    let start = page.last.as_ref().and_then(|last| names.iter().position(|tag| tag == last)).map_or(0, |at| at + 1);
    let end = names.len().min(start.saturating_add(page.size));
    let shown = &names[start..end];
    let body = serde_json::json!({ "name": page.repository, "tags": shown }).to_string();
    let link = match fault {
        Some(Fault::Link(link)) => Some(link.clone()),
        _ => shown.last().filter(|_| end < names.len()).and_then(|last| page.link(last)),
    };
    let mut headers = vec![JSON];
    headers.extend(link.as_ref().map(|link| ("link", link.as_str())));
    reply(200, &headers, body.into())
}

impl Page<'_> {
    /// Of this page alone, whatever follows it.
    pub(super) fn etag(&self, tags: &[(String, Vec<u8>)]) -> String {
        let names: Vec<&str> = tags.iter().take(self.size).map(|(tag, _)| tag.as_str()).collect();
        format!("\"{}\"", digest(names.join(",").as_bytes()))
    }

    fn link(&self, last: &str) -> Option<String> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("n", &self.size.to_string()).append_pair("last", last).finish();
        let path = format!("/v2/{}/tags/list?{query}", self.repository);
        Some(match self.style {
            LinkStyle::Relative => format!("<{path}>; rel=\"next\""),
            LinkStyle::Absolute => format!("<http://{}{path}>; rel=\"next\"", self.addr),
            LinkStyle::QueryOnly => format!("<https://docs.example/>; rel=help, <?{query}>; title=\"a, b\"; rel=next"),
            LinkStyle::Silent => return None,
        })
    }
}

pub(super) fn manifest_answer(manifest: Option<&Vec<u8>>, head: bool, fault: Option<&Fault>) -> Response {
    if let Some(Fault::HeadRefused(status)) = fault {
        return reply(*status, &[], Body::empty());
    }
    let Some(manifest) = manifest else {
        return error(404, "MANIFEST_UNKNOWN", "manifest unknown");
    };
    let digest = match fault {
        Some(Fault::DigestHeader(digest)) => digest.clone(),
        _ => Some(digest(manifest)),
    };
    let mut headers = vec![("content-type", MANIFEST_TYPE)];
    headers.extend(digest.as_ref().map(|digest| ("docker-content-digest", digest.as_str())));
    let body = if head { Body::empty() } else { Body::from(manifest.clone()) };
    reply(200, &headers, body)
}

/// The answer of a fault that leaves nothing of the right one.
pub(super) fn whole(fault: &Fault) -> Option<Response> {
    match fault {
        Fault::Answer { status, headers, body } => {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            Some(reply(*status, &headers, body.clone().into()))
        }
        Fault::Truncated => Some(truncated()),
        Fault::SlowDrip => Some(endless(LIST, b" ", Duration::from_millis(10))),
        Fault::Endless => Some(endless(LIST, &[b' '; 64 << 10], Duration::ZERO)),
        Fault::EndlessAfter(start) => Some(endless(start, &[b'7'; 64 << 10], Duration::ZERO)),
        Fault::EndlessPages | Fault::Link(_) | Fault::DigestHeader(_) | Fault::HeadRefused(_) => None,
    }
}

pub(super) fn error(status: u16, code: &str, message: &str) -> Response {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": message, "detail": {} }] });
    reply(status, &[JSON], body.to_string().into())
}

pub(super) fn manifest(repository: &str, tag: &str) -> Vec<u8> {
    let manifest = serde_json::json!({ "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "annotations": { "made for": format!("{repository}:{tag}") } });
    manifest.to_string().into_bytes()
}

pub(super) fn digest(content: &[u8]) -> String {
    let hex: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// The pause lets the first piece go out before the connection breaks.
fn truncated() -> Response {
    let pieces = stream::unfold(true, |first| async move {
        if first {
            return Some((Ok(Bytes::from_static(b"{\"tags\":[\"1.0.0\"")), false));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Err(std::io::Error::other("cut off by the test")), false))
    });
    reply(200, &[JSON, ("content-length", "1000")], Body::from_stream(pieces))
}

const LIST: &str = "{\"tags\":[";

/// `start` and then `piece` again and again.
fn endless(start: &'static str, piece: &'static [u8], pause: Duration) -> Response {
    let pieces = stream::unfold(true, move |first| async move {
        tokio::time::sleep(pause).await;
        let piece = if first { start.as_bytes() } else { piece };
        Some((Ok::<_, Infallible>(Bytes::from_static(piece)), false))
    });
    reply(200, &[JSON], Body::from_stream(pieces))
}

/// Page `number` of a list that never ends.
pub(super) fn page_of_many(number: usize) -> Response {
    let link = format!("</v2/acme/web/tags/list?page={number}&pad={}>; rel=next", "x".repeat(4000));
    reply(200, &[JSON, ("link", &link)], format!("{{\"tags\":[\"v{number}\"]}}").into())
}
