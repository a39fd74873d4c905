//! The objects of one kind as they were seen last, by the watch or in the answer to a change of ours.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::cluster::{Live, Watched};
use crate::object::NamespacedName;

#[derive(Debug)]
pub(super) struct Store<S: Watched>(RwLock<BTreeMap<NamespacedName, Arc<Live<S>>>>);

/// What became of an object.
#[derive(Debug)]
pub(super) struct Change<S: Watched> {
    /// `None` when the object is new.
    pub(super) before: Option<Arc<Live<S>>>,
    /// `None` when it is gone.
    pub(super) now: Option<Arc<Live<S>>>,
}

impl<S: Watched> Default for Store<S> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<S: Watched> Store<S> {
    pub(super) fn get(&self, name: &NamespacedName) -> Option<Arc<Live<S>>> {
        self.read().get(name).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Live<S>>> {
        self.read().values().cloned().collect()
    }

    /// The objects of one namespace.
    pub(super) fn in_namespace(&self, namespace: &str) -> Vec<Arc<Live<S>>> {
        let first = NamespacedName::new(namespace, "");
        let objects = self.read();
        objects
            .range(first..)
            .take_while(|(name, _)| name.namespace == namespace)
            .map(|(_, live)| live.clone())
            .collect()
    }

    /// Keeps `live`, unless what is here is as new: an answer and the watch tell of the same change, in any order.
    pub(super) fn apply(&self, live: Live<S>) -> Option<Change<S>> {
        let mut objects = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = objects.get(&live.name()).cloned();
        if before.as_ref().is_some_and(|before| before.uid == live.uid && !is_newer(before, &live)) {
            return None;
        }
        let now = Arc::new(live);
        objects.insert(now.name(), now.clone());
        Some(Change { before, now: Some(now) })
    }

    pub(super) fn remove(&self, name: &NamespacedName) -> Option<Change<S>> {
        let before = self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name)?;
        Some(Change { before: Some(before), now: None })
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<NamespacedName, Arc<Live<S>>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Versions are numbers that grow (KEP-5504); where a server has others, what comes last is the newest.
fn is_newer<S: Watched>(before: &Live<S>, live: &Live<S>) -> bool {
    let number = |live: &Live<S>| live.resource_version.parse::<u128>().ok();
    match (number(before), number(live)) {
        (Some(before), Some(now)) => before < now,
        _ => before.resource_version != live.resource_version,
    }
}
