//! Values by key, in bounded room: those go first that nobody asked for longest.
//!
//! Two generations, each of half the room. What is asked for moves to the young one; when that is full it becomes the
//! old one, and the one that was old goes.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// Values and what they weigh, in a unit that the owner chooses.
#[derive(Debug)]
pub struct Cache<K, V> {
    young: Generation<K, V>,
    old: Generation<K, V>,
    /// That much goes into a generation.
    room: usize,
}

#[derive(Debug)]
struct Generation<K, V> {
    values: HashMap<K, (V, usize)>,
    weight: usize,
}

impl<K, V> Default for Generation<K, V> {
    fn default() -> Self {
        Self { values: HashMap::new(), weight: 0 }
    }
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// All values weigh at most `weight_max` together. One that weighs more than half of it is not kept.
    pub fn new(weight_max: usize) -> Self {
        Self { young: Generation::default(), old: Generation::default(), room: weight_max / 2 }
    }

    pub fn get<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if let Some((value, _)) = self.young.values.get(key) {
            return Some(value.clone());
        }
        let (key, (value, weight)) = self.old.values.remove_entry(key)?;
        self.old.weight -= weight;
        self.put(key, value.clone(), weight);
        Some(value)
    }

    /// Keeps `value`, in the place of what `key` had.
    pub fn put(&mut self, key: K, value: V, weight: usize) {
        self.old.forget(&key);
        self.young.forget(&key);
        if weight > self.room {
            return;
        }
        if self.young.weight + weight > self.room {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.weight += weight;
        self.young.values.insert(key, (value, weight));
    }

    /// What all values weigh.
    pub fn weight(&self) -> usize {
        self.young.weight + self.old.weight
    }
}

impl<K: Eq + Hash, V> Generation<K, V> {
    fn forget(&mut self, key: &K) {
        if let Some((_, weight)) = self.values.remove(key) {
            self.weight -= weight;
        }
    }
}
