//! The server: metrics, health, webhooks, and what it takes to wear it down.

mod due;
mod routes;
pub(crate) mod running;
