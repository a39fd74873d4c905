//! Events: what happened to an object, told once, for people (`kubectl describe`) and for who notifies them.
//!
//! Takes [`Occurrence`]s from whoever decided that one is worth telling; writes each as an Event of the core group and,
//! where there is a receiver, posts it in the JSON that Flux's notification-controller reads. Nobody waits for either:
//! both have a queue, and what is too much for it pushes out the oldest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::api::PostParams;
use kube::core::Request;
use serde_json::json;
use tracing::{debug, warn};

use super::ask::{check_name, path};
use super::connect::Cluster;
use super::error::Error;
use super::post::{self, Receiver};
use super::queue::Queue;
use crate::object::{NamespacedName, Value};

const WAITING_MAX: usize = 1000;
/// A server that has too much to do is asked once more, not before this.
const PAUSE: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The name of an Event has at most 253 bytes, of which some tell events of one object apart.
const NAME_BYTES_MAX: usize = 220;

/// Which object an event speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Involved {
    pub api_version: String,
    pub kind: &'static str,
    pub name: NamespacedName,
    pub uid: String,
    pub resource_version: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Severity {
    /// Worth knowing when one looks at the object: not posted.
    Trace,
    #[default]
    Info,
    Error,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    pub object: Involved,
    pub severity: Severity,
    /// One word, such as `Succeeded`.
    pub reason: String,
    pub message: String,
    /// Such as the revision; the annotations of the Event, and the metadata of what is posted.
    pub metadata: BTreeMap<String, String>,
    pub at: Timestamp,
}

/// Who tells: the program, and which one of several that run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reporter {
    pub controller: String,
    pub instance: String,
}

/// Takes occurrences. Clones share the queues.
#[derive(Clone)]
pub struct Recorder {
    queues: Arc<Queues>,
}

struct Queues {
    cluster: Cluster,
    reporter: Reporter,
    receiver: Option<Receiver>,
    recorded: Queue<Arc<Occurrence>>,
    posted: Queue<Arc<Occurrence>>,
}

impl Recorder {
    pub fn new(cluster: &Cluster, reporter: Reporter, receiver: Option<Receiver>) -> Self {
        let (recorded, posted) = (Queue::new(WAITING_MAX), Queue::new(WAITING_MAX));
        Self { queues: Arc::new(Queues { cluster: cluster.clone(), reporter, receiver, recorded, posted }) }
    }

    /// Tells of an occurrence, soon.
    pub fn record(&self, occurrence: Occurrence) {
        let occurrence = Arc::new(occurrence);
        if self.queues.receiver.is_some() && occurrence.severity != Severity::Trace {
            self.count(self.queues.posted.push(occurrence.clone()));
        }
        self.count(self.queues.recorded.push(occurrence));
    }

    /// Nothing is told from now on but what was recorded before.
    pub fn close(&self) {
        self.queues.recorded.close();
        self.queues.posted.close();
    }

    /// Does the telling, until it is closed and all is told.
    pub async fn run(&self) {
        tokio::join!(self.queues.write_all(), self.queues.post_all());
    }

    fn count(&self, dropped: Option<Arc<Occurrence>>) {
        if dropped.is_some() {
            self.queues.cluster.shared.metrics.events_dropped.inc();
        }
    }
}

impl Queues {
    async fn write_all(&self) {
        while let Some(occurrence) = self.recorded.pop().await {
            let mut outcome = self.write(&occurrence).await;
            if let Err(Error::Throttled { after, .. }) = &outcome {
                tokio::time::sleep(after.unwrap_or(PAUSE).clamp(PAUSE, PAUSE_MAX)).await;
                outcome = self.write(&occurrence).await;
            }
            match outcome {
                Ok(()) => {}
                // Nothing is told in a namespace that ends.
                Err(Error::Gone { .. }) => debug!("no place for an event of {}", occurrence.object.name),
                Err(error) => self.lost(&error.chain()),
            }
        }
    }

    async fn write(&self, occurrence: &Occurrence) -> Result<(), Error> {
        let namespace = &occurrence.object.name.namespace;
        let what = format!("telling an event of {} {}", occurrence.object.kind, occurrence.object.name);
        check_name(&what, namespace)?;
        let body = event(occurrence, &self.reporter).to_string().into_bytes();
        let request = Request::new(path("", "v1", namespace, "events")).create(&PostParams::default(), body);
        self.cluster.ask::<Value>(what, request).await.map(drop)
    }

    async fn post_all(&self) {
        while let Some(occurrence) = self.posted.pop().await {
            let Some(receiver) = &self.receiver else { continue };
            if let Err(error) = post::post(receiver, &post::posted(&occurrence, &self.reporter)).await {
                self.lost(&format!("posting an event of {}: {error}", occurrence.object.name));
            }
        }
    }

    fn lost(&self, cause: &str) {
        self.cluster.shared.metrics.events_dropped.inc();
        warn!("{cause}");
    }
}

/// An Event of the core group.
fn event(occurrence: &Occurrence, reporter: &Reporter) -> Value {
    let Occurrence { object, severity, reason, message, metadata, at } = occurrence;
    let time = format!("{at:.0}");
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": format!("{}.{:x}", shortened(&object.name.name), at.as_nanosecond()),
            "namespace": object.name.namespace,
            "annotations": metadata,
        },
        "involvedObject": involved(object),
        "type": if *severity == Severity::Error { "Warning" } else { "Normal" },
        "reason": reason,
        "message": message,
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
        "source": { "component": reporter.controller },
        "reportingComponent": reporter.controller,
        "reportingInstance": reporter.instance,
    })
}

pub(super) fn involved(object: &Involved) -> Value {
    json!({
        "apiVersion": object.api_version,
        "kind": object.kind,
        "namespace": object.name.namespace,
        "name": object.name.name,
        "uid": object.uid,
        "resourceVersion": object.resource_version,
    })
}

fn shortened(name: &str) -> &str {
    name.get(..NAME_BYTES_MAX).unwrap_or(name).trim_end_matches(['.', '-'])
}
