//! The kustomization file.

mod read;
mod types;
mod written;

pub use read::from_node;
pub use types::*;
pub use written::Written;
