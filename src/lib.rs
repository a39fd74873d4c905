//! Tagwright watches container registries, decides which image every policy should run, rewrites exactly
//! those fields in Git and commits with a message people can audit.
//!
//! # Code map
//!
//! Four steps, each a file of [`engine`], driven from below:
//!
//! ```text
//! registry ──scan──▶ tags ──select──▶ image reference ──update──▶ commit on a branch
//! ImageRepository       ImagePolicy                 ImageUpdateAutomation
//! ```
//!
//! Rooms, in reading order; each may use only rooms above it, and `tests/it/layering.rs` holds the exact table:
//!
//! - **leaf** — [`image`], [`object`], [`secret`], [`tree`], [`cache`], [`goregex`], [`nearest`], [`semver`],
//!   [`metrics`], [`template`], [`yaml`]: types and languages that know nothing of the product.
//! - **pure** — [`policy`], [`api`], [`setter`], [`trailer`], [`schedule`], [`manifest`], [`kustomize`]: decisions over
//!   values. No I/O, no clock.
//! - **edge** — [`net`], [`cloud`], then [`registry`], [`git`], [`ledger`] and `cluster` (the API server;
//!   feature `cluster`), which do not know each other.
//! - **engine** — the four steps over batches of requests.
//! - **drivers** — [`standalone`] gathers inputs from files, `controller` from an API server (feature `cluster`), [`server`] shows metrics and health and takes webhooks,
//!   [`cli`] is one file per verb; [`telemetry`] beside them.
//!
//! # Invariants
//!
//! 1. Only the marked value changes: the bytes of a scalar and nothing else; running twice changes nothing.
//! 2. Nothing is silently skipped: a marker, file or tag that was passed over has a reason that a user can see.
//! 3. No child processes.
//! 4. Git is changed by compare-and-swap; a lost race is redone on the new tree.
//! 5. Secrets are values that print as `[redacted]`, sent only where they belong.
//! 6. Everything has a bound: time, size, pages, retries, nesting.

// leaf
pub mod cache;
pub mod goregex;
pub mod image;
pub mod metrics;
pub mod nearest;
pub mod object;
pub mod secret;
pub mod semver;
pub mod template;
pub mod tree;
pub mod yaml;
// pure
pub mod api;
pub mod kustomize;
pub mod manifest;
pub mod policy;
pub mod schedule;
pub mod setter;
pub mod trailer;
// edge
pub mod cloud;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod git;
pub mod ledger;
pub mod net;
pub mod registry;
// engine
pub mod engine;
// drivers
pub mod cli;
#[cfg(feature = "cluster")]
pub mod controller;
pub mod server;
pub mod standalone;
pub mod telemetry;
