//! What is counted, and the registry of it. Edges and drivers count through it; a server will read it.
//!
//! Names follow the OpenMetrics conventions; a counter's `_total` is added when the registry is encoded.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// One HTTP exchange: with which host, and the status code (`0` when there was no answer).
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Exchange {
    pub host: String,
    pub code: u16,
}

/// The counters of one process. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub http_requests: Family<Exchange, Counter>,
    pub tags_listed: Counter,
    pub ref_listings: Counter,
    pub fetches: Counter,
    pub pushes: Counter,
    pub pushes_lost: Counter,
    pub values_changed: Counter,
}

impl Metrics {
    /// A registry of all the counters, to be encoded as OpenMetrics text.
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("tagwright");
        registry.register("http_requests", "HTTP requests by host and status code", self.http_requests.clone());
        for (name, help, counter) in self.counters() {
            registry.register(name, help, counter.clone());
        }
        registry
    }

    fn counters(&self) -> [(&'static str, &'static str, &Counter); 6] {
        [
            ("tags_listed", "Tags that registries listed", &self.tags_listed),
            ("git_ref_listings", "Listings of the refs of Git remotes", &self.ref_listings),
            ("git_fetches", "Fetches from Git remotes", &self.fetches),
            ("git_pushes", "Pushes that Git remotes accepted", &self.pushes),
            ("git_pushes_lost", "Pushes that were repeated because the branch had moved", &self.pushes_lost),
            ("values_changed", "Marked values that commits changed", &self.values_changed),
        ]
    }
}

impl Metrics {
    /// Counts one HTTP exchange.
    pub fn count_exchange(self: &Arc<Self>, host: &str, code: u16) {
        self.http_requests.get_or_create(&Exchange { host: host.to_owned(), code }).inc();
    }
}
