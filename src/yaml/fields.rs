//! The fields of a mapping that is being read: merge keys, and keys that come twice.
//!
//! The two readers differ. To that of resources a mapping's own fields win over merged ones wherever they stand, and a
//! key that comes twice stays twice: kustomize refuses it where it writes it, and merges the first of a patch. To that
//! of kustomization files what comes later wins, be it merged or own.

use std::collections::HashSet;
use std::sync::Arc;

use super::scalar::Dialect;
use crate::object::{Mapping, Node, Scalar};

/// Fields in their order, and the key whose value comes next.
#[derive(Default)]
pub(super) struct Fields {
    entries: Vec<(Scalar, Node)>,
    key: Option<Key>,
    /// Where in `entries` what is merged would stand, and what to merge, first things first.
    merges: Vec<(usize, Vec<Mapping>)>,
}

pub(super) enum Key {
    Field(Scalar),
    /// `<<`, whose value is merged into the mapping (yaml.org/type/merge).
    Merge,
}

/// Below this many fields, looking at each is faster than a set.
const FEW: usize = 12;

impl Fields {
    pub(super) fn wants_key(&self) -> bool {
        self.key.is_none()
    }

    pub(super) fn key(&mut self, key: Key) {
        self.key = Some(key);
    }

    /// Whether the value that comes next is a list in brackets.
    pub(super) fn flow_list(&mut self, is_flow_list: bool) {
        if let Some(Key::Field(key)) = &mut self.key {
            key.has_flow_list = is_flow_list;
        }
    }

    /// Takes the value of the key before it.
    pub(super) fn value(&mut self, value: Node, is_alias: bool) -> Result<(), String> {
        match self.key.take() {
            Some(Key::Field(key)) => self.entries.push((key, value)),
            Some(Key::Merge) => self.merges.push((self.entries.len(), sources(value, is_alias)?)),
            None => {}
        }
        Ok(())
    }

    /// Ends the mapping; what is left can be filled again.
    pub(super) fn finish(&mut self, dialect: Dialect) -> Result<Mapping, String> {
        match dialect {
            Dialect::Resource => self.own_first(),
            Dialect::Kustomization => Ok(self.last_first()),
        }
    }

    fn own_first(&mut self) -> Result<Mapping, String> {
        // kustomize takes each field of this name away once it has merged, one that is quoted too.
        self.entries.retain(|(key, _)| &*key.text != "<<");
        if self.merges.len() > 1 {
            return Err("the merge key `<<` comes twice in a mapping".to_owned());
        }
        if let Some((_, sources)) = self.merges.pop() {
            let mut seen: HashSet<Arc<str>> = self.entries.iter().map(|(key, _)| Arc::clone(&key.text)).collect();
            let merged = sources.iter().flat_map(Mapping::iter).filter(|(key, _)| seen.insert(Arc::clone(&key.text)));
            self.entries.extend(merged.map(|(key, value)| (key.clone(), value.clone())));
        }
        Ok(self.entries.drain(..).collect())
    }

    fn last_first(&mut self) -> Mapping {
        if self.merges.is_empty() && repeated(&self.entries).is_none() {
            return self.entries.drain(..).collect();
        }
        let mut all = Vec::with_capacity(self.entries.len());
        let mut own = std::mem::take(&mut self.entries).into_iter();
        let mut taken = 0;
        for (at, sources) in self.merges.drain(..) {
            all.extend(own.by_ref().take(at - taken));
            taken = at;
            for source in sources.iter().rev() {
                all.extend(source.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
        }
        all.extend(own);
        let mut kept = unique(all.into_iter().rev());
        kept.reverse();
        kept.into_iter().collect()
    }
}

/// The mappings that the value of a merge key names; of two that have a field, the first wins.
fn sources(value: Node, is_alias: bool) -> Result<Vec<Mapping>, String> {
    let no_mapping = || "the value of `<<` must be a mapping or a list of mappings".to_owned();
    match value {
        Node::Mapping(mapping) => Ok(vec![mapping]),
        Node::Sequence(items) if !is_alias => {
            items.iter().map(|item| item.as_mapping().cloned().ok_or_else(no_mapping)).collect()
        }
        _ => Err(no_mapping()),
    }
}

/// The first key that was there before.
fn repeated(entries: &[(Scalar, Node)]) -> Option<&Scalar> {
    if entries.len() <= FEW {
        let is_before = |at: usize| entries[..at].iter().any(|(key, _)| key.text == entries[at].0.text);
        return (1..entries.len()).find(|&at| is_before(at)).map(|at| &entries[at].0);
    }
    let mut seen = HashSet::with_capacity(entries.len());
    entries.iter().map(|(key, _)| key).find(|key| !seen.insert(&*key.text))
}

/// Of entries with the same key, the first.
fn unique(entries: impl Iterator<Item = (Scalar, Node)>) -> Vec<(Scalar, Node)> {
    let mut seen: HashSet<Arc<str>> = HashSet::new();
    entries.filter(|(key, _)| seen.insert(Arc::clone(&key.text))).collect()
}
