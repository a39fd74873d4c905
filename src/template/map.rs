//! Go's maps, which are shared: a change shows wherever the map is held.

use std::cmp::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use super::compare;
use super::functions::Failure;
use super::limits::{BYTES_READ_A_STEP, LIST_ITEMS_MAX};
use super::nesting::{self, Level};
use super::text::Text;
use super::value::{Type, Value};

/// A Go map. Clones are the same map. What reads it takes a snapshot of its entries, which are in the order in which Go
/// prints and ranges over them; what changes it makes new ones. A rendering changes copies of its own of the maps that
/// it is given.
#[derive(Clone, Debug)]
pub struct Map(Arc<Cell>);

/// The entries of a map as they are at one time.
pub type Entries = Arc<Vec<(Value, Value)>>;

#[derive(Debug)]
struct Cell {
    name: Option<&'static str>,
    key: &'static Type,
    value: &'static Type,
    is_nil: bool,
    entries: RwLock<Entries>,
    level: Level,
}

impl Map {
    /// Sorts the entries; of those with equal keys the last stays. The types are the caller's word, as in
    /// [`List::new`](super::List::new).
    pub fn new(key: &'static Type, value: &'static Type, entries: Vec<(Value, Value)>) -> Map {
        Map::of_type(None, key, value, entries)
    }

    /// A map of a type that has a name of its own.
    pub fn named(name: &'static str, key: &'static Type, value: &'static Type, entries: Vec<(Value, Value)>) -> Map {
        Map::of_type(Some(name), key, value, entries)
    }

    /// A map of the same type.
    pub(super) fn like(&self, entries: Vec<(Value, Value)>) -> Map {
        Map::of_type(self.0.name, self.0.key, self.0.value, entries)
    }

    fn of_type(
        name: Option<&'static str>,
        key: &'static Type,
        value: &'static Type,
        mut entries: Vec<(Value, Value)>,
    ) -> Map {
        entries.sort_by(|a, b| compare::order(&a.0, &b.0));
        entries.dedup_by(|later, earlier| {
            let same = compare::order(&later.0, &earlier.0).is_eq();
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        let level = Level::above(entries.iter().map(|(_, value)| value));
        Map(Arc::new(Cell { name, key, value, is_nil: false, entries: RwLock::new(Arc::new(entries)), level }))
    }

    /// Go's nil map: it has no entries and takes none.
    pub(super) fn nil(name: Option<&'static str>, key: &'static Type, value: &'static Type) -> Map {
        let level = Level::default();
        Map(Arc::new(Cell { name, key, value, is_nil: true, entries: RwLock::default(), level }))
    }

    /// A `map[string]string`.
    pub fn strings(entries: impl IntoIterator<Item = (impl Into<Text>, impl Into<Text>)>) -> Map {
        let entries = entries.into_iter().map(|(k, v)| (Value::String(k.into()), Value::String(v.into()))).collect();
        Map::new(&Type::String, &Type::String, entries)
    }

    pub fn entries(&self) -> Entries {
        Arc::clone(&self.0.entries.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn get(&self, key: &Value) -> Option<Value> {
        self.find(|known| compare::order(known, key))
    }

    /// The value under a string, without making a [`Value`] of it.
    pub(super) fn get_named(&self, name: &str) -> Option<Value> {
        self.find(|known| compare::order_to_name(known, name))
    }

    fn find(&self, order: impl Fn(&Value) -> Ordering) -> Option<Value> {
        let entries = self.0.entries.read().unwrap_or_else(PoisonError::into_inner);
        let found = entries.binary_search_by(|(known, _)| order(known)).ok()?;
        Some(entries[found].1.clone())
    }

    /// Puts the value under the key, unless the map would come to hold itself or to lie too deep. Gives the steps that
    /// took.
    pub(super) fn insert(&self, key: &Value, value: Value) -> Result<usize, Failure> {
        if self.is_nil() {
            return Err(Failure::new("assignment to entry in nil map"));
        }
        let raised = nesting::put_into(self, &value)?;
        let mut entries = self.0.entries.write().unwrap_or_else(PoisonError::into_inner);
        let changed = steps_to_change(&entries);
        match entries.binary_search_by(|(known, _)| compare::order(known, key)) {
            Ok(found) => Arc::make_mut(&mut entries)[found].1 = value,
            Err(_) if entries.len() >= LIST_ITEMS_MAX => {
                return Err(Failure::new(format!("the map has more than {LIST_ITEMS_MAX} entries")));
            }
            Err(place) => Arc::make_mut(&mut entries).insert(place, (key.clone(), value)),
        }
        Ok(raised + changed)
    }

    /// Takes the key out, if it is there. Gives the steps that took.
    pub(super) fn remove(&self, key: &Value) -> usize {
        let mut entries = self.0.entries.write().unwrap_or_else(PoisonError::into_inner);
        let changed = steps_to_change(&entries);
        if let Ok(found) = entries.binary_search_by(|(known, _)| compare::order(known, key)) {
            Arc::make_mut(&mut entries).remove(found);
        }
        changed
    }

    pub(super) fn len(&self) -> usize {
        self.0.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(super) fn is_nil(&self) -> bool {
        self.0.is_nil
    }

    pub(super) fn key_type(&self) -> &'static Type {
        self.0.key
    }

    pub(super) fn value_type(&self) -> &'static Type {
        self.0.value
    }

    pub(super) fn kind(&self) -> Type {
        match self.0.name {
            Some(name) => Type::NamedMap(name, self.0.key, self.0.value),
            None => Type::Map(self.0.key, self.0.value),
        }
    }

    /// Whether nothing else has the map.
    pub(super) fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    pub(super) fn level(&self) -> &Level {
        &self.0.level
    }

    /// Tells one map from others.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

/// What a change of the entries takes: they are moved, or copied where someone looks at them as they were.
fn steps_to_change(entries: &Entries) -> usize {
    if Arc::strong_count(entries) == 1 { entries.len() / BYTES_READ_A_STEP } else { 2 * entries.len() }
}
