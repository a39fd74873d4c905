//! Merged lists in which an item lacks a merge key: a port without `protocol`, a volume without `name`.
//!
//! kustomize moves such items between lists by the keys that they do have, and drops and doubles some on the way. What
//! comes out is of no use to anybody, but it is what is applied; so the same moves are made here. They take time
//! quadratic in the number of items, which therefore has a bound.

use std::collections::HashSet;
use std::sync::Arc;

use super::Outcome;
use super::Refused;
use super::list::Lists;
use crate::object::{Mapping, Node};

const ITEMS_MAX: usize = 2000;

/// The items of both lists by number: the same item may stand in several lists, and twice in one.
pub(super) struct Loose<'s> {
    lists: Lists<'s>,
    items: Vec<Node>,
    base: Vec<usize>,
    /// `None` where an added list is made ready, which is its own patch.
    patch: Option<Vec<usize>>,
    keys: Vec<Arc<str>>,
}

/// The value of a merge key in an item, unless it is null.
pub(super) fn key<'n>(item: &'n Node, key: &str) -> Option<&'n Node> {
    item.get(key).filter(|value| !value.is_null())
}

/// The text of a scalar; of anything else, none.
fn raw(node: &Node) -> &str {
    node.text().unwrap_or_default()
}

/// An item that says nothing: a null or an object without fields.
pub(super) fn is_empty(item: &Node) -> bool {
    item.is_null() || item.as_mapping().is_some_and(Mapping::is_empty)
}

impl<'s> Loose<'s> {
    pub(super) fn new(mut lists: Lists<'s>) -> Result<Self, Refused> {
        let mut items = std::mem::take(&mut lists.base);
        let base: Vec<_> = (0..items.len()).collect();
        let patch = lists.patch.take().map(|patch| {
            let numbers = items.len()..items.len() + patch.len();
            items.extend(patch);
            numbers.collect()
        });
        if items.len() > ITEMS_MAX {
            return Err(Refused::new(format!("a list of more than {ITEMS_MAX} items, some without a merge key")));
        }
        // A list without keys is one of scalars: their own text is the key without a name.
        let keys = if lists.keys.is_empty() { vec!["".into()] } else { lists.keys.to_vec() };
        Ok(Self { lists, items, base, patch, keys })
    }

    pub(super) fn merged(mut self) -> Result<Vec<Node>, Refused> {
        let identities = self.identities();
        let keys = self.common_keys(&identities);
        let mut added = Vec::new();
        for identity in &identities {
            let values: Vec<&str> = keys.iter().map(|at| &*identity[*at]).collect();
            let names: Vec<Arc<str>> = keys.iter().map(|at| self.keys[*at].clone()).collect();
            match self.item(identity)? {
                Some(item) if !is_empty(&self.items[item]) => {
                    set(&self.items, &mut added, Some(item), &names, &values)?;
                }
                _ => set(&self.items, &mut self.base, None, &names, &values)?,
            }
        }
        if !identities.is_empty() {
            let names: Vec<Arc<str>> = keys.iter().map(|at| self.keys[*at].clone()).collect();
            self.base = self.appended(added, &names)?;
        }
        Ok(self.base.iter().map(|item| self.items[*item].clone()).collect())
    }

    /// The values of the merge keys that occur, each combination once.
    fn identities(&self) -> Vec<Vec<Arc<str>>> {
        let mut seen = HashSet::new();
        let items = self.patch.iter().flatten().chain(&self.base).map(|item| &self.items[*item]);
        let all = items.map(|item| self.keys.iter().map(|key| self.value(item, key).into()).collect());
        let mut identities: Vec<Vec<Arc<str>>> = all.filter(|one: &Vec<_>| seen.insert(one.clone())).collect();
        if self.keys.len() > 1 {
            complete(&mut identities);
        }
        identities
    }

    fn value<'n>(&self, item: &'n Node, key: &str) -> &'n str {
        if key.is_empty() { raw(item) } else { self::key(item, key).map(raw).unwrap_or_default() }
    }

    /// The keys of which any item has a value, by number; all, where none has.
    fn common_keys(&self, identities: &[Vec<Arc<str>>]) -> Vec<usize> {
        let is_used = |at: &usize| identities.iter().any(|identity| !identity[*at].is_empty());
        let used: Vec<usize> = (0..self.keys.len()).filter(is_used).collect();
        if used.is_empty() { (0..self.keys.len()).collect() } else { used }
    }

    /// Merges the first items with the identity; gives the one that carries the result.
    fn item(&mut self, identity: &[Arc<str>]) -> Result<Option<usize>, Refused> {
        let wanted: Vec<(Arc<str>, Arc<str>)> = self.keys.iter().cloned().zip(identity.iter().cloned()).collect();
        let given: Vec<_> = wanted.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
        let wanted = if given.is_empty() { wanted } else { given };
        let find = |list: &[usize]| list.iter().copied().find(|item| is_it(&self.items[*item], &wanted));
        let base = find(&self.base);
        let walk = self.lists.walk;
        let Some(patch) = &self.patch else {
            let Some(base) = base else { return Ok(None) };
            return Ok(walk.adopt(&mut self.items[base], self.lists.shape)?.then_some(base));
        };
        let patch = find(patch);
        // The numbers of the patch's items are the higher ones.
        let count = self.items.len();
        let (low, high) = self.items.split_at_mut(patch.unwrap_or(count));
        let outcome = walk.values(base.map(|at| &mut low[at]), high.first_mut(), self.lists.shape)?;
        Ok(match outcome {
            Outcome::Keep => base,
            Outcome::Take => patch,
            Outcome::Drop => None,
        })
    }

    /// Moves what is left of the base behind what was added.
    fn appended(&self, mut added: Vec<usize>, keys: &[Arc<str>]) -> Result<Vec<usize>, Refused> {
        for &item in &self.base {
            let node = &self.items[item];
            if keys[0].is_empty() {
                set(&self.items, &mut added, Some(item), keys, &[raw(node)])?;
                continue;
            }
            let mut values = Vec::new();
            for key in keys {
                match node.as_mapping() {
                    Some(fields) => match fields.get(key) {
                        Some(value) => values.push(raw(value)),
                        None => added.push(item),
                    },
                    None if node.is_null() => added.push(item),
                    None => return Err(no_object()),
                }
            }
            if keys.len() > 1 {
                set(&self.items, &mut added, None, keys, &values)?;
            }
            set(&self.items, &mut added, Some(item), keys, &values)?;
        }
        Ok(added)
    }
}

fn no_object() -> Refused {
    Refused::new("an item without merge keys")
}

/// Fills empty values from identities that are otherwise alike: `80` and `80 TCP` are the same port.
fn complete(identities: &mut [Vec<Arc<str>>]) {
    for one in 0..identities.len() {
        let own = identities[one].clone();
        for other in 0..identities.len() {
            if let Some(both) = united(&own, &identities[other]) {
                identities[one] = both.clone();
                identities[other] = both;
            }
        }
    }
}

fn united(one: &[Arc<str>], other: &[Arc<str>]) -> Option<Vec<Arc<str>>> {
    let value = |(one, other): (&Arc<str>, &Arc<str>)| match (&**one, &**other) {
        (_, "") => Some(one.clone()),
        ("", _) => Some(other.clone()),
        (own, others) => (own == others).then(|| one.clone()),
    };
    let is_alike = one.iter().zip(other).any(|(one, other)| one == other);
    one.iter().zip(other).map(value).collect::<Option<_>>().filter(|_| is_alike)
}

fn is_it(item: &Node, wanted: &[(Arc<str>, Arc<str>)]) -> bool {
    let has = |(key, value): &(Arc<str>, Arc<str>)| match &**key {
        "" => raw(item) == &**value,
        key => item.get(key).is_some_and(|own| raw(own) == &**value),
    };
    wanted.iter().all(has)
}

/// Puts `element` in the place of every item of the list that has the values, at the end where none has; takes them
/// out without an element. Empty items go, and all others where there are no values to compare.
fn set(
    items: &[Node],
    list: &mut Vec<usize>,
    element: Option<usize>,
    keys: &[Arc<str>],
    values: &[&str],
) -> Result<(), Refused> {
    let wants_objects = !keys[0].is_empty() && values.first().is_some_and(|value| !value.is_empty());
    let mut kept = Vec::with_capacity(list.len() + 1);
    let mut is_found = false;
    for &item in &*list {
        let node = &items[item];
        if is_empty(node) {
            continue;
        }
        if wants_objects && node.as_mapping().is_none() {
            kept.push(item);
        } else if has_values(node, keys, values)? {
            is_found = true;
            kept.extend(element);
        } else if !values.is_empty() {
            kept.push(item);
        }
    }
    *list = kept;
    if !is_found {
        list.extend(element.filter(|element| !items[*element].is_null()));
    }
    Ok(())
}

/// Whether the item has the values. An empty one stands for any; where there are fewer values than keys, the last
/// answer holds.
fn has_values(item: &Node, keys: &[Arc<str>], values: &[&str]) -> Result<bool, Refused> {
    for (key, value) in keys.iter().zip(values) {
        let has = match (&**key, item) {
            ("", Node::Scalar(own)) => &*own.text == *value,
            ("", _) => return Err(Refused::new("an object in a list of scalars")),
            (key, Node::Mapping(fields)) => fields.get(key).is_some_and(|own| value.is_empty() || raw(own) == *value),
            _ => return Err(no_object()),
        };
        if !has {
            return Ok(false);
        }
    }
    Ok(!values.is_empty())
}
