//! `tags/list`, page by page, into one list of tags that are tags.

use std::collections::HashSet;

use serde::Deserialize;

use crate::image::Tag;
use crate::net::{Answer, Method, StatusCode, Url, host};
use crate::registry::link::next_page;
use crate::registry::refusal;
use crate::registry::session::Session;
use crate::registry::text::shown;
use crate::registry::{Fault, Limits};

/// The tags of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagList {
    /// Sorted by bytes, without duplicates.
    pub tags: Vec<Tag>,
    /// How many entries were passed over, since they are no tags.
    pub skipped: usize,
    /// The first of them.
    pub samples: Vec<SkippedTag>,
}

/// An entry of a listing that is no tag by the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedTag {
    /// Escaped and shortened, fit to be shown.
    pub shown: String,
    pub reason: &'static str,
}

const SAMPLES_MAX: usize = 10;
const ACCEPT: &str = "application/json";

pub(super) async fn list(session: &Session<'_>, limits: &Limits) -> Result<TagList, Fault> {
    let mut list = TagList::default();
    let mut seen = HashSet::new();
    let mut entries = 0;
    let mut next = Some(session.url("tags/list?n=1000"));
    while let Some(url) = next {
        visit(&mut seen, &url, limits.pages_max)?;
        let answer = session.ask(Method::GET, url, ACCEPT, limits.page_bytes_max).await?;
        if answer.status == StatusCode::BAD_REQUEST && seen.len() == 1 {
            // Some registries refuse a page larger than theirs instead of giving a smaller one (Quay once, for one).
            next = Some(session.url("tags/list"));
            continue;
        }
        let page = read_page(&answer)?;
        entries += page.len();
        if entries > limits.tags_max {
            return Err(Fault::TooMany { host: host(&answer.url), max: limits.tags_max, what: "tags" });
        }
        list.add(page);
        next = next_page(&answer)?;
    }
    list.tags.sort_unstable();
    list.tags.dedup();
    Ok(list)
}

/// Notes a page that is about to be asked for; a registry may neither go round in circles nor on for ever.
fn visit(seen: &mut HashSet<Url>, url: &Url, max: usize) -> Result<(), Fault> {
    if !seen.insert(url.clone()) {
        return Err(Fault::Loop { host: host(url) });
    }
    if seen.len() > max {
        return Err(Fault::TooMany { host: host(url), max, what: "pages" });
    }
    Ok(())
}

impl TagList {
    fn add(&mut self, page: Vec<String>) {
        for text in page {
            match text.parse() {
                Ok(tag) => self.tags.push(tag),
                Err(_) => self.skip(&text),
            }
        }
    }

    fn skip(&mut self, text: &str) {
        self.skipped += 1;
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push(SkippedTag { shown: shown(text), reason: why_no_tag(text) });
        }
    }
}

/// A page of tags. Harbor and others give `null` for an empty one.
#[derive(Deserialize)]
struct Page {
    tags: Option<Vec<String>>,
}

fn read_page(answer: &Answer) -> Result<Vec<String>, Fault> {
    let host = || host(&answer.url);
    match answer.status {
        status if status.is_success() => {}
        StatusCode::NOT_FOUND if refusal::names(answer, "NAME_UNKNOWN") => {
            return Err(Fault::NoRepository { host: host() });
        }
        _ => return Err(refusal::status(answer)),
    }
    if refusal::is_web_page(answer) {
        return Err(Fault::WebPage { host: host() });
    }
    let page: Page = serde_json::from_slice(&answer.body).map_err(|error| {
        let cause = format!("expected a list of tags as JSON: {}", shown(&error.to_string()));
        Fault::NotUnderstood { host: host(), cause }
    })?;
    Ok(page.tags.unwrap_or_default())
}

fn why_no_tag(text: &str) -> &'static str {
    match text.as_bytes() {
        [] => "it is empty",
        long if long.len() > 128 => "it is longer than 128 characters",
        [b'.' | b'-', ..] => "it starts with a dot or a dash",
        _ => "it has other characters than letters, digits, `_`, `.` and `-`",
    }
}
