//! What is counted, and the registry of it. Edges and drivers count through it; the server shows it.
//!
//! Names follow the OpenMetrics conventions; a counter's `_total` is added when the registry is encoded. Labels that
//! come from outside (hosts, repositories) are bounded: what is too much is counted under `other`, or not at all.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// So many hosts are told apart.
const HOSTS_MAX: usize = 200;
/// So many repositories have their number of tags shown.
const REPOSITORIES_MAX: usize = 2000;
/// Where hosts are counted that are too many.
const OTHER: &str = "other";
/// Upper ends in seconds, for steps of a round.
const STEP_SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];
/// Upper ends in seconds, for what takes from less than a second (a webhook) to a day (a long interval).
const LAG_SECONDS: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0];

/// The counters of one process. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    http_requests: Family<Exchange, Counter>,
    http_retries: Family<Exchange, Counter>,
    rate_waits: Family<Host, Counter>,
    rate_wait_seconds: Family<Host, Counter<f64, AtomicU64>>,
    hosts: Known,
    scans: Family<Outcome, Counter>,
    scan_duration: Histogram,
    tags: Family<RepositoryName, Gauge<i64, AtomicI64>>,
    tags_of: Known,
    cache_lookups: Family<Lookup, Counter>,
    updates: Family<Outcome, Counter>,
    update_duration: Histogram,
    update_lag: Histogram,
    hooks: Family<Hook, Counter>,
    /// Events of objects that were not told: too many waited, or nobody took them.
    pub events_dropped: Counter<u64, AtomicU64>,
    /// Listings of the refs of Git remotes.
    pub git_ref_listings: Counter<u64, AtomicU64>,
    /// Fetches from Git remotes that brought something.
    pub git_fetches: Counter<u64, AtomicU64>,
    /// Pushes that a Git remote accepted.
    pub git_pushes: Counter<u64, AtomicU64>,
    /// Pushes that came too late, since the branch had moved.
    pub git_pushes_lost: Counter<u64, AtomicU64>,
    /// Updates that were made and pushed once more after that.
    pub git_push_retries: Counter<u64, AtomicU64>,
}

/// How a scan of an image repository ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScanOutcome {
    /// The tags are not those of the scan before.
    Changed,
    /// The same tags were listed again.
    Unchanged,
    /// The registry said that nothing has changed (304).
    NotModified,
    Failed,
}

impl ScanOutcome {
    fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::NotModified => "not_modified",
            Self::Failed => "failed",
        }
    }
}

/// How an update of a Git repository ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpdateOutcome {
    Pushed,
    Unchanged,
    Failed,
}

impl UpdateOutcome {
    fn name(self) -> &'static str {
        match self {
            Self::Pushed => "pushed",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }
}

/// What is remembered so that it need not be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cache {
    /// Tokens of registries.
    Token,
    /// Scans that are still fresh.
    Scan,
}

impl Cache {
    fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Scan => "scan",
        }
    }
}

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HookOutcome {
    /// It made a scan due.
    Due,
    /// It tells of no push.
    Ignored,
    /// It asked whether messages may be sent.
    Agreed,
    /// Its body is not what its sender writes.
    Unreadable,
    /// Its token or signature is not ours.
    Refused,
    /// It was too large or too slow, or broke off.
    Dropped,
}

impl HookOutcome {
    fn name(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Ignored => "ignored",
            Self::Agreed => "agreed",
            Self::Unreadable => "unreadable",
            Self::Refused => "refused",
            Self::Dropped => "dropped",
        }
    }
}

/// With which host (`host:port`) an HTTP exchange was, and its status code; `0` when no answer came.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Exchange {
    host: String,
    code: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Host {
    host: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RepositoryName {
    repository: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lookup {
    cache: &'static str,
    hit: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Hook {
    sender: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            http_requests: Family::default(),
            http_retries: Family::default(),
            rate_waits: Family::default(),
            rate_wait_seconds: Family::default(),
            hosts: Known::default(),
            scans: Family::default(),
            scan_duration: Histogram::new(STEP_SECONDS),
            tags: Family::default(),
            tags_of: Known::default(),
            cache_lookups: Family::default(),
            updates: Family::default(),
            update_duration: Histogram::new(STEP_SECONDS),
            update_lag: Histogram::new(LAG_SECONDS),
            hooks: Family::default(),
            events_dropped: Counter::default(),
            git_ref_listings: Counter::default(),
            git_fetches: Counter::default(),
            git_pushes: Counter::default(),
            git_pushes_lost: Counter::default(),
            git_push_retries: Counter::default(),
        }
    }
}

impl Metrics {
    /// Counts one HTTP exchange.
    pub fn count_exchange(&self, host: &str, code: u16) {
        self.http_requests.get_or_create(&Exchange { host: self.host(host), code: u32::from(code) }).inc();
    }

    /// Counts an HTTP request that is sent once more, under the status of the answer before it; `0` when none came whole.
    pub fn count_retry(&self, host: &str, code: u16) {
        self.http_retries.get_or_create(&Exchange { host: self.host(host), code: u32::from(code) }).inc();
    }

    /// Counts a request that waited for its turn because of a host's limit.
    pub fn count_rate_wait(&self, host: &str, waited: Duration) {
        let host = Host { host: self.host(host) };
        self.rate_waits.get_or_create(&host).inc();
        self.rate_wait_seconds.get_or_create(&host).inc_by(waited.as_secs_f64());
    }

    /// Counts a scan that went to the registry.
    pub fn count_scan(&self, outcome: ScanOutcome, took: Duration) {
        self.scans.get_or_create(&Outcome { outcome: outcome.name() }).inc();
        self.scan_duration.observe(took.as_secs_f64());
    }

    /// How many tags the last scan of a repository found.
    pub fn set_tags(&self, repository: &str, tags: usize) {
        if self.tags_of.has_place_for(repository, REPOSITORIES_MAX) {
            let label = RepositoryName { repository: repository.to_owned() };
            self.tags.get_or_create(&label).set(i64::try_from(tags).unwrap_or(i64::MAX));
        }
    }

    /// Forgets the tags of the repositories that are no longer watched.
    pub fn keep_tags(&self, is_watched: impl Fn(&str) -> bool) {
        for repository in self.tags_of.forget_unless(is_watched) {
            self.tags.remove(&RepositoryName { repository });
        }
    }

    /// Counts a look into a cache.
    pub fn count_lookup(&self, cache: Cache, hit: bool) {
        self.cache_lookups.get_or_create(&Lookup { cache: cache.name(), hit }).inc();
    }

    /// Counts an update of one Git repository.
    pub fn count_update(&self, outcome: UpdateOutcome, took: Duration) {
        self.updates.get_or_create(&Outcome { outcome: outcome.name() }).inc();
        self.update_duration.observe(took.as_secs_f64());
    }

    /// Counts how long after it was first seen an image was pushed.
    pub fn count_lag(&self, lag: Duration) {
        self.update_lag.observe(lag.as_secs_f64());
    }

    /// Counts a webhook. `sender` is one of the types that there are.
    pub fn count_hook(&self, sender: &'static str, outcome: HookOutcome) {
        self.hooks.get_or_create(&Hook { sender, outcome: outcome.name() }).inc();
    }

    fn host(&self, host: &str) -> String {
        if self.hosts.has_place_for(host, HOSTS_MAX) { host.to_owned() } else { OTHER.to_owned() }
    }

    /// All counters, to be encoded as OpenMetrics text.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("tagwright");
        registry.register("build", "The running program", Info::new(Build { version: env!("CARGO_PKG_VERSION") }));
        self.register_registries(&mut registry);
        self.register_git(&mut registry);
        registry.register("events_dropped", "Events of objects that were not told", self.events_dropped.clone());
        registry.register("hooks", "Webhooks by type of the sender and outcome", self.hooks.clone());
        registry
    }

    fn register_registries(&self, registry: &mut Registry) {
        registry.register("http_requests", "HTTP requests by host and status code", self.http_requests.clone());
        let help = "HTTP requests sent once more, by host and the status code that was the reason";
        registry.register("http_retries", help, self.http_retries.clone());
        registry.register("rate_waits", "Requests that waited for a host's limit", self.rate_waits.clone());
        let help = "How long requests waited for a host's limit";
        registry.register_with_unit("rate_wait", help, Unit::Seconds, self.rate_wait_seconds.clone());
        registry.register("scans", "Scans of image repositories by outcome", self.scans.clone());
        let help = "How long scans of image repositories took";
        registry.register_with_unit("scan_duration", help, Unit::Seconds, self.scan_duration.clone());
        registry.register("tags", "Tags that the last scan of a repository found", self.tags.clone());
        registry.register("cache_lookups", "Looks into caches, and whether they hit", self.cache_lookups.clone());
    }

    fn register_git(&self, registry: &mut Registry) {
        registry.register("updates", "Updates of Git repositories by outcome", self.updates.clone());
        let help = "How long updates of Git repositories took";
        registry.register_with_unit("update_duration", help, Unit::Seconds, self.update_duration.clone());
        let help = "From the first sight of an image to the push of its update";
        registry.register_with_unit("update_lag", help, Unit::Seconds, self.update_lag.clone());
        let counters = [
            ("git_ref_listings", "Listings of the refs of Git remotes", &self.git_ref_listings),
            ("git_fetches", "Fetches from Git remotes", &self.git_fetches),
            ("git_pushes", "Pushes that Git remotes accepted", &self.git_pushes),
            ("git_pushes_lost", "Pushes that came after the branch had moved", &self.git_pushes_lost),
            ("git_push_retries", "Updates pushed once more after a lost race", &self.git_push_retries),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
    }

    /// The counters as OpenMetrics text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry()).expect("a String takes all text");
        text
    }
}

/// The values of a label that are told apart.
#[derive(Clone, Debug, Default)]
struct Known(Arc<Mutex<BTreeSet<String>>>);

impl Known {
    /// Whether `value` is among them, or becomes one of at most `max`.
    fn has_place_for(&self, value: &str, max: usize) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(value) && known.len() < max {
            known.insert(value.to_owned());
        }
        known.contains(value)
    }

    /// Forgets those that are not to be kept, and names them.
    fn forget_unless(&self, is_kept: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, gone) = std::mem::take(&mut *known).into_iter().partition(|value| is_kept(value));
        *known = kept;
        gone
    }
}
