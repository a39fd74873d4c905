//! The outline of a YAML text: its nodes and comments in order, each with its byte range.
//!
//! Takes text; gives events (scalars, aliases, starts and ends) with what they say and the place they take
//! in their parent, and comments. Aliases are never expanded. Size, nesting and number of events are bounded.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{
    Event as Parsed, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag, TryLoadError, TrySpannedEventReceiver,
};

/// The most bytes of one document that are read.
pub const DOCUMENT_BYTES_MAX: usize = 16 << 20;
/// The most events and comments of one document that are read.
pub const EVENTS_MAX: usize = 1_000_000;
/// The most comments in a row that are read.
pub const COMMENTS_MAX: usize = 100_000;
/// The deepest nesting of flow collections, and of block collections, that is read.
pub const NESTING_MAX: usize = 255;

/// A YAML text that has been read.
#[derive(Debug)]
pub struct Outline<'a> {
    pub text: &'a str,
    /// In the order of the text: no event begins before the one before it.
    pub events: Vec<Event<'a>>,
    /// The byte ranges of the comments, each from its `#` to before the line break.
    pub comments: Vec<Range<usize>>,
}

/// One event of the parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    pub kind: Kind,
    pub role: Role,
    /// Whether the node lies in a flow collection.
    pub in_flow: bool,
    start: u32,
    end: u32,
    /// The anchor that the node defines or, for an alias, the one it names; 0 for none.
    pub anchor: usize,
    /// What a scalar says, escapes and folding undone; empty for all else.
    pub value: Cow<'a, str>,
    pub tag: Option<Box<Tag>>,
}

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` where a `---` says so.
    DocumentStart(bool),
    DocumentEnd,
    /// A scalar; its range is what is written, quotes included. Of a block scalar it is the content from
    /// behind the first line's indentation to behind the last line break, the header not included; it is
    /// empty when there is no content.
    Scalar(ScalarStyle),
    /// A scalar that is not written at all, such as the value of `key:`; its range is empty.
    Absent,
    Alias,
    SequenceStart(StructureStyle),
    MappingStart(StructureStyle),
    SequenceEnd,
    MappingEnd,
}

/// The place of a node in its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Root,
    Key,
    Value,
    Item,
    /// Ends of collections, and documents.
    None,
}

/// Why a text could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {reason}")]
pub struct Fault {
    /// Byte offset at which reading stopped.
    pub offset: usize,
    pub reason: String,
}

/// What [`read`] gives.
pub enum Piece<'a> {
    Event(Event<'a>),
    Comment(Range<usize>),
}

/// Reads `text` from end to end, giving each piece to `take`; stops at the first error of either.
pub fn read<'a, E: From<Fault>>(text: &'a str, take: impl FnMut(Piece<'a>) -> Result<(), E>) -> Result<(), E> {
    if text.len() > DOCUMENT_BYTES_MAX {
        let reason = format!("the document is larger than {} MiB", DOCUMENT_BYTES_MAX >> 20);
        return Err(Fault { offset: DOCUMENT_BYTES_MAX, reason }.into());
    }
    // The parser takes a NUL for the end of the text.
    if let Some(offset) = memchr::memchr(0, text.as_bytes()) {
        return Err(Fault { offset, reason: "a NUL byte is not YAML".to_owned() }.into());
    }
    let options = granit_parser::options! {
        flow_nesting_limit: NESTING_MAX,
        block_nesting_limit: NESTING_MAX,
        // The parser's own limit of 96 is less than people comment out.
        max_buffered_comment_events: COMMENTS_MAX,
    };
    let mut reader = Reader { take, parents: Vec::new(), events: 0 };
    Parser::new_from_str_with_options(text, options).try_load(&mut reader, true).map_err(|error| match error {
        TryLoadError::Scan(error) => fault(&error).into(),
        TryLoadError::Receiver(error) => error,
    })
}

impl<'a> Outline<'a> {
    /// Reads the whole of `text`.
    pub fn read(text: &'a str) -> Result<Self, Fault> {
        let mut outline = Self { text, events: Vec::with_capacity(text.len() / 12), comments: Vec::new() };
        read(text, |piece| -> Result<(), Fault> {
            match piece {
                Piece::Event(event) => outline.events.push(event),
                Piece::Comment(range) => outline.comments.push(range),
            }
            Ok(())
        })?;
        Ok(outline)
    }

    /// What stands in the text for event `index`.
    pub fn written(&self, index: usize) -> &'a str {
        &self.text[self.events[index].range()]
    }
}

impl Event<'_> {
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub fn start(&self) -> usize {
        self.start as usize
    }

    pub fn end(&self) -> usize {
        self.end as usize
    }

    /// The style of a scalar that is written.
    pub fn style(&self) -> Option<ScalarStyle> {
        match self.kind {
            Kind::Scalar(style) => Some(style),
            _ => None,
        }
    }

    /// Whether this is a literal or folded block scalar.
    pub fn is_block_scalar(&self) -> bool {
        matches!(self.kind, Kind::Scalar(ScalarStyle::Literal | ScalarStyle::Folded))
    }
}

/// Turns what the parser gives into pieces.
struct Reader<F> {
    take: F,
    parents: Vec<Parent>,
    events: usize,
}

/// An open collection.
struct Parent {
    in_flow: bool,
    next: Role,
}

impl<'a, E: From<Fault>, F: FnMut(Piece<'a>) -> Result<(), E>> TrySpannedEventReceiver<'a> for Reader<F> {
    type Error = E;

    fn on_event(&mut self, event: Parsed<'a>, span: Span) -> Result<(), E> {
        self.events += 1;
        if self.events > EVENTS_MAX {
            let reason = format!("the document has more than {EVENTS_MAX} nodes and comments");
            return Err(Fault { offset: bytes(&span).start, reason }.into());
        }
        let piece = match event {
            Parsed::StreamStart | Parsed::StreamEnd => return Ok(()),
            Parsed::Comment(..) => Piece::Comment(bytes(&span)),
            event => Piece::Event(self.event(event, &span)),
        };
        (self.take)(piece)
    }
}

impl<F> Reader<F> {
    fn event<'a>(&mut self, event: Parsed<'a>, span: &Span) -> Event<'a> {
        let Range { start, end } = bytes(span);
        let (kind, anchor, value, tag) = parts(event, start == end);
        let (start, end) = match kind {
            // A document that begins without `---` is given the range of its first token,
            Kind::DocumentStart(false) => (start, start),
            // and a block scalar without content sometimes that of its header.
            Kind::Scalar(ScalarStyle::Literal | ScalarStyle::Folded) if is_blank(&value) => (end, end),
            _ => (start, end),
        };
        let (role, in_flow) = self.place(kind);
        let narrow = |offset| u32::try_from(offset).expect("a document is smaller than DOCUMENT_BYTES_MAX");
        let tag = tag.map(|tag| Box::new(tag.into_owned()));
        Event { kind, role, in_flow, start: narrow(start), end: narrow(end), anchor, value, tag }
    }

    /// Notes that `kind` comes next; gives its role, and whether it lies in a flow collection.
    fn place(&mut self, kind: Kind) -> (Role, bool) {
        match kind {
            Kind::DocumentStart(_) | Kind::DocumentEnd => return (Role::None, false),
            Kind::SequenceEnd | Kind::MappingEnd => {
                self.parents.pop();
                return (Role::None, self.parents.last().is_some_and(|parent| parent.in_flow));
            }
            _ => {}
        }
        let place = self.parents.last_mut().map_or((Role::Root, false), Parent::take);
        match kind {
            Kind::SequenceStart(style) => self.parents.push(Parent::new(style, Role::Item)),
            Kind::MappingStart(style) => self.parents.push(Parent::new(style, Role::Key)),
            _ => {}
        }
        place
    }
}

impl Parent {
    fn new(style: StructureStyle, next: Role) -> Self {
        Self { in_flow: style == StructureStyle::Flow, next }
    }

    fn take(&mut self) -> (Role, bool) {
        let role = self.next;
        self.next = match role {
            Role::Key => Role::Value,
            Role::Value => Role::Key,
            other => other,
        };
        (role, self.in_flow)
    }
}

type Parts<'a> = (Kind, usize, Cow<'a, str>, Option<Cow<'a, Tag>>);

fn parts(event: Parsed<'_>, is_empty: bool) -> Parts<'_> {
    let bare = |kind| (kind, 0, Cow::Borrowed(""), None);
    match event {
        Parsed::Scalar(_, ScalarStyle::Plain, anchor, tag) if is_empty => (Kind::Absent, anchor, "".into(), tag),
        Parsed::Scalar(value, style, anchor, tag) => (Kind::Scalar(style), anchor, value, tag),
        Parsed::Alias(anchor) => (Kind::Alias, anchor, "".into(), None),
        Parsed::SequenceStart(style, anchor, tag) => (Kind::SequenceStart(style), anchor, "".into(), tag),
        Parsed::MappingStart(style, anchor, tag) => (Kind::MappingStart(style), anchor, "".into(), tag),
        Parsed::SequenceEnd => bare(Kind::SequenceEnd),
        Parsed::MappingEnd => bare(Kind::MappingEnd),
        Parsed::DocumentStart(explicit, _) => bare(Kind::DocumentStart(explicit)),
        // Anchor events and unresolved aliases are not asked for; what is left ends the document.
        _ => bare(Kind::DocumentEnd),
    }
}

fn is_blank(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\n')
}

fn bytes(span: &Span) -> Range<usize> {
    span.byte_range().expect("a parser over &str knows byte offsets")
}

fn fault(error: &ScanError) -> Fault {
    Fault { offset: error.marker().byte_offset().unwrap_or_default(), reason: error.info() }
}
