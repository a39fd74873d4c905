//! Lists: merged item by item where the schema names merge keys, replaced as a whole elsewhere.
//!
//! The items of the patch come first, in its order, then what is left of the base. An item of the base that the patch
//! changes takes the place that the patch gives it, unless several keys make up the identity: then it goes behind the
//! new ones. Of items that share an identity the first is merged, and the last is the one that stays.

use std::collections::HashMap;
use std::sync::Arc;

use super::Outcome;
use super::Refused;
use super::Walk;
use super::directive::{self, Directive};
use super::loose::{self, Loose};
use crate::kustomize::schema::Shape;
use crate::object::Node;

/// The two lists that become one. `patch` is `None` where an added list is made ready.
pub(super) struct Lists<'s> {
    pub(super) walk: Walk<'s>,
    pub(super) keys: &'s [Arc<str>],
    pub(super) shape: Option<Shape<'s>>,
    pub(super) base: Vec<Node>,
    pub(super) patch: Option<Vec<Node>>,
}

/// A list of the base that the patch says nothing of: items that share an identity become one.
pub(super) fn alone<'s>(walk: Walk<'s>, base: &mut Node, shape: Option<Shape<'s>>) -> Result<(), Refused> {
    merge(walk, base, Some(Vec::new()), shape)
}

pub(super) fn both<'s>(
    walk: Walk<'s>,
    base: &mut Node,
    patch: &mut Node,
    shape: Option<Shape<'s>>,
) -> Result<Outcome, Refused> {
    if shape.and_then(Shape::merge_keys).is_none() {
        return Ok(Outcome::Take);
    }
    let mut items = take(patch);
    match directive::take_from_list(&mut items)? {
        Directive::Delete => Ok(Outcome::Drop),
        Directive::Replace => {
            *patch = Node::sequence(items);
            adopt(walk, patch, shape).map(|()| Outcome::Take)
        }
        Directive::Merge => merge(walk, base, Some(items), shape).map(|()| Outcome::Keep),
    }
}

/// Makes an added list ready.
pub(super) fn adopt<'s>(walk: Walk<'s>, patch: &mut Node, shape: Option<Shape<'s>>) -> Result<(), Refused> {
    merge(walk, patch, None, shape)
}

/// Makes a list inside an added value ready, in which directives for the list itself hold. Says whether it stays.
pub(super) fn adopt_directed<'s>(walk: Walk<'s>, patch: &mut Node, shape: Option<Shape<'s>>) -> Result<bool, Refused> {
    if shape.and_then(Shape::merge_keys).is_none() {
        return Ok(true);
    }
    let mut items = take(patch);
    let directive = directive::take_from_list(&mut items)?;
    *patch = Node::sequence(items);
    match directive {
        Directive::Delete => Ok(false),
        Directive::Replace | Directive::Merge => adopt(walk, patch, shape).map(|()| true),
    }
}

fn take(list: &mut Node) -> Vec<Node> {
    list.as_sequence_mut().map(std::mem::take).unwrap_or_default()
}

fn merge<'s>(
    walk: Walk<'s>,
    base: &mut Node,
    patch: Option<Vec<Node>>,
    shape: Option<Shape<'s>>,
) -> Result<(), Refused> {
    let Some(keys) = shape.and_then(Shape::merge_keys) else { return Ok(()) };
    let lists = Lists { walk, keys, shape: shape.and_then(Shape::items), base: take(base), patch };
    *base = Node::sequence(lists.merged()?);
    Ok(())
}

/// The items that share an identity, by their places in the two lists.
#[derive(Default)]
struct Item {
    patch: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
}

impl Lists<'_> {
    fn merged(mut self) -> Result<Vec<Node>, Refused> {
        match self.items() {
            Some(items) => {
                let items = self.changed(items)?;
                Ok(self.ordered(&items))
            }
            None => Loose::new(self)?.merged(),
        }
    }

    /// The items in the order of the result; `None` when one lacks a key.
    fn items(&self) -> Option<Vec<(Arc<str>, Item)>> {
        let mut items: Vec<(Arc<str>, Item)> = Vec::with_capacity(self.base.len());
        let mut places = HashMap::new();
        let mut place = |items: &mut Vec<_>, identity: Arc<str>| {
            *places.entry(identity.clone()).or_insert_with(|| {
                items.push((identity, Item::default()));
                items.len() - 1
            })
        };
        for (at, item) in self.patch.iter().flatten().enumerate() {
            let place = place(&mut items, identity(item, self.keys)?);
            items[place].1.patch.get_or_insert(at);
        }
        for (at, item) in self.base.iter().enumerate() {
            let place = place(&mut items, identity(item, self.keys)?);
            items[place].1.first.get_or_insert(at);
            items[place].1.last = Some(at);
        }
        Some(items)
    }

    /// Merges each item in place; gives those that are not deleted.
    fn changed(&mut self, items: Vec<(Arc<str>, Item)>) -> Result<Vec<Item>, Refused> {
        let mut kept = Vec::with_capacity(items.len());
        for (identity, item) in items {
            let base = item.first.map(|at| &mut self.base[at]);
            let stays = match (&mut self.patch, base) {
                (None, Some(base)) => self.walk.adopt(base, self.shape),
                (None, None) => Ok(false),
                (Some(patch), base) => {
                    let change = item.patch.map(|at| &mut patch[at]);
                    self.walk.values(base, change, self.shape).map(|outcome| !matches!(outcome, Outcome::Drop))
                }
            };
            if stays.map_err(|refused| refused.below(&format!("[{}]", identity.replace(SEPARATOR, ","))))? {
                kept.push(item);
            }
        }
        Ok(kept)
    }

    fn ordered(mut self, items: &[Item]) -> Vec<Node> {
        let patch = self.patch.as_deref_mut().unwrap_or_default();
        let base = &mut self.base;
        let mut take = |item: &Item| match (item.last, item.patch) {
            (Some(at), _) => Some(std::mem::replace(&mut base[at], Node::null())),
            (None, Some(at)) => Some(std::mem::replace(&mut patch[at], Node::null())),
            (None, None) => None,
        };
        if self.keys.len() <= 1 {
            return items.iter().filter_map(take).collect();
        }
        let (mut old, new): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|item| item.last.is_some());
        old.sort_unstable_by_key(|item| item.last);
        new.into_iter().chain(old).filter_map(&mut take).collect()
    }
}

/// Stands between the values of several keys; no YAML text holds it.
const SEPARATOR: char = '\0';

/// The texts of the item's merge keys, or its own where the list has none; `None` when one is missing or empty.
fn identity(item: &Node, keys: &[Arc<str>]) -> Option<Arc<str>> {
    let text = |value: &Node| value.as_scalar().map(|scalar| scalar.text.clone()).filter(|text| !text.is_empty());
    match keys {
        [] => Some(item).filter(|item| !item.is_null()).and_then(text),
        [key] => item.get(key).filter(|value| !value.is_null()).and_then(text),
        keys => {
            let texts: Option<Vec<_>> = keys.iter().map(|key| loose::key(item, key).and_then(text)).collect();
            Some(texts?.join(SEPARATOR.encode_utf8(&mut [0; 4])).into())
        }
    }
}
