//! The edge to the API server of Kubernetes.
//!
//! Takes a kubeconfig or a pod's account; gives objects of our kinds as they change ([`watch`]), and changes their status
//! and metadata by compare-and-swap. Errors are sorted by what a caller may do about them. Decisions are made elsewhere:
//! what is in here asks, waits and tells.

mod ask;
mod brief;
mod connect;
mod error;
mod events;
mod held;
mod known;
mod lease;
mod leases;
mod live;
mod patch;
mod post;
mod queue;
mod secrets;
mod served;
mod token;
mod watch;

pub use connect::{Cluster, Settings};
pub use error::{Error, Refusal};
pub use events::{Involved, Occurrence, Recorder, Reporter, Severity};
pub use lease::{Observed, Record, Step, Terms, next};
pub use leases::{Leadership, Leases};
pub use live::{Live, Watched};
pub use patch::merge_patch;
pub use post::Receiver;
pub use served::Served;
pub use token::Token;
pub use watch::{Event, Scope, watch};
