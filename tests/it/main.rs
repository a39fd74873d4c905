//! The integration tests, a module per room or story.

#![allow(clippy::print_stdout, reason = "tests over an oracle print their score")]

// Servers, programs and worlds that tests work with.
mod oracle;
mod program;
mod servers;
mod world;

mod api;
mod api_checks;
mod api_types;
mod checkout;
mod cli;
mod cloud;
mod cloud_aws;
mod cloud_azure;
mod cloud_gcp;
mod cloud_git;
mod cloud_lab;
mod contention;
mod execve;
mod git;
mod git_faults;
mod git_hostile;
mod git_https;
mod git_local;
mod git_pack;
mod git_push;
mod git_remote;
mod git_ssh;
mod git_ssh_faults;
mod git_store;
mod goregex;
mod history;
mod hooks;
mod hostile_text;
mod image;
mod known_hosts;
mod layering;
mod ledger;
mod marker_index;
mod message;
mod metrics;
mod net;
mod policy;
mod policy_guard;
mod proxies;
mod push_branch;
mod rate;
mod registry;
mod registry_docker_config;
mod schedule;
mod server;
mod setter;
mod signing;
mod soak;
mod sync;
mod sync_access;
mod sync_faults;
mod sync_killed;
mod sync_push;
mod sync_shapes;
mod sync_ssh;
mod template;
mod trailer;
mod yaml;
