//! What an update is asked for: which automation, from where to where, with which images, in whose name.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::checkout::Checkout;
use crate::engine::message::MessageTemplate;
use crate::git::{Author, PushOptions, Refspec, Signer};
use crate::object::NamespacedName;
use crate::setter::Latest;

/// One automation.
#[derive(Clone, Debug)]
pub struct UpdateRequest {
    pub automation: NamespacedName,
    pub checkout: Checkout,
    pub push: PushTo,
    /// Where markers are looked for, below the root of the repository.
    pub path: String,
    pub latest: Latest,
    /// When what is latest was decided, which is when the registry was asked; without one, now.
    pub decided: BTreeMap<NamespacedName, Timestamp>,
    pub author: Author,
    pub message: MessageTemplate,
    pub signer: Option<Signer>,
}

impl UpdateRequest {
    /// When the latest image of `policy` was decided.
    pub(super) fn decided(&self, policy: &NamespacedName, now: Timestamp) -> Timestamp {
        self.decided.get(policy).copied().unwrap_or(now)
    }

    /// The same request, with policies that it may not write, and why.
    pub(super) fn without(&self, policies: impl IntoIterator<Item = (NamespacedName, String)>) -> Self {
        let mut request = self.clone();
        request.latest.images.extend(policies.into_iter().map(|(policy, reason)| (policy, Err(reason))));
        request
    }
}

/// Where the commits of an automation go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushTo {
    /// The branch; without one the checkout branch, or the refspec alone. Required where the checkout is no branch.
    pub branch: Option<String>,
    pub refspec: Option<Refspec>,
    pub options: PushOptions,
}

/// Whether commits leave this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Push,
    DryRun,
}

/// The requests that take the place of others, where there are some.
pub(super) fn or_else<'r>(instead: &'r [Option<UpdateRequest>], batch: &[&'r UpdateRequest]) -> Vec<&'r UpdateRequest> {
    instead.iter().zip(batch).map(|(instead, request)| instead.as_ref().unwrap_or(request)).collect()
}
