//! What Kubernetes objects say, whoever made them: the images that they would run, and
//! those that an Application has updated.
//!
//! Takes objects as values; gives facts about them. Knows nothing of how they were built or where they go.

mod images;
mod updater;

pub use images::{Image, List, images};
pub use updater::{Listed, listed};
