//! The kustomization file.

pub(super) mod decode;
pub(super) mod plugin;
mod read;
mod types;
mod written;

pub use read::read;
pub use types::*;
pub use written::Written;
