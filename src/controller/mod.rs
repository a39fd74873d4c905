//! The driver in a cluster: objects from an API server, what came of them into their status.
//!
//! Watches keep the objects of each kind and wake whoever depends on what changed. A [`Queue`] per kind says which
//! object is due; its reconciler gathers what the object refers to, decides, asks the engine, and writes status and events
//! where they changed. Reconciles wait for registries and Git servers without holding up others.

mod batches;
mod conclude;
mod context;
mod gates;
mod gather;
mod image_policy;
mod image_repository;
mod image_update_automation;
mod line;
mod queue;
mod run;
pub mod status;
mod store;
mod watches;
mod way;

pub use context::Behaviour;
pub use queue::{Next, Queue};
pub use run::{Controller, Setup};
