//! The integration tests, a module per room or story.

#![allow(clippy::print_stdout, reason = "tests over an oracle print their score")]

// Servers, programs and worlds that tests work with.
#[cfg(feature = "cluster")]
mod kube;
mod oracle;
mod overtaken;
mod program;
mod servers;
mod world;

mod aborted;
mod agenda;
mod api;
mod api_checks;
mod api_status;
mod api_types;
mod build;
mod cache;
mod certificate_flags;
mod checkout;
mod cli;
mod cloud;
mod cloud_aws;
mod cloud_azure;
mod cloud_gcp;
mod cloud_git;
mod cloud_lab;
#[cfg(feature = "cluster")]
mod cluster;
mod contention;
#[cfg(feature = "cluster")]
mod controller;
mod crds;
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
mod kustomize;
mod lanes;
mod layering;
mod ledger;
mod manifest;
mod marker_index;
mod message;
mod metrics;
mod nearest;
mod net;
mod policy;
mod policy_guard;
mod proxies;
mod push_branch;
mod rate;
mod registries_flag;
mod registry;
mod registry_docker_config;
mod scan_referrers;
mod schedule;
mod server;
mod setter;
mod signing;
mod soak;
mod sync;
mod sync_access;
mod sync_canary;
mod sync_edits;
mod sync_faults;
mod sync_hooks;
mod sync_killed;
mod sync_memory;
mod sync_push;
mod sync_shapes;
mod sync_ssh;
mod sync_stalls;
mod template;
mod templates;
mod told;
mod trailer;
mod yaml;
