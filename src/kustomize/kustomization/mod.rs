//! The kustomization file.

mod types;

pub use types::*;
