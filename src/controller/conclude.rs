//! Ends a reconcile: writes the status where it changed, tells of it once, and says when to look again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tracing::{debug, warn};

use super::context::Context;
use super::queue::Next;
use super::status::{Standing, Subject};
use super::watches::Kept;
use crate::api::{Condition, ConditionStatus, FieldError};
use crate::cluster::{Error, Involved, Live, Occurrence, Severity, merge_patch};

/// Somebody wants the object to be reconciled now, when the value is a new one.
const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
/// Annotations below this go with every event of the object.
const EVENT_METADATA: &str = "event.toolkit.fluxcd.io/";
/// What Flux's controllers leave behind; we have nothing to clean up that must be done before an object goes.
const FINALIZER: &str = "finalizers.fluxcd.io";

/// What the status speaks of.
pub(super) fn subject<S: Kept>(live: &Live<S>) -> Subject<'_> {
    let requested = live.metadata.annotations.get(REQUESTED_AT).map(String::as_str);
    Subject { generation: live.generation, requested }
}

/// Writes `status`, which says how the object stands. `news` is told although the object stands as before.
pub(super) async fn conclude<S: Kept>(
    context: &Context,
    live: &Live<S>,
    status: &S::Status,
    standing: &Standing,
    news: Option<News>,
) -> Result<(), Error>
where
    S::Status: Serialize,
{
    let before = S::conditions(&live.status);
    if let Some(patch) = merge_patch(&value(&live.status), &value(status)) {
        let written = context.cluster.patch_status::<S>(&live.name(), &live.resource_version, &patch).await?;
        context.saw(written);
    }
    if let Some(news) = news.or_else(|| (!stood_so(before, standing)).then(|| News::of(standing))) {
        context.recorder.record(news.occurrence(live));
    }
    Ok(())
}

/// When to look again at an object that stands so and whose status was written, or not.
pub(super) fn next(standing: &Standing, written: Result<(), Error>, when_ready: Next) -> Next {
    match (written, standing) {
        (Ok(()), Standing::Ready { .. }) => when_ready,
        (Ok(()), Standing::Stalled { .. }) => Next::Rest,
        (Ok(()), Standing::Retrying { .. }) => Next::Retry,
        // Deleted meanwhile: the watch tells.
        (Err(Error::Gone { .. }), _) => Next::Rest,
        (Err(error @ Error::Conflict { .. }), _) => {
            debug!("{}", error.chain());
            Next::Retry
        }
        (Err(error), _) => {
            warn!("{}", error.chain());
            Next::Retry
        }
    }
}

/// Lets a deleted object go.
pub(super) async fn release<S: Kept>(context: &Context, live: &Live<S>) -> Next {
    let kept: Vec<&String> = live.finalizers.iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    if kept.len() == live.finalizers.len() {
        return Next::Rest;
    }
    let patch = json!({ "finalizers": kept });
    match context.cluster.patch_metadata::<S>(&live.name(), Some(&live.resource_version), &patch).await {
        Ok(_) | Err(Error::Gone { .. }) => Next::Rest,
        Err(error) => {
            debug!("{}", error.chain());
            Next::Retry
        }
    }
}

/// Everything that is wrong with an object, on one line.
pub(super) fn all(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn value<T: Serialize>(status: &T) -> Value {
    serde_json::to_value(status).expect("a status is made of text, numbers and lists")
}

pub(super) fn is_ready(conditions: &[Condition]) -> bool {
    conditions.iter().any(|held| held.kind == "Ready" && held.status == ConditionStatus::True)
}

fn stood_so(before: &[Condition], standing: &Standing) -> bool {
    let status = if standing.is_ready() { ConditionStatus::True } else { ConditionStatus::False };
    let is_same = |held: &Condition| {
        held.kind == "Ready"
            && held.status == status
            && held.reason == standing.reason()
            && held.message == standing.message()
    };
    before.iter().any(is_same)
}

/// What is told in an event.
pub(super) struct News {
    pub(super) severity: Severity,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) metadata: BTreeMap<String, String>,
}

impl News {
    fn of(standing: &Standing) -> Self {
        let severity = if standing.is_ready() { Severity::Info } else { Severity::Error };
        let (reason, message) = (standing.reason(), standing.message().to_owned());
        Self { severity, reason, message, metadata: BTreeMap::new() }
    }

    fn occurrence<S: Kept>(self, live: &Live<S>) -> Occurrence {
        let own = live.metadata.annotations.iter().filter(|(key, _)| key.starts_with(EVENT_METADATA));
        let own = own.map(|(key, value)| (key[EVENT_METADATA.len()..].to_owned(), value.clone()));
        Occurrence {
            object: Involved {
                api_version: format!("{}/v1", Live::<S>::KIND.group()),
                kind: Live::<S>::KIND.as_str(),
                name: live.name(),
                uid: live.uid.clone(),
                resource_version: live.resource_version.clone(),
            },
            severity: self.severity,
            reason: self.reason.to_owned(),
            message: self.message,
            metadata: own.chain(self.metadata).collect(),
            at: Timestamp::now(),
        }
    }
}
