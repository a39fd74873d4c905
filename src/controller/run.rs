//! Runs the driver: watches, reconciles while this process is the leader, and ends in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::batches::Batches;
use super::context::{Behaviour, Context, Lines, Shared, Stores};
use super::gates::Gates;
use super::line::Line;
use super::queue::Next;
use super::watches::follow;
use super::{image_policy, image_repository, image_update_automation};
use crate::api::{GitRepositorySpec, ImagePolicySpec, ImageRepositorySpec, ImageUpdateAutomationSpec};
use crate::cluster::{Cluster, Recorder, Scope};
use crate::engine::budget::PushBudget;
use crate::engine::decide::Selecting;
use crate::engine::signing::Signers;
use crate::git::Git;
use crate::object::NamespacedName;
use crate::schedule::Backoff;

/// What the driver works with and on.
pub struct Setup {
    pub cluster: Cluster,
    pub selecting: Selecting,
    pub git: Git,
    pub budget: PushBudget,
    pub recorder: Recorder,
    pub scope: Scope,
    pub backoff: Backoff,
    pub behaviour: Behaviour,
}

/// A driver that can be started once.
pub struct Controller {
    context: Shared,
    scope: Scope,
}

impl Controller {
    pub fn new(setup: Setup) -> Self {
        let line = || Line::new(Instant::now(), setup.backoff);
        let lines = Lines { image_repositories: line(), image_policies: line(), automations: line() };
        let context = Context {
            batches: Batches::new(setup.git, setup.budget, setup.selecting.metrics.clone()),
            cluster: setup.cluster,
            selecting: setup.selecting,
            signers: Signers::default(),
            recorder: setup.recorder,
            behaviour: setup.behaviour,
            objects: Stores::default(),
            lines,
            listings: Gates::default(),
            started: Timestamp::now(),
        };
        Self { context: Arc::new(context), scope: setup.scope }
    }

    /// Watches, and reconciles for as long as `may_work` says so; ends when that says no after it said yes, and what is
    /// under way then has ended. `is_ready` is set when all objects are known.
    pub async fn run(self, mut may_work: watch::Receiver<bool>, is_ready: Arc<AtomicBool>) {
        let mut watches = JoinSet::new();
        let synced = self.watch(&mut watches);
        let known = async {
            for mut synced in synced {
                // A watch never ends before the driver does.
                drop(synced.wait_for(|is_synced| *is_synced).await);
            }
        };
        tokio::select! {
            () = known => is_ready.store(true, Ordering::Relaxed),
            () = is_over(may_work.clone()) => return,
        }
        if may_work.wait_for(|may_work| *may_work).await.is_ok() {
            self.work(&may_work).await;
        }
    }

    fn watch(&self, watches: &mut JoinSet<()>) -> Vec<watch::Receiver<bool>> {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..4).map(|_| watch::channel(false)).unzip();
        let mut senders = senders.into_iter();
        let mut next = || senders.next().expect("one for each kind");
        let (context, scope) = (|| self.context.clone(), || self.scope.clone());
        watches.spawn(follow::<GitRepositorySpec>(context(), scope(), next()));
        watches.spawn(follow::<ImageRepositorySpec>(context(), scope(), next()));
        watches.spawn(follow::<ImagePolicySpec>(context(), scope(), next()));
        watches.spawn(follow::<ImageUpdateAutomationSpec>(context(), scope(), next()));
        receivers
    }

    async fn work(&self, may_work: &watch::Receiver<bool>) {
        let (context, lines) = (&self.context, &self.context.lines);
        tokio::join!(
            lines.image_repositories.work(may_work.clone(), |name| image_repository(context.clone(), name)),
            lines.image_policies.work(may_work.clone(), |name| image_policy(context.clone(), name)),
            lines.automations.work(may_work.clone(), |name| automation(context.clone(), name)),
        );
    }
}

/// Ends when nobody says any more whether to work.
async fn is_over(mut may_work: watch::Receiver<bool>) {
    while may_work.changed().await.is_ok() {}
}

async fn image_repository(context: Shared, name: NamespacedName) -> Next {
    image_repository::reconcile(&context, &name).await
}

async fn image_policy(context: Shared, name: NamespacedName) -> Next {
    image_policy::reconcile(&context, &name).await
}

async fn automation(context: Shared, name: NamespacedName) -> Next {
    image_update_automation::reconcile(&context, &name).await
}

/// As in Flux.
impl Default for Behaviour {
    fn default() -> Self {
        Self { no_cross_namespace_refs: false, requeue_dependency: Duration::from_secs(30) }
    }
}
