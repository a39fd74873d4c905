//! `tags/list`, page by page, into one list of tags that are tags.
//!
//! Follows `Link`. Where a full page comes without one, asks for what follows its last entry: some registries page and
//! do not say so. Asks for smaller pages where large ones are refused.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::image::Tag;
use crate::net::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use crate::net::{Answer, Method, Request, StatusCode, Url, host};
use crate::registry::link::next_page;
use crate::registry::page::{NoPage, Page, PageReader, SAMPLES_MAX};
use crate::registry::refusal;
use crate::registry::session::Session;
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
    /// What the registry calls this state of the list; only where it stands for the whole list.
    pub etag: Option<String>,
}

/// A listing on condition that it is another than the one that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// The list is as it was.
    Unchanged,
    Tags(TagList),
}

/// An entry of a listing that is no tag by the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedTag {
    /// Escaped and shortened, fit to be shown.
    pub shown: String,
    pub reason: &'static str,
}

const ACCEPT: &str = "application/json";
/// So many empty pages may follow each other.
const EMPTY_PAGES_MAX: usize = 100;
const ETAG_BYTES_MAX: usize = 1 << 10;

/// Lists all tags.
pub(super) async fn list(session: &Session<'_>, limits: &Limits) -> Result<TagList, Fault> {
    let mut walk = Walk::new(session, limits);
    let opened = walk.open(None).await?;
    walk.through(opened).await
}

/// Lists all tags, unless the registry says that they are those of `known`.
pub(super) async fn list_if_changed(session: &Session<'_>, limits: &Limits, known: &str) -> Result<Listing, Fault> {
    // What cannot be sent is no condition, and "not modified" no answer then.
    let Ok(condition) = HeaderValue::from_str(known) else { return list(session, limits).await.map(Listing::Tags) };
    let mut walk = Walk::new(session, limits);
    let opened = walk.open(Some(condition)).await?;
    if opened.answer.status == StatusCode::NOT_MODIFIED {
        return Ok(Listing::Unchanged);
    }
    walk.through(opened).await.map(Listing::Tags)
}

/// The way through the pages of one list.
struct Walk<'a> {
    session: &'a Session<'a>,
    limits: &'a Limits,
    list: TagList,
    entries: usize,
    pages: usize,
    empty_pages: usize,
    is_linked: bool,
    /// Of the only page: the first of several may be the same although a later one is not.
    etag: Option<String>,
    /// Hashes of the URLs asked so far: a registry that goes on for ever makes them long.
    asked: HashSet<u64>,
    /// Hashes of the tags found so far, once pages are guessed.
    found: HashSet<u64>,
    hasher: RandomState,
}

/// The answer for the first page, which may be a refusal.
struct Opened {
    answer: Answer,
    reader: PageReader,
    /// How many tags were asked for.
    size: Option<usize>,
}

/// A page with the head of its answer.
struct Turned {
    answer: Answer,
    page: Page,
}

enum Next {
    End,
    Linked(Url),
    Guessed(Url),
}

impl<'a> Walk<'a> {
    fn new(session: &'a Session<'a>, limits: &'a Limits) -> Self {
        Self {
            session,
            limits,
            list: TagList::default(),
            entries: 0,
            pages: 0,
            empty_pages: 0,
            is_linked: false,
            etag: None,
            asked: HashSet::new(),
            found: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// Asks for the first page, for smaller ones while the registry refuses.
    async fn open(&mut self, condition: Option<HeaderValue>) -> Result<Opened, Fault> {
        let Session { client, base, access, .. } = self.session;
        let way = access.connection.fingerprint();
        let sizes = client.page_sizes.worth_asking(base, way);
        let mut rest = sizes.iter().copied();
        loop {
            let size = rest.next().flatten();
            let url =
                self.session.url(&size.map_or_else(|| "tags/list".to_owned(), |size| format!("tags/list?n={size}")));
            self.visit(&url)?;
            let (answer, reader) = self.ask(url, condition.clone()).await?;
            if size.is_none() || !is_about_size(&answer) {
                if answer.status == StatusCode::OK && sizes.first() != Some(&size) {
                    client.page_sizes.note(base, way, size);
                }
                return Ok(Opened { answer, reader, size });
            }
        }
    }

    /// Goes from the first page to the last.
    async fn through(mut self, Opened { answer, reader, size }: Opened) -> Result<TagList, Fault> {
        let mut turned = read(answer, reader, self.limits)?;
        self.etag = etag(&turned);
        loop {
            let next = self.after(&turned, size)?;
            self.keep(turned);
            match next {
                Next::End => return Ok(self.done()),
                Next::Linked(url) => turned = self.turn(url).await?,
                Next::Guessed(url) => match self.guess(url).await? {
                    Some(found) => turned = found,
                    None => return Ok(self.done()),
                },
            }
        }
    }

    async fn turn(&mut self, url: Url) -> Result<Turned, Fault> {
        if !self.visit(&url)? {
            return Err(Fault::Loop { host: host(&url) });
        }
        self.etag = None;
        let (answer, reader) = self.ask(url, None).await?;
        read(answer, reader, self.limits)
    }

    /// A page that the registry did not speak of; `None` if it gives none, or nothing new.
    async fn guess(&mut self, url: Url) -> Result<Option<Turned>, Fault> {
        if !self.visit(&url)? {
            return Ok(None);
        }
        self.etag = None;
        let (answer, reader) = self.ask(url, None).await?;
        if matches!(answer.status.as_u16(), 400 | 404 | 405 | 416 | 422 | 501) {
            return Ok(None);
        }
        let turned = read(answer, reader, self.limits)?;
        if self.found.is_empty() {
            self.found = self.list.tags.iter().map(|tag| self.hasher.hash_one(tag)).collect();
        }
        let known = self.found.len();
        self.found.extend(turned.page.tags.iter().map(|tag| self.hasher.hash_one(tag)));
        Ok((self.found.len() > known).then_some(turned))
    }

    /// Notes a page that is about to be asked for; `false` if it was asked for before.
    fn visit(&mut self, url: &Url) -> Result<bool, Fault> {
        self.pages += 1;
        if self.pages > self.limits.pages_max {
            return Err(too_many(url, self.limits.pages_max, "pages"));
        }
        Ok(self.asked.insert(self.hasher.hash_one(url)))
    }

    async fn ask(&self, url: Url, condition: Option<HeaderValue>) -> Result<(Answer, PageReader), Fault> {
        let mut request = Request::new(Method::GET, url, self.limits.page_bytes_max);
        request.headers.extend(condition.map(|etag| (IF_NONE_MATCH, etag)));
        let room = self.limits.tags_max - self.entries;
        self.session.stream(request, ACCEPT, || PageReader::new(room)).await
    }

    fn after(&mut self, turned: &Turned, size: Option<usize>) -> Result<Next, Fault> {
        let Turned { answer, page } = turned;
        self.empty_pages = if page.entries == 0 { self.empty_pages + 1 } else { 0 };
        if self.empty_pages > EMPTY_PAGES_MAX {
            return Err(too_many(&answer.url, EMPTY_PAGES_MAX, "empty pages in a row"));
        }
        if let Some(url) = next_page(&answer.url, &answer.headers)? {
            self.is_linked = true;
            return Ok(Next::Linked(url));
        }
        Ok(match (size, &page.last) {
            // More than was asked for is all there is.
            (Some(size), Some(last)) if page.entries == size && !self.is_linked => {
                Next::Guessed(self.session.url(&format!("tags/list?n={size}&last={last}")))
            }
            _ => Next::End,
        })
    }

    fn keep(&mut self, Turned { page, .. }: Turned) {
        self.entries += page.entries;
        self.list.skipped += page.skipped;
        let room = SAMPLES_MAX - self.list.samples.len();
        self.list.samples.extend(page.samples.into_iter().take(room));
        match self.list.tags.is_empty() {
            true => self.list.tags = page.tags,
            false => self.list.tags.extend(page.tags),
        }
    }

    fn done(mut self) -> TagList {
        self.list.tags.sort_unstable();
        self.list.tags.dedup();
        self.list.tags.shrink_to_fit();
        self.list.etag = self.etag;
        self.list
    }
}

/// Whether a refusal may be about the size of the page.
fn is_about_size(answer: &Answer) -> bool {
    let codes = ["UNSUPPORTED", "PAGINATION_NUMBER_INVALID", "INVALID_PARAMETER"];
    let others = ["NAME_INVALID", "NAME_UNKNOWN", "DENIED", "UNAUTHORIZED"];
    let names = |codes: &[&str]| codes.iter().any(|code| refusal::names(answer, code));
    match answer.status.as_u16() {
        400 => !names(&others),
        404 | 405 | 413 | 416 | 422 => names(&codes),
        _ => false,
    }
}

fn read(answer: Answer, reader: PageReader, limits: &Limits) -> Result<Turned, Fault> {
    let host = || host(&answer.url);
    match answer.status {
        StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION => {}
        status if status.is_success() => return Err(refusal::status(&answer)),
        StatusCode::NOT_FOUND if refusal::names(&answer, "NAME_UNKNOWN") => {
            return Err(Fault::NoRepository { host: host() });
        }
        _ => return Err(refusal::status(&answer)),
    }
    if refusal::is_web_page(&answer) {
        return Err(Fault::WebPage { host: host() });
    }
    match reader.finish() {
        Ok(page) => Ok(Turned { answer, page }),
        Err(NoPage::WebPage) => Err(Fault::WebPage { host: host() }),
        Err(NoPage::TooManyEntries) => Err(too_many(&answer.url, limits.tags_max, "tags")),
        Err(NoPage::Json(error)) => {
            let cause = format!("expected a list of tags as JSON: {error}");
            Err(Fault::NotUnderstood { host: host(), cause })
        }
    }
}

fn too_many(url: &Url, max: usize, what: &'static str) -> Fault {
    Fault::TooMany { host: host(url), max, what }
}

/// The tag of the entity, if this page cannot be the first of several: a registry whose largest page has as many
/// entries may give the same page, and the same tag, when there are more.
fn etag(turned: &Turned) -> Option<String> {
    let entries = turned.page.entries;
    let may_be_full = entries.is_multiple_of(10) || entries.is_power_of_two();
    let etag = turned.answer.header(&ETAG).filter(|etag| etag.len() <= ETAG_BYTES_MAX);
    etag.filter(|etag| !etag.is_empty() && !may_be_full).map(str::to_owned)
}
