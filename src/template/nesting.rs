//! How deep lists and maps lie in one another, kept within bounds while maps change.
//!
//! Each map, and each list that holds maps, has a level above those of all that hold it. Putting one into another
//! raises what is put in where that needs it; a map that would thereby be raised over itself would hold itself, and a level
//! beyond the bound is too deep. So nothing ever loops, and everything can be walked by plain recursion.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::functions::Failure;
use super::limits::DEPTH_MAX;
use super::map::Map;
use super::value::Value;

/// How deep lists and maps may lie in one another.
pub(super) const MAX: usize = DEPTH_MAX;

/// How many lists and maps there are at most around one of them.
#[derive(Debug, Default)]
pub(super) struct Level {
    around: AtomicUsize,
    is_too_deep: bool,
    raised: usize,
}

impl Level {
    /// The level of a new list or map with these items, which are raised above it. Of something too deep the level
    /// remembers that.
    pub(super) fn above<'v>(items: impl IntoIterator<Item = &'v Value>) -> Level {
        let mut raising = Raising::default();
        let is_too_deep = items.into_iter().any(|item| raising.raise(item, 1).is_err());
        Level { around: AtomicUsize::new(0), is_too_deep, raised: raising.steps }
    }

    pub(super) fn is_too_deep(&self) -> bool {
        self.is_too_deep
    }

    /// How many steps the raising of what lies deeper than the items took.
    pub(super) fn raised(&self) -> usize {
        self.raised
    }

    fn get(&self) -> usize {
        self.around.load(Ordering::Relaxed)
    }

    /// Whether it was lower before.
    fn is_raised_to(&self, around: usize) -> bool {
        self.around.fetch_max(around, Ordering::Relaxed) < around
    }
}

/// Makes way for `value` in `map`; gives the steps that took.
pub(super) fn put_into(map: &Map, value: &Value) -> Result<usize, Failure> {
    let mut raising = Raising { holder: Some(map), steps: 0 };
    raising.raise(value, map.level().get() + 1)?;
    Ok(raising.steps)
}

/// The raising of what a map or list is to hold.
#[derive(Default)]
struct Raising<'m> {
    /// The map that must not be met.
    holder: Option<&'m Map>,
    steps: usize,
}

impl Raising<'_> {
    /// Raises a value with so many lists and maps around it, and what it holds. Fails where that is too deep.
    fn raise(&mut self, value: &Value, around: usize) -> Result<(), Failure> {
        match value {
            Value::List(list) if !list.holds_maps() && around + list.depth() > MAX => Err(too_deep()),
            Value::List(list) if list.holds_maps() && list.level().is_raised_to(around) => {
                let all = list.whole();
                self.raise_all(all.items().iter(), around)
            }
            Value::Map(map) if self.holder.is_some_and(|holder| holder.address() == map.address()) => {
                Err(Failure::new("the map would hold itself"))
            }
            Value::Map(map) if map.level().is_raised_to(around) => {
                self.raise_all(map.entries().iter().map(|(_, entry)| entry), around)
            }
            _ => Ok(()),
        }
    }

    /// Raises the items of what has so many lists and maps around it.
    fn raise_all<'v>(
        &mut self,
        mut items: impl ExactSizeIterator<Item = &'v Value>,
        around: usize,
    ) -> Result<(), Failure> {
        check(around)?;
        self.steps += items.len();
        items.try_for_each(|item| self.raise(item, around + 1))
    }
}

fn check(around: usize) -> Result<(), Failure> {
    if around < MAX { Ok(()) } else { Err(too_deep()) }
}

/// What is said of what is too deep.
pub(super) fn too_deep() -> Failure {
    Failure::new(format!("lists and maps more than {MAX} deep"))
}
