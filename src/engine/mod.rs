//! The four steps, a file each, and what a source describes. Takes batches of requests, gives an outcome for each; knows no driver.

pub mod access;
pub mod budget;
pub mod build;
pub mod cause;
pub mod decide;
pub mod diff;
pub mod facts;
mod git_secret;
pub mod history;
mod lanes;
pub mod memory;
pub mod message;
pub mod referrers;
pub mod remote;
pub mod request;
pub mod rewrite;
pub mod scan;
pub mod select;
pub mod settle;
pub mod signing;
pub mod tags;
pub mod update;
pub mod view;
