//! The one place that makes HTTP clients: TLS, proxies, time-outs, retries, redirects, address guard, byte caps.
//!
//! Takes [`Settings`] once and [`Request`]s; gives whole [`Answer`]s of bounded size and [`Error`]s that can be
//! shown as they are. Bodies that are not kept go into an [`Intake`] as they arrive. Who streams both ways (Git) asks
//! for a client, and lets [`Http::send`] and [`Http::next_piece`] do the rest.

mod address;
mod body;
mod client;
mod connection;
mod deadline;
mod error;
mod exchange;
mod lane;
mod proxy;
mod quota;
mod rate;
mod redirect;
mod retry;
mod standing;
mod trust;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use reqwest::{Method, StatusCode, header};
pub use url::Url;

pub use address::{AddressClass, Names, Reach, class, is_loopback, may_carry_credentials};
pub use body::Intake;
pub use client::Http;
pub use connection::{ClientCertificate, Connection, Fingerprint, Flaw, Part};
pub use deadline::Deadline;
pub use error::{Error, Step, host};
pub use exchange::{Answer, Request};
pub use lane::{LaneKey, WaitObserver};
pub use proxy::{Proxies, Proxy, ProxyError};
pub use quota::{Quota, quota};
pub use rate::{Bucket, Rate};
pub use redirect::{Redirects, follow, same_host, without_login};
pub use retry::{ATTEMPTS, RETRY_AFTER_MAX, Verdict, judge_status, pause, retry_after};
pub use standing::{Asker, Closed, Standing, Told};

/// What every client of one process shares.
#[derive(Clone)]
pub struct Settings {
    /// For TCP and TLS together.
    pub connect_timeout: Duration,
    /// The longest silence between two pieces of an answer.
    pub read_timeout: Duration,
    /// PEM bundles of authorities that are trusted besides the system's.
    pub ca: Vec<Vec<u8>>,
    /// Resolves names instead of the system.
    pub names: Option<Names>,
    pub observer: Option<Observer>,
    /// Is told of every request that is sent once more, with what the one before it came to.
    pub retries: Option<Observer>,
    /// Of the clients that are [`limited`](Http::limited).
    pub waits: Option<WaitObserver>,
}

/// Is told of every exchange: `host:port`, and the status code or `0` when no answer came.
pub type Observer = Arc<dyn Fn(&str, u16) + Send + Sync>;

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            ca: Vec::new(),
            names: None,
            observer: None,
            retries: None,
            waits: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("ca", &self.ca.len())
            .finish_non_exhaustive()
    }
}
