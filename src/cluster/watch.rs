//! The objects of one kind, as they come, change and go.
//!
//! Takes a kind and a scope; gives a stream without an end. A server that restarts, is slow, has forgotten its history
//! (410) or serves another version tomorrow changes nothing for the listener but the time that it takes; an object that
//! cannot be used is told with what is wrong with it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt as _};
use kube::Api;
use kube::runtime::watcher::{self, watcher};
use tokio::time::Instant;
use tracing::{info, warn};

use super::connect::Cluster;
use super::error::Error;
use super::held::Held;
use super::known::{Change, Known};
use super::live::{Live, Watched};
use crate::object::NamespacedName;

/// How long is waited after the first failure, and at most.
const PAUSE_MIN: Duration = Duration::from_millis(800);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Silence while a server tells which objects there are. One that does not know streamed lists would be silent for ever.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// A failure after so long is the first of its row: a watch on which nothing happens says nothing when it works again.
const ROW: Duration = Duration::from_secs(120);

/// Which objects of a kind are watched; by default all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub namespace: Option<String>,
    /// A label selector as `kubectl` takes it.
    pub labels: Option<String>,
}

/// What happened to the objects of a kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<S: Watched> {
    /// It is there, or is no longer as it was.
    Applied(Live<S>),
    Deleted(NamespacedName),
    /// All objects that there were when the watch began (or began anew) have been told of.
    Synced,
}

/// Watches the objects of kind `S`. Nothing is asked of the server before the stream is polled.
pub fn watch<S: Watched>(cluster: &Cluster, scope: Scope) -> impl Stream<Item = Event<S>> + Send + use<S> {
    let watch = Watch {
        cluster: cluster.clone(),
        scope,
        source: None,
        is_streamed: true,
        known: Known::default(),
        ready: VecDeque::new(),
        is_unserved: false,
        failures: 0,
        failed: None,
        told: None,
    };
    stream::unfold(watch, |mut watch| async {
        let event = watch.next().await;
        Some((event, watch))
    })
}

type Source = Pin<Box<dyn Stream<Item = watcher::Result<watcher::Event<Held>>> + Send>>;

struct Watch<S: Watched> {
    cluster: Cluster,
    scope: Scope,
    source: Option<Source>,
    /// Whether the server is asked to tell the objects as a stream; else page by page.
    is_streamed: bool,
    known: Known,
    ready: VecDeque<Event<S>>,
    /// The kind is not served, which the listener knows.
    is_unserved: bool,
    /// In a row.
    failures: u32,
    /// When the last one was.
    failed: Option<Instant>,
    /// The failure that the log tells of, so that it is told once.
    told: Option<String>,
}

impl<S: Watched> Watch<S> {
    async fn next(&mut self) -> Event<S> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            match self.advance().await {
                Ok(changes) => {
                    self.recovered(&changes);
                    self.ready.extend(changes.into_iter().map(event));
                }
                Err(error) => self.failed(&error).await,
            }
        }
    }

    /// Waits for what the server says next.
    async fn advance(&mut self) -> Result<Vec<Change>, Error> {
        let mut source = match self.source.take() {
            Some(source) => source,
            None => match self.cluster.served(S::KIND).await? {
                Some(served) => self.open(&served.resource(S::KIND)),
                None => return Ok(self.unserved().await),
            },
        };
        let item = if self.known.is_beginning() {
            tokio::time::timeout(SILENCE_MAX, source.next()).await.map_err(|_| self.silent())?
        } else {
            source.next().await
        };
        match item {
            Some(Ok(event)) => {
                self.source = Some(source);
                Ok(self.known.take(event))
            }
            Some(Err(error)) => {
                let error = self.broken(&error);
                if self.can_go_on(&error) {
                    self.source = Some(source);
                }
                Err(error)
            }
            None => Ok(Vec::new()),
        }
    }

    fn open(&mut self, resource: &kube::core::ApiResource) -> Source {
        let client = self.cluster.shared.client.clone();
        let api: Api<Held> = match &self.scope.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, resource),
            None => Api::all_with(client, resource),
        };
        let config = watcher::Config { label_selector: self.scope.labels.clone(), ..watcher::Config::default() };
        let config = if self.is_streamed { config.streaming_lists() } else { config };
        self.is_unserved = false;
        self.known.begin();
        Box::pin(watcher(api, config))
    }

    /// A kind that is not served has no objects, which is an answer too. Whether it is served by now is asked now and
    /// then.
    async fn unserved(&mut self) -> Vec<Change> {
        if self.is_unserved {
            tokio::time::sleep(PAUSE_MAX).await;
            return Vec::new();
        }
        self.is_unserved = true;
        self.tell(&Error::not_served(S::KIND));
        self.known.none()
    }

    /// Whether the source knows how to go on by itself. It does not where what it asks for is wrong.
    fn can_go_on(&mut self, error: &Error) -> bool {
        match error {
            error if is_forgotten(error) => false,
            Error::Gone { .. } => {
                self.cluster.forget_served(S::KIND);
                false
            }
            // Servers before streamed lists refuse them by that.
            Error::Invalid { .. } => {
                self.is_streamed = false;
                false
            }
            _ => true,
        }
    }

    fn silent(&mut self) -> Error {
        self.is_streamed = false;
        Error::Late { what: self.doing(), limit: SILENCE_MAX }
    }

    fn broken(&self, error: &watcher::Error) -> Error {
        match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => Error::of_client(self.doing(), error),
            watcher::Error::WatchError(status) => Error::of_client(self.doing(), &kube::Error::Api(status.clone())),
            watcher::Error::NoResourceVersion => {
                Error::Unreadable { what: self.doing(), cause: "an object without a resource version".to_owned() }
            }
        }
    }

    fn doing(&self) -> String {
        match &self.scope.namespace {
            Some(namespace) => format!("watching {} in namespace {namespace}", S::KIND),
            None => format!("watching {}", S::KIND),
        }
    }

    /// What the server has forgotten and tells anew is nothing to speak of, nor is one failure.
    async fn failed(&mut self, error: &Error) {
        if self.failed.is_none_or(|last| last.elapsed() > ROW) {
            self.failures = 0;
            self.told = None;
        }
        self.failed = Some(Instant::now());
        self.failures = self.failures.saturating_add(1);
        if self.failures > 1 || !(error.is_passing() || is_forgotten(error)) {
            self.tell(error);
        }
        let asked = if let Error::Throttled { after, .. } = error { *after } else { None };
        tokio::time::sleep(pause(self.failures, asked, fastrand::f64())).await;
    }

    fn recovered(&mut self, changes: &[Change]) {
        // Until the server has told all objects, the next failure is more of the same.
        let has_news = !changes.is_empty() && !self.known.is_beginning();
        if has_news && self.source.is_some() {
            self.failures = 0;
            if self.told.take().is_some() {
                info!(kind = %S::KIND, "watching again");
            }
        }
    }

    fn tell(&mut self, error: &Error) {
        let text = error.chain();
        if self.told.as_ref() != Some(&text) {
            warn!(kind = %S::KIND, "{text}");
            self.told = Some(text);
        }
    }
}

/// The server no longer knows what was after the version that was seen last.
fn is_forgotten(error: &Error) -> bool {
    matches!(error, Error::Gone { source, .. } if source.code == 410)
}

fn event<S: Watched>(change: Change) -> Event<S> {
    match change {
        Change::Applied(held) => Event::Applied(Live::of(*held)),
        Change::Deleted(name) => Event::Deleted(name),
        Change::Synced => Event::Synced,
    }
}

/// The wait after so many failures in a row: doubled each time, the upper half of it by lot (`dice` in `0..1`), and no
/// shorter than what the server asked for.
fn pause(failures: u32, asked: Option<Duration>, dice: f64) -> Duration {
    let longest = PAUSE_MIN.saturating_mul(1 << failures.saturating_sub(1).min(6)).min(PAUSE_MAX);
    let own = longest.mul_f64(0.5 + dice / 2.0);
    own.max(asked.unwrap_or_default().min(PAUSE_MAX))
}
