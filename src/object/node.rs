//! The ordered value of a Kubernetes object as YAML writes it: nodes that keep the order of their fields, the text of
//! every scalar with what it is, and where each came from.
//!
//! Numbers are kept as they are written and never become strings, nor strings numbers. A clone shares what it copies
//! until one side is changed.

use std::sync::Arc;

use serde_json::Value;

/// A node of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Scalar(Scalar),
    Sequence(Arc<Vec<Node>>),
    Mapping(Mapping),
}

/// A scalar: its text with escapes and folding undone, and what the reader took it for.
#[derive(Clone, Debug)]
pub struct Scalar {
    pub text: Arc<str>,
    pub tag: Tag,
    pub style: Style,
    pub place: Place,
    /// Scalars of one object with the same number are one node at several places, as an anchor and its aliases are in
    /// YAML: who changes one changes all. 0 for a scalar that stands alone.
    pub twin: u32,
    /// A comment at the field that this is the key of holds a JSON object, which kustomize takes for its schema.
    pub has_own_schema: bool,
    /// The field that this is the key of has a list that was written in brackets, which it keeps when its items change.
    pub has_flow_list: bool,
    /// Made without a type: what it is follows its text, which whoever changes the text has to see to.
    pub is_untyped: bool,
}

/// What a scalar is. A tag of an application's own (`!Ref`) reads as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    Null,
    Bool,
    Int,
    Float,
    Str,
    Timestamp,
    Binary,
}

/// How a scalar was written. Says nothing about its value; writers that keep quotes ask for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Style {
    #[default]
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
    Folded,
}

/// The line of a file that a scalar comes from; nowhere, for one that was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The number that the reader was given for the file, from 1; 0 for none.
    pub file: u32,
    /// From 1; 0 for none.
    pub line: u32,
}

/// Fields in their order. A key is a scalar; keys are alike when their texts are.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    entries: Arc<Vec<(Scalar, Node)>>,
    has_own_schema: bool,
    is_flow: bool,
}

/// Equal when text and tag are: the rest says nothing about the value.
impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.tag == other.tag && self.text == other.text
    }
}

impl Eq for Scalar {}

impl Scalar {
    /// A string that was made, not read.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::new(text, Tag::Str)
    }

    pub fn new(text: impl Into<Arc<str>>, tag: Tag) -> Self {
        let (style, place, text) = (Style::Plain, Place::default(), text.into());
        Self { text, tag, style, place, twin: 0, has_own_schema: false, has_flow_list: false, is_untyped: false }
    }

    pub fn null() -> Self {
        Self::new("null", Tag::Null)
    }

    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// This very scalar with the value of `other`: its quotes and its twins stay.
    pub fn become_like(&self, other: &Scalar) -> Self {
        Self { style: self.style, twin: self.twin, ..other.clone() }
    }
}

impl Node {
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::Scalar(Scalar::string(text))
    }

    pub fn null() -> Self {
        Self::Scalar(Scalar::null())
    }

    pub fn sequence(items: Vec<Node>) -> Self {
        Self::Sequence(Arc::new(items))
    }

    /// What was made without a type is no null, not even where it will be written as one: kustomize asks for the type.
    pub fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(|scalar| scalar.tag == Tag::Null && !scalar.is_untyped)
    }

    pub fn as_scalar(&self) -> Option<&Scalar> {
        if let Self::Scalar(scalar) = self { Some(scalar) } else { None }
    }

    /// Where the node begins: the place of its first scalar. Nowhere, for an empty list or mapping.
    pub fn place(&self) -> Place {
        let mut node = self;
        loop {
            node = match node {
                Self::Scalar(scalar) => return scalar.place,
                Self::Mapping(mapping) => return mapping.iter().next().map(|(key, _)| key.place).unwrap_or_default(),
                Self::Sequence(items) => match items.first() {
                    Some(first) => first,
                    None => return Place::default(),
                },
            }
        }
    }

    /// Forgets what comments said of the fields and list items in it.
    pub fn forget_own_schemas(&mut self) {
        match self {
            Self::Scalar(_) => {}
            Self::Sequence(list) if list.iter().any(Self::knows_own_schema) => {
                Arc::make_mut(list).iter_mut().for_each(|item| item.forget_own_schemas());
            }
            Self::Mapping(fields) if fields.knows_own_schema() => {
                fields.has_own_schema = false;
                for (key, value) in fields.entries_mut() {
                    key.has_own_schema = false;
                    value.forget_own_schemas();
                }
            }
            Self::Sequence(_) | Self::Mapping(_) => {}
        }
    }

    fn knows_own_schema(&self) -> bool {
        match self {
            Self::Scalar(_) => false,
            Self::Sequence(items) => items.iter().any(Self::knows_own_schema),
            Self::Mapping(fields) => fields.knows_own_schema(),
        }
    }

    /// The text of a scalar, whatever its tag; of a string, a number and a null alike.
    pub fn text(&self) -> Option<&str> {
        self.as_scalar().map(|scalar| &*scalar.text)
    }

    pub fn as_sequence(&self) -> Option<&[Node]> {
        if let Self::Sequence(items) = self { Some(items) } else { None }
    }

    pub fn as_sequence_mut(&mut self) -> Option<&mut Vec<Node>> {
        if let Self::Sequence(items) = self { Some(Arc::make_mut(items)) } else { None }
    }

    pub fn as_mapping(&self) -> Option<&Mapping> {
        if let Self::Mapping(mapping) = self { Some(mapping) } else { None }
    }

    pub fn as_mapping_mut(&mut self) -> Option<&mut Mapping> {
        if let Self::Mapping(mapping) = self { Some(mapping) } else { None }
    }

    /// The field `key` of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()?.get(key)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.as_mapping_mut()?.get_mut(key)
    }

    /// What the fields of `path` lead to, one mapping after the other.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    pub fn at_mut(&mut self, path: &[&str]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, key| node.get_mut(key))
    }
}

/// Equal when the entries are.
impl PartialEq for Mapping {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Mapping {}

impl Mapping {
    /// As [`Scalar::has_own_schema`], of a mapping in a list.
    pub fn has_own_schema(&self) -> bool {
        self.has_own_schema
    }

    pub fn set_own_schema(&mut self, has_own_schema: bool) {
        self.has_own_schema = has_own_schema;
    }

    /// It was written in braces, which it keeps when its fields change.
    pub fn is_flow(&self) -> bool {
        self.is_flow
    }

    pub fn set_flow(&mut self, is_flow: bool) {
        self.is_flow = is_flow;
    }

    fn knows_own_schema(&self) -> bool {
        let knows = |(key, value): &(Scalar, Node)| key.has_own_schema || value.knows_own_schema();
        self.has_own_schema || self.entries.iter().any(knows)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Scalar, &Node)> + ExactSizeIterator {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Scalar, &mut Node)> {
        Arc::make_mut(&mut self.entries).iter_mut().map(|(key, value)| (&*key, value))
    }

    /// All entries, to be changed: keys too, and their order.
    pub fn entries_mut(&mut self) -> &mut Vec<(Scalar, Node)> {
        Arc::make_mut(&mut self.entries)
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.position(key).map(|at| &self.entries[at].1)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let at = self.position(key)?;
        Some(&mut self.entries_mut()[at].1)
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Gives `key` the value; where it is new, at the end.
    pub fn insert(&mut self, key: impl Into<Scalar>, value: Node) {
        let key = key.into();
        match self.position(&key.text) {
            Some(at) => self.entries_mut()[at].1 = value,
            None => self.entries_mut().push((key, value)),
        }
    }

    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let at = self.position(key)?;
        Some(self.entries_mut().remove(at).1)
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|(own, _)| &*own.text == key)
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<Scalar> for Node {
    fn from(scalar: Scalar) -> Self {
        Self::Scalar(scalar)
    }
}

impl From<Mapping> for Node {
    fn from(mapping: Mapping) -> Self {
        Self::Mapping(mapping)
    }
}

/// A JSON value, made rather than read.
impl From<Value> for Node {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::null(),
            Value::Bool(value) => Scalar::new(value.to_string(), Tag::Bool).into(),
            Value::Number(number) => {
                let tag = if number.is_f64() { Tag::Float } else { Tag::Int };
                Scalar::new(number.to_string(), tag).into()
            }
            Value::String(text) => Self::string(text),
            Value::Array(items) => Self::sequence(items.into_iter().map(Self::from).collect()),
            Value::Object(fields) => {
                let entries = fields.into_iter().map(|(key, value)| (Scalar::string(key), value.into()));
                entries.collect::<Mapping>().into()
            }
        }
    }
}

impl FromIterator<(Scalar, Node)> for Mapping {
    /// Takes the entries as they come: a key that comes twice stays twice.
    fn from_iter<I: IntoIterator<Item = (Scalar, Node)>>(entries: I) -> Self {
        Self { entries: Arc::new(entries.into_iter().collect()), ..Self::default() }
    }
}
