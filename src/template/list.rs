//! Go's slices.

use std::ops::Range;
use std::sync::Arc;

use super::growth;
use super::nesting::{self, Level};
use super::text::Text;
use super::value::{Type, Value};

/// A Go slice: a window on items of one static type. What lies behind its end can be had again by slicing it, up to its
/// capacity.
#[derive(Clone, Debug)]
pub struct List {
    array: Arc<Array>,
    window: Range<usize>,
    capacity: usize,
}

#[derive(Debug)]
struct Array {
    item: &'static Type,
    items: Vec<Value>,
    is_nil: bool,
    /// How deep lists lie in one another here, itself included. Maps in it may grow deeper: then `level` bounds them.
    depth: usize,
    holds_maps: bool,
    level: Level,
}

impl List {
    /// The items must be of the type `item`, which the caller vouches for; it shows in messages and in `%T`.
    pub fn new(item: &'static Type, items: Vec<Value>) -> List {
        let depth = 1 + items.iter().map(Value::depth).max().unwrap_or(0);
        let holds_maps = items.iter().any(Value::holds_maps);
        let level = if holds_maps { Level::above(&items) } else { Level::default() };
        let length = items.len();
        let array = Arc::new(Array { item, items, is_nil: false, depth, holds_maps, level });
        List { array, window: 0..length, capacity: length }
    }

    /// Go's nil slice, which has no items and is told apart from an empty one by some.
    pub(super) fn nil(item: &'static Type) -> List {
        let level = Level::default();
        let array = Array { item, items: Vec::new(), is_nil: true, depth: 1, holds_maps: false, level };
        List { array: Arc::new(array), window: 0..0, capacity: 0 }
    }

    /// With room for more items, which are the zero of their type until then.
    pub(super) fn with_capacity(item: &'static Type, mut items: Vec<Value>, capacity: usize) -> List {
        let length = items.len();
        items.resize(capacity.max(length), item.zero());
        let mut list = List::new(item, items);
        list.window = 0..length;
        list
    }

    /// As if the items had been appended one by one to an empty list, which leaves room. Go's JSON decoder does so, too.
    pub fn appended(item: &'static Type, items: Vec<Value>) -> List {
        let capacity = growth::of_appended(item, items.len());
        List::with_capacity(item, items, capacity)
    }

    pub fn strings(items: impl IntoIterator<Item = impl Into<Text>>) -> List {
        List::new(&Type::String, items.into_iter().map(|item| Value::String(item.into())).collect())
    }

    pub fn items(&self) -> &[Value] {
        &self.array.items[self.window.clone()]
    }

    pub(super) fn is_nil(&self) -> bool {
        self.array.is_nil
    }

    /// How many items it would have if it went on as far as it can.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// `list[start:end:capacity]`. The bounds are in order and not beyond the capacity.
    pub(super) fn slice(&self, start: usize, end: usize, capacity: usize) -> List {
        let window = self.window.start + start..self.window.start + end;
        List { array: Arc::clone(&self.array), window, capacity: capacity - start }
    }

    pub(super) fn item_type(&self) -> &'static Type {
        self.array.item
    }

    pub(super) fn kind(&self) -> Type {
        Type::List(self.array.item)
    }

    /// Whether nothing else has the items.
    pub(super) fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.array) == 1
    }

    pub(super) fn depth(&self) -> usize {
        self.array.depth
    }

    pub(super) fn holds_maps(&self) -> bool {
        self.array.holds_maps
    }

    pub(super) fn level(&self) -> &Level {
        &self.array.level
    }

    /// All the items that windows on the same array may show.
    pub(super) fn whole(&self) -> List {
        let length = self.array.items.len();
        List { array: Arc::clone(&self.array), window: 0..length, capacity: length }
    }

    /// The same window on another array.
    pub(super) fn on(&self, other: &List) -> List {
        List { array: Arc::clone(&other.array), window: self.window.clone(), capacity: self.capacity }
    }

    /// Where the items lie: windows on the same array have the same address.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.array).addr()
    }

    /// Whether lists and maps lie too deep in one another here.
    pub(super) fn is_too_deep(&self) -> bool {
        self.array.level.is_too_deep() || self.array.depth > nesting::MAX
    }
}
