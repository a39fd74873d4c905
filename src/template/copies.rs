//! Copies of the maps in the data that a rendering is given, so that what it changes are its own.

use std::collections::HashMap;

use super::list::List;
use super::map::Map;
use super::value::Value;

/// The copies of one rendering. A map that is met twice has one copy, so that changes show as they do in Go.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// By the address of the original, which is held, so that the address stays its own.
    by_address: HashMap<usize, (Value, Value)>,
}

impl Copies {
    /// The value with copies in place of the maps in it.
    pub(super) fn of(&mut self, value: Value) -> Value {
        match &value {
            Value::Map(map) => match self.known(map.address(), map.is_unshared(), &value, |copies| copies.map(map)) {
                Value::Map(copy) => copy.into(),
                other => other,
            },
            Value::List(list) if list.holds_maps() => {
                match self.known(list.address(), list.is_unshared(), &value, |copies| copies.list(list).into()) {
                    Value::List(copy) => list.on(&copy).into(),
                    other => other,
                }
            }
            _ => value,
        }
    }

    fn known(
        &mut self,
        address: usize,
        is_unshared: bool,
        value: &Value,
        copy: impl FnOnce(&mut Copies) -> Value,
    ) -> Value {
        if let Some((_, known)) = self.by_address.get(&address) {
            return known.clone();
        }
        let copy = copy(self);
        // What nobody else holds was made for this one look at it.
        if !is_unshared {
            self.by_address.insert(address, (value.clone(), copy.clone()));
        }
        copy
    }

    fn map(&mut self, map: &Map) -> Value {
        if map.is_nil() {
            return map.clone().into();
        }
        let entries = map.entries().iter().map(|(key, value)| (key.clone(), self.of(value.clone()))).collect();
        map.like(entries).into()
    }

    /// A copy of all the items, whichever of them the list shows.
    fn list(&mut self, list: &List) -> List {
        let items = list.whole().items().iter().map(|item| self.of(item.clone())).collect();
        List::new(list.item_type(), items)
    }
}
