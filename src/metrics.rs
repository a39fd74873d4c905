//! What is counted, and the registry of it. Edges count through it; a server will show it.
//!
//! Names follow the OpenMetrics conventions; a counter's `_total` is added when the registry is encoded.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// With which host (`host:port`) an HTTP exchange was, and its status code; `0` when no answer came.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Exchange {
    host: String,
    code: u32,
}

/// The counters of one process. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    http_requests: Family<Exchange, Counter>,
    /// Listings of the refs of Git remotes.
    pub git_ref_listings: Counter<u64, AtomicU64>,
    /// Fetches from Git remotes that brought something.
    pub git_fetches: Counter<u64, AtomicU64>,
    /// Pushes that a Git remote accepted.
    pub git_pushes: Counter<u64, AtomicU64>,
    /// Pushes that came too late, since the branch had moved.
    pub git_pushes_lost: Counter<u64, AtomicU64>,
}

impl Metrics {
    /// Counts one HTTP exchange.
    pub fn count_exchange(&self, host: &str, code: u16) {
        self.http_requests.get_or_create(&Exchange { host: host.to_owned(), code: u32::from(code) }).inc();
    }

    /// All counters, to be encoded as OpenMetrics text.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("tagwright");
        registry.register("http_requests", "HTTP requests by host and status code", self.http_requests.clone());
        let counters = [
            ("git_ref_listings", "Listings of the refs of Git remotes", &self.git_ref_listings),
            ("git_fetches", "Fetches from Git remotes", &self.git_fetches),
            ("git_pushes", "Pushes that Git remotes accepted", &self.git_pushes),
            ("git_pushes_lost", "Pushes that came after the branch had moved", &self.git_pushes_lost),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry
    }

    /// The counters as OpenMetrics text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry()).expect("a String takes all text");
        text
    }
}
