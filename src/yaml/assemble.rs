//! Nodes from the events of one parser: anchors, aliases, tags and merge keys resolved on the way.
//!
//! Takes events in order; gives the node of the first document. What aliases repeat is shared, not copied, and yet
//! counted, since those who walk over the nodes meet it each time.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use granit_parser::{Event, ScalarStyle, ScanError, Span, StructureStyle, Tag};

use super::fields::Fields;
use super::libyaml;
use super::load::Error;
use super::outline::NESTING_MAX;
use super::scalar::Dialect;
use super::{typed, value};
use crate::object::{Node, Place, Scalar, Style, Tag as Type};

/// The most that aliases may add to a document, in bytes of text and a few for each node.
const ALIASED_BYTES_MAX: usize = 64 << 20;
const NODE_BYTES: usize = 16;
const SHARED_KEY_BYTES_MAX: usize = 64;

/// The state between two events. One serves all documents of a file, whose keys it shares.
pub(super) struct Assembly {
    dialect: Dialect,
    file: u32,
    /// The line of the file on which the document at hand begins.
    first: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, Built>,
    aliased: usize,
    /// How many line breaks of YAML 1.1 alone were in quotes.
    quoted_breaks: usize,
    keys: HashSet<Arc<str>>,
    /// Room that was grown before: what is handed out has the size that it needs.
    spare_fields: Vec<Fields>,
    spare_items: Vec<Vec<Node>>,
}

/// Why an assembly takes no more events.
pub(super) enum Stop {
    /// The document is complete.
    Node(Node),
    Refused(Error),
    /// The parser could not read on.
    Unread(ScanError),
}

/// A node that is complete.
#[derive(Clone)]
struct Built {
    node: Node,
    /// How many collections lie within each other in it.
    depth: usize,
    /// What it adds where it is repeated.
    bytes: usize,
    is_flow_list: bool,
}

/// A collection that is not complete.
struct Open {
    parts: Parts,
    anchor: usize,
    is_flow: bool,
    depth: usize,
    bytes: usize,
}

enum Parts {
    Document(Node),
    Items(Vec<Node>),
    Fields(Fields),
}

impl Built {
    fn scalar(scalar: Scalar) -> Self {
        let bytes = NODE_BYTES + scalar.text.len();
        Self { node: scalar.into(), depth: 0, bytes, is_flow_list: false }
    }
}

impl Assembly {
    pub(super) fn new(file: u32, dialect: Dialect) -> Self {
        Self {
            dialect,
            file,
            first: 1,
            open: Vec::new(),
            anchors: HashMap::new(),
            aliased: 0,
            quoted_breaks: 0,
            keys: HashSet::new(),
            spare_fields: Vec::new(),
            spare_items: Vec::new(),
        }
    }

    /// Begins a document whose first line is line `first` of the file.
    pub(super) fn begin(&mut self, first: usize) {
        (self.first, self.aliased, self.quoted_breaks) = (first, 0, 0);
        self.anchors.clear();
        self.open.clear();
        self.open(Parts::Document(Node::null()), 0, StructureStyle::Block);
    }

    pub(super) fn quoted_breaks(&self) -> usize {
        self.quoted_breaks
    }

    /// Takes the event that stands in `source` at `span`.
    pub(super) fn take(&mut self, event: Event<'_>, span: &Span, source: &str) -> Result<(), Stop> {
        let is_alias = matches!(event, Event::Alias(_));
        let taken = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_absent = style == ScalarStyle::Plain && span.is_empty() && tag.is_none();
                let scalar =
                    if is_absent { Ok(self.absent()) } else { self.scalar(text, style, tag.as_deref(), span, source) };
                scalar.map(|scalar| (Built::scalar(scalar.at(self.place(span))), anchor))
            }
            Event::Alias(anchor) => self.repeat(anchor).map(|built| (built, 0)),
            Event::SequenceStart(style, anchor, _) => {
                let items = self.spare_items.pop().unwrap_or_default();
                self.open(Parts::Items(items), anchor, style);
                return Ok(());
            }
            Event::MappingStart(style, anchor, _) => {
                let fields = self.spare_fields.pop().unwrap_or_default();
                self.open(Parts::Fields(fields), anchor, style);
                return Ok(());
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::DocumentEnd => return Err(Stop::Node(self.document())),
            _ => return Ok(()),
        };
        let put = taken.and_then(|(built, anchor)| self.put(built, anchor, is_alias));
        put.map_err(|message| Stop::Refused(Error { line: self.line(span), column: span.start.col() + 1, message }))
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: &Span,
        source: &str,
    ) -> Result<Scalar, String> {
        let range = span.byte_range().expect("a parser over &str knows byte offsets");
        let written = &source[range.clone()];
        let text = libyaml::text(text, style, written, range.end == source.len())?;
        if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
            self.quoted_breaks += libyaml::foreign_breaks(written);
        } else if style == ScalarStyle::Plain {
            let is_flow = || self.open.iter().any(|open| open.is_flow);
            libyaml::plain_fault(written, &source[range.end..], is_flow).map_or(Ok(()), Err)?;
        }
        let (is_tagged, tag_written) = (tag.is_some(), tag);
        let (tag, value) = typed::typed(tag, &text, style, self.dialect)?;
        let tag = if !is_tagged && self.is_quoted_time(tag, &text) { Type::Str } else { tag };
        let text = value.as_deref().unwrap_or(&text);
        let text = if self.wants_key() { self.key(text) } else { text.into() };
        // What is tagged a string is no merge key, as if it stood in quotes.
        let is_text = &*text == "<<" && tag_written.is_some_and(|tag| tag.suffix() == "str");
        let style = match tag {
            _ if is_text => Style::SingleQuoted,
            // `!!null ''` is as good as a value that is not written.
            Type::Null if text.is_empty() => Style::Plain,
            _ => self.style(style),
        };
        Ok(Scalar { style, ..Scalar::new(text, tag) })
    }

    /// Whether kustomize puts quotes around a timestamp on its way to JSON: it does in flow collections, for a colon.
    fn is_quoted_time(&self, tag: Type, text: &str) -> bool {
        let is_flow = self.open.last().is_some_and(|open| open.is_flow);
        tag == Type::Timestamp && is_flow && text.contains(':') && self.dialect == Dialect::Resource
    }

    /// A value that is not written.
    fn absent(&self) -> Scalar {
        let is_flow = matches!(self.open.last(), Some(Open { is_flow: true, parts: Parts::Fields(_), .. }));
        if is_flow && !self.wants_key() && self.dialect == Dialect::Resource {
            value::absent_in_flow()
        } else {
            // Its text is empty: merges and prefixes tell it from a null that is written.
            Scalar::new("", Type::Null)
        }
    }

    /// The reader of kustomization files hands on values: how they were folded is gone.
    fn style(&self, written: ScalarStyle) -> Style {
        match written {
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Folded if self.dialect == Dialect::Resource => Style::Folded,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Literal,
            _ => Style::Plain,
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { parts: Parts::Fields(fields), .. }) if fields.wants_key())
    }

    fn place(&self, span: &Span) -> Place {
        Place { file: self.file, line: u32::try_from(self.line(span)).unwrap_or(u32::MAX) }
    }

    fn line(&self, span: &Span) -> usize {
        span.start.line() + self.first - 1
    }

    /// The text of a key, shared with those that were like it.
    fn key(&mut self, text: &str) -> Arc<str> {
        if let Some(shared) = self.keys.get(text) {
            return Arc::clone(shared);
        }
        let key: Arc<str> = text.into();
        if text.len() <= SHARED_KEY_BYTES_MAX {
            self.keys.insert(Arc::clone(&key));
        }
        key
    }

    fn repeat(&mut self, anchor: usize) -> Result<Built, String> {
        let built = self.anchors.get(&anchor).ok_or("the alias stands within the value of its anchor")?;
        if self.open.len() + built.depth > NESTING_MAX {
            return Err(format!("aliases nest collections more than {NESTING_MAX} deep"));
        }
        self.aliased = self.aliased.saturating_add(built.bytes);
        if self.aliased > ALIASED_BYTES_MAX {
            return Err(format!("aliases make more than {} MiB of the document", ALIASED_BYTES_MAX >> 20));
        }
        Ok(built.clone())
    }

    fn open(&mut self, parts: Parts, anchor: usize, style: StructureStyle) {
        let is_flow = style == StructureStyle::Flow;
        self.open.push(Open { parts, anchor, is_flow, depth: 0, bytes: NODE_BYTES });
    }

    /// Ends the innermost collection.
    fn close(&mut self) -> Result<(Built, usize), String> {
        let Open { parts, anchor, depth, bytes, is_flow } = self.open.pop().expect("the parser ends what it has begun");
        // What goes through JSON comes back in lines, but for the brackets and braces of what is empty.
        let stays_flow = |is_empty| is_flow && (self.dialect == Dialect::Resource || is_empty);
        let mut is_flow_list = false;
        let node = match parts {
            Parts::Items(mut items) => {
                is_flow_list = stays_flow(items.is_empty());
                let mut exact = Vec::with_capacity(items.len());
                exact.append(&mut items);
                self.spare_items.push(items);
                Node::sequence(exact)
            }
            Parts::Fields(mut fields) => {
                let mut mapping = fields.finish(self.dialect)?;
                mapping.set_flow(stays_flow(mapping.is_empty()));
                self.spare_fields.push(fields);
                mapping.into()
            }
            Parts::Document(root) => root,
        };
        Ok((Built { node, depth: depth + 1, bytes, is_flow_list }, anchor))
    }

    /// Gives a node that is complete to the collection around it.
    fn put(&mut self, built: Built, anchor: usize, is_alias: bool) -> Result<(), String> {
        if anchor != 0 {
            self.anchors.insert(anchor, built.clone());
        }
        let is_within_root = self.open.len() == 2;
        let Some(around) = self.open.last_mut() else { return Ok(()) };
        around.depth = around.depth.max(built.depth);
        around.bytes = around.bytes.saturating_add(built.bytes);
        match &mut around.parts {
            Parts::Items(items) => items.push(built.node),
            Parts::Document(root) => *root = built.node,
            Parts::Fields(fields) if fields.wants_key() => {
                fields.key(typed::key(built.node, self.dialect, is_within_root)?);
            }
            Parts::Fields(fields) => {
                fields.flow_list(built.is_flow_list);
                fields.value(built.node, is_alias)?;
            }
        }
        Ok(())
    }

    fn document(&mut self) -> Node {
        match self.open.pop() {
            Some(Open { parts: Parts::Document(root), .. }) => root,
            _ => Node::null(),
        }
    }
}
