//! What all reconcilers work with.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::batches::Batches;
use super::gates::Gates;
use super::line::Line;
use super::store::Store;
use crate::api::{GitRepositorySpec, ImagePolicySpec, ImageRepositorySpec, ImageUpdateAutomationSpec};
use crate::cluster::{Cluster, Recorder};
use crate::engine::decide::Selecting;
use crate::engine::signing::Signers;
use crate::net::LaneKey;
use crate::object::NamespacedName;
use crate::schedule::{Rhythm, due};

/// How this process behaves, by its flags.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// `--no-cross-namespace-refs`.
    pub no_cross_namespace_refs: bool,
    /// `--requeue-dependency`: how long what waits for another object waits at most.
    pub requeue_dependency: Duration,
}

/// Shared by all reconciles of a process.
pub(super) struct Context {
    pub(super) cluster: Cluster,
    pub(super) selecting: Selecting,
    pub(super) signers: Signers,
    pub(super) batches: Batches,
    pub(super) recorder: Recorder,
    pub(super) behaviour: Behaviour,
    pub(super) objects: Stores,
    pub(super) lines: Lines,
    /// How many registries' repositories are listed at once.
    pub(super) listings: Gates<LaneKey>,
    /// When this process began to look.
    pub(super) started: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Stores {
    pub(super) image_repositories: Store<ImageRepositorySpec>,
    pub(super) image_policies: Store<ImagePolicySpec>,
    pub(super) automations: Store<ImageUpdateAutomationSpec>,
    pub(super) git_repositories: Store<GitRepositorySpec>,
}

/// A line for each kind that is reconciled.
pub(super) struct Lines {
    pub(super) image_repositories: Line,
    pub(super) image_policies: Line,
    pub(super) automations: Line,
}

pub(super) type Shared = Arc<Context>;

impl Context {
    /// How long after something that was done at `last` the object is due again.
    pub(super) fn rest(
        &self,
        object: &NamespacedName,
        interval: Duration,
        last: Timestamp,
        now: Timestamp,
    ) -> Duration {
        let rhythm = Rhythm { interval, last: Some(last), started: self.started };
        let at = due(&object.to_string(), rhythm, now);
        Duration::try_from(at.duration_since(now)).unwrap_or_default()
    }
}
