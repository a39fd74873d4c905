//! Watches: what changes at the API server, and who has to be reconciled for it.

use std::sync::Arc;

use futures::StreamExt as _;
use tokio::sync::watch;

use super::context::{Context, Shared};
use super::store::{Change, Store};
use crate::api::{
    Condition, GitRepositorySpec, GitRepositoryStatus, ImagePolicySpec, ImagePolicyStatus, ImageRepositorySpec,
    ImageRepositoryStatus, ImageUpdateAutomationSpec, ImageUpdateAutomationStatus,
};
use crate::cluster::{self, Event, Live, Scope, Watched};
use crate::object::NamespacedName;

/// A kind whose objects are kept here.
pub(super) trait Kept: Watched {
    fn store(context: &Context) -> &Store<Self>;

    fn conditions(status: &Self::Status) -> &[Condition];

    /// Wakes whoever has to be reconciled for a change.
    fn changed(context: &Context, name: &NamespacedName, change: &Change<Self>);
}

/// Follows the objects of a kind for ever; says so when all that there were at first are here.
pub(super) async fn follow<S: Kept>(context: Shared, scope: Scope, synced: watch::Sender<bool>) {
    let mut events = std::pin::pin!(cluster::watch::<S>(&context.cluster, scope));
    while let Some(event) = events.next().await {
        match event {
            Event::Applied(live) => context.saw(live),
            Event::Deleted(name) => {
                if let Some(change) = S::store(&context).remove(&name) {
                    S::changed(&context, &name, &change);
                }
            }
            Event::Synced => drop(synced.send_replace(true)),
        }
    }
}

impl Context {
    /// Keeps an object as it is now.
    pub(super) fn saw<S: Kept>(&self, live: Live<S>) {
        let name = live.name();
        if let Some(change) = S::store(self).apply(live) {
            S::changed(self, &name, &change);
        }
    }
}

impl<S: Watched> Change<S> {
    /// Whether people or other programs changed the object, and not only its status.
    fn is_by_others(&self) -> bool {
        self.differs(|live| (live.uid.clone(), live.generation, live.is_deleted, live.metadata.clone()))
    }

    fn differs<T: PartialEq>(&self, of: impl Fn(&Live<S>) -> T) -> bool {
        self.before.as_deref().map(&of) != self.now.as_deref().map(&of)
    }

    /// The object as it was, and as it is.
    fn both(&self) -> impl Iterator<Item = &Arc<Live<S>>> {
        self.before.iter().chain(&self.now)
    }
}

impl Kept for ImageRepositorySpec {
    fn store(context: &Context) -> &Store<Self> {
        &context.objects.image_repositories
    }

    fn conditions(status: &ImageRepositoryStatus) -> &[Condition] {
        &status.conditions
    }

    fn changed(context: &Context, name: &NamespacedName, change: &Change<Self>) {
        if change.is_by_others() {
            context.lines.image_repositories.renew(name);
        }
        let revision = |live: &Live<Self>| live.status.last_scan_result.as_ref().map(|scan| scan.revision.clone());
        if change.differs(revision) || change.differs(|live| (live.generation, live.uid.clone())) {
            for policy in context.objects.image_policies.all() {
                if refers(&policy, name) {
                    context.lines.image_policies.wake(&policy.name());
                }
            }
        }
    }
}

fn refers(policy: &Live<ImagePolicySpec>, repository: &NamespacedName) -> bool {
    let reference = policy.spec.as_ref().map(|spec| &spec.image_repository_ref);
    reference.is_ok_and(|reference| {
        let namespace = reference.namespace.as_ref().unwrap_or(&policy.metadata.namespace);
        reference.name == repository.name && *namespace == repository.namespace
    })
}

impl Kept for ImagePolicySpec {
    fn store(context: &Context) -> &Store<Self> {
        &context.objects.image_policies
    }

    fn conditions(status: &ImagePolicyStatus) -> &[Condition] {
        &status.conditions
    }

    fn changed(context: &Context, name: &NamespacedName, change: &Change<Self>) {
        if change.is_by_others() {
            context.lines.image_policies.renew(name);
        }
        if !change.differs(|live| (live.status.latest_ref.clone(), live.metadata.labels.clone())) {
            return;
        }
        for automation in context.objects.automations.in_namespace(&name.namespace) {
            let selects = |policy: &Arc<Live<Self>>| {
                automation.spec.as_ref().is_ok_and(|spec| spec.selects(&policy.metadata.labels))
            };
            if change.both().any(selects) {
                context.lines.automations.wake(&automation.name());
            }
        }
    }
}

impl Kept for ImageUpdateAutomationSpec {
    fn store(context: &Context) -> &Store<Self> {
        &context.objects.automations
    }

    fn conditions(status: &ImageUpdateAutomationStatus) -> &[Condition] {
        &status.conditions
    }

    fn changed(context: &Context, name: &NamespacedName, change: &Change<Self>) {
        if change.is_by_others() {
            context.lines.automations.renew(name);
        }
    }
}

impl Kept for GitRepositorySpec {
    fn store(context: &Context) -> &Store<Self> {
        &context.objects.git_repositories
    }

    fn conditions(status: &GitRepositoryStatus) -> &[Condition] {
        &status.conditions
    }

    /// Also when its controller has fetched another commit: somebody pushed.
    fn changed(context: &Context, name: &NamespacedName, change: &Change<Self>) {
        let revision = |live: &Live<Self>| live.status.artifact.as_ref().and_then(|artifact| artifact.revision.clone());
        if !change.differs(|live| (live.uid.clone(), live.generation, revision(live))) {
            return;
        }
        for automation in context.objects.automations.all() {
            let source = automation.spec.as_ref().map(|spec| spec.source_ref.within(&automation.metadata.namespace));
            if source.is_ok_and(|source| source == *name) {
                context.lines.automations.wake(&automation.name());
            }
        }
    }
}
