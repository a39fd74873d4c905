//! Which objects a watch has told of, and what follows for the listener from what it tells now.
//!
//! Takes the client library's events, gives changes. A watch that was broken off begins anew with all objects there are:
//! what is the same as before is no news, and what is not among them has vanished meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use kube::runtime::watcher;

use super::held::Held;
use crate::object::NamespacedName;

/// What is new.
pub(super) enum Change {
    Applied(Box<Held>),
    Deleted(NamespacedName),
    Synced,
}

#[derive(Default)]
pub(super) struct Known {
    /// The objects there are, each with its resource version.
    objects: BTreeMap<NamespacedName, String>,
    /// While a watch begins: those that it has not told of yet.
    unseen: Option<BTreeSet<NamespacedName>>,
}

impl Known {
    /// Whether a watch is still about to tell which objects there are.
    pub(super) fn is_beginning(&self) -> bool {
        self.unseen.is_some()
    }

    /// All objects are about to be told.
    pub(super) fn begin(&mut self) {
        self.unseen = Some(self.objects.keys().cloned().collect());
    }

    pub(super) fn take(&mut self, event: watcher::Event<Held>) -> Vec<Change> {
        match event {
            watcher::Event::Init => {
                self.begin();
                Vec::new()
            }
            watcher::Event::Apply(object) | watcher::Event::InitApply(object) => self.applied(object),
            watcher::Event::Delete(object) => self.deleted(object.name()),
            watcher::Event::InitDone => self.synced(),
        }
    }

    /// There are no objects at all: their kind is not served.
    pub(super) fn none(&mut self) -> Vec<Change> {
        self.begin();
        self.synced()
    }

    fn applied(&mut self, object: Held) -> Vec<Change> {
        let name = object.name();
        if let Some(unseen) = &mut self.unseen {
            unseen.remove(&name);
        }
        let version = object.resource_version().to_owned();
        if self.objects.get(&name) == Some(&version) {
            return Vec::new();
        }
        self.objects.insert(name, version);
        vec![Change::Applied(Box::new(object))]
    }

    fn deleted(&mut self, name: NamespacedName) -> Vec<Change> {
        if let Some(unseen) = &mut self.unseen {
            unseen.remove(&name);
        }
        self.objects.remove(&name).map(|_| Change::Deleted(name)).into_iter().collect()
    }

    fn synced(&mut self) -> Vec<Change> {
        let vanished = self.unseen.take().unwrap_or_default();
        for name in &vanished {
            self.objects.remove(name);
        }
        vanished.into_iter().map(Change::Deleted).chain([Change::Synced]).collect()
    }
}
