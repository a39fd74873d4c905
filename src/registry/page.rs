//! One page of `tags/list`, read as it arrives: takes pieces of `{"name": …, "tags": […]}`, gives the tags in it.
//!
//! What else the object holds is passed over: registries add much (Google's give every manifest).

use std::ops::ControlFlow;

use crate::image::Tag;
use crate::net::Intake;
use crate::registry::json::{Bracket, Event, JsonError, Reader, Sink, Text};
use crate::registry::tags::SkippedTag;
use crate::registry::text::shown;

/// So many of the entries that are no tags are kept.
pub(super) const SAMPLES_MAX: usize = 10;

/// What a page holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// As the registry orders them.
    pub(super) tags: Vec<Tag>,
    /// All of them, also those that are no tags.
    pub(super) entries: usize,
    /// The last entry, if it is a tag: after which the registry would go on.
    pub(super) last: Option<Tag>,
    pub(super) skipped: usize,
    pub(super) samples: Vec<SkippedTag>,
}

/// Why there is no page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoPage {
    WebPage,
    TooManyEntries,
    Json(JsonError),
}

/// Reads a page of at most so many entries.
pub(super) struct PageReader {
    json: Reader,
    content: Content,
    /// The first byte that is no blank.
    first: Option<u8>,
    failed: Option<JsonError>,
}

struct Content {
    page: Page,
    place: Place,
    entries_max: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Outside of the object, or in a field that does not matter.
    Elsewhere,
    /// Before the value of `tags`.
    BeforeTags,
    InTags,
    /// `tags` is behind us.
    AfterTags,
}

const NO_LIST: &str = "expected a list of tags";
const TOO_MANY: &str = "there are too many entries";

impl PageReader {
    pub(super) fn new(entries_max: usize) -> Self {
        let content = Content { page: Page::default(), place: Place::Elsewhere, entries_max };
        Self { json: Reader::default(), content, first: None, failed: None }
    }

    pub(super) fn finish(mut self) -> Result<Page, NoPage> {
        let ended = match self.failed {
            Some(error) => Err(error),
            None => self.json.finish(&mut self.content),
        };
        match ended {
            Ok(()) => Ok(self.content.page),
            Err(_) if self.first == Some(b'<') => Err(NoPage::WebPage),
            Err(_) if self.content.is_full() => Err(NoPage::TooManyEntries),
            Err(error) => Err(NoPage::Json(error)),
        }
    }
}

impl Intake for PageReader {
    fn take(&mut self, piece: &[u8]) -> ControlFlow<()> {
        self.first = self.first.or_else(|| piece.trim_ascii_start().first().copied());
        match self.json.feed(piece, &mut self.content) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl Sink for Content {
    fn event(&mut self, event: Event<'_>, depth: usize) -> Result<(), &'static str> {
        match (depth, self.place, event) {
            (0, _, Event::Open(Bracket::Object) | Event::Close) => Ok(()),
            (0, ..) => Err("expected an object"),
            (1, place, Event::Key(key)) => self.key(place, key),
            (1, Place::BeforeTags, Event::Null) => self.enter(Place::AfterTags),
            (1, Place::BeforeTags, Event::Open(Bracket::Array)) => self.enter(Place::InTags),
            (1, Place::BeforeTags, _) => Err(NO_LIST),
            (1, Place::InTags, Event::Close) => self.enter(Place::AfterTags),
            (2, Place::InTags, Event::String(text)) => self.entry(text),
            (_, Place::InTags, _) => Err("expected a string in the list of tags"),
            _ => Ok(()),
        }
    }
}

impl Content {
    fn enter(&mut self, place: Place) -> Result<(), &'static str> {
        self.place = place;
        Ok(())
    }

    fn key(&mut self, place: Place, key: &Text) -> Result<(), &'static str> {
        match (key.whole(), place) {
            (Some("tags"), Place::Elsewhere) => self.enter(Place::BeforeTags),
            // Which of the two would be the list?
            (Some("tags"), _) => Err("`tags` is there twice"),
            _ => Ok(()),
        }
    }

    fn is_full(&self) -> bool {
        self.page.entries > self.entries_max
    }

    fn entry(&mut self, text: &Text) -> Result<(), &'static str> {
        self.page.entries += 1;
        if self.is_full() {
            return Err(TOO_MANY);
        }
        let tag: Option<Tag> = text.whole().and_then(|text| text.parse().ok());
        match &tag {
            Some(tag) => self.page.tags.push(tag.clone()),
            None => self.page.skip(&text.shown()),
        }
        self.page.last = tag;
        Ok(())
    }
}

impl Page {
    fn skip(&mut self, text: &str) {
        self.skipped += 1;
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push(SkippedTag { shown: shown(text), reason: why_no_tag(text) });
        }
    }
}

fn why_no_tag(text: &str) -> &'static str {
    match text.as_bytes() {
        [] => "it is empty",
        long if long.len() > 128 => "it is longer than 128 characters",
        [b'.' | b'-', ..] => "it starts with a dot or a dash",
        _ => "it has other characters than letters, digits, `_`, `.` and `-`",
    }
}
