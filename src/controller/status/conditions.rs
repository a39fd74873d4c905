//! How an object stands, as kstatus reads it: Ready, and what keeps it from being so.

use jiff::Timestamp;

use crate::api::{Condition, ConditionStatus, MESSAGE_CHARS_MAX};

/// How an object stands after a reconcile. A reason is one word, a message is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Ready {
        reason: &'static str,
        message: String,
    },
    /// It failed, and is tried again by itself.
    Retrying {
        reason: &'static str,
        message: String,
    },
    /// It is tried again when somebody changes something.
    Stalled {
        reason: &'static str,
        message: String,
    },
}

/// The object that a status is of, as far as the status speaks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'o> {
    pub generation: i64,
    /// The annotation `reconcile.fluxcd.io/requestedAt`.
    pub requested: Option<&'o str>,
}

impl Standing {
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }

    pub fn reason(&self) -> &'static str {
        match self {
            Self::Ready { reason, .. } | Self::Retrying { reason, .. } | Self::Stalled { reason, .. } => reason,
        }
    }

    pub fn message(&self) -> &str {
        match self {
            Self::Ready { message, .. } | Self::Retrying { message, .. } | Self::Stalled { message, .. } => message,
        }
    }

    /// The conditions of an object that stands so, where `before` are those that it has. A negative condition that does not
    /// hold is left out, as kstatus wants it.
    pub(super) fn conditions(&self, before: &[Condition], generation: i64, now: Timestamp) -> Vec<Condition> {
        let ready = if self.is_ready() { ConditionStatus::True } else { ConditionStatus::False };
        let negative = match self {
            Self::Ready { .. } => None,
            Self::Retrying { .. } => Some(("Reconciling", "ProgressingWithRetry")),
            Self::Stalled { reason, .. } => Some(("Stalled", *reason)),
        };
        let negative = negative.map(|(kind, reason)| (kind, ConditionStatus::True, reason));
        let wanted = negative.into_iter().chain([("Ready", ready, self.reason())]);
        wanted
            .map(|(kind, status, reason)| {
                let held = before.iter().find(|held| held.kind == kind && held.status == status);
                Condition {
                    kind: kind.to_owned(),
                    status,
                    reason: reason.to_owned(),
                    message: shortened(self.message()),
                    last_transition_time: held.map_or(now.into(), |held| held.last_transition_time),
                    observed_generation: Some(generation),
                }
            })
            .collect()
    }

    /// What is observed of a generation: what failed and is tried again has not been dealt with.
    pub(super) fn observed(&self, before: Option<i64>, generation: i64) -> Option<i64> {
        match self {
            Self::Retrying { .. } => before.or(Some(-1)),
            Self::Ready { .. } | Self::Stalled { .. } => Some(generation),
        }
    }
}

/// The API server would refuse the whole status for one long message.
fn shortened(message: &str) -> String {
    match message.char_indices().nth(MESSAGE_CHARS_MAX - 1) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}
