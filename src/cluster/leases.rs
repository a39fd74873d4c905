//! Several leases that are held together: ours, and those of the controllers whose work this is.
//!
//! Takes their names; tells through a channel whether all are held, or who holds one of them. They are asked for in
//! order, each only when all before it are held: two processes with the same list never hold one each and wait.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use kube::api::{GetParams, Patch, PatchParams, PostParams};
use kube::core::Request;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

use super::ask::{check_name, path};
use super::connect::Cluster;
use super::error::Error;
use super::lease::{Observed, Record, Step, Terms, next};
use crate::object::{NamespacedName, Value};

/// Whether this process is the one that acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// Nobody has said yet, or the API server could not be asked for too long.
    Unknown,
    /// All leases are held, until this moment if none can be renewed.
    Leading { until: Instant },
    /// Another process holds this lease and keeps renewing it.
    HeldBy { lease: NamespacedName, holder: String },
}

impl Leadership {
    /// To be asked before each thing that only a leader may do: a process that was stopped for a while wakes up with an
    /// old answer.
    pub fn is_leading(&self) -> bool {
        matches!(self, Self::Leading { until } if Instant::now() < *until)
    }
}

/// The leases, and how they look.
pub struct Leases {
    cluster: Cluster,
    leases: Vec<Lease>,
    /// Who we are: a name that no other process has, nor this one after a restart.
    me: String,
    terms: Terms,
    started: Instant,
    leadership: watch::Sender<Leadership>,
    /// The failure that the log tells of, so that it is told once.
    told: Option<String>,
}

struct Lease {
    name: NamespacedName,
    observed: Option<Observed>,
    /// The version of the object that `observed` is from.
    resource_version: String,
    /// How often its holder has changed.
    transitions: i64,
}

impl Leases {
    /// Nothing is asked for before [`Self::hold`].
    pub fn new(
        cluster: &Cluster,
        names: impl IntoIterator<Item = NamespacedName>,
        me: impl Into<String>,
        terms: Terms,
    ) -> (Self, watch::Receiver<Leadership>) {
        let (leadership, receiver) = watch::channel(Leadership::Unknown);
        let lease = |name| Lease { name, observed: None, resource_version: String::new(), transitions: 0 };
        let leases = names.into_iter().map(lease).collect();
        let leases = Self {
            cluster: cluster.clone(),
            leases,
            me: me.into(),
            terms,
            started: Instant::now(),
            leadership,
            told: None,
        };
        (leases, receiver)
    }

    /// Asks for the leases and renews them until `stop` ends, then releases those that are held.
    pub async fn hold(mut self, stop: impl Future<Output = ()>) {
        let rounds = async {
            loop {
                let wake = self.round().await;
                tokio::time::sleep_until(wake).await;
            }
        };
        tokio::select! {
            () = rounds => {}
            () = stop => {}
        }
        self.tell(Leadership::Unknown);
        self.release().await;
    }

    /// Looks after all leases once; gives the time for the next look.
    async fn round(&mut self) -> Instant {
        let retry = Instant::now() + self.terms.retry.mul_f64(1.0 + fastrand::f64() / 5.0);
        let mut wake = None;
        for at in 0..self.leases.len() {
            match self.attend(at).await {
                Ok(Step::Wait { holder, .. }) => {
                    self.tell(Leadership::HeldBy { lease: self.leases[at].name.clone(), holder });
                    return retry;
                }
                Ok(Step::Keep { until }) => wake = Some(wake.unwrap_or(until).min(until)),
                Ok(_) => {}
                Err(error) => {
                    self.failed(at, &error);
                    return retry;
                }
            }
        }
        self.told = None;
        self.tell(Leadership::Leading { until: self.started + self.held_until() });
        wake.map_or(retry, |until| self.started + until)
    }

    /// While the server cannot be asked, what is held is held until the deadline, and no longer. Where somebody else has
    /// written a lease, nothing is known until it is read again.
    fn failed(&mut self, at: usize, error: &Error) {
        let text = error.chain();
        if self.told.as_ref() != Some(&text) {
            warn!("{text}");
            self.told = Some(text);
        }
        let is_lost = matches!(error, Error::Conflict { .. } | Error::Gone { .. });
        if is_lost {
            self.leases[at].observed = None;
        }
        if is_lost || !self.leadership.borrow().is_leading() {
            self.tell(Leadership::Unknown);
        }
    }

    /// Does what is to be done about one lease, and gives what is to be done next: `Keep` or `Wait`.
    async fn attend(&mut self, at: usize) -> Result<Step, Error> {
        let is_ours = |observed: &Observed| observed.record.as_ref().is_some_and(|record| record.holder == self.me);
        if !self.leases[at].observed.as_ref().is_some_and(is_ours) {
            self.look(at).await?;
        }
        match self.step(at) {
            Step::Create => self.create(at).await?,
            step @ (Step::Take | Step::Renew) => self.write(at, &self.me.clone(), step == Step::Take).await?,
            Step::Keep { .. } | Step::Wait { .. } => {}
        }
        Ok(self.step(at))
    }

    fn step(&self, at: usize) -> Step {
        let absent = Observed { record: None, since: Duration::ZERO };
        let observed = self.leases[at].observed.as_ref().unwrap_or(&absent);
        next(observed, self.started.elapsed(), &self.me, &self.terms)
    }

    async fn look(&mut self, at: usize) -> Result<(), Error> {
        let name = self.leases[at].name.clone();
        let what = format!("reading Lease {name}");
        let request = requests(&what, &name)?.get(&name.name, &GetParams::default());
        let found: Option<Value> = self.cluster.find(what, request).await?;
        let now = self.started.elapsed();
        self.note(at, found.as_ref(), now);
        Ok(())
    }

    async fn create(&mut self, at: usize) -> Result<(), Error> {
        let name = self.leases[at].name.clone();
        let what = format!("making Lease {name}");
        let asked = self.started.elapsed();
        let body = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "name": name.name, "namespace": name.namespace },
            "spec": self.spec(&self.me, 0, true),
        });
        let request = requests(&what, &name)?.create(&PostParams::default(), body.to_string().into_bytes());
        let made: Value = self.cluster.ask(what, request).await?;
        self.note(at, Some(&made), asked);
        Ok(())
    }

    /// Writes `holder` into a lease that nobody else has written since it was seen.
    async fn write(&mut self, at: usize, holder: &str, is_taken: bool) -> Result<(), Error> {
        let Lease { name, resource_version, transitions, .. } = &self.leases[at];
        let what = format!("renewing Lease {name}");
        let asked = self.started.elapsed();
        let mut body = json!({ "spec": self.spec(holder, transitions + i64::from(is_taken), is_taken) });
        body["metadata"]["resourceVersion"] = json!(resource_version);
        let params = PatchParams::default();
        let request = requests(&what, name)?.patch(&name.name, &params, &Patch::Merge(body));
        let written: Value = self.cluster.ask(what, request).await?;
        // Others may have seen it as soon as it was sent.
        self.note(at, Some(&written), asked);
        Ok(())
    }

    fn spec(&self, holder: &str, transitions: i64, is_taken: bool) -> Value {
        let now = format!("{:.6}", Timestamp::now());
        let lease = if holder.is_empty() { 1 } else { self.terms.lease.as_secs().max(1) };
        let mut spec = json!({
            "holderIdentity": holder,
            "leaseDurationSeconds": lease,
            "renewTime": now,
            "leaseTransitions": transitions,
        });
        if is_taken {
            spec["acquireTime"] = json!(now);
        }
        spec
    }

    fn note(&mut self, at: usize, object: Option<&Value>, now: Duration) {
        let lease = &mut self.leases[at];
        lease.observed = Some(Observed::seen(lease.observed.take(), object.map(record), now));
        let text = object.and_then(|object| object["metadata"]["resourceVersion"].as_str());
        lease.resource_version = text.unwrap_or_default().to_owned();
        lease.transitions = object.and_then(|object| object["spec"]["leaseTransitions"].as_i64()).unwrap_or_default();
    }

    /// The first moment at which a lease has not been renewed for too long.
    fn held_until(&self) -> Duration {
        let since = self.leases.iter().filter_map(|lease| lease.observed.as_ref()).map(|observed| observed.since);
        since.min().unwrap_or(self.started.elapsed()) + self.terms.renew_deadline
    }

    fn tell(&self, leadership: Leadership) {
        self.leadership.send_if_modified(|current| {
            let is_news = leadership.kind() != current.kind();
            match &leadership {
                // Somebody who expects work to be done must see why it is not.
                Leadership::HeldBy { .. } if is_news => warn!("{leadership}: watching, writing nothing"),
                _ if is_news => info!("{leadership}"),
                _ => {}
            }
            // A later moment is no news, but it must be there for those who look.
            *current = leadership;
            is_news
        });
    }

    /// Gives the leases back, so that others need not wait. What fails here ends by itself.
    async fn release(&mut self) {
        for at in 0..self.leases.len() {
            let record = self.leases[at].observed.as_ref().and_then(|observed| observed.record.as_ref());
            if record.is_some_and(|record| record.holder == self.me)
                && let Err(error) = self.write(at, "", false).await
            {
                warn!("{}", error.chain());
            }
        }
    }
}

impl Leadership {
    /// What listeners are woken for: all but the moment.
    fn kind(&self) -> Option<Option<(&NamespacedName, &str)>> {
        match self {
            Self::Unknown => None,
            Self::Leading { .. } => Some(None),
            Self::HeldBy { lease, holder } => Some(Some((lease, holder))),
        }
    }
}

impl fmt::Display for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("not leading"),
            Self::Leading { .. } => f.write_str("leading"),
            Self::HeldBy { lease, holder } => write!(f, "not leading: Lease {lease} is held by {holder}"),
        }
    }
}

fn requests(what: &str, name: &NamespacedName) -> Result<Request, Error> {
    check_name(what, &name.namespace)?;
    check_name(what, &name.name)?;
    Ok(Request::new(path("coordination.k8s.io", "v1", &name.namespace, "leases")))
}

fn record(object: &Value) -> Record {
    let text = |field: &str| object["spec"][field].as_str().unwrap_or_default().to_owned();
    let seconds = object["spec"]["leaseDurationSeconds"].as_u64().unwrap_or_default();
    Record { holder: text("holderIdentity"), lease: Duration::from_secs(seconds), renewed: text("renewTime") }
}
