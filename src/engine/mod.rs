//! The four steps, a file each, and what a source describes. Takes batches of requests, gives an outcome for each; knows no driver.

pub mod budget;
pub mod build;
pub mod cause;
pub mod diff;
pub mod facts;
pub mod history;
mod lanes;
pub mod memory;
pub mod message;
pub mod referrers;
pub mod rewrite;
pub mod scan;
pub mod select;
pub mod update;
pub mod view;
