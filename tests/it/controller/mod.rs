//! The driver in a cluster: what it decides, and what it does under a real API server.

mod circle;
mod lab;
mod program;
mod queue;
mod status;
mod tenancy;
