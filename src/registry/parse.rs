//! The readers of what registries send, each by itself: for tests and fuzzers, which feed them what no registry would.
//!
//! Each takes bytes or headers and gives what was understood as text, or the error's text.

use std::ops::ControlFlow;

use crate::net::header::HeaderMap;
use crate::net::{Answer, Intake as _, StatusCode, Url};
use crate::registry::challenge::Challenge;
use crate::registry::document::{self, Document};
use crate::registry::page::{NoPage, PageReader};
use crate::registry::platform::Platform;
use crate::registry::{Fault, Referrer, link, referrers, refusal, token};

/// A page of tags that arrives in pieces: its tags, and how many entries are none.
pub fn page<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    entries_max: usize,
) -> Result<(Vec<String>, usize), String> {
    let mut reader = PageReader::new(entries_max);
    for piece in pieces {
        if let ControlFlow::Break(()) = reader.take(piece) {
            break;
        }
    }
    match reader.finish() {
        Ok(page) => Ok((page.tags.iter().map(ToString::to_string).collect(), page.skipped)),
        Err(NoPage::WebPage) => Err("a web page".to_owned()),
        Err(NoPage::TooManyEntries) => Err("too many entries".to_owned()),
        Err(NoPage::Json(error)) => Err(error.to_string()),
    }
}

/// The next page that the `Link` headers of an answer name.
pub fn next_page(here: &Url, headers: &HeaderMap) -> Result<Option<Url>, String> {
    link::next_page(here, headers).map_err(|fault| fault.to_string())
}

/// The realm of the bearer challenge in the `WWW-Authenticate` headers of an answer; `None` for a basic one.
pub fn challenge(headers: HeaderMap) -> Result<Option<Url>, String> {
    match Challenge::of(&answer(StatusCode::UNAUTHORIZED, headers, b"")) {
        Ok(Challenge::Bearer { realm, .. }) => Ok(Some(realm)),
        Ok(Challenge::Basic) => Ok(None),
        Err(fault) => Err(fault.to_string()),
    }
}

/// Whether there is a token in the answer of a token server.
pub fn token(body: &[u8]) -> Result<(), String> {
    let read = token::read(&answer(StatusCode::OK, HeaderMap::new(), body));
    read.map(drop).map_err(|fault| fault.to_string())
}

/// The digest of the manifest for `platform` if it is an index, else the time of its annotation.
pub fn manifest(json: &[u8], platform: Option<&Platform>) -> Result<Option<String>, String> {
    let document = Document::read(json)?;
    Ok(match document.index() {
        Some(index) => document::choose(index, platform).map(|chosen| chosen.digest.to_string()),
        None => document.created().map(|at| at.to_string()),
    })
}

/// What a list of referrers holds.
pub fn referrers(json: &[u8]) -> Result<Vec<Referrer>, String> {
    referrers::read(json)
}

/// The time and platform of an image config.
pub fn config(json: &[u8]) -> Result<(Option<jiff::Timestamp>, Option<Platform>), String> {
    document::config(json)
}

/// What is told of a refusal.
pub fn refusal(body: &[u8]) -> String {
    let fault: Fault = refusal::status(&answer(StatusCode::BAD_REQUEST, HeaderMap::new(), body));
    fault.to_string()
}

fn answer(status: StatusCode, headers: HeaderMap, body: &[u8]) -> Answer {
    let url = Url::parse("https://registry.example/v2/").expect("a URL");
    Answer { url, peer: None, status, headers, body: bytes::Bytes::copy_from_slice(body) }
}
