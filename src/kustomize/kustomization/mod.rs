//! The kustomization file.

mod read;
mod types;
mod written;

pub use read::read;
pub use types::*;
pub use written::Written;
